/** Outputs and gradients beside PyTorch's in float64 (see spec/golden/gradients.py). */
import { readFileSync } from 'node:fs';
import * as E from 'fp-ts/lib/Either.js';
import { expect, test } from 'vitest';
import { vjp } from '../../src/autodiff/Grad.ts';
import { input, topological, type Value } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import type { DType, NdArray } from '../../src/shape/NdArray.ts';
import { evaluate } from '../support/evaluate.ts';
import { pick, type Values } from './cases/Case.ts';
import { i64 } from './random.ts';

interface Flat {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface Golden {
  readonly name: string;
  readonly options: Op.ConvTransposeOptions & { readonly axis: number };
  readonly inputs: Readonly<Record<string, Flat>>;
  readonly integers: Readonly<Record<string, Flat>>;
  readonly output: Flat;
  readonly cotangent: Flat;
  readonly gradients: Readonly<Record<string, Flat>>;
}

const goldens: readonly Golden[] = JSON.parse(
  readFileSync(new URL('../golden/gradients.json', import.meta.url), 'utf8'),
);

const normalised = (v: Values, axes: readonly number[], parameters: (p: Value) => Value): Value => {
  const x = pick(v, 'x');
  const centred = Op.sub(x, Op.reduceMean({ axes, keepDims: true })(x));
  const variance = Op.reduceMean({ axes, keepDims: true })(Op.mul(centred, centred));
  const unit = Op.div(centred, Op.sqrt(Op.add(variance, 1e-3)));
  return Op.add(Op.mul(unit, parameters(pick(v, 'g'))), parameters(pick(v, 'b')));
};

const perChannel = Op.reshape([1, 3, 1, 1]);

const functions: Readonly<Record<string, (v: Values, o: Golden['options']) => Value>> = {
  conv: (v, o) => Op.conv(pick(v, 'x'), pick(v, 'w'), pick(v, 'b'), o),
  conv_transpose2d: (v, o) => Op.convTranspose(pick(v, 'x'), pick(v, 'w'), o),
  max_pool: (v, o) => Op.maxPool(pick(v, 'x'), o).output,
  avg_pool: (v, o) => Op.averagePool(pick(v, 'x'), o),
  softmax: (v, o) => Op.softmax(o.axis)(pick(v, 'x')),
  log_softmax: (v, o) => Op.logSoftmax(o.axis)(pick(v, 'x')),
  cross_entropy: (v) => {
    const picked = Op.gatherElements(Op.logSoftmax()(pick(v, 'x')), Op.unsqueeze([1])(pick(v, 'classes')), 1);
    return Op.neg(Op.squeeze([1])(picked));
  },
  layer_norm: (v) => normalised(v, [-1], (p) => p),
  batch_norm: (v) => normalised(v, [0, 2, 3], perChannel),
  attention: (v) =>
    Op.matMul(Op.softmax()(Op.div(Op.matMul(pick(v, 'q'), Op.transpose([0, 1, 3, 2])(pick(v, 'k'))), 2)), pick(v, 'v')),
  matmul: (v) => Op.matMul(pick(v, 'input'), pick(v, 'other')),
  embedding: (v) => Op.gather(pick(v, 'w'), pick(v, 'tokens')),
  gather: (v) => Op.gatherElements(pick(v, 'x'), pick(v, 'index'), 1),
  slices: (v) => Op.slice({ axes: [0, 1, 2], starts: [1, 0, -3], ends: [3, 5, -1], steps: [1, 2, 1] })(pick(v, 'x')),
  gelu: (v) => {
    const x = pick(v, 'x');
    return Op.mul(Op.mul(x, 0.5), Op.add(Op.erf(Op.mul(x, Math.SQRT1_2)), 1));
  },
  max: (v) => Op.max(pick(v, 'x'), 0),
  amax: (v) => Op.reduceMax({ axes: [1] })(pick(v, 'x')),
};

/** The longest name that starts the case's name, 'conv2d 3x3' being a 'conv'. */
const functionOf = (name: string) =>
  functions[
    Object.keys(functions)
      .filter((k) => name.startsWith(k))
      .reduce((a, b) => (a.length >= b.length ? a : b))
  ];

/** onnxruntime's CPU provider has these for float32 only. */
const single = new Set(['Conv', 'ConvTranspose', 'AveragePool', 'Erf', 'FusedMatMul']);

const array = ({ shape, data }: Flat, dtype: DType): NdArray =>
  dtype === 'float32'
    ? { dtype, shape, data: Float32Array.from(data) }
    : { dtype, shape, data: Float64Array.from(data) };

const built = (golden: Golden, dtype: DType) => {
  const v = Object.fromEntries([
    ...Object.entries(golden.inputs).map(([name, { shape }]) => [name, input(name, dtype, shape)] as const),
    ...Object.entries(golden.integers).map(([name, { shape }]) => [name, input(name, 'int64', shape)] as const),
  ]);
  const y = functionOf(golden.name)?.(v, golden.options);
  if (y === undefined) throw new Error(`no function for ${golden.name}`);
  return { v, y };
};

const close = (actual: NdArray | undefined, expected: Flat, tolerance: number, what: string): void => {
  expect(actual?.shape, what).toEqual(expected.shape);
  const worst = expected.data.reduce(
    (w, e, i) => Math.max(w, Math.abs(Number(actual?.data[i]) - e) / (1 + Math.abs(e))),
    0,
  );
  expect(worst, what).toBeLessThan(tolerance);
};

/** As written, and as onnxruntime rewrites it for a real run. */
const runs = goldens.flatMap((golden) =>
  (['disabled', 'all'] as const).map((level) => ({ name: golden.name, golden, level })),
);

test.each(runs)('$name, optimization $level', async ({ golden, level }) => {
  const inDouble = built(golden, 'float64').y;
  const needs = topological([inDouble]).some((n) => n._tag === 'Operator' && single.has(n.operator));
  const dtype = needs ? 'float32' : 'float64';
  const { v, y } = built(golden, dtype);
  const names = Object.keys(golden.inputs);
  const cotangent = input('cotangent', dtype, y.type.shape);
  const gradients = vjp(
    [y],
    [cotangent],
    names.map((name) => pick(v, name)),
  );
  if (E.isLeft(gradients)) throw new Error(gradients.left.message);
  const results = await evaluate(
    { y, ...Object.fromEntries(names.map((name, i) => [`d_${name}`, gradients.right[i] as Value])) },
    {
      ...Object.fromEntries(Object.entries(golden.inputs).map(([name, a]) => [name, array(a, dtype)])),
      ...Object.fromEntries(Object.entries(golden.integers).map(([name, a]) => [name, i64(a.data, a.shape)])),
      cotangent: array(golden.cotangent, dtype),
    },
    { optimization: level },
  );
  const tolerance = needs ? 5e-6 : 1e-12;
  close(results.y, golden.output, tolerance, 'output');
  for (const name of names) close(results[`d_${name}`], golden.gradients[name] as Flat, tolerance, `d_${name}`);
});
