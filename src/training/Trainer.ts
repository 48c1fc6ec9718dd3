/**
 * The effectful heart of a run: sessions, and the weights, optimizer slots and data that live in the runtime between
 * chunks of steps. It knows nothing of epochs, callbacks or files.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type * as IOE from 'fp-ts/lib/IOEither.js';
import * as T from 'fp-ts/lib/Task.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import * as Plan from '../interpret/Plan.ts';
import type { Logged } from '../objective/Goal.ts';
import { discard } from '../runtime/Discard.ts';
import type { Resident, Runtime, RuntimeError, Session } from '../runtime/Runtime.ts';
import type { NdArray } from '../shape/NdArray.ts';
import type { Logs } from './Event.ts';
import type { Weights } from './State.ts';
import * as Storage from './Storage.ts';
import * as Totals from './Totals.ts';
import type { TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Arrays of a data set by graph input name, samples on the first axis. */
export interface Samples {
  readonly arrays: Readonly<Record<string, NdArray>>;
  readonly size: number;
}

export interface Chunk {
  readonly results: Totals.StepResults;
  /** Milliseconds in onnxruntime. */
  readonly milliseconds: number;
}

export interface Trainer {
  /** Of the weights and slots that each call of `learn` brings back changed. */
  readonly stateBytes: number;
  /**
   * One update for each batch of these samples, in this order; the last batch may be smaller. With `fed` they are samples of that,
   * in batches of its size, and not of the data that live in the runtime.
   */
  readonly learn: (
    indices: Int32Array,
    at: { readonly step: number; readonly learningRate: number },
    fed?: { readonly arrays: Samples['arrays']; readonly batchSize: number },
  ) => TE.TaskEither<RuntimeError, Chunk>;
  /** Loss and metrics on the validation data; `undefined` without any. */
  readonly validate: TE.TaskEither<RuntimeError, Logs> | undefined;
  readonly weights: TE.TaskEither<RuntimeError, Weights>;
  readonly slots: TE.TaskEither<RuntimeError, Weights>;
  /** Sets all weights. */
  readonly restore: (weights: Weights) => TE.TaskEither<RuntimeError, void>;
  readonly close: T.Task<void>;
}

export interface Beginning {
  readonly weights: Weights;
  readonly slots: Weights;
  /** Inputs of the graph, weights and slots, whose arrays were made for this training: nobody else has them. */
  readonly own: readonly string[];
}

export interface Validation {
  readonly samples: Samples;
  readonly plan: IOE.IOEither<TrainingError, Plan.EvaluationPlan>;
}

export interface TrainerSettings {
  readonly runtime: Runtime;
  readonly training: Plan.ResidentPlan;
  readonly metrics: readonly Logged[];
  /** Worked out while the runtime loads the training graph. */
  readonly beginning: TE.TaskEither<TrainingError, Beginning>;
  readonly data: Samples;
  readonly validation: Validation | undefined;
  readonly batchSize: number;
  readonly validationBatchSize: number;
  readonly seed: number;
  /** Updates that were done when the optimizer began: it counts from there. */
  readonly optimizerStart: number;
}

// -------------------------------------------------------------------------------------
// scalars
// -------------------------------------------------------------------------------------

export const int64 = (n: number): NdArray => ({ dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(n)) });
export const uint32 = (n: number): NdArray => ({ dtype: 'uint32', shape: [], data: Uint32Array.of(n) });
const float32 = (n: number): NdArray => ({ dtype: 'float32', shape: [], data: Float32Array.of(n) });
export const indexVector = (data: Int32Array): NdArray => ({ dtype: 'int32', shape: [data.length], data });

// -------------------------------------------------------------------------------------
// evaluation
// -------------------------------------------------------------------------------------

/** Samples of one run of an evaluation: enough to be worth a message, few enough to stay interruptible. */
const evaluationRun = 16_384;

const chunks = (size: number, batchSize: number): readonly Int32Array[] => {
  const length = Math.max(1, Math.floor(evaluationRun / batchSize)) * batchSize;
  return Array.from({ length: Math.ceil(size / length) }, (_, i) => {
    const from = i * length;
    return Int32Array.from({ length: Math.min(length, size - from) }, (_, j) => from + j);
  });
};

