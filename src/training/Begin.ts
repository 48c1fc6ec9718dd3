/**
 * Where a run begins: at initial weights, at a train state that was given, or at one from a file; and what has to be said
 * before its first step.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as O from 'fp-ts/lib/Option.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import * as History from '../callback/History.ts';
import type { HasFileSystem } from './Environment.ts';
import type { Fit } from './Fit.ts';
import { atEpoch, type Cursor, type Visited } from './Position.ts';
import { checkFrom, type Prepared } from './Prepare.ts';
import { type Found, find, fitting } from './Resume.ts';
import type { FitSettings, Resumption } from './Settings.ts';
import type { Cell } from './Snapshot.ts';
import type { Schedule } from './Source.ts';
import type { TrainState } from './State.ts';
import { inFile } from './Trained.ts';
import { fitError, type TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// what is said before the first step
// -------------------------------------------------------------------------------------

/** Long sums are split among threads, so their last bits depend on how many there are. */
const ofThreads = (from: TrainState | undefined, threads: number): readonly string[] =>
  from === undefined || from.threads === threads
    ? []
    : [
        `the train state was made with ${from.threads} threads, this runtime has ${threads}; the last bits of results may ` +
          `differ. Take { threads: ${from.threads} } to have the same`,
      ];

const ofShortEpochs = ({ stepsPerEpoch, repeatData, samples, batchSize, streamed }: Schedule): readonly string[] => {
  const batches = streamed === true ? samples : Math.ceil(samples / batchSize);
  return stepsPerEpoch === undefined || repeatData || batches % stepsPerEpoch === 0
    ? []
    : [
        `the data have ${batches} batches, which is no multiple of stepsPerEpoch: ${stepsPerEpoch}; an epoch that comes to ` +
          'the end of the data is shorter. Take { repeatData: true } to begin the data anew there',
      ];
};

export const warnings = ({ from, found }: Beginning, schedule: Schedule, threads: number): readonly string[] => [
  ...(found?.refused ?? []).map((error) => `${error.message}; going on from ${found?.path}`),
  ...ofThreads(from, threads),
  ...ofShortEpochs(schedule),
];

// -------------------------------------------------------------------------------------
// where it begins
// -------------------------------------------------------------------------------------

export interface Beginning {
  readonly from: TrainState | undefined;
  /** Files that were passed over, and the one that was taken. */
  readonly found: Found | undefined;
}

/** The file to go on from, or the state that was given, or neither. */
export const begin = (
  settings: FitSettings,
  resumption: Resumption | undefined,
  { resolved }: Prepared,
  env: HasFileSystem,
): TE.TaskEither<TrainingError, Beginning> =>
  resumption === undefined
    ? TE.right({ from: settings.from, found: undefined })
    : pipe(
        find(resumption, fitting(resolved.parameters))(env),
        TE.chainEitherKW(
          O.match(
            (): E.Either<TrainingError, Beginning> => E.right({ from: settings.from, found: undefined }),
            (found) =>
              pipe(
                checkFrom({ from: found.state, ...(settings.seed === undefined ? {} : { seed: settings.seed }) }),
                E.mapLeft(inFile(found.path)),
                E.map(() => ({ from: found.state, found })),
              ),
          ),
        ),
      );

export const visitedOf = ({ samples, batchSize, shuffle }: Schedule): Visited => ({
  size: samples,
  batchSize,
  shuffle,
});

const show = ({ size, batchSize, shuffle }: Visited): string =>
  `batches of ${batchSize} of ${size === 0 ? 'streamed' : size} samples${shuffle ? ', shuffled' : ''}`;

const isSame = (a: Visited, b: Visited): boolean =>
  a.size === b.size && a.batchSize === b.batchSize && a.shuffle === b.shuffle;

/** A place in a pass through the data means nothing in other data. */
export const checkPlace = (from: TrainState | undefined, schedule: Schedule): E.Either<TrainingError, void> => {
  const here = visitedOf(schedule);
  const position = from?.position;
  return position?.within === undefined || isSame(position.visited, here)
    ? E.right(undefined)
    : E.left(
        fitError(
          `fit: the train state to go on from was saved within epoch ${(from?.epoch ?? 0) + 1}, in ${show(position.visited)}; this run ` +
            `has ${show(here)}. Take the same data and options, or begin that epoch again: { from: T.fromEpochStart(state) }`,
        ),
      );
};

const cursorOf = (from: TrainState | undefined, schedule: Schedule, initialEpoch: number): Cursor => {
  const position = from?.position;
  if (from === undefined || position === undefined) return atEpoch(from?.epoch ?? initialEpoch);
  const { cursor, visited } = position;
  return cursor.at === 0 || isSame(visited, visitedOf(schedule)) ? cursor : { pass: cursor.pass + 1, at: 0 };
};

/** The mutable state of the run, as the train state left it. */
export const cellOf = <I, O, T, K extends string>(
  { objective, settings, program }: Fit<I, O, T, K>,
  { from, found }: Beginning,
  schedule: Schedule,
  frozen: ReadonlySet<string>,
): Cell => {
  const position = from?.position;
  const initialEpoch = settings.initialEpoch ?? 0;
  return {
    control: {
      learningRate: from?.learningRate ?? Math.fround(objective.optimizer.learningRate),
      step: from?.step ?? 0,
      shown: Number.NaN,
      haltEpoch: position?.within?.halted ?? false,
      // Who gives a state by hand wants to go on; who resumes wants what would have been.
      halted: found === undefined && program === undefined ? undefined : position?.halted,
      interrupted: undefined,
      pending: [],
      cursor: cursorOf(from, schedule, initialEpoch),
      within: position?.within,
      untold: 0,
    },
    remembered: new Map(Object.entries(from?.remembered ?? {})),
    callbacks: { ...from?.callbacks },
    history: from?.history ?? History.empty,
    epoch: from?.epoch ?? initialEpoch,
    restored: position?.restored ?? false,
    optimizerStart: from?.optimizerStart ?? 0,
    frozen,
    rechosen: position?.frozen !== undefined,
  };
};
