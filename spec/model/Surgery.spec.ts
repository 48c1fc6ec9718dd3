/** Surgery on models of our own: parts of a model compute what they computed in the whole. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { Layer as L, Model, Surgery } from '../../src/index.ts';
import { inferenceGraph } from '../../src/interpret/Inference.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { run } from '../support/evaluate.ts';
import { left, noise, right } from '../training/support.ts';

const network = L.model(
  L.input([3, 8, 8]),
  L.conv2d({ filters: 4, kernel: 3, padding: 'same', activation: 'relu' }),
  L.named(
    'block',
    L.residual(
      L.sequential(L.conv2d({ filters: 4, kernel: 3, padding: 'same' }), L.batchNormalization()),
      L.identity(),
    ),
  ),
  L.dropout(0.3),
  L.globalAveragePool2d(),
  L.dense(6, { activation: 'relu' }),
  L.dense(2),
);

const resolved = (m: Model.Model<never, unknown>) =>
  right(
    pipe(
      Model.resolve(m),
      E.mapLeft((errors) => ({ message: errors.map((e) => e.message).join('\n') })),
    ),
  );

const valuesOf = (m: Model.Model<never, unknown>, seed = 5) => Model.initialValues(resolved(m), seed);

/** Weights that no initializer would give. */
const trained = Object.fromEntries(
  Object.entries(valuesOf(network)).map(([name, a], i): [string, NdArray] => [
    name,
    { ...a, data: Float32Array.from(noise(a.data.length, i + 3), Math.abs) },
  ]),
);

const x: NdArray = { dtype: 'float32', shape: [2, 3, 8, 8], data: Float32Array.from(noise(2 * 192, 9)) };

const outputsOf = async (m: Model.Model<never, unknown>, feeds: Readonly<Record<string, NdArray>>) => {
  const r = resolved(m);
  return run(right(inferenceGraph(r, Model.initialValues(r, 1), 'm')), feeds);
};

const close = (a: NdArray | undefined, b: NdArray | undefined): void => {
  expect(a?.shape).toEqual(b?.shape);
  a?.data.forEach((v, i) => {
    expect(Number(v)).toBeCloseTo(Number(b?.data[i]), 5);
  });
};

const whole = right(Surgery.withWeights(trained)(network));

describe('withWeights', () => {
  it('makes the values a part of the model, whatever the seed', () => {
    expect(valuesOf(whole, 7)).toEqual(trained);
    expect(valuesOf(network, 7)).not.toEqual(trained);
  });

  it('goes along when the model is a layer', () => {
    const outer = L.model(L.input([3, 8, 8]), L.named('backbone', L.asLayer(whole)), L.dense(3));
    const values = valuesOf(outer);
    for (const [name, a] of Object.entries(trained)) expect(values[`backbone.${name}`]).toEqual(a);
  });

  it('the outer model has the last word', () => {
    const outer = L.model(L.input([3, 8, 8]), L.named('b', L.asLayer(whole)));
    const bias: NdArray = { dtype: 'float32', shape: [2], data: Float32Array.of(8, 9) };
    expect(valuesOf(right(Surgery.withWeights({ 'b.dense_1.bias': bias })(outer)))['b.dense_1.bias']).toEqual(bias);
  });

  it('names what does not fit, all at once', () => {
    const bias: NdArray = { dtype: 'float32', shape: [3], data: new Float32Array(3) };
    const error = left(Surgery.withWeights({ 'dense.biass': bias, 'dense_1.bias': bias })(network));
    expect(error.message).toContain("there is no parameter 'dense.biass'; near it: 'dense.bias'");
    expect(error.message).toContain("'dense_1.bias' is [2], got [3]");
  });
});

describe('cutting', () => {
  const head = right(pipe(whole, Surgery.upTo({ at: 'global_average_pooling2d', shape: [4] })));
  const tail = right(pipe(whole, Surgery.after({ at: 'global_average_pooling2d', shape: [4] })));

  it('knows the shapes', () => {
    expectTypeOf(head).toEqualTypeOf<L.Model<['batch', 3, 8, 8], ['batch', 4]>>();
    expectTypeOf(tail).toEqualTypeOf<L.Model<['batch', 4], ['batch', 2]>>();
  });

  it('the two parts together are the whole, under the same names', async () => {
    expect(Object.keys({ ...valuesOf(head), ...valuesOf(tail) })).toEqual(Object.keys(trained));
    const expected = (await outputsOf(whole, { input: x })).output;
    const middle = (await outputsOf(head, { input: x })).output as NdArray;
    close((await outputsOf(tail, { input: middle })).output, expected);
    close((await outputsOf(right(pipe(head, Surgery.andThen(tail))), { input: x })).output, expected);
  });

  it('up to a later and then an earlier value is up to the earlier', () => {
    const once = right(pipe(whole, Surgery.upTo('block.conv2d')));
    expect(resolved(right(pipe(head, Surgery.upTo('block.conv2d'))))).toEqual(resolved(once));
  });

  it('gives several values at once', async () => {
    const probes = right(
      pipe(whole, Surgery.outputs({ deep: { at: 'dense', shape: [6] }, early: 'conv2d', whole: 'dense_1' })),
    );
    expectTypeOf(probes).toEqualTypeOf<
      L.Model<['batch', 3, 8, 8], { readonly deep: ['batch', 6]; readonly early: L.Shape; readonly whole: L.Shape }>
    >();
    const out = await outputsOf(probes, { input: x });
    expect(Object.keys(out)).toEqual(['deep', 'early', 'whole']);
    close(out.whole, (await outputsOf(whole, { input: x })).output);
  });

  it('names what is near to a name that is not there', () => {
    const error = left(pipe(whole, Surgery.upTo('block.conv_2d')));
    expect(error).toMatchObject({ _tag: 'SurgeryError' });
    expect(error.near[0]).toBe('block.conv2d');
    expect(error.message).toContain("there is no layer or value 'block.conv_2d'; near it: 'block.conv2d'");
  });

  it('refuses a shape that is not there, and a tail that needs the input', () => {
    expect(left(pipe(whole, Surgery.upTo({ at: 'dense', shape: [7] }))).message).toBe(
      "'dense' is [batch,6], expected [batch,7]",
    );
    expect(left(pipe(whole, Surgery.after('block.conv2d'))).message).toContain(
      "also depends on the input 'input' past it",
    );
  });
});