/** Loss and metrics of given weights over all samples, in their order. */
export const evaluate =
  (session: Session, plan: Plan.EvaluationPlan) =>
  (
    weights: Readonly<Record<string, Resident>>,
    data: { readonly feeds: Readonly<Record<string, Resident>>; readonly size: number },
    batchSize: number,
  ): TE.TaskEither<RuntimeError, Totals.Totals> =>
    chunks(data.size, batchSize).reduce<TE.TaskEither<RuntimeError, Totals.Totals>>(
      (before, indices) =>
        pipe(
          before,
          TE.chain((totals) =>
            pipe(
              session.run({
                feeds: { ...weights, ...data.feeds, indices: indexVector(indices), batch_size: int64(batchSize) },
              }),
              TE.map(({ fetched }) => Totals.addAll(totals, Totals.stepResults(fetched, plan.metrics))),
            ),
          ),
        ),
      TE.right(Totals.empty),
    );

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

interface Opened {
  readonly learner: Session;
  readonly weightNames: readonly string[];
  readonly slotNames: readonly string[];
  readonly constants: Readonly<Record<string, Resident>>;
  readonly data: Readonly<Record<string, Resident>>;
  /** What is stored of the weights and slots that change. */
  readonly carried: Readonly<Record<string, Resident>>;
  readonly validation: Validated | undefined;
}

/** What validation needs, in the runtime. */
interface Validated {
  readonly evaluator: Session;
  readonly plan: Plan.EvaluationPlan;
  readonly data: Readonly<Record<string, Resident>>;
  readonly size: number;
}

const pick = <A>(record: Readonly<Record<string, A>>, names: readonly string[]): Readonly<Record<string, A>> =>
  Object.fromEntries(names.flatMap((name) => (name in record ? [[name, record[name] as A]] : [])));

/** Both; the second begins when the first waits. What the runtime does and what is worked out here take the same time. */
export const meanwhile =
  <E1, E2, A, B>(first: TE.TaskEither<E1, A>, second: TE.TaskEither<E2, B>): TE.TaskEither<E1 | E2, readonly [A, B]> =>
  async () => {
    const begun = first();
    const next = T.delay(0)(T.of(undefined))().then(second);
    // Where code of others throws in the second, the first is not left alone.
    const [a, b] = await Promise.all([begun, next]).finally(() => begun);
    return E.isLeft(a) ? a : E.isLeft(b) ? b : E.right([a.right, b.right]);
  };

const openValidation = (
  runtime: Runtime,
  plan: Plan.EvaluationPlan,
  { arrays, size }: Samples,
): TE.TaskEither<RuntimeError, Validated> =>
  pipe(
    runtime.load(plan.model),
    TE.bindTo('evaluator'),
    TE.bind('data', () => runtime.upload(arrays)),
    TE.map((opened) => ({ ...opened, plan, size })),
  );

/** All but the session that learns. What is worked out here comes before anything is waited for. */
const openRest = (
  { beginning, data, validation, training: { carried, stored } }: TrainerSettings,
  runtime: Runtime,
): TE.TaskEither<TrainingError, Omit<Opened, 'learner'>> =>
  pipe(
    beginning,
    TE.bindW('plan', () => (validation === undefined ? TE.right(undefined) : TE.fromIOEither(validation.plan))),
    TE.let('constants', ({ weights }) => Object.keys(weights).filter((name) => !carried.includes(name))),
    TE.bindW('residents', ({ weights, slots, own, constants }) => {
      const inputs = Object.fromEntries(Object.entries(slots).map(([name, a]) => [Plan.slotInput(name), a]));
      const isOwn = Storage.isOwn(new Set(own));
      const all = { ...weights, ...inputs };
      const packed = Storage.packed(stored, all);
      discard(Storage.copied(stored).flatMap((name) => (own.includes(name) ? [(all[name] as NdArray).data] : [])));
      return runtime.upload({ ...pick(weights, constants), ...packed, ...data.arrays }, [
        ...constants.filter((name) => own.includes(name)),
        ...stored.filter(isOwn).map((s) => s.name),
      ]);
    }),
    TE.bindW('validated', ({ plan }) =>
      plan === undefined || validation === undefined
        ? TE.right(undefined)
        : openValidation(runtime, plan, validation.samples),
    ),
    TE.map(({ weights, slots, residents, constants, validated }) => ({
      weightNames: Object.keys(weights),
      slotNames: Object.keys(slots),
      constants: pick(residents, constants),
      carried: pick(
        residents,
        stored.map((s) => s.name),
      ),
      data: pick(residents, Object.keys(data.arrays)),
      validation: validated,
    })),
  );

/** On the CPU the graph of training is written as it is fast there: onnxruntime's own passes would only take time. */
const learnerOf = ({ training }: TrainerSettings, runtime: Runtime): TE.TaskEither<RuntimeError, Session> =>
  runtime.load(training.model, runtime.provider === 'cpu' ? 'disabled' : 'all');

