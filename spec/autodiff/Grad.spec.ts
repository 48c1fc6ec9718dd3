import fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, test } from 'vitest';
import { type AutodiffError, grad, hasGradient, stopGradient, vjp } from '../../src/autodiff/Grad.ts';
import { graph, input, label, operator, topological, type Value } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { evaluate } from '../support/evaluate.ts';
import { compare } from './finiteDifferences.ts';
import { f64, i64, randomFrom } from './random.ts';

const right = <A>(e: E.Either<AutodiffError, A>): A => {
  if (E.isLeft(e)) throw new Error(e.left.message);
  return e.right;
};

const left = (e: E.Either<AutodiffError, unknown>): AutodiffError => {
  if (E.isRight(e)) throw new Error('expected an error');
  return e.left;
};

const only = (e: E.Either<AutodiffError, readonly Value[]>): Value => right(e)[0] as Value;

const numbers = (a: NdArray | undefined): readonly number[] => Array.from(a?.data ?? [], Number);

const valuesOf = async (value: Value, feeds: Readonly<Record<string, NdArray>>): Promise<readonly number[]> =>
  numbers((await evaluate({ value }, feeds)).value);

const sum = Op.reduceSum();

const vector = (n: number) =>
  fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: n, maxLength: n }).map((a) => f64(a, [n]));

const expectClose = (actual: readonly number[], expected: readonly number[]): void => {
  expect(actual.length).toBe(expected.length);
  actual.forEach((a, i) => {
    expect(a).toBeCloseTo(expected[i] ?? Number.NaN, 9);
  });
};

/** A function that uses its argument in several places. */
const tangled = (x: Value): Value => {
  const h = Op.tanh(Op.mul(x, x));
  return Op.add(Op.mul(h, x), Op.exp(Op.sub(h, Op.reduceMean({ keepDims: true })(x))));
};

test('whether there is a gradient', () => {
  const [x, y] = [input('x', 'float64', ['n']), input('y', 'float64', ['n'])];
  expect(hasGradient(sum(Op.mul(x, y)), [x])).toBe(true);
  expect(hasGradient(sum(Op.add(Op.floor(x), Op.sin(y))), [x, y])).toBe(true);
  expect(hasGradient(sum(Op.add(Op.floor(x), stopGradient(x))), [x])).toBe(false);
  expect(hasGradient(sum(Op.cast('float64')(Op.less(x, y))), [x, y])).toBe(false);
  expect(hasGradient(sum(y), [x])).toBe(false);
  expect(hasGradient(sum(y), [])).toBe(false);
});

describe('laws', () => {
  const x = input('x', 'float64', ['n']);
  const [a, b] = [input('a', 'float64', ['n']), input('b', 'float64', ['n'])];

  test('vjp is linear in the cotangent', () =>
    fc.assert(
      fc.asyncProperty(vector(3), vector(3), vector(3), async (px, pa, pb) => {
        const of = (c: Value) => only(vjp([tangled(x)], [c], [x]));
        const both = of(Op.add(Op.mul(a, 3), b));
        const apart = Op.add(Op.mul(of(a), 3), of(b));
        const r = await evaluate({ both, apart }, { x: px, a: pa, b: pb });
        expectClose(numbers(r.both), numbers(r.apart));
      }),
      { numRuns: 20 },
    ));

  test('the gradient of a sum of losses is the sum of the gradients', () =>
    fc.assert(
      fc.asyncProperty(vector(3), async (px) => {
        const [f, g] = [sum(tangled(x)), sum(Op.sigmoid(x))];
        const together = only(grad(Op.add(f, g), [x]));
        const apart = Op.add(only(grad(f, [x])), only(grad(g, [x])));
        const r = await evaluate({ together, apart }, { x: px });
        expectClose(numbers(r.together), numbers(r.apart));
      }),
      { numRuns: 20 },
    ));

  test('of several outputs it is the sum over the outputs', () =>
    fc.assert(
      fc.asyncProperty(vector(3), vector(3), vector(3), async (px, pa, pb) => {
        const [f, g] = [Op.tanh(x), Op.mul(x, x)];
        const together = only(vjp([f, g], [a, b], [x]));
        const apart = Op.add(only(vjp([f], [a], [x])), only(vjp([g], [b], [x])));
        const r = await evaluate({ together, apart }, { x: px, a: pa, b: pb });
        expectClose(numbers(r.together), numbers(r.apart));
      }),
      { numRuns: 20 },
    ));

  test('of a composition it is the composition, backwards', () =>
    fc.assert(
      fc.asyncProperty(vector(3), async (px) => {
        const h = tangled(x);
        const whole = only(grad(sum(Op.mul(Op.sigmoid(h), h)), [x]));
        const dh = only(grad(sum(Op.mul(Op.sigmoid(h), h)), [h]));
        const parts = only(vjp([h], [dh], [x]));
        const r = await evaluate({ whole, parts }, { x: px });
        expectClose(numbers(r.whole), numbers(r.parts));
      }),
      { numRuns: 20 },
    ));
});

