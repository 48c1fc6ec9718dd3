/** Real files: an imported model computes what onnxruntime computes of the file itself, after a round trip through our own file. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { describe, expect, it } from 'vitest';
import { Layer as L, Model, Onnx } from '../../../src/index.ts';
import { inferenceGraph } from '../../../src/interpret/Inference.ts';
import type { NdArray } from '../../../src/shape/NdArray.ts';
import { right } from '../../training/support.ts';
import { bytesOf, difference, type File, f32, original, row } from './support.ts';

const state: NdArray = { dtype: 'float32', shape: [2, 1, 64], data: new Float32Array(128) };
const rate: NdArray = { dtype: 'int64', shape: [], data: BigInt64Array.of(16000n) };

/** Our own file of the model. */
const exported = (model: Model.Model<never, unknown>, opset = 18): Uint8Array => {
  const resolved = right(
    pipe(
      Model.resolve(model),
      E.mapLeft((errors) => ({ message: errors.map((e) => e.message).join('\n') })),
    ),
  );
  return right(Onnx.encode(right(inferenceGraph(resolved, Model.initialValues(resolved, 0), 'copy')), { opset }));
};

interface Case {
  readonly file: File;
  readonly input: string;
  readonly shape: readonly number[];
  readonly options?: Onnx.ImportOptions;
  /** The file takes one sample at a time. */
  readonly single?: boolean;
  readonly extra?: Readonly<Record<string, NdArray>>;
  readonly output?: string;
}

const cases: readonly Case[] = [
  { file: 'direction', input: 'x', shape: [3, 48, 192] },
  { file: 'recogniser', input: 'x', shape: [3, 48, 64] },
  { file: 'detector', input: 'x', shape: [3, 64, 96] },
  { file: 'embedding', input: 'input_1', shape: [76, 32, 1] },
  { file: 'spectrogram', input: 'input', shape: [4000], single: true },
  ...(['alexa', 'jarvis', 'mycroft', 'rhasspy'] as const).map((file): Case => {
    const input = file === 'jarvis' ? 'x.1' : 'onnx::Flatten_0';
    return { file, input, shape: [16, 96], single: true, options: { freeBatch: true } };
  }),
  { file: 'timer', input: 'onnx::Flatten_0', shape: [34, 96], single: true, options: { freeBatch: true } },
  { file: 'weather', input: 'onnx::Flatten_0', shape: [22, 96], single: true, options: { freeBatch: true } },
  {
    file: 'silero',
    input: 'input',
    shape: [512],
    single: true,
    output: 'output',
    extra: { sr: rate, h: state, c: state },
    options: { constants: { sr: rate, h: state, c: state }, output: 'output' },
  },
];

describe('imported files compute what the files compute', () => {
  it.each(cases)('$file', async ({ file, input, shape, options = {}, single, extra = {}, output }) => {
    const bytes = bytesOf(file);
    const layer = right(Onnx.importOnnx(bytes, options));
    const model = L.model(L.input([...shape]), layer);
    const copy = exported(model);
    const x = f32([3, ...shape]);
    const own = (await original(copy, { input: x })).output as NdArray;
    const take = (all: Readonly<Record<string, NdArray>>): NdArray =>
      (output === undefined ? Object.values(all)[0] : all[output]) as NdArray;
    if (single) {
      for (const i of [0, 1, 2]) {
        const theirs = take(await original(bytes, { [input]: row(x, i), ...extra }));
        expect(difference(row(own, i), { ...theirs, shape: row(own, i).shape })).toBeLessThan(1e-4);
      }
    } else expect(difference(own, take(await original(bytes, { [input]: x, ...extra })))).toBeLessThan(1e-4);
    // What was exported imports again, and computes the same. (The two largest are left to the others.)
    if (copy.length > 4e6) return;
    const again = right(Onnx.importOnnx(copy, {}));
    const twice = (await original(exported(L.model(L.input([...shape]), again)), { input: x })).output as NdArray;
    expect(difference(twice, own)).toBeLessThan(1e-5);
  });
});

describe('symbolic dimensions', () => {
  it.each([
    [
      'direction',
      ['h', 'w'],
      [
        [48, 64],
        [32 + 16, 100],
      ],
      ['batch', 2],
    ],
    [
      'detector',
      ['h', 'w'],
      [
        [64, 32],
        [32, 96],
      ],
      ['batch', 1, '?', '?'],
    ],
    [
      'recogniser',
      [48, 'w'],
      [
        [48, 64],
        [48, 88],
      ],
      ['batch', '?', 6625],
    ],
  ] as const)('of %s are kept, and any size fits', async (file, sample, sizes, output) => {
    const bytes = bytesOf(file);
    const model = L.model(L.input([3, ...sample]), right(Onnx.importOnnx(bytes)));
    const resolved = right(
      pipe(
        Model.resolve(model),
        E.mapLeft(() => ({ message: '' })),
      ),
    );
    expect(resolved.outputs[0]?.type).toEqual(output);
    const copy = exported(model);
    for (const size of sizes) {
      const x = f32([2, 3, ...size]);
      const own = (await original(copy, { input: x })).output as NdArray;
      const theirs = Object.values(await original(bytes, { x }))[0] as NdArray;
      expect(difference(own, theirs)).toBeLessThan(1e-4);
    }
  });
});
