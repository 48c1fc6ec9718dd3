/** Small problems to train on, an environment that leaves nothing behind, and ways to look at what came of it. */
import { createHash } from 'node:crypto';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import {
  Callback as C,
  Data as D,
  Layer as L,
  Loss,
  Metric,
  Optimizer,
  Runtime,
  Training as T,
} from '../../src/index.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import type { Directive, Event } from '../../src/training/Event.ts';
import type { Weights } from '../../src/training/State.ts';
import { type Memory, memory } from '../callback/support.ts';

// ----- values

export const right = <A>(e: E.Either<{ readonly message: string }, A>): A => {
  if (E.isLeft(e)) throw new Error(e.left.message);
  return e.right;
};

export const left = <Err, A>(e: E.Either<Err, A>): Err => {
  if (E.isRight(e)) throw new Error(`expected a failure, got ${JSON.stringify(e.right)?.slice(0, 200)}`);
  return e.left;
};

/** Numbers in [-1, 1) that are the same each time. */
export const noise = (n: number, seed = 1): readonly number[] => {
  let state = seed >>> 0;
  return Array.from({ length: n }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
};

const digest = ({ data }: NdArray): string =>
  createHash('sha256')
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest('hex');

/** What is equal only if every bit is. */
export const bits = (weights: Weights): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(weights).map(([name, a]) => [name, `${a.dtype}[${a.shape}] ${digest(a)}`]));

/** A train state without what depends on the machine. */
export const stateBits = (state: T.TrainState) => ({
  ...state,
  weights: bits(state.weights),
  slots: bits(state.slots),
  remembered: Object.fromEntries(Object.entries(state.remembered).map(([slot, all]) => [slot, bits(all)])),
});

export const stateOf = (trained: { readonly state: T.TrainState | undefined }): T.TrainState => {
  if (trained.state === undefined) throw new Error('expected a train state');
  return trained.state;
};

// ----- problems

/** Samples of 6 numbers with one of 3 labels that follows from them. */
export const flowers = (n: number, seed = 1): D.Dataset<[6], { readonly int: [] }> => {
  const x = noise(6 * n, seed);
  const labels = Array.from({ length: n }, (_, i) => {
    const row = x.slice(6 * i, 6 * i + 6);
    return row.indexOf(Math.max(...row)) % 3;
  });
  return right(D.dataset({ x: D.floats([6], x), y: D.ints([], labels) }));
};

/** With everything that could make a difference: dropout's random numbers and running statistics. */
export const network = L.model(
  L.input([6]),
  L.batchNormalization({ momentum: 0.9 }),
  L.dense(8, { activation: 'relu' }),
  L.dropout(0.3),
  L.dense(3, { activation: 'softmax' }),
);

export const objective = T.compile(network, {
  loss: Loss.sparseCategoricalCrossentropy(),
  optimizer: Optimizer.adam({ learningRate: 0.01 }),
  metrics: [Metric.sparseCategoricalAccuracy({ name: 'accuracy' })],
});

// ----- callbacks

/** Looks at every event, and asks for what `ask` says. */
export const watching = (look: (event: Event) => readonly Directive[] | undefined, key = 'watching') =>
  C.onEvent(
    (event) => () => async () => {
      const asked = look(event);
      return E.right(asked ?? []);
    },
    { key },
  );

// ----- environments

export interface World extends Memory {
  readonly environment: T.Environment;
}

/** Files in memory, a terminal that keeps what is written, a clock that counts. */
export const world = (runtime: Runtime.Runtime): World => {
  const disk = memory();
  let time = 0;
  return { ...disk, environment: { ...disk.env, runtime, clock: { now: () => ++time } } };
};

export interface Counted {
  readonly runtime: Runtime.Runtime;
  /** What has been opened and not been let go of. */
  readonly live: () => { readonly sessions: number; readonly residents: number };
}

/** A runtime that counts; `fails` says which requests come back as errors. */
export const counted = (
  inner: Runtime.Runtime,
  fails: (what: string, nth: number) => boolean = () => false,
): Counted => {
  const residents = new Set<number>();
  const sessions = new Set<object>();
  const asked = new Map<string, number>();
  const perhaps = <A>(what: string, task: TE.TaskEither<Runtime.RuntimeError, A>) => {
    const guarded: TE.TaskEither<Runtime.RuntimeError, A> = async () => {
      const nth = (asked.get(what) ?? 0) + 1;
      asked.set(what, nth);
      return fails(what, nth)
        ? E.left({ _tag: 'RuntimeError', stage: what, message: `${what} ${nth} was made to fail` })
        : task();
    };
    return guarded;
  };
  const noted = <A extends Readonly<Record<string, Runtime.Resident>>>(all: A): A => {
    for (const { id } of Object.values(all)) residents.add(id);
    return all;
  };
  const session = (of: Runtime.Session): Runtime.Session => {
    const token = {};
    sessions.add(token);
    return {
      run: (r) =>
        pipe(
          perhaps('run', of.run(r)),
          TE.map((result) => {
            for (const { id } of r.free ?? []) residents.delete(id);
            noted(result.kept);
            return result;
          }),
        ),
      release: async () => {
        sessions.delete(token);
        await of.release();
      },
    };
  };
  return {
    live: () => ({ sessions: sessions.size, residents: residents.size }),
    runtime: {
      ...inner,
      load: (model, optimisation) => pipe(perhaps('load', inner.load(model, optimisation)), TE.map(session)),
      upload: (tensors, own) => pipe(perhaps('upload', inner.upload(tensors, own)), TE.map(noted)),
      download: (all) => perhaps('download', inner.download(all)),
      free: (all) => {
        for (const { id } of all) residents.delete(id);
        return inner.free(all);
      },
    },
  };
};

/** One thread: results are the same on every machine. */
export const runtime = (): Runtime.Runtime => Runtime.node({ threads: 1 })();