describe('grad', () => {
  const x = input('x', 'float64', [3]);
  const feeds = { x: f64([1, -2, 3], [3]) };

  test('a value used twice collects both parts', async () => {
    expect(await valuesOf(only(grad(sum(Op.mul(x, x)), [x])), feeds)).toEqual([2, -4, 6]);
  });

  test('a value that the loss does not depend on gets zeros of its shape', async () => {
    const unused = input('unused', 'float32', ['batch', 2]);
    const gradient = right(grad(sum(x), [unused, x]));
    expect(gradient.map((g) => g.type)).toEqual([unused.type, x.type]);
    const r = await evaluate(
      { u: gradient[0] as Value, x: gradient[1] as Value },
      { ...feeds, unused: { dtype: 'float32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) } },
    );
    expect([r.u?.shape, numbers(r.u), numbers(r.x)]).toEqual([
      [2, 2],
      [0, 0, 0, 0],
      [1, 1, 1],
    ]);
  });

  test('in a value in the middle, and in the loss itself', async () => {
    const h = Op.mul(x, 2);
    const loss = sum(Op.mul(h, h));
    const [dh, dx, dl] = right(grad(loss, [h, x, loss])) as readonly [Value, Value, Value];
    const r = await evaluate({ dh, dx, dl }, feeds);
    expect([numbers(r.dh), numbers(r.dx), numbers(r.dl)]).toEqual([[4, -8, 12], [8, -16, 24], [1]]);
  });

  test('nothing is built for a frozen part', () => {
    const w = input('w', 'float64', [3]);
    const frozen = Op.exp(Op.tanh(x));
    const gradient = only(grad(sum(Op.mul(frozen, w)), [w]));
    const forward = new Set(topological([frozen]));
    const added = topological([gradient]).filter((n) => !forward.has(n) && n._tag === 'Operator');
    // The cotangent of the product's output is 1 repeated: it costs nothing beside `frozen`.
    expect(added.map((n) => (n._tag === 'Operator' ? n.operator : ''))).toEqual(['Unsqueeze', 'Mul']);
  });

  test('equal arguments share equally', async () => {
    const y = input('y', 'float64', [3]);
    const both = { x: f64([1, 2, 3], [3]), y: f64([1, 3, 2], [3]) };
    const loss = sum(Op.max(x, y));
    const [dx, dy] = right(grad(loss, [x, y])) as readonly [Value, Value];
    const r = await evaluate({ dx, dy }, both);
    expect([numbers(r.dx), numbers(r.dy)]).toEqual([
      [0.5, 0, 1],
      [0.5, 1, 0],
    ]);
    const least = only(grad(Op.reduceMin()(x), [x]));
    expect(await valuesOf(least, { x: f64([2, 2, 5], [3]) })).toEqual([0.5, 0.5, 0]);
  });

  test('kinks of Relu and Abs have gradient 0', async () => {
    const zero = { x: f64([0, -1, 1], [3]) };
    expect(await valuesOf(only(grad(sum(Op.relu(x)), [x])), zero)).toEqual([0, 0, 1]);
    expect(await valuesOf(only(grad(sum(Op.abs(x)), [x])), zero)).toEqual([0, -1, 1]);
  });

  test('no NaN from the branch of a where that was not taken', async () => {
    const safe = Op.where(Op.greater(x, 0), Op.log(Op.where(Op.greater(x, 0), x, 1)), 0);
    expect(await valuesOf(only(grad(sum(safe), [x])), feeds)).toEqual([1, 0, 1 / 3]);
  });

  test('through integers, comparisons and casts of them nothing flows', async () => {
    const mask = Op.cast('float64')(Op.greater(x, 0));
    const places = Op.cast('float64')(Op.cast('int64')(Op.mul(x, 2)));
    const loss = sum(Op.mul(Op.add(mask, places), x));
    expect(await valuesOf(only(grad(loss, [x])), feeds)).toEqual([3, -4, 7]);
  });

  test('indices of a pool that is labelled still belong to it', async () => {
    const image = input('image', 'float64', ['batch', 1, 4]);
    const o = { kernel: [2], strides: [2], dilations: [1], pads: [0, 0] };
    const pooled = label('pool')(Op.maxPool(image, o).output);
    const dx = only(grad(sum(pooled), [image]));
    expect(await valuesOf(dx, { image: f64([1, 2, 4, 3], [1, 1, 4]) })).toEqual([0, 1, 1, 0]);
  });

  test('rows that are gathered many times add up', async () => {
    const table = input('table', 'float32', [4, 8]);
    const tokens = input('tokens', 'int64', ['batch']);
    const dx = only(grad(sum(Op.gather(table, tokens)), [table]));
    const r = await evaluate(
      { dx },
      {
        table: { dtype: 'float32', shape: [4, 8], data: new Float32Array(32) },
        tokens: i64(
          Array.from({ length: 9000 }, (_, i) => i % 3),
          [9000],
        ),
      },
    );
    expect(numbers(r.dx)).toEqual([...Array(24).fill(3000), ...Array(8).fill(0)]);
  });

  test('a deep chain does not exhaust the stack', () => {
    const deep = Array.from({ length: 20000 }).reduce<Value>((h) => Op.neg(h), x);
    expect(E.isRight(grad(sum(deep), [x]))).toBe(true);
  });
});

describe('higher order: gradients have gradients', () => {
  const x = input('x', 'float64', [3]);

  test('of x^3 they are 3 x^2, 6 x, 6, 0', async () => {
    const d = (y: Value) => only(grad(sum(y), [x]));
    const d1 = d(Op.mul(Op.mul(x, x), x));
    const d2 = d(d1);
    const d3 = d(d2);
    const r = await evaluate({ d1, d2, d3, d4: d(d3) }, { x: f64([1, -2, 3], [3]) });
    expect([r.d1, r.d2, r.d3, r.d4].map(numbers)).toEqual([
      [3, 12, 27],
      [6, -12, 18],
      [6, 6, 6],
      [0, 0, 0],
    ]);
  });

  const second: Readonly<Record<string, (x: Value, w: Value) => Value>> = {
    tanh: (a, w) => Op.tanh(Op.mul(a, w)),
    softmax: (a, w) => Op.mul(Op.softmax()(a), w),
    'layer norm': (a, w) => {
      const c = Op.sub(a, Op.reduceMean({ axes: [-1], keepDims: true })(a));
      const v = Op.reduceMean({ axes: [-1], keepDims: true })(Op.mul(c, c));
      return Op.mul(Op.div(c, Op.sqrt(Op.add(v, 0.1))), w);
    },
    matmul: (a, w) => Op.tanh(Op.matMul(a, w)),
    slice: (a, w) => Op.exp(Op.slice({ axes: [1], starts: [0], ends: [3], steps: [2] })(Op.mul(a, w))),
    gather: (a, w) => Op.exp(Op.gather(Op.mul(a, w), Op.int64s([0, 0, 2]))),
    pool: (a, w) =>
      Op.exp(
        Op.maxPool(Op.unsqueeze([0])(Op.mul(a, w)), { kernel: [2], strides: [1], dilations: [1], pads: [0, 0] }).output,
      ),
  };

  test.each(Object.entries(second))('of %s by central differences of the first', async (_, f) => {
    const random = randomFrom(3);
    const { error, worst } = await compare(
      {
        inputs: { a: { array: random.array([3, 3]) }, w: { array: random.array([3, 3]) } },
        y: (v) => {
          const [a, w] = [v.a as Value, v.w as Value];
          return Op.concat(0)(right(grad(Op.reduceSum()(f(a, w)), [a, w])));
        },
      },
      random,
    );
    expect(error, worst).toBeLessThan(1e-6);
  });

  test('of a convolution (float32, strides and groups)', async () => {
    const random = randomFrom(5);
    const { error, worst } = await compare(
      {
        inputs: { x: { array: random.array32([2, 2, 4, 4]) }, w: { array: random.array32([2, 1, 3, 2]) } },
        y: (v) => {
          const o = { kernel: [3, 2], strides: [1, 2], dilations: [1, 1], pads: [1, 0, 1, 1], group: 2 };
          const [image, w] = [v.x as Value, v.w as Value];
          const y = Op.conv(image, w, undefined, o);
          const [dx, dw] = right(grad(Op.reduceSum()(Op.mul(y, y)), [image, w])) as readonly [Value, Value];
          return Op.concat(0)([Op.reshape([64])(dx), Op.reshape([12])(dw)]);
        },
        step: 0.1,
        tolerance: 1e-3,
      },
      random,
    );
    expect(error, worst).toBeLessThan(1e-3);
  });
});

describe('stopGradient', () => {
  const x = input('x', 'float64', [3]);
  const feeds = { x: f64([1, -2, 3], [3]) };

  test('is the value, and a constant to the gradient', async () => {
    const loss = sum(Op.mul(stopGradient(x), x));
    expect(await valuesOf(loss, feeds)).toEqual([14]);
    expect(await valuesOf(only(grad(loss, [x])), feeds)).toEqual([1, -2, 3]);
  });

  test('holds under a label', async () => {
    const loss = sum(Op.mul(label('teacher')(stopGradient(x)), x));
    expect(await valuesOf(only(grad(loss, [x])), feeds)).toEqual([1, -2, 3]);
  });

  test('may itself be what is differentiated in', async () => {
    const target = stopGradient(Op.exp(x));
    const [dt, dx] = right(grad(sum(Op.mul(target, 2)), [target, x])) as readonly [Value, Value];
    const r = await evaluate({ dt, dx }, feeds);
    expect([numbers(r.dt), numbers(r.dx)]).toEqual([
      [2, 2, 2],
      [0, 0, 0],
    ]);
  });

  test('cuts off operators without a gradient', () => {
    const odd = operator('Odd', [x], [x.type])[0] as Value;
    expect(E.isRight(grad(sum(Op.mul(stopGradient(odd), x)), [x]))).toBe(true);
  });
});

describe('errors', () => {
  const x = input('x', 'float64', [3]);
  const unknown = (name: string, v: Value): Value => operator(name, [v], [v.type])[0] as Value;

  test('all operators without a rule at once, with their labels', () => {
    const inner = label('block1/odd')(unknown('Odd', x));
    const error = left(grad(sum(Op.add(unknown('Stranger', Op.tanh(inner)), unknown('Odd', x))), [x]));
    expect(error._tag).toBe('AutodiffError');
    expect(error.operators.map((o) => [o.operator, o.label]).sort()).toEqual([
      ['Odd', undefined],
      ['Odd', 'block1/odd'],
      ['Stranger', undefined],
    ]);
    expect(error.message).toContain('Odd (block1/odd)');
  });

  test('an operator of another domain is another operator', () => {
    const blocked = operator('Relu', [x], [x.type], {}, 'com.microsoft.nchwc')[0] as Value;
    expect(left(grad(sum(blocked), [x])).operators[0]?.operator).toBe('com.microsoft.nchwc:Relu');
  });

  test('what does not lie between wrt and the loss is no obstacle', () => {
    const w = input('w', 'float64', [3]);
    expect(E.isRight(grad(sum(Op.mul(unknown('Odd', x), w)), [w]))).toBe(true);
  });

  const loopOver = (captured: Value, carried: Value): Value => {
    const [i, go, s] = [input('i', 'int64', []), input('go', 'bool', []), input('s', 'float64', [3])];
    const body = graph(
      'body',
      [i, go, s],
      [
        { name: 'go', value: go },
        { name: 's', value: Op.add(s, captured) },
      ],
    );
    return Op.loop(Op.scalar(3, 'int64'), [carried], body)[0] as Value;
  };

  test('a Loop, by what it carries and by what its body reads', () => {
    const other = input('other', 'float64', [3]);
    expect(left(grad(sum(loopOver(other, Op.exp(x))), [x])).operators.map((o) => o.operator)).toEqual(['Loop']);
    expect(left(grad(sum(loopOver(Op.exp(x), other)), [x])).operators.map((o) => o.operator)).toEqual(['Loop']);
    expect(E.isRight(grad(sum(Op.mul(loopOver(other, other), x)), [x]))).toBe(true);
  });

  test('a form that a rule does not cover says why', () => {
    const written = operator(
      'ScatterND',
      [x, Op.tensor([0], [1, 1], 'int64'), Op.tensor([2], [1], 'float64')],
      [x.type],
      {
        reduction: { _tag: 'String', value: 'mul' },
      },
    )[0] as Value;
    expect(left(grad(sum(written), [x])).operators).toEqual([
      { operator: 'ScatterND', label: undefined, reason: expect.stringContaining('mul') },
    ]);
  });

  test('unknown spatial sizes of a convolution', () => {
    const image = input('image', 'float32', ['batch', 1, 'height']);
    const w = input('w', 'float32', [1, 1, 3]);
    const y = Op.conv(image, w, undefined, { kernel: [3], strides: [1], dilations: [1], pads: [0, 0], group: 1 });
    expect(left(grad(sum(y), [w])).operators[0]?.reason).toMatch(/needs known sizes/);
  });

  test('a loss that is no scalar, a cotangent of another type, an integer', () => {
    expect(left(grad(x, [x])).message).toMatch(/scalar loss, got float64\[3\]/);
    expect(left(vjp([x], [], [x])).message).toMatch(/one cotangent for each of 1 outputs, got 0/);
    expect(left(vjp([x], [Op.scalar(1, 'float64')], [x])).message).toMatch(/is float64\[\], expected float64\[3\]/);
    const n = input('n', 'int64', [3]);
    expect(left(grad(sum(x), [n])).message).toMatch(/int64\[3\]/);
  });
});
