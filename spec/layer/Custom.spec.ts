/**
 * Layers of users' own: shapes, parameters, gradients, statistics, random numbers, and what goes wrong in them.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { afterAll, describe, expect, it } from 'vitest';
import {
  Data as D,
  Environment,
  Layer as L,
  Loss,
  Operators as Op,
  Optimizer,
  Shape,
  Training as T,
} from '../../src/index.ts';
import { predictionGraph } from '../../src/interpret/Inference.ts';
import { initialValues } from '../../src/model/Initial.ts';
import type { Model } from '../../src/model/Model.ts';
import { resolve } from '../../src/model/Resolve.ts';
import { summary } from '../../src/model/Summary.ts';
import { randomFrom } from '../autodiff/random.ts';
import { next, resolvedOf, right, runModel, trainingMode } from '../interpret/support.ts';
import { f32 } from '../support/evaluate.ts';
import { is } from '../types/Eq.ts';
import { compare } from './directional.ts';

const env = Environment.node({ threads: 1 })();

afterAll(env.runtime.close);

type AnyModel = Model<never, unknown>;

// ----- a learned factor for each feature

interface Scale extends L.Leaf {
  readonly out: this['in'];
}

const scale = (factor = 1) =>
  L.custom<Scale>({
    name: 'featureScale',
    options: { factor },
    parameters: (input) => [
      { role: 'gain', shape: [Number(Shape.dims(input).at(-1))], initializer: L.Initializer.constant(factor) },
    ],
    lower: (x, { parameter }) => Op.mul(x, parameter('gain')),
  });

// ----- half the features: a rule of its own

interface Half extends L.Leaf {
  readonly out: this['in'] extends readonly [infer B, 4] ? [B, 2] : 'half: expects [batch,4]';
}

const half = L.custom<Half>({
  name: 'half',
  output: (input) =>
    Shape.dims(input)[1] === 4 && Shape.dims(input).length === 2
      ? E.right([Shape.dims(input)[0] as string, 2])
      : E.left('half: expects [batch,4]'),
  lower: (x) => Op.slice({ axes: [1], starts: [0], ends: [2] })(x),
});

const run = <A>(program: RTE.ReaderTaskEither<T.Environment, T.TrainingError, A>): Promise<A> =>
  program(env)().then((result) => {
    if (E.isLeft(result)) throw new Error(T.showError(result.left));
    return result.right;
  });

describe('a custom layer', () => {
  it('has parameters with initial values, and a name', () => {
    const resolved = resolvedOf(L.model(L.input([3]), scale(0.5), scale(2)));
    expect(resolved.parameters.map((p) => p.name)).toEqual(['feature_scale.gain', 'feature_scale_1.gain']);
    const values = initialValues(resolved, 1);
    expect(values['feature_scale.gain']?.data).toEqual(Float32Array.of(0.5, 0.5, 0.5));
    expect(right(summary(L.model(L.input([3]), scale())))).toContain('feature_scale (FeatureScale)');
  });

  it('learns: y = x * (2, -1)', async () => {
    const x = Array.from({ length: 64 }, (_, i) => Math.sin(i));
    const y = x.map((v, i) => (i % 2 === 0 ? 2 * v : -v));
    const data = right(D.dataset({ x: D.floats([2], Float32Array.from(x)), y: D.floats([2], Float32Array.from(y)) }));
    const objective = T.compile(L.model(L.input([2]), scale()), {
      loss: Loss.meanSquaredError(),
      optimizer: Optimizer.sgd({ learningRate: 0.5 }),
    });
    const trained = await run(pipe(T.fit(objective, { data, epochs: 60, batchSize: 16, verbose: 0 }), T.run));
    const gain = trained.state?.weights['feature_scale.gain']?.data as Float32Array;
    expect([...gain]).toEqual([expect.closeTo(2, 4), expect.closeTo(-1, 4)]);
  });

  it('checks its input at compile time and at run time', () => {
    const fits = L.model(L.input([4]), half, L.dense(3));
    expect(resolvedOf(fits).outputs[0]?.type).toEqual(['batch', 3]);
    // @ts-expect-error half: expects [batch,4]
    const model = L.model(L.input([5]), half);
    expect(resolve(model as unknown as AnyModel)).toMatchObject({
      _tag: 'Left',
      left: [{ path: 'half', message: 'half: expects [batch,4]' }],
    });
  });

  it('may keep statistics, which change in training only', async () => {
    const counting = L.custom<Scale>({
      name: 'counting',
      parameters: () => [{ role: 'calls', shape: [1], initializer: L.Initializer.zeros, trainable: false }],
      lower: (x, { parameter }) => ({
        output: Op.add(x, parameter('calls')),
        updates: { calls: Op.add(parameter('calls'), 1) },
      }),
    });
    const resolved = resolvedOf(L.model(L.input([2]), counting));
    const feeds = { input: f32([1, 2], [1, 2]), 'counting.calls': f32([3]) };
    const trained = await runModel(resolved, feeds, trainingMode());
    expect([trained.output?.data, trained[next('counting.calls')]?.data]).toEqual([
      Float32Array.of(4, 5),
      Float32Array.of(4),
    ]);
    expect(Object.keys(await runModel(resolved, feeds))).toEqual(['output']);
  });

  it('may draw random numbers in training', async () => {
    const noisy = L.custom<Scale>({
      name: 'noisy',
      lower: (x, { mode, normal, uniform }) => (mode === 'training' ? Op.add(Op.add(normal(x), uniform(x, 1)), x) : x),
    });
    const resolved = resolvedOf(L.model(L.input([2]), noisy));
    const feeds = { input: f32([0, 0], [1, 2]) };
    const [a, b] = [await runModel(resolved, feeds, trainingMode()), await runModel(resolved, feeds, trainingMode())];
    expect(a.output).toEqual(b.output);
    expect(a.output?.data[0]).not.toBe(a.output?.data[1]);
    expect((await runModel(resolved, feeds)).output?.data).toEqual(Float32Array.of(0, 0));
  });

  it('shares its parameters under a name if its options are equal', () => {
    const shared = (a: number, b: number) =>
      resolve(L.model(L.input([2]), L.named('s', scale(a)), L.named('s', scale(b))));
    expect(right(shared(1, 1)).parameters.length).toBe(1);
    expect(shared(1, 2)._tag).toBe('Left');
  });
});

// ----- two inputs and more

interface Mix extends L.Leaf {
  readonly out: this['in'] extends readonly [infer A, ...infer Rest]
    ? Rest extends readonly A[]
      ? A
      : 'mix: expects equal shapes'
    : never;
}

/** The first input, and learned shares of the others. */
const mixture = (begin: number) =>
  L.customMerge<Mix>({
    name: 'mix',
    output: ([first, ...rest]) =>
      rest.every((s) => Shape.show(s) === Shape.show(first)) ? E.right(first) : E.left('mix: expects equal shapes'),
    parameters: (inputs) => [{ role: 'share', shape: [inputs.length - 1], initializer: L.Initializer.constant(begin) }],
    lower: ([first, ...rest], { parameter }) =>
      rest.reduce(
        (sum, x, i) => Op.add(sum, Op.mul(Op.slice({ axes: [0], starts: [i], ends: [i + 1] })(parameter('share')), x)),
        first,
      ),
  });

