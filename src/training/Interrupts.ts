/**
 * Ctrl-C, and the signal with which systems end a program: the run is left between two chunks of steps, saved, and can be
 * gone on with. What signals there are is part of the environment.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { Run } from '../callback/Run.ts';
import type { Tools } from './Directives.ts';
import type { HasFileSystem, HasInterrupts, HasTerminal, Interrupts } from './Environment.ts';
import type { Fit } from './Fit.ts';
import type { Interruption } from './Settings.ts';
import { snapshot } from './Snapshot.ts';
import type { TrainState } from './State.ts';
import * as State from './State.ts';
import type { TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Stops the run, if it has been asked to. Between two events only. */
export type Interrupt = TE.TaskEither<TrainingError, void>;

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * Makes a run one that can be interrupted. At the first SIGINT (Ctrl-C) or SIGTERM it finishes the steps that are under way,
 * saves the train state to `save`, says how to go on, tells its callbacks that it has ended (`RunEnded`, with the reason in
 * `halted`), and results in what was trained, with `interrupted` set and `state` that of the interruption. The second one
 * ends the process, as without this.
 *
 * The state goes on in the middle of the epoch: `T.resume(path)` with the same program gives what it would have given
 * uninterrupted, bit for bit on the CPU.
 *
 * @example
 * pipe(
 *   T.fit(objective, { data, epochs: 100 }),
 *   T.resume('run.safetensors'),
 *   T.interruptible({ save: 'run.safetensors' }),
 *   T.run,
 * )
 */
export const interruptible =
  (options: Interruption = {}) =>
  <R, Keys extends string, I, O, T, K extends string, Err>(
    run: Run<R, Keys, Fit<I, O, T, K>, Err>,
  ): Run<R & HasInterrupts, Keys, Fit<I, O, T, K>, Err> => ({
    ...run,
    result: { ...run.result, interruption: options },
  });

// -------------------------------------------------------------------------------------
// interpreter
// -------------------------------------------------------------------------------------

export interface Interrupted {
  readonly signal: string;
  readonly saved: string | undefined;
  readonly state: TrainState;
}

const farewell = (
  signal: string,
  { step, epoch, program }: TrainState,
  epochs: number,
  saved: string | undefined,
): string =>
  `\nInterrupted (${signal}) after ${step} updates, in epoch ${Math.min(epoch + 1, epochs)} of ${epochs}. ` +
  (saved === undefined
    ? "Nothing was saved; the result's `state` can be gone on with: { from: trained.state }\n"
    : `The train state is in ${saved}; to go on, run the same again with ` +
      `${program === undefined ? `T.resume('${saved}')` : `{ resume: '${saved}' }`}\n`);

/** Listens while `use` runs; what it is given stops the run at the next opportunity once a signal has come. */
export const listening =
  (
    interruption: Interruption | undefined,
    env: HasFileSystem & HasTerminal & Partial<HasInterrupts>,
    tools: Tools,
    epochs: number,
    noted: (interrupted: Interrupted) => void,
  ) =>
  (use: (interrupt: Interrupt) => TE.TaskEither<TrainingError, void>): TE.TaskEither<TrainingError, void> =>
  async () => {
    if (interruption === undefined || env.interrupts === undefined) return use(TE.right(undefined))();
    let signal: string | undefined;
    const stop = env.interrupts.listen((name) => {
      signal = name;
    })();
    const { control } = tools.cell;
    const interrupt: Interrupt = async () => {
      if (signal === undefined || control.interrupted !== undefined) return E.right(undefined);
      const { save } = interruption;
      const left = await pipe(
        snapshot(tools.trainer, tools.cell, tools.fixed),
        TE.chainFirstW((state) =>
          save === undefined
            ? TE.right(undefined)
            : pipe(
                TE.fromEither(State.encodeState(state)),
                TE.chainW((bytes) => env.fileSystem.writeFile(save, bytes)),
              ),
        ),
      )();
      if (E.isLeft(left)) return left;
      control.interrupted = `interrupted by ${signal}`;
      noted({ signal, saved: save, state: left.right });
      env.terminal.write(farewell(signal, left.right, epochs, save))();
      return E.right(undefined);
    };
    try {
      return await use(interrupt)();
    } finally {
      stop();
    }
  };

/**
 * Listens while several runs are made one after the other. A signal that comes between two of them, or in the last moments of
 * one, is told to the next one as soon as it listens: that stops before its first step.
 */
export const listeningThroughout =
  <Env extends Partial<HasInterrupts>>(interruption: Interruption | undefined, env: Env) =>
  <A>(use: (env: Env) => TE.TaskEither<TrainingError, A>): TE.TaskEither<TrainingError, A> =>
  async () => {
    if (interruption === undefined || env.interrupts === undefined) return use(env)();
    let signal: string | undefined;
    const handlers = new Set<(signal: string) => void>();
    const stop = env.interrupts.listen((name) => {
      signal = name;
      for (const handler of handlers) handler(name);
    })();
    const interrupts: Interrupts = {
      listen: (handler) => () => {
        handlers.add(handler);
        if (signal !== undefined) handler(signal);
        return () => {
          handlers.delete(handler);
        };
      },
    };
    try {
      return await use({ ...env, interrupts })();
    } finally {
      stop();
    }
  };
