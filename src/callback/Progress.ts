/**
 * Shows how training goes. Keras: the output of `fit(verbose=...)`.
 */

import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { HasTerminal } from '../training/Environment.ts';
import type { Event, Logs } from '../training/Event.ts';
import { type Callback, fromMachine } from './Attach.ts';
import { type Answer, stay } from './Machine.ts';
import { finished, running, type Shown, summary } from './ProgressText.ts';
import { transient } from './StateCodec.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface ProgressOptions {
  /** 0: silent. 1: a bar for each epoch, rewritten in place. 2: a line for each epoch. Default 1. */
  readonly verbose?: 0 | 1 | 2;
  /** Default `progress`. */
  readonly key?: string;
}

/** Not kept in checkpoints: it is about what stands on a terminal. Times in milliseconds. */
interface State {
  readonly epochs: number;
  readonly target: number | undefined;
  readonly started: number;
  readonly current: number;
  readonly samples: number;
  /** When the first step ended, and how many had ended by then: several when steps are reported together. */
  readonly first: { readonly time: number; readonly steps: number } | undefined;
  readonly drawn: { readonly time: number; readonly width: number } | undefined;
  /** In the order of first appearance. */
  readonly values: Logs;
  /** Epochs of earlier runs, as long as this one has not trained. */
  readonly behind: number;
}

const initial: State = {
  epochs: 0,
  target: undefined,
  started: 0,
  current: 0,
  samples: 0,
  first: undefined,
  drawn: undefined,
  values: {},
  behind: 0,
};

const INTERVAL_MS = 50;

// -------------------------------------------------------------------------------------
// measures
// -------------------------------------------------------------------------------------

/** The first step, which has the warming up in it, is left out as soon as there is another. */
const msPerStep = ({ first, current, started }: State, now: number): number =>
  current === 0
    ? 0
    : first !== undefined && current > first.steps
      ? (now - first.time) / (current - first.steps)
      : (now - started) / current;

const shown = (state: State, now: number): Shown => {
  const elapsedMs = now - state.started;
  return {
    current: state.current,
    target: state.target,
    elapsedMs,
    msPerStep: msPerStep(state, now),
    samplesPerSecond: elapsedMs > 0 && state.samples > 0 ? (1000 * state.samples) / elapsedMs : undefined,
    values: Object.entries(state.values),
  };
};

const counted = (state: State, e: Extract<Event, { readonly _tag: 'StepEnded' }>): State => {
  const current = e.step + 1;
  const first =
    state.first === undefined || state.first.time === e.time ? { time: e.time, steps: current } : state.first;
  return { ...state, current, samples: e.samples, first, values: { ...state.values, ...e.logs }, behind: 0 };
};

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const write =
  (text: string, next: State): Answer<HasTerminal, State> =>
  (r) =>
    pipe(
      TE.fromIO(r.terminal.write(text)),
      TE.map(() => [next, []]),
    );

/** What is left of a longer line before is blanked out. */
const redraw = (state: State, text: string, width: number): string =>
  `\r${text}${' '.repeat(Math.max(0, (state.drawn?.width ?? 0) - width))}`;

const draw =
  (state: State, now: number): Answer<HasTerminal, State> =>
  (r) => {
    const due = state.drawn === undefined || now - state.drawn.time >= INTERVAL_MS;
    if (!r.terminal.isInteractive || !due) return stay(state)(r);
    const line = running(shown(state, now), r.terminal.columns);
    return write(redraw(state, line.text, line.width), { ...state, drawn: { time: now, width: line.width } })(r);
  };

const finish =
  (state: State, now: number, verbose: 1 | 2): Answer<HasTerminal, State> =>
  (r) => {
    if (verbose === 2) return write(`${summary(shown(state, now))}\n`, state)(r);
    const live = r.terminal.isInteractive;
    const line = finished(shown(state, now), live);
    return write(`${live ? redraw(state, line.text, line.width) : line.text}\n`, { ...state, drawn: undefined })(r);
  };

/**
 * Writes Keras's progress output to the terminal.
 *
 * - `verbose: 1`: a bar for each epoch with time left, time per step, samples per second, loss and metrics, rewritten in
 *   place at most every 50 ms; where the terminal is not interactive, only the final line of each epoch.
 * - `verbose: 2`: a line for each epoch.
 * - Before each epoch `Epoch 3/10`, when there are several; where a run goes on within one `Epoch 3/10, from step 51`.
 *
 * A run that goes on where nothing is left to train says so. An epoch that was halted shows the steps it made (Keras
 * shows all of them). To see what other callbacks log, attach it after them. Not kept in checkpoints.
 *
 * Keras: `fit(verbose=...)`, `ProgbarLogger`.
 */
export const progress = (options: ProgressOptions = {}): Callback<HasTerminal> => {
  const { verbose = 1, key = 'progress' } = options;
  return fromMachine()<HasTerminal, State>({
    key,
    codec: transient(initial),
    initial,
    step: (state, event) => {
      if (verbose === 0) return stay(state);
      switch (event._tag) {
        case 'RunStarted': {
          const known = Number.isInteger(event.stepsPerEpoch) && event.stepsPerEpoch > 0;
          const { initialStep = 0 } = event;
          const next: State = {
            ...initial,
            epochs: event.epochs,
            target: known ? event.stepsPerEpoch : undefined,
            started: event.time,
            current: initialStep,
            behind: event.initialEpoch,
          };
          // A run that goes on within an epoch does not tell of its start again.
          return initialStep > 0
            ? write(`Epoch ${event.initialEpoch + 1}/${event.epochs}, from step ${initialStep + 1}\n`, next)
            : stay(next);
        }
        case 'EpochStarted': {
          const next: State = { ...initial, epochs: state.epochs, target: state.target, started: event.time };
          return state.epochs > 1 ? write(`Epoch ${event.epoch + 1}/${state.epochs}\n`, next) : stay(next);
        }
        case 'StepEnded': {
          const next = counted(state, event);
          return verbose === 1 ? draw(next, event.time) : stay(next);
        }
        case 'EpochEnded':
          return finish({ ...state, values: { ...state.values, ...event.logs } }, event.time, verbose);
        case 'RunEnded': {
          if (state.behind === 0 || event.unfinished !== undefined) return stay(state);
          const why = event.halted === undefined ? '' : `, and the run was halted (${event.halted})`;
          return write(`Nothing is left to train: epoch ${state.behind}/${state.epochs} is behind${why}\n`, state);
        }
        default:
          return stay(state);
      }
    },
  });
};