describe('a custom layer of several inputs', () => {
  const mix = mixture(0.5);

  it('has the shape of its rule, to the compiler and at run time', () => {
    const two = L.graph({ a: [4], b: [4] }, ({ a, b }) => mix(a, b));
    is<L.Model<{ a: ['batch', 4]; b: ['batch', 4] }, ['batch', 4]>>()(two);
    is<L.Model<{ a: ['batch', 4] }, ['batch', 4]>>()(L.graph({ a: [4] }, ({ a }) => mix(a, a, a, a)));
    expect(resolvedOf(two as unknown as AnyModel).outputs[0]?.type).toEqual(['batch', 4]);
    const bad = L.graph({ a: [4], b: [5] }, ({ a, b }) =>
      mix(
        a,
        // @ts-expect-error mix: expects equal shapes
        b,
      ),
    );
    expect(resolve(bad as unknown as AnyModel)).toMatchObject({
      _tag: 'Left',
      left: [{ path: 'mix', message: 'mix: expects equal shapes' }],
    });
    const alone = L.graph({ a: [4] }, ({ a }) => (mix as unknown as (x: typeof a) => typeof a)(a));
    expect(resolve(alone as unknown as AnyModel)).toMatchObject({
      _tag: 'Left',
      left: [{ path: 'mix', message: 'mix: expects 2 inputs or more, got 1' }],
    });
  });

  it('has parameters, which its uses share, and gradients', async () => {
    const m = L.graph({ a: [2], b: [2], c: [2] }, ({ a, b, c }) => L.add(mix(a, b, c), mix(c, a, b)));
    const resolved = resolvedOf(m as unknown as AnyModel);
    expect(resolved.parameters.map((p) => [p.name, p.shape])).toEqual([['mix.share', [2]]]);
    const inputs = { a: f32([1, 2], [1, 2]), b: f32([3, -1], [1, 2]), c: f32([0.5, 4], [1, 2]) };
    const { output } = await runModel(resolved, { ...inputs, 'mix.share': f32([0.5, 2]) });
    // a + b / 2 + 2 c, and c + a / 2 + 2 b.
    expect(output?.data).toEqual(Float32Array.of(1 + 1.5 + 1 + (0.5 + 0.5 + 6), 2 - 0.5 + 8 + (4 + 1 - 2)));
    const random = randomFrom(5);
    const found = await compare({ title: 'mix', model: m as unknown as AnyModel, inputs }, random, trainingMode());
    expect(found.error, found.worst).toBeLessThan(1e-3);
  });

  it('tells what goes wrong in it', () => {
    const m = L.graph({ a: [2], b: [2] }, ({ a, b }) =>
      L.customMerge<Mix>({ name: 'mine', output: ([s]) => E.right(s), lower: ([x]) => Op.reduceSum()(x) })(a, b),
    );
    expect(predictionGraph(resolvedOf(m as unknown as AnyModel), {})).toEqual(
      E.left({
        _tag: 'LoweringError',
        message: 'mine: lower gives float32[], where output says float32[batch,2]; correct one of the two',
      }),
    );
  });
});

