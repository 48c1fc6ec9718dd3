/**
 * What belongs to a model besides its weights goes into its checkpoints, and comes back.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  Callback as C,
  Data as D,
  Environment,
  Layer as L,
  Loss,
  Optimizer,
  Preprocess as P,
  Training as T,
} from '../../src/index.ts';

const env = Environment.node({ threads: 1 })();
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grad-ts-attached-'));
});
afterAll(async () => {
  await env.runtime.close();
  await rm(folder, { recursive: true, force: true });
});

const right = <A>(either: E.Either<{ readonly message: string }, A>): A => {
  if (E.isLeft(either)) throw new Error(either.left.message);
  return either.right;
};

const table = right(P.fromArray({ dtype: 'float32', shape: [3, 2], data: Float32Array.of(1, 10, 2, 30, 6, 20) }));
const scaler = right(P.standardise().fit(table));
const codec = P.codec('table', 'table');

const data = right(
  D.dataset({
    x: D.floats(
      [2],
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    ),
    y: D.floats([1], [[1], [2], [3]]),
  }),
);
const objective = T.compile(L.model(L.input([2]), L.dense(1)), {
  loss: Loss.meanSquaredError(),
  optimizer: Optimizer.sgd(),
});

it('a fitted preprocessor travels in the checkpoint, and on into what is trained from it', async () => {
  const path = join(folder, 'state.safetensors');
  const attached = { scaler: codec.encode(scaler), classes: ['a', 'b'] };
  const first = T.fit(objective, { data, epochs: 1, verbose: 0, attached });
  right(await pipe(first, C.modelCheckpoint(path), T.run)(env)());

  const state = right(await T.loadState(path)(env)());
  expect(state.attached).toEqual(JSON.parse(JSON.stringify(attached)));
  const again = codec.decode(state.attached?.scaler);
  if (E.isLeft(again)) throw new Error('the preprocessor does not decode');
  expect(right(again.right.transform(table))).toEqual(right(scaler.transform(table)));

  const on = right(await T.run(T.fit(objective, { data, epochs: 2, verbose: 0, from: state }))(env)());
  expect(on.state?.attached).toEqual(state.attached);
  const other = T.fit(objective, { data, epochs: 2, verbose: 0, from: state, attached: { classes: ['c'] } });
  expect(right(await T.run(other)(env)()).state?.attached).toEqual({ classes: ['c'] });
});

it('without anything attached a state has none', async () => {
  const trained = right(await T.run(T.fit(objective, { data, verbose: 0 }))(env)());
  expect(trained.state).not.toHaveProperty('attached');
});

it('what JSON cannot hold is refused before the first step', async () => {
  const result = await T.run(T.fit(objective, { data, verbose: 0, attached: { n: 1n } }))(env)();
  expect(E.isLeft(result) && result.left.message).toMatch(/^fit: attached: expected JSON, .*BigInt/);
});
