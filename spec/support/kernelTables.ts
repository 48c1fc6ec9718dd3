/**
 * The tables in `spec/golden` that say what onnxruntime's providers can run.
 */
import { readFileSync } from 'node:fs';
import type { KernelTables } from '../../src/graph/Kernels.ts';

const json = (name: string) => JSON.parse(readFileSync(new URL(`../golden/${name}`, import.meta.url), 'utf8'));

export const kernelTables: KernelTables = {
  kernels: json('ort-kernels.json'),
  schemas: json('onnx-schema-versions.json').operators,
};
