/** Frozen layers stay as they are; freezing what is not there, or everything, is an error. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { afterAll, describe, expect, it } from 'vitest';
import * as D from '../../src/data/Data.ts';
import { topological } from '../../src/graph/Graph.ts';
import { trainingPlan } from '../../src/interpret/Plan.ts';
import * as L from '../../src/layer/Layer.ts';
import { initialValues } from '../../src/model/Initial.ts';
import { resolve } from '../../src/model/Resolve.ts';
import * as Loss from '../../src/objective/Loss.ts';
import * as Optimizer from '../../src/optimizer/Optimizer.ts';
import * as Environment from '../../src/runtime/Environment.ts';
import * as T from '../../src/training/Training.ts';

const environment = Environment.node()();
afterAll(() => environment.runtime.close());

const must = <A>(either: E.Either<unknown, A>): A => {
  if (E.isLeft(either)) throw new Error(JSON.stringify(either.left));
  return either.right;
};

const model = L.model(
  L.input([3]),
  L.named('backbone', L.sequential(L.dense(4), L.batchNormalization(), L.dropout(0.2))),
  L.named('head', L.dense(2)),
);
const objective = T.compile(model, { loss: Loss.meanSquaredError(), optimizer: Optimizer.adam({ learningRate: 0.1 }) });
const rows = Array.from({ length: 20 }, (_, i) => [Math.sin(i), Math.cos(i), Math.sin(2 * i)]);
const data = must(
  D.dataset({
    x: D.floats([3], rows),
    y: D.floats(
      [2],
      rows.map(([a = 0, b = 0]) => [b, a]),
    ),
  }),
);
const initial = initialValues(must(resolve(model)), 0);

/** Names of the weights that a run of two epochs changed. */
const changed = async (freeze: readonly string[]) => {
  const { weights } = must(
    await pipe(T.fit(objective, { data, epochs: 2, batchSize: 5, verbose: 0, freeze }), T.run)(environment)(),
  );
  return Object.keys(weights).filter((name) => String(weights[name]?.data) !== String(initial[name]?.data));
};

const head = ['head.kernel', 'head.bias'];
const dense = ['backbone.dense.kernel', 'backbone.dense.bias'];
const normalisation = ['gamma', 'beta', 'moving_mean', 'moving_variance'].map(
  (p) => `backbone.batch_normalization.${p}`,
);

describe('groups of the optimizer', () => {
  it('must be in the model, to the compiler and at run time', () => {
    const grouped = (optimizer: Optimizer.Optimizer) => {
      const compiled = T.compile(model, { loss: Loss.meanSquaredError(), optimizer });
      const { prepared } = T.fit(compiled, { data }).result;
      return E.isLeft(prepared) ? prepared.left.message : 'right';
    };
    expect(
      grouped(Optimizer.groups({ backbone: 0.1, 'backbone.dense': 1, head: Optimizer.sgd() })(Optimizer.adam())),
    ).toBe('right');
    expect(grouped(pipe(Optimizer.adam(), Optimizer.groups({ head: 2 }), Optimizer.groups({ bakbone: 0.1 })))).toBe(
      "compile: optimizer: groups: no layer or group 'bakbone' has parameters; there are backbone.dense, " +
        'backbone.batch_normalization, head',
    );
  });
});

describe('freeze', () => {
  it('keeps a group, its statistics included', async () => {
    expect(await changed([])).toEqual([...dense, ...normalisation, ...head]);
    expect(await changed(['backbone'])).toEqual(head);
    expect(await changed(['head'])).toEqual([...dense, ...normalisation]);
    expect(await changed(['backbone.batch_normalization'])).toEqual([...dense, ...head]);
  });

  it('costs no backward pass and no optimizer slots', () => {
    const plan = (freeze: readonly string[]) => {
      const { resolved, types, frozen } = must(T.fit(objective, { data, freeze }).result.prepared);
      return must(trainingPlan({ ...objective, resolved }, types, 'cpu', frozen));
    };
    const [all, some] = [plan([]), plan(['backbone'])];
    expect(Object.keys(some.slots).every((name) => name.includes('/head.'))).toBe(true);
    const nodes = ({ graph }: typeof all) => topological(graph.outputs.map((o) => o.value)).length;
    expect(nodes(some)).toBeLessThan(0.75 * nodes(all));
  });

  it('leaves the products of a backward pass that what is trained needs, and no other', () => {
    const deep = L.model(
      L.input([6]),
      L.named('body', L.sequential(L.dense(7, { activation: 'relu' }), L.dense(8, { activation: 'relu' }), L.dense(9))),
      L.named('head', L.dense(3)),
    );
    const one = T.compile(deep, { loss: Loss.meanSquaredError(), optimizer: Optimizer.adam() });
    const batch = must(
      D.dataset({ x: D.floats([6], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]), y: D.floats([3], [1, 2, 3, 4, 5, 6]) }),
    );
    const products = (freeze: readonly string[]) => {
      const { resolved, types, frozen } = must(T.fit(one, { data: batch, freeze }).result.prepared);
      const { graph } = must(trainingPlan({ ...one, resolved }, types, 'cpu', frozen));
      const operators = topological(graph.outputs.map((o) => o.value)).map((n) =>
        n._tag === 'Operator' ? n.operator : '',
      );
      const count = (name: string) => operators.filter((o) => o === name).length;
      return { forward: count('Gemm'), backward: count('FusedMatMul') };
    };
    // A layer's backward pass is a product for its kernel and, but for the first one, one for what is before it.
    expect(products([])).toEqual({ forward: 4, backward: 7 });
    expect(products(['body'])).toEqual({ forward: 4, backward: 1 });
    expect(products(['head'])).toEqual({ forward: 4, backward: 6 });
    expect(products(['body.dense', 'body.dense_1'])).toEqual({ forward: 4, backward: 3 });
  });

  it('refuses what is not there, and everything', () => {
    const error = (freeze: readonly string[]) => {
      const { prepared } = T.fit(objective, { data, freeze }).result;
      return E.isLeft(prepared) ? prepared.left.message : undefined;
    };
    expect(error(['bakbone'])).toBe(
      "fit: freeze: no layer or group 'bakbone' has parameters; there are backbone.dense, backbone.batch_normalization, head",
    );
    expect(error(['backbone', 'head'])).toBe(
      'fit: freeze: nothing is left to train; freeze less, or use evaluate and predict',
    );
  });
});
