/**
 * All operators that can be imported, by name, after their domain unless that is ai.onnx.
 */
import type { ForeignNode } from '../../../graph/Foreign.ts';
import * as C from '../Call.ts';
import { control } from './control.ts';
import { elementwise } from './elementwise.ts';
import { images } from './images.ts';
import { indexing } from './indexing.ts';
import { normalization } from './normalization.ts';
import { parts } from './parts.ts';
import { products } from './products.ts';
import { reductions } from './reductions.ts';
import { shapes } from './shapes.ts';
import { windows } from './windows.ts';

/** Activations of onnxruntime's own domain, with a bias added before. */
const activation =
  (...names: readonly string[]): C.Importer =>
  (call) => {
    const inputs = call.inputs.map((_, i) => C.value(call, i));
    const x = C.value(call, 0);
    return [C.of(C.emit(call.node.operator, inputs, x.type, C.keep(call, ...names), 'com.microsoft'))];
  };

const importers: Readonly<Record<string, C.Importer>> = {
  ...elementwise,
  ...shapes,
  ...parts,
  ...products,
  ...reductions,
  ...indexing,
  ...windows,
  ...images,
  ...normalization,
  ...control,
  'com.microsoft:Gelu': activation(),
  'com.microsoft:BiasGelu': activation(),
  'com.microsoft:FastGelu': activation(),
  'com.microsoft:QuickGelu': activation('alpha'),
};

/** Operators that can be imported, those of other domains with the domain in front. */
export const importableOperators: readonly string[] = Object.keys(importers).sort();

export const importerOf = ({ operator, domain }: ForeignNode): C.Importer | undefined => {
  const name = domain === '' ? operator : `${domain}:${operator}`;
  return Object.hasOwn(importers, name) ? importers[name] : undefined;
};