describe('what goes wrong in it is an error value', () => {
  const lowered = (layer: Omit<L.CustomLayer, 'name'>) =>
    predictionGraph(resolvedOf(L.model(L.input([3]), L.custom<Scale>({ name: 'mine', ...layer }))), {});

  it.each([
    [
      'operators that do not fit',
      lowered({ lower: (x) => Op.matMul(x, Op.tensor([1, 2], [2, 1], 'float32')) }),
      'mine: MatMul: [batch,3] x [2,1]: inner sizes 3 and 2 differ',
    ],
    [
      'anything thrown',
      lowered({
        lower: () => {
          throw new RangeError('out of ideas');
        },
      }),
      'mine: out of ideas',
    ],
    [
      'a parameter that is not there',
      lowered({ lower: (_, { parameter }) => parameter('gain') }),
      'mine: no value for its parameter gain',
    ],
    [
      'another shape than it says',
      lowered({ lower: (x) => Op.reduceSum({ axes: [1] })(x) }),
      'mine: lower gives float32[batch], where output says float32[batch,3]; correct one of the two',
    ],
    [
      'another type',
      lowered({ lower: (x) => Op.cast('int32')(x) }),
      'mine: lower gives int32[batch,3], where output says float32[batch,3]; correct one of the two',
    ],
    [
      'random numbers in inference',
      lowered({ lower: (x, { normal }) => Op.add(x, normal(x)) }),
      "mine: random numbers are for training only; look at the site's mode first",
    ],
  ])('%s', (_, graph, message) => {
    expect(graph).toEqual(E.left({ _tag: 'LoweringError', message }));
  });

  it('its functions on shapes, too', () => {
    const throws = (): never => {
      throw new Error('no idea');
    };
    const bad = (layer: Partial<L.CustomLayer>) =>
      resolve(L.model(L.input([3]), L.custom<Scale>({ name: 'mine', lower: (x) => x, ...layer })));
    for (const layer of [{ output: throws }, { parameters: throws }])
      expect(bad(layer)).toMatchObject({ _tag: 'Left', left: [{ path: 'mine', message: 'mine: no idea' }] });
  });
});
