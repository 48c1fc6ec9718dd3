/** Surgery inside of imported files. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { Layer as L, Model, Onnx, Surgery } from '../../../src/index.ts';
import { inferenceGraph } from '../../../src/interpret/Inference.ts';
import type { NdArray } from '../../../src/shape/NdArray.ts';
import { left, right } from '../../training/support.ts';
import { bytesOf, difference, f32, original } from './support.ts';

const resolved = (m: Model.Model<never, unknown>) =>
  right(
    pipe(
      Model.resolve(m),
      E.mapLeft((errors) => ({ message: errors.map((e) => e.message).join('\n') })),
    ),
  );

const outputsOf = (m: Model.Model<never, unknown>, feeds: Readonly<Record<string, NdArray>>) => {
  const r = resolved(m);
  return original(right(Onnx.encode(right(inferenceGraph(r, Model.initialValues(r, 1), 'm')))), feeds);
};

const classifier = L.model(
  L.input([3, 48, 64]),
  L.named('net', right(Onnx.importOnnx(bytesOf('direction'), { expect: { input: [3, 48, 64], output: [2] } }))),
);
const features = 'reshape2_0.tmp_0';
const x = f32([2, 3, 48, 64], 5);

describe('inside an imported file', () => {
  it('a value in the middle is a place to cut, and the parts are the whole', async () => {
    const whole = (await outputsOf(classifier, { input: x })).output as NdArray;
    const head = right(pipe(classifier, Surgery.upTo({ at: features, shape: [200] })));
    const tail = right(pipe(classifier, Surgery.after({ at: features, shape: [200] })));
    expectTypeOf(head).toEqualTypeOf<L.Model<['batch', 3, 48, 64], ['batch', 200]>>();
    const middle = (await outputsOf(head, { input: x })).output as NdArray;
    expect(difference((await outputsOf(tail, { input: middle })).output as NdArray, whole)).toBeLessThan(1e-6);
    expect(
      difference((await outputsOf(right(pipe(head, Surgery.andThen(tail))), { input: x })).output as NdArray, whole),
    ).toBeLessThan(1e-6);
    // Each weight is in one of the parts.
    const all = resolved(classifier).parameters.length;
    expect(resolved(head).parameters.length + resolved(tail).parameters.length).toBe(all);
  });

  it('intermediate values come out beside each other', async () => {
    const values = right(
      pipe(
        classifier,
        Surgery.outputs({ early: 'hardswish_17.tmp_0', deep: { at: features, shape: [200] }, end: 'net' }),
      ),
    );
    const out = await outputsOf(values, { input: x });
    expect(out.early?.shape.length).toBe(4);
    expect(out.deep?.shape).toEqual([2, 200]);
    expect(difference(out.end as NdArray, (await outputsOf(classifier, { input: x })).output as NdArray)).toBeLessThan(
      1e-6,
    );
  });

  it('has another head, and layers inserted', async () => {
    const other = right(
      pipe(classifier, Surgery.replaceHead({ at: features, shape: [200] }, L.named('head', L.dense(7)))),
    );
    expectTypeOf(other).toEqualTypeOf<L.Model<['batch', 3, 48, 64], ['batch', 7]>>();
    const names = resolved(other).parameters.map((p) => p.name);
    expect(names).toContain('head.kernel');
    expect(names.some((n) => n.includes('fc_0'))).toBe(false);
    const dropped = right(pipe(classifier, Surgery.insert(features, L.dropout(0.5))));
    expect(resolved(dropped).layers.map((l) => l.name)).toEqual(['net', 'dropout', 'net_after']);
    expect(
      difference(
        (await outputsOf(dropped, { input: x })).output as NdArray,
        (await outputsOf(classifier, { input: x })).output as NdArray,
      ),
    ).toBeLessThan(1e-6);
  });

  it('takes trained weights along, whatever the parts are called', () => {
    const bias: NdArray = { dtype: 'float32', shape: [2], data: Float32Array.of(5, 6) };
    const trained = right(pipe(classifier, Surgery.withWeights({ 'net.fc_0.b_0': bias })));
    const split = right(pipe(trained, Surgery.insert(features, L.dropout(0.5))));
    const values = Model.initialValues(resolved(split), 3);
    expect(values['net_after.fc_0.b_0']?.data).toEqual(bias.data);
  });

  it('names what is near', () => {
    const error = left(pipe(classifier, Surgery.upTo('hardswish17.tmp_0')));
    expect(error.near).toContain('hardswish_17.tmp_0');
    expect(left(pipe(classifier, Surgery.after('p2o.Shape.1')))._tag).toBe('SurgeryError');
  });

  it('two files with the same names are told apart', () => {
    const net = right(Onnx.importOnnx(bytesOf('direction'), {}));
    const two = L.graph([3, 48, 64], (t) => ({ a: L.named('one', net)(t), b: L.named('two', net)(t) }));
    expect(left(pipe(two, Surgery.upTo(features))).near).toEqual([`one:${features}`, `two:${features}`]);
    right(pipe(two, Surgery.upTo(`two:${features}`)));
  });
});

describe('several inputs and outputs', () => {
  it('are a model', async () => {
    const state: NdArray = { dtype: 'float32', shape: [2, 1, 64], data: new Float32Array(128) };
    const sr: NdArray = { dtype: 'int64', shape: [], data: BigInt64Array.of(16000n) };
    const described = right(Onnx.describe(bytesOf('silero')));
    expect(described.inputs.map((i) => [i.name, i.type.dtype])).toEqual([
      ['input', 'float32'],
      ['sr', 'int64'],
      ['h', 'float32'],
      ['c', 'float32'],
    ]);
    const model = right(
      Onnx.importModel(bytesOf('silero'), {
        constants: { sr, h: state, c: state },
        expect: { inputs: { input: [512] }, outputs: { output: [1] } },
      }),
    );
    expectTypeOf(model).toEqualTypeOf<L.Model<{ readonly input: ['batch', 512] }, { readonly output: ['batch', 1] }>>();
    const sound = f32([1, 512], 3);
    const own = (await outputsOf(model, { input: sound })).output as NdArray;
    const theirs = (await original(bytesOf('silero'), { input: sound, sr, h: state, c: state })).output as NdArray;
    expect(difference(own, theirs)).toBeLessThan(1e-4);
  });
});
