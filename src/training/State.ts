/**
 * The train state: everything a run is, between two events, as one value with one codec.
 *
 * Law: n + m epochs in one go equal n epochs, a checkpoint, and m epochs from it, bit for bit on the CPU with the same
 * number of threads. Shuffles and dropout masks follow from `seed`, `epoch` and `step`, so they need no state of their own.
 *
 * The law holds at every moment at which a state can be saved, not only at the ends of epochs: `position` says how far the
 * epoch, its validation and the pass through the data have come.
 *
 * A checkpoint is one safetensors file. Tensors are named as the model's parameters, optimizer slots `slot/NAME`, weights
 * that a callback wants to come back to `remembered/SLOT/NAME`, the sums of the epoch at hand `epoch/NAME`; the rest is JSON
 * in `__metadata__`. A weights file has the parameters only, and any safetensors reader opens it. Files of format version 1
 * have no position: their states begin the epoch that was under way again.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import { PathReporter } from 'io-ts/lib/PathReporter.js';
import * as History from '../callback/History.ts';
import type { FormatError } from '../format/FormatError.ts';
import * as Safetensors from '../format/Safetensors.ts';
import type { ParameterSpec } from '../model/Resolved.ts';
import type { NdArray } from '../shape/NdArray.ts';
import * as Position from './Position.ts';
import { type CheckpointError, checkpointError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Arrays by parameter name. */
export type Weights = Readonly<Record<string, NdArray>>;

export interface TrainState {
  /** Parameters and running statistics. */
  readonly weights: Weights;
  /** What the optimizer remembers, by its own names. */
  readonly slots: Weights;
  /** Weights that callbacks asked to remember (`earlyStopping` with `restoreBestWeights`), by the name they gave. */
  readonly remembered: Readonly<Record<string, Weights>>;
  /** Epochs that have ended; the next one has this number. */
  readonly epoch: number;
  /** Updates done. */
  readonly step: number;
  readonly seed: number;
  readonly learningRate: number;
  /** Threads within an operator: with another number the last bits of long sums may differ. */
  readonly threads: number;
  /** States of callbacks by key, encoded. */
  readonly callbacks: Readonly<Record<string, unknown>>;
  readonly history: History.History;
  /** How far the epoch and the pass through the data have come. Without it: at the start of epoch `epoch`. */
  readonly position?: Position.Position | undefined;
  /** Updates that were done when the optimizer began with new slots: it counts its steps from there. Default 0. */
  readonly optimizerStart?: number | undefined;
  /** Which part of a program is under way. */
  readonly program?: ProgramPlace | undefined;
  /** JSON that belongs to the model, by name: fitted preprocessing, names of classes. See `fit`'s setting of that name. */
  readonly attached?: Attached | undefined;
}

/** JSON values by name. */
export type Attached = Readonly<Record<string, unknown>>;

/** Where a program has got to: everything that its next part needs to know of those before it. */
export interface ProgramPlace {
  /** The part that is under way, counted from 0. */
  readonly part: number;
  /** Epochs and updates done when it began. */
  readonly epoch: number;
  readonly step: number;
  /** Updates done when the first of the consecutive parts with this learning rate began: schedules count from there. */
  readonly rateFrom: number;
  /** The parts that are done, in words: another program is told by them. */
  readonly done: readonly string[];
}

/** What a checkpoint file holds. */
export type Checkpoint =
  | { readonly _tag: 'Weights'; readonly weights: Weights }
  | { readonly _tag: 'State'; readonly state: TrainState };

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

/** The state with the epoch that is under way not yet begun: its steps are done again, from the weights of now. */
export const fromEpochStart = (state: TrainState): TrainState => {
  const { position, ...rest } = state;
  return position === undefined
    ? state
    : {
        ...rest,
        position: {
          ...position,
          cursor: { ...position.cursor, at: 0 },
          within: undefined,
          halted: undefined,
          pending: [],
        },
      };
};

// -------------------------------------------------------------------------------------
// codec
// -------------------------------------------------------------------------------------

/** Of the file format; a reader refuses a newer one. */
const version = 2;

const slotPrefix = 'slot/';
const rememberedPrefix = 'remembered/';

const prefixed = (prefix: string, arrays: Weights): Weights =>
  Object.fromEntries(Object.entries(arrays).map(([name, a]) => [prefix + name, a]));

/** A name without slashes, so that one behind it ends it: callbacks' names have paths in them. */
const escaped = (name: string): string => name.replaceAll('%', '%25').replaceAll('/', '%2F');
const unescaped = (name: string): string => name.replaceAll('%2F', '/').replaceAll('%25', '%');

const Counters = t.type({
  epoch: t.number,
  step: t.number,
  seed: t.number,
  learningRate: t.number,
  threads: t.number,
  callbacks: t.record(t.string, t.unknown),
  history: History.codec,
});

const Place = t.type({
  part: t.number,
  epoch: t.number,
  step: t.number,
  rateFrom: t.number,
  done: t.readonlyArray(t.string),
});

/** Since version 2. */
const Since2 = t.partial({
  position: t.unknown,
  optimizerStart: t.number,
  program: Place,
  attached: t.record(t.string, t.unknown),
});

const Counted = t.intersection([Counters, Since2]);

const metadata = (kind: 'weights' | 'state', rest: Readonly<Record<string, string>> = {}) => ({
  format: 'grad-ts',
  version: String(version),
  kind,
  ...rest,
});

export const encodeWeights = (weights: Weights): E.Either<FormatError, Uint8Array> =>
  Safetensors.encode(weights, metadata('weights'), { checksum: true });

