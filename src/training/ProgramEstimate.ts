/** What a program will take: steps, time, memory. Part of `Program.ts`. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Dataset } from '../data/Dataset.ts';
import type { Resolved } from '../model/Resolved.ts';
import { type AnyShape, dims, sample } from '../shape/Shape.ts';
import type { CheckValidation } from './CheckData.ts';
import type { Fit } from './Fit.ts';
import type { Objective } from './Objective.ts';
import type { Prepared } from './Prepare.ts';
import type { Supply } from './ProgramData.ts';
import { type Part, type Program, partInWords, type WrongRun } from './ProgramModel.ts';
import { fitOf, forget, type ProgramSettings, type Whole } from './ProgramPart.ts';
import { checkedParts } from './ProgramRun.ts';
import { slotsOf } from './Slots.ts';
import { anyObjective, resolvedOf } from './Trained.ts';
import type { Samples } from './Trainer.ts';
import { fitError, type TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Bytes. What onnxruntime takes for itself comes on top. */
export interface Bytes {
  readonly weights: number;
  readonly slots: number;
  /** Outputs of all layers for a batch and as much again for their gradients: an upper bound, for memory is used again. */
  readonly activations: number;
  /** Training and validation data; of streamed data one batch. */
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

export interface DataOptions<X, Y, V, S, R = unknown> extends ProgramSettings {
  readonly data: Supply<X, Y, R>;
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

/** Steps of a part that begins with a new pass. An epoch that comes to the end of the data is shorter. */
const stepsIn = ({ length }: Part, { schedule }: Prepared): number => {
  const { samples, batchSize, stepsPerEpoch, repeatData, streamed } = schedule;
  const { _tag, count } = length;
  const pass = streamed === true ? samples : Math.ceil(samples / batchSize);
  if (_tag === 'Steps') return count;
  if (stepsPerEpoch === undefined) return count * pass;
  if (repeatData || pass === 0) return count * stepsPerEpoch;
  const epochs = Math.ceil(pass / stepsPerEpoch);
  return Math.floor(count / epochs) * pass + (count % epochs) * stepsPerEpoch;
};

/** A part by itself, and what is known of it before it runs. */
export const previewed = (whole: Whole, part: Part): E.Either<TrainingError, Preview> =>
  pipe(
    resolvedOf(whole.objective),
    E.bindTo('resolved'),
    E.bindW('fit', ({ resolved }) =>
      pipe(
        fitOf(whole, part, resolved, {
          place: { part: 0, epoch: 0, step: 0, rateFrom: 0, done: [] },
          from: undefined,
          isLast: true,
        }),
        E.map(({ result }) => result),
      ),
    ),
    E.map(({ resolved, fit }) => ({ part, resolved, fit })),
  );

interface Preview {
  readonly part: Part;
  readonly resolved: Resolved;
  readonly fit: Pick<Fit<unknown, unknown, unknown, string>, 'prepared' | 'deferred'>;
}

export const estimatePart =
  (whole: Whole) =>
  ({ part, resolved }: Preview, prepared: Prepared): PartEstimate => ({
    words: partInWords(part),
    epochs: part.length._tag === 'Epochs' ? part.length.count : 1,
    steps: stepsIn(part, prepared),
    bytes: bytesOf(resolved, prepared, part, whole),
  });

/** The whole from its parts, and the milliseconds of a step of each, if they are known. */
export const estimateOf = (parts: readonly PartEstimate[], times: readonly number[] | undefined): Estimate => ({
  parts,
  epochs: parts.reduce((n, p) => n + p.epochs, 0),
  steps: parts.reduce((n, p) => n + p.steps, 0),
  milliseconds: times === undefined ? undefined : parts.reduce((n, p, i) => n + p.steps * (times[i] ?? 0), 0),
  bytes: parts.reduce((most, { bytes }) => (total(bytes) > total(most) ? bytes : most), none),
});

const unread = (part: Part): TrainingError =>
  fitError(
    `estimate: ${partInWords(part)}: how much a batch is shows only when streamed data are read; take \`measure\`, which reads the ` +
      'first of them',
  );

/**
 * Epochs, steps and bytes of a program; and its time, if it is known how long a step takes. Nothing runs. Errors: whatever would be
 * wrong with model, data, numbers or names when it was run; and for streamed data, of which nothing is known before they are read.
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
    const whole = forget(anyObjective(objective), rest);
    return pipe(
      checkedParts(program as Program<U, R, M>),
      E.chain(
        E.traverseArray((part) =>
          pipe(
            previewed(whole, part),
            E.chain((preview) =>
              preview.fit.deferred === undefined
                ? pipe(
                    preview.fit.prepared,
                    E.map((prepared) => estimatePart(whole)(preview, prepared)),
                  )
                : E.left(unread(part)),
            ),
          ),
        ),
      ),
      E.map((parts) =>
        estimateOf(parts, stepMilliseconds === undefined ? undefined : parts.map(() => stepMilliseconds)),
      ),
    );
  };