describe('growing', () => {
  it('another head on trained layers', () => {
    const other = right(pipe(whole, Surgery.replaceHead({ at: 'dense', shape: [6] }, L.named('head', L.dense(5)))));
    expectTypeOf(other).toEqualTypeOf<L.Model<['batch', 3, 8, 8], ['batch', 5]>>();
    const values = valuesOf(other);
    expect(values['head.kernel']?.shape).toEqual([6, 5]);
    expect(values['dense.kernel']).toEqual(trained['dense.kernel']);
    expect(Object.keys(values)).not.toContain('dense_1.kernel');
  });

  it('an unnamed head takes a name that is free', () => {
    const other = right(pipe(whole, Surgery.replaceHead('dense', L.dense(5))));
    expect(Object.keys(valuesOf(other)).slice(-2)).toEqual(['dense_1.kernel', 'dense_1.bias']);
  });

  it('inserting nothing changes nothing', async () => {
    for (const at of ['conv2d', 'block.conv2d', 'dropout', 'dense_1']) {
      const same = right(pipe(whole, Surgery.insert(at, L.identity())));
      expect(valuesOf(same)).toEqual(trained);
      close((await outputsOf(same, { input: x })).output, (await outputsOf(whole, { input: x })).output);
    }
  });

  it('a layer between others, before one with its automatic name', async () => {
    const doubled = right(pipe(whole, Surgery.insert('dense', L.sequential(L.dropout(0.5), L.rescaling(2)))));
    expect(resolved(doubled).layers.map((l) => l.name)).toEqual(expect.arrayContaining(['dropout', 'dropout_1']));
    const early = right(pipe(whole, Surgery.insert('conv2d', L.dropout(0.1))));
    expect(resolved(early).layers.map((l) => l.name)).toEqual(expect.arrayContaining(['dropout', 'dropout_1']));
    expect(await outputsOf(doubled, { input: x })).not.toEqual(await outputsOf(whole, { input: x }));
  });

  it('refuses a layer that changes the output', () => {
    expect(left(pipe(whole, Surgery.insert('dense_1', L.dense(3)))).message).toContain(
      'becomes [batch,3], it was [batch,2]',
    );
  });
});

describe('names and freezing', () => {
  it('renames layers and groups, and the weights follow', async () => {
    const other = right(pipe(whole, Surgery.rename({ block: 'stage', dense_1: 'head' })));
    const values = valuesOf(other);
    expect(values['stage.conv2d.kernel']).toEqual(trained['block.conv2d.kernel']);
    expect(values['head.bias']).toEqual(trained['dense_1.bias']);
    close((await outputsOf(other, { input: x })).output, (await outputsOf(whole, { input: x })).output);
    expect(left(pipe(whole, Surgery.rename({ blok: 'x' }))).near).toContain('block.conv2d');
    expect(left(pipe(whole, Surgery.rename({ dense: 'dense_1' }))).message).toContain(
      "two layers would be called 'dense_1'",
    );
  });

  it('freezing is a part of the model, through names and cuts', () => {
    const frozen = right(pipe(whole, Surgery.freeze('block', 'dense')));
    expect(resolved(frozen).frozen).toEqual(['block', 'dense']);
    const renamed = right(pipe(frozen, Surgery.rename({ block: 'b' })));
    expect(resolved(renamed).frozen).toEqual(['b', 'dense']);
    expect(resolved(right(pipe(frozen, Surgery.upTo('global_average_pooling2d')))).frozen).toEqual(['block']);
    expect(resolved(Surgery.unfreeze('block')(frozen)).frozen).toEqual(['dense']);
    expect(resolved(Surgery.unfreeze()(frozen)).frozen).toBeUndefined();
    expect(left(pipe(whole, Surgery.freeze('dens'))).near[0]).toBe('dense');
  });
});

describe('merge', () => {
  it('of nothing, as no outputs, is no model', () => {
    expect(left(Surgery.merge({})).message).toBe('a model needs at least one output');
    expect(left(pipe(whole, Surgery.outputs({}))).message).toBe('a model needs at least one output');
  });

  it('puts models side by side', async () => {
    const small = L.model(L.input([4]), L.dense(2));
    const both = right(Surgery.merge({ picture: whole, numbers: small }));
    expectTypeOf(both).toEqualTypeOf<
      L.Model<
        { readonly picture: ['batch', 3, 8, 8]; readonly numbers: ['batch', 4] },
        { readonly picture_output: ['batch', 2]; readonly numbers_output: ['batch', 2] }
      >
    >();
    expect(valuesOf(both)['picture.dense.kernel']).toEqual(trained['dense.kernel']);
    const numbers: NdArray = { dtype: 'float32', shape: [2, 4], data: new Float32Array(8) };
    const out = await outputsOf(both, { picture: x, numbers });
    close(out.picture_output, (await outputsOf(whole, { input: x })).output);
    expect(out.numbers_output?.shape).toEqual([2, 2]);
  });
});