const openAll = (s: TrainerSettings, runtime: Runtime): TE.TaskEither<TrainingError, Opened> =>
  pipe(
    meanwhile(learnerOf(s, runtime), openRest(s, runtime)),
    TE.map(([learner, rest]) => ({ learner, ...rest })),
  );

/** The runtime, with a list of how to let go of what was loaded and sent. */
const recorded = (runtime: Runtime, releases: T.Task<unknown>[]): Runtime => {
  const keep =
    <A>(release: (a: A) => T.Task<unknown>) =>
    (a: A): A => {
      releases.unshift(release(a));
      return a;
    };
  return {
    ...runtime,
    load: (model, optimisation) => pipe(runtime.load(model, optimisation), TE.map(keep((session) => session.release))),
    upload: (tensors, own) =>
      pipe(runtime.upload(tensors, own), TE.map(keep((all) => runtime.free(Object.values(all))))),
  };
};

/** Everything, or nothing: if one thing cannot be opened, those before it are closed. */
const openOrNothing =
  (s: TrainerSettings): TE.TaskEither<TrainingError, Opened> =>
  async () => {
    const releases: T.Task<unknown>[] = [];
    let isOpen = false;
    try {
      const opened = await openAll(s, recorded(s.runtime, releases))();
      isOpen = E.isRight(opened);
      return opened;
    } finally {
      if (!isOpen) for (const release of releases) await release();
    }
  };

/** Loads the graphs and sends weights and data to the runtime. On an error nothing of it stays there. */
export const open = (s: TrainerSettings): TE.TaskEither<TrainingError, Trainer> =>
  pipe(
    openOrNothing(s),
    TE.map((opened): Trainer => {
      // The one mutable cell: which resident tensors hold the present weights and slots.
      let carried = opened.carried;
      const { weightNames, slotNames, validation } = opened;
      const { stored } = s.training;
      const present = () => ({ ...opened.constants, ...Storage.views(stored, carried) });
      return {
        stateBytes: Storage.bytes(stored),
        learn: (indices, { step, learningRate }, fed) =>
          pipe(
            opened.learner.run({
              feeds: pick(
                {
                  ...opened.constants,
                  ...carried,
                  ...(fed?.arrays ?? opened.data),
                  indices: indexVector(indices),
                  batch_size: int64(fed?.batchSize ?? s.batchSize),
                  learning_rate: float32(learningRate),
                  step: int64(step - s.optimizerStart),
                  seed: uint32(s.seed),
                },
                s.training.inputs,
              ),
              keep: stored.map(({ name }) => Plan.nextOutput(name)),
              free: Object.values(carried),
              // The loop alone reads them, and writes its results when it is done.
              into: Object.fromEntries(Object.entries(carried).map(([name, r]) => [Plan.nextOutput(name), r])),
            }),
            TE.map(({ kept, fetched, milliseconds }) => {
              carried = Object.fromEntries(stored.map(({ name }) => [name, kept[Plan.nextOutput(name)] as Resident]));
              return { results: Totals.stepResults(fetched, s.training.metrics), milliseconds };
            }),
          ),
        validate:
          validation === undefined
            ? undefined
            : pipe(
                TE.fromIO(present),
                TE.chain((weights) =>
                  evaluate(validation.evaluator, validation.plan)(
                    pick(weights, validation.plan.inputs),
                    { feeds: pick(validation.data, validation.plan.inputs), size: validation.size },
                    s.validationBatchSize,
                  ),
                ),
                TE.map((totals) => Totals.logs(totals, s.metrics, 'val_')),
              ),
        weights: pipe(
          TE.fromIO(present),
          TE.chain((all) => s.runtime.download(pick(all, weightNames))),
          TE.map(Storage.plain(stored)),
        ),
        slots: pipe(
          TE.fromIO(present),
          TE.chain((all) => s.runtime.download(pick(all, slotNames.map(Plan.slotInput)))),
          TE.map(Storage.plain(stored)),
          TE.map((arrays) => Object.fromEntries(slotNames.map((n) => [n, arrays[Plan.slotInput(n)] as NdArray]))),
        ),
        restore: (weights) => {
          const all = stored.filter(({ parts }) => parts.every(({ name }) => name in weights));
          return pipe(
            s.runtime.upload(Storage.packed(all, weights)),
            TE.chain((restored) => {
              const old = Object.values(pick(carried, Object.keys(restored)));
              carried = { ...carried, ...restored };
              return s.runtime.free(old);
            }),
          );
        },
        close: async () => {
          const residents = [opened.constants, carried, opened.data, validation?.data ?? {}];
          await s.runtime.free(residents.flatMap((r) => Object.values(r)))();
          await opened.learner.release();
          await validation?.evaluator.release();
        },
      };
    }),
  );