export const encodeState = ({
  weights,
  slots,
  remembered,
  position,
  ...counters
}: TrainState): E.Either<FormatError, Uint8Array> => {
  const kept = Object.entries(remembered).map(([slot, all]) => prefixed(`${rememberedPrefix}${escaped(slot)}/`, all));
  const place = position === undefined ? { json: undefined, tensors: {} } : Position.encode(position);
  return Safetensors.encode(
    Object.assign({}, weights, prefixed(slotPrefix, slots), ...kept, place.tensors) as Weights,
    metadata('state', { state: JSON.stringify({ ...Counters.encode(counters), position: place.json }) }),
    { checksum: true },
  );
};

const parse = (json: string): E.Either<string, unknown> => E.tryCatch(() => JSON.parse(json), String);

type Counters = Omit<TrainState, 'weights' | 'slots' | 'remembered'>;

const decodeCounters = (json: string, sums: Weights): E.Either<CheckpointError, Counters> =>
  pipe(
    parse(json),
    E.chain((value) =>
      pipe(
        Counted.decode(value),
        E.mapLeft((e) => PathReporter.report(E.left(e)).join('; ')),
      ),
    ),
    E.chain(
      ({ position, ...rest }): E.Either<string, Counters> =>
        position === undefined || position === null
          ? E.right(rest)
          : pipe(
              Position.decode(position, sums),
              E.map((decoded) => ({ ...rest, position: decoded })),
            ),
    ),
    E.mapLeft((why) => checkpointError(`the train state in the checkpoint does not decode: ${why}`)),
  );

const decodeKind = (
  tensors: Weights,
  meta: Readonly<Record<string, string>>,
): E.Either<CheckpointError, Checkpoint> => {
  if (meta.format !== 'grad-ts' || meta.kind === 'weights') return E.right({ _tag: 'Weights', weights: tensors });
  const { sums, ...arrays } = sorted(tensors);
  return pipe(
    decodeCounters(meta.state ?? '', sums),
    E.map((counters) => ({ _tag: 'State', state: { ...counters, ...arrays } })),
  );
};

/** The tensors of a state, each where it belongs. */
const sorted = (
  tensors: Weights,
): Pick<TrainState, 'weights' | 'slots' | 'remembered'> & { readonly sums: Weights } => {
  const weights: Record<string, NdArray> = {};
  const sums: Record<string, NdArray> = {};
  const slots: Record<string, NdArray> = {};
  const remembered: Record<string, Record<string, NdArray>> = {};
  for (const [name, array] of Object.entries(tensors)) {
    if (name.startsWith(slotPrefix)) slots[name.slice(slotPrefix.length)] = array;
    else if (name.startsWith(Position.totalsPrefix)) sums[name] = array;
    else if (name.startsWith(rememberedPrefix)) {
      const rest = name.slice(rememberedPrefix.length);
      const end = rest.indexOf('/');
      const slot = unescaped(rest.slice(0, end));
      remembered[slot] = { ...remembered[slot], [rest.slice(end + 1)]: array };
    } else weights[name] = array;
  }
  return { weights, slots, remembered, sums };
};

/** Ours have a checksum, and one that has lost it was altered; a file of other software need not have any. */
const contents = (bytes: Uint8Array): E.Either<FormatError, Safetensors.Contents> =>
  pipe(
    Safetensors.decode(bytes, { requireChecksum: true }),
    E.orElse((error) =>
      error._tag === 'NoChecksum'
        ? pipe(
            Safetensors.decode(bytes),
            E.chain((foreign) => (foreign.metadata.format === 'grad-ts' ? E.left(error) : E.right(foreign))),
          )
        : E.left(error),
    ),
  );

/** Any safetensors file is read as weights; one of ours that is newer, torn or altered is refused. */
export const decode = (bytes: Uint8Array): E.Either<CheckpointError | FormatError, Checkpoint> =>
  pipe(
    contents(bytes),
    E.chainW(({ tensors, metadata: meta }) =>
      meta.format === 'grad-ts' && Number(meta.version) > version
        ? E.left(
            checkpointError(
              `the checkpoint has format version ${meta.version}, this library reads up to ${version}: update grad-ts`,
            ),
          )
        : decodeKind(tensors, meta),
    ),
  );

export const weightsOf = (checkpoint: Checkpoint): Weights =>
  checkpoint._tag === 'State' ? checkpoint.state.weights : checkpoint.weights;

// -------------------------------------------------------------------------------------
// checks
// -------------------------------------------------------------------------------------

const showShape = (shape: readonly number[]): string => `[${shape.join(',')}]`;

const mismatches = (parameters: readonly ParameterSpec[], weights: Weights): readonly string[] => {
  const known = new Set(parameters.map((p) => p.name));
  const wrong = parameters.flatMap((p) => {
    const array = weights[p.name];
    if (array === undefined) return [`${p.name} is missing`];
    return array.shape.join() === p.shape.join() && array.dtype === 'float32'
      ? []
      : [`${p.name} is ${array.dtype}${showShape(array.shape)}, the model's is float32${showShape(p.shape)}`];
  });
  return [
    ...wrong,
    ...Object.keys(weights).flatMap((name) => (known.has(name) ? [] : [`${name} is not in the model`])),
  ];
};

/** The weights, if they are exactly those of the model: every difference is listed. */
export const checkWeights =
  (parameters: readonly ParameterSpec[]) =>
  (weights: Weights): E.Either<CheckpointError, Weights> => {
    const wrong = mismatches(parameters, weights);
    return wrong.length === 0
      ? E.right(weights)
      : E.left(checkpointError(`the weights are not of this model: ${wrong.join('; ')}`));
  };
