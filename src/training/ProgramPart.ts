/**
 * A part of a program as a run of `fit`: what the whole program is run with, and what the part says of its own. Part of
 * `Program.ts`.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Callback } from '../callback/Attach.ts';
import type { Run } from '../callback/Run.ts';
import type { Resolved } from '../model/Resolved.ts';
import * as Stream from '../stream/Stream.ts';
import type { AnyDataset } from './Check.ts';
import { event, type Signal } from './Event.ts';
import { type Fit, fit } from './Fit.ts';
import { fitStream } from './FitStream.ts';
import { interruptible } from './Interrupts.ts';
import type { Objective } from './Objective.ts';
import type { Halt } from './Position.ts';
import { type AnySupply, isStreamed } from './ProgramData.ts';
import type { AnyObjective, Part } from './ProgramModel.ts';
import { objectiveOf, untrainedPart } from './ProgramState.ts';
import type { FitSettings, Interruption, Resumption } from './Settings.ts';
import type { HasRun } from './Source.ts';
import type { ProgramPlace, TrainState } from './State.ts';
import { fitError, type TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Settings of `fit`, without what a program says itself. */
export type ProgramSettings = Omit<FitSettings, 'epochs' | 'initialEpoch' | 'sampleWeight' | 'validationSampleWeight'>;

/** Everything, with its types forgotten. */
export interface Whole {
  readonly objective: AnyObjective;
  readonly data: AnySupply;
  readonly validation: AnyDataset | undefined;
  readonly validationSplit: number | undefined;
  readonly settings: ProgramSettings;
  readonly callbacks: Callback<unknown> | undefined;
  readonly resumption: Resumption | undefined;
  readonly interruption: Interruption | undefined;
}

type AnyRun = Run<HasRun, string, Fit<unknown, unknown, unknown, string>, TrainingError>;

