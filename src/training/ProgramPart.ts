/**
 * A part of a program as a run of `fit`: what the whole program is run with, and what the part says of its own. Part of
 * `Program.ts`.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Callback } from '../callback/Attach.ts';
import type { Run } from '../callback/Run.ts';
import type { Resolved } from '../model/Resolved.ts';
import type { AnyDataset } from './Check.ts';
import { type Fit, fit } from './Fit.ts';
import { interruptible } from './Interrupts.ts';
import type { Objective } from './Objective.ts';
import type { AnyObjective, Part } from './ProgramModel.ts';
import { objectiveOf, untrainedPart } from './ProgramState.ts';
import type { FitSettings, Interruption, Resumption } from './Settings.ts';
import type { HasRun } from './Source.ts';
import type { ProgramPlace, TrainState } from './State.ts';
import type { TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Settings of `fit`, without what a program says itself. */
export type ProgramSettings = Omit<
  FitSettings,
  'epochs' | 'initialEpoch' | 'stepsPerEpoch' | 'repeatData' | 'sampleWeight' | 'validationSampleWeight'
>;

/** Everything, with its types forgotten. */
export interface Whole {
  readonly objective: AnyObjective;
  readonly data: AnyDataset;
  readonly validation: AnyDataset | undefined;
  readonly validationSplit: number | undefined;
  readonly settings: ProgramSettings;
  readonly callbacks: Callback<unknown> | undefined;
  readonly resumption: Resumption | undefined;
  readonly interruption: Interruption | undefined;
}

type AnyRun = Run<HasRun, string, Fit<unknown, unknown, unknown, string>, TrainingError>;

/** What a part is run with, and from where. */
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
    readonly data: AnyDataset;
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
// one part
// -------------------------------------------------------------------------------------

const sizeOf = ({ data, validation, validationSplit }: Whole, part: Part): number =>
  part.data !== undefined
    ? part.data.data.size
    : validation !== undefined || validationSplit === undefined
      ? data.size
      : Math.floor(data.size * (1 - validationSplit));

/** The part as a run of `fit`. */
export const fitOf = (
  whole: Whole,
  part: Part,
  resolved: Resolved,
  { place, from }: Begun,
): E.Either<TrainingError, AnyRun> =>
  pipe(
    objectiveOf(whole.objective, part, place, from),
    E.bindTo('objective'),
    E.bindW('freeze', () => untrainedPart(resolved, whole.settings.freeze ?? [], part)),
    E.map(({ objective, freeze }): AnyRun => {
      const { weights, seed, freeze: _, ...common } = { ...whole.settings, ...part.settings };
      const own = part.data;
      const validation = own?.validation ?? whole.validation;
      const split = own === undefined && whole.validation === undefined ? whole.validationSplit : undefined;
      const lengths: FitSettings =
        part.length._tag === 'Epochs'
          ? { epochs: place.epoch + part.length.count }
          : {
              epochs: place.epoch + 1,
              stepsPerEpoch: part.length.count,
              repeatData: true,
              batchSize: common.batchSize ?? Math.min(32, sizeOf(whole, part)),
            };
      const plain = fit(objective, {
        ...common,
        ...lengths,
        freeze,
        ...(from === undefined
          ? { ...(weights === undefined ? {} : { weights }), ...(seed === undefined ? {} : { seed }) }
          : { from }),
        data: (own?.data ?? whole.data) as never,
        ...(validation === undefined ? {} : { validation: validation as never }),
        ...(split === undefined ? {} : { validationSplit: split }),
      }) as AnyRun;
      const attach = [...(whole.callbacks === undefined ? [] : [whole.callbacks]), ...part.callbacks];
      const attached = attach.reduce<AnyRun>((run, callback) => (callback as unknown as (run: AnyRun) => AnyRun)(run), {
        ...plain,
        result: { ...plain.result, program: place },
      });
      return whole.interruption === undefined
        ? attached
        : (interruptible(whole.interruption)(attached as never) as unknown as AnyRun);
    }),
  );
