/** What a program will take: steps, time, memory. Part of `Program.ts`. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Dataset } from '../data/Dataset.ts';
import type { Resolved } from '../model/Resolved.ts';
import { type AnyShape, dims, sample } from '../shape/Shape.ts';
import type { CheckValidation } from './CheckData.ts';
import type { Objective } from './Objective.ts';
import type { Prepared } from './Prepare.ts';
import { type Part, type Program, partInWords, type WrongRun } from './ProgramModel.ts';
import { fitOf, forget, type ProgramSettings, type Whole } from './ProgramPart.ts';
import { checkedParts } from './ProgramRun.ts';
import { slotsOf } from './Slots.ts';
import { anyObjective, resolvedOf } from './Trained.ts';
import type { Samples } from './Trainer.ts';
import type { TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Bytes. What onnxruntime takes for itself comes on top. */
export interface Bytes {
  readonly weights: number;
  readonly slots: number;
  /** Outputs of all layers for a batch and as much again for their gradients: an upper bound, for memory is used again. */
  readonly activations: number;
  /** Training and validation data. */
  readonly data: number;
}

export interface PartEstimate {
  readonly words: string;
  readonly epochs: number;
  readonly steps: number;
  readonly bytes: Bytes;
}

export interface Estimate {
  readonly parts: readonly PartEstimate[];
  readonly epochs: number;
  readonly steps: number;
  /** Training alone, without validation and the loading of graphs; `undefined` where no time of a step is known. */
  readonly milliseconds: number | undefined;
  /** Of the part that takes the most. */
  readonly bytes: Bytes;
}

export interface DataOptions<X, Y, V, S> extends ProgramSettings {
  readonly data: Dataset<X, Y>;
  readonly validation?: V;
  readonly validationSplit?: S;
}

// -------------------------------------------------------------------------------------
// estimate
// -------------------------------------------------------------------------------------

const elements = (shape: AnyShape): number =>
  dims(sample(shape)).reduce<number>((n, d) => n * (typeof d === 'number' ? d : 1), 1);

const product = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

const bytesIn = (samples: Samples | undefined): number =>
  Object.values(samples?.arrays ?? {}).reduce((n, { data }) => n + data.byteLength, 0);

const bytesOf = (resolved: Resolved, prepared: Prepared, part: Part, whole: Whole): Bytes => {
  return {
    weights: 4 * resolved.parameters.reduce((n, p) => n + product(p.shape), 0),
    slots:
      4 *
      Object.values(slotsOf(resolved, prepared.frozen, part.objective ?? whole.objective)).reduce(
        (n, { shape }) => n + product(shape),
        0,
      ),
    activations:
      2 * 4 * prepared.schedule.batchSize * resolved.layers.reduce((n, layer) => n + elements(layer.output), 0),
    data: bytesIn(prepared.data) + bytesIn(prepared.validation?.samples),
  };
};

const total = ({ weights, slots, activations, data }: Bytes): number => weights + slots + activations + data;

const none: Bytes = { weights: 0, slots: 0, activations: 0, data: 0 };

const estimatePart =
  (whole: Whole) =>
  (part: Part): E.Either<TrainingError, PartEstimate> =>
    pipe(
      resolvedOf(whole.objective),
      E.chain((resolved) =>
        pipe(
          fitOf(whole, part, resolved, {
            place: { part: 0, epoch: 0, step: 0, rateFrom: 0, done: [] },
            from: undefined,
            isLast: true,
          }),
          E.chain(({ result }) => result.prepared),
          E.map((prepared) => {
            const { samples, batchSize } = prepared.schedule;
            const { _tag, count } = part.length;
            return {
              words: partInWords(part),
              epochs: _tag === 'Epochs' ? count : 1,
              steps: _tag === 'Epochs' ? count * Math.ceil(samples / batchSize) : count,
              bytes: bytesOf(resolved, prepared, part, whole),
            };
          }),
        ),
      ),
    );

export const estimateParts = (
  whole: Whole,
  all: readonly Part[],
  times: readonly number[] | undefined,
): E.Either<TrainingError, Estimate> =>
  pipe(
    all,
    E.traverseArray(estimatePart(whole)),
    E.map((estimates) => ({
      parts: estimates,
      epochs: estimates.reduce((n, p) => n + p.epochs, 0),
      steps: estimates.reduce((n, p) => n + p.steps, 0),
      milliseconds: times === undefined ? undefined : estimates.reduce((n, p, i) => n + p.steps * (times[i] ?? 0), 0),
      bytes: estimates.reduce((most, { bytes }) => (total(bytes) > total(most) ? bytes : most), none),
    })),
  );

/**
 * Epochs, steps and bytes of a program; and its time, if it is known how long a step takes. Nothing runs. Errors: whatever would be
 * wrong with model, data, numbers or names when it was run.
 *
 * @example
 * pipe(program, P.estimate(objective, { data, stepMilliseconds: 12 })) // Either<TrainingError, Estimate>
 */
export const estimate =
  <
    I,
    O,
    T,
    K extends string,
    X,
    Y,
    V extends Dataset<unknown, unknown> | undefined = undefined,
    S extends number | undefined = undefined,
  >(
    objective: Objective<I, O, T, K>,
    options: DataOptions<X, Y, V & CheckValidation<I, T, V>, S> & { readonly stepMilliseconds?: number },
  ) =>
  <U, R, M extends string>(
    program: [WrongRun<U, I, T, X, Y>] extends [never] ? Program<U, R, M> : WrongRun<U, I, T, X, Y>,
  ): E.Either<TrainingError, Estimate> => {
    const { stepMilliseconds, ...rest } = options;
    return pipe(
      checkedParts(program as Program<U, R, M>),
      E.chain((all) =>
        estimateParts(
          forget(anyObjective(objective), rest),
          all,
          stepMilliseconds === undefined ? undefined : all.map(() => stepMilliseconds),
        ),
      ),
    );
  };