/** Where a part begins, and from what. */
export interface Begun {
  readonly place: ProgramPlace;
  readonly from: TrainState | undefined;
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** Options with their types forgotten. */
export const forget = (objective: Objective<never, never, never, never> | AnyObjective, options: object): Whole => {
  const {
    data,
    validation,
    validationSplit,
    callbacks,
    resume,
    interruptible: interruption,
    ...settings
  } = options as {
    readonly data: AnySupply;
    readonly validation?: AnyDataset;
    readonly validationSplit?: number;
    readonly callbacks?: Callback<unknown>;
    readonly resume?: string | Resumption;
    readonly interruptible?: Interruption;
  } & ProgramSettings;
  return {
    objective: objective as AnyObjective,
    data,
    validation,
    validationSplit,
    settings,
    callbacks,
    resumption: typeof resume === 'string' ? { path: resume } : resume,
    interruption,
  };
};

// -------------------------------------------------------------------------------------
// callbacks
// -------------------------------------------------------------------------------------

/** Whether the callback that halted a part is one of the whole program, and so halts that. */
export const haltsProgram = ({ callbacks }: Whole, halted: Halt | undefined): boolean =>
  halted !== undefined && callbacks?.keys.includes(halted.by) === true;

/**
 * The files to go on from: those that were asked for, else the backups of callbacks. Those of later parts come first, for each
 * part removes its own.
 */
export const resumptionOf = (
  { resumption, callbacks }: Pick<Whole, 'resumption' | 'callbacks'>,
  all: readonly Part[],
): Resumption | undefined => {
  if (resumption !== undefined) return resumption;
  const kept = [callbacks, ...all.flatMap((part) => part.callbacks).reverse()].flatMap((one) =>
    one?.resumption === undefined ? [] : [one.resumption],
  );
  const [path, ...fallback] = kept.flatMap((one) => [one.path, ...(one.fallback ?? [])]);
  return path === undefined ? undefined : { path, fallback };
};

/** To the callbacks of a part its end is an end. */
const partEnded = (signal: Signal): Signal => {
  if (signal._tag !== 'Event' || signal.event._tag !== 'RunEnded' || signal.event.unfinished !== 'part') return signal;
  const { unfinished: _, ...ended } = signal.event;
  return event(ended);
};

const attached = (run: AnyRun, { callbacks }: Whole, part: Part): AnyRun => {
  const attach = (to: AnyRun, callback: unknown): AnyRun => (callback as (run: AnyRun) => AnyRun)(to);
  const watched = callbacks === undefined ? run : attach(run, callbacks);
  const { resumption: _, ...rest } = part.callbacks.reduce<AnyRun>(attach, {
    ...watched,
    signals: pipe(watched.signals, Stream.map(partEnded)),
  });
  // What a backup holds is a state of the whole program, which goes on from it before any part does.
  return rest;
};

// -------------------------------------------------------------------------------------
// one part
// -------------------------------------------------------------------------------------

/** Samples to train on, where they are in memory. */
const sizeOf = (data: AnyDataset, split: number | undefined): number =>
  split === undefined ? data.size : Math.floor(data.size * (1 - split));

/** How long the part is. `steps` are one epoch, however many data there are. */
const lengthsOf = ({ length }: Part, { place }: Begun, batchSize: FitSettings['batchSize']): FitSettings =>
  length._tag === 'Epochs'
    ? { epochs: place.epoch + length.count }
    : {
        epochs: place.epoch + 1,
        stepsPerEpoch: length.count,
        repeatData: true,
        ...(batchSize === undefined ? {} : { batchSize }),
      };

/** What has yet to be read cannot be split. */
const checkSplit = ({ data, validation, validationSplit }: Whole, part: Part): E.Either<TrainingError, void> =>
  part.data === undefined && isStreamed(data) && validation === undefined && validationSplit !== undefined
    ? E.left(fitError('run: validationSplit takes its share of data in memory, these are streamed; give `validation`'))
    : E.right(undefined);

/** The part as a run of `fit`, or of `fitStream`. */
export const fitOf = (
  whole: Whole,
  part: Part,
  resolved: Resolved,
  begun: Begun & { readonly isLast: boolean },
): E.Either<TrainingError, AnyRun> => {
  const { place, from, isLast } = begun;
  return pipe(
    objectiveOf(whole.objective, part, place, from),
    E.bindTo('objective'),
    E.chainFirstW(() => checkSplit(whole, part)),
    E.bindW('freeze', () => untrainedPart(resolved, whole.settings.freeze ?? [], part)),
    E.map(({ objective, freeze }): AnyRun => {
      const { weights, seed, freeze: _, ...common } = { ...whole.settings, ...part.settings };
      const own = part.data;
      const data = own?.data ?? whole.data;
      const validation = own?.validation ?? whole.validation;
      const split = own === undefined && whole.validation === undefined ? whole.validationSplit : undefined;
      const batchSize = common.batchSize ?? (isStreamed(data) ? undefined : Math.min(32, sizeOf(data, split)));
      const settings: Omit<FitSettings, 'sampleWeight'> = {
        ...common,
        ...lengthsOf(part, begun, batchSize),
        freeze,
        ...(from === undefined
          ? { ...(weights === undefined ? {} : { weights }), ...(seed === undefined ? {} : { seed }) }
          : { from }),
      };
      const validated = validation === undefined ? {} : { validation: validation as never };
      const plain = (
        isStreamed(data)
          ? fitStream(objective, { ...settings, ...validated, data: data as never })
          : fit(objective, {
              ...settings,
              ...validated,
              data: data as never,
              ...(split === undefined ? {} : { validationSplit: split }),
            })
      ) as AnyRun;
      const follows = (halted: Halt | undefined): boolean => !isLast && !haltsProgram(whole, halted);
      const run = attached({ ...plain, result: { ...plain.result, program: place, follows } }, whole, part);
      return whole.interruption === undefined
        ? run
        : (interruptible(whole.interruption)(run as never) as unknown as AnyRun);
    }),
  );
};
