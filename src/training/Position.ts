/**
 * Where a run stands between two of its events: all that it has to know, besides weights and slots, to go on as if it had
 * not stopped. Position of the data, totals of the epoch so far, and what is announced but not yet told.
 *
 * Law: a run that goes on from a position gives the events that the run it was taken from would have given next.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import { decodeWith, float, maybe, sinceAdded } from '../callback/StateCodec.ts';
import type { NdArray } from '../shape/NdArray.ts';
import type { Event, Logs } from './Event.ts';
import * as Totals from './Totals.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** In which pass through the data, counted from 0, and how many samples of it are behind. A pass is one shuffle. */
export interface Cursor {
  readonly pass: number;
  readonly at: number;
}

/** What an epoch that has begun amounts to so far. */
export interface Within {
  readonly totals: Totals.Totals;
  /** The rate of the last step. */
  readonly learningRate: number;
  /** Of the last validation in this epoch, and after how many updates that was. */
  readonly validation: { readonly logs: Logs; readonly step: number } | undefined;
  /** A validation has been announced and has not ended. */
  readonly validating: boolean;
  /** A callback halted the epoch: no more steps, its validation and its end are still to come. */
  readonly halted: boolean;
}

/** Who halted a run, and why. */
export interface Halt {
  /** The key of the callback. */
  readonly by: string;
  readonly reason: string;
}

/** What carrying out directives has announced, without its time and without weights, which are those of the state. */
export type Pending =
  | { readonly _tag: 'WeightsRead'; readonly by: string }
  /** One of several saves that were asked for at once: it is yet to be carried out, and then told. */
  | { readonly _tag: 'Save'; readonly from: string; readonly path: string; readonly what: 'weights' | 'state' }
  | { readonly _tag: 'CheckpointSaved'; readonly path: string }
  | { readonly _tag: 'LearningRateChanged'; readonly from: number; readonly to: number };

/** What a cursor counts in: with other data, or in batches of another size, it means nothing. */
export interface Visited {
  readonly size: number;
  readonly batchSize: number;
  readonly shuffle: boolean;
}

export interface Position {
  readonly cursor: Cursor;
  readonly visited: Visited;
  /** `undefined` between epochs. */
  readonly within: Within | undefined;
  readonly halted: Halt | undefined;
  /** The rate that the last event with one told. */
  readonly shown: number;
  /** The weights were put back by a callback, and no step has changed them since. */
  readonly restored: boolean;
  /** The model had the optimizer's averages of the weights for the time being; the state has its own. */
  readonly averages: boolean;
  /** Names of the parameters that are not trained, where a callback has chosen them; else they are those of the settings. */
  readonly frozen: readonly string[] | undefined;
  readonly pending: readonly Pending[];
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** The position of states that have none (of version 1, or made by hand): the start of the epoch. */
export const atEpoch = (epoch: number): Cursor => ({ pass: epoch, at: 0 });

export const epochBegun = (learningRate: number): Within => ({
  totals: Totals.empty,
  learningRate,
  validation: undefined,
  validating: false,
  halted: false,
});

/** An announced event that waits to be told. */
export const pendingOf = (event: Event): readonly Pending[] => {
  switch (event._tag) {
    case 'CheckpointSaved':
      return [{ _tag: event._tag, path: event.path }];
    case 'WeightsRead':
      return [{ _tag: event._tag, by: event.by }];
    case 'LearningRateChanged':
      return [{ _tag: event._tag, from: event.from, to: event.to }];
    default:
      return [];
  }
};

/** The event, told anew. */
export const announcement =
  (weights: Readonly<Record<string, NdArray>>, time: number) =>
  (pending: Exclude<Pending, { readonly _tag: 'Save' }>): Event =>
    pending._tag === 'WeightsRead' ? { ...pending, weights, time } : { ...pending, time };

// -------------------------------------------------------------------------------------
// codec
// -------------------------------------------------------------------------------------

/** Totals are sums whose every bit counts: they are tensors in the file, by these names. */
const lossName = 'epoch/loss';
const countsName = 'epoch/counts';
const metricPrefix = 'epoch/metric/';

const escaped = (name: string): string => name.replaceAll('%', '%25').replaceAll('/', '%2F');
const unescaped = (name: string): string => name.replaceAll('%2F', '/').replaceAll('%25', '%');

const float64 = (data: Float64Array): NdArray => ({ dtype: 'float64', shape: [data.length], data });

export const totalsPrefix = 'epoch/';

const encodeTotals = ({ steps, samples, loss, metrics }: Totals.Totals): Readonly<Record<string, NdArray>> => ({
  [countsName]: float64(Float64Array.of(steps, samples)),
  [lossName]: float64(Float64Array.of(loss)),
  ...Object.fromEntries(
    Object.entries(metrics).flatMap(([metric, states]) =>
      Object.entries(states).map(([state, sums]) => [
        `${metricPrefix}${escaped(metric)}/${escaped(state)}`,
        float64(sums),
      ]),
    ),
  ),
});

const doubles = (array: NdArray | undefined): Float64Array =>
  array?.data instanceof Float64Array ? array.data : new Float64Array();

const decodeTotals = (tensors: Readonly<Record<string, NdArray>>): E.Either<string, Totals.Totals> => {
  const [steps, samples] = doubles(tensors[countsName]);
  const [loss] = doubles(tensors[lossName]);
  if (steps === undefined || samples === undefined || loss === undefined)
    return E.left(`the totals of the epoch (${countsName}, ${lossName}) are missing or are no float64`);
  const metrics: Record<string, Record<string, Float64Array>> = {};
  for (const [name, array] of Object.entries(tensors)) {
    if (!name.startsWith(metricPrefix)) continue;
    const [metric = '', state = ''] = name.slice(metricPrefix.length).split('/').map(unescaped);
    metrics[metric] = { ...metrics[metric], [state]: doubles(array) };
  }
  return E.right({ steps, samples, loss, metrics });
};

const WithinCodec = t.type({
  learningRate: float,
  validation: maybe(t.type({ logs: t.record(t.string, float), step: t.number })),
  validating: t.boolean,
  halted: t.boolean,
});

const PendingCodec = t.union([
  t.type({ _tag: t.literal('WeightsRead'), by: t.string }),
  t.type({
    _tag: t.literal('Save'),
    from: t.string,
    path: t.string,
    what: t.union([t.literal('weights'), t.literal('state')]),
  }),
  t.type({ _tag: t.literal('CheckpointSaved'), path: t.string }),
  t.type({ _tag: t.literal('LearningRateChanged'), from: float, to: float }),
]);

const codec = t.type({
  cursor: t.type({ pass: t.number, at: t.number }),
  visited: t.type({ size: t.number, batchSize: t.number, shuffle: t.boolean }),
  within: maybe(WithinCodec),
  halted: maybe(t.type({ by: t.string, reason: t.string })),
  shown: float,
  restored: t.boolean,
  averages: t.boolean,
  frozen: sinceAdded(maybe(t.readonlyArray(t.string)), undefined),
  pending: t.readonlyArray(PendingCodec),
});

/** As JSON, and the tensors that go with it. */
export const encode = (
  position: Position,
): { readonly json: unknown; readonly tensors: Readonly<Record<string, NdArray>> } => ({
  json: codec.encode(position),
  tensors: position.within === undefined ? {} : encodeTotals(position.within.totals),
});

export const decode = (json: unknown, tensors: Readonly<Record<string, NdArray>>): E.Either<string, Position> =>
  pipe(
    decodeWith(codec)(json),
    E.chain(
      ({ within, ...rest }): E.Either<string, Position> =>
        within === undefined
          ? E.right({ ...rest, within })
          : pipe(
              decodeTotals(tensors),
              E.map((totals) => ({ ...rest, within: { ...within, totals } })),
            ),
    ),
  );
