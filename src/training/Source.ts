/**
 * The source of a run's signals: epochs of steps, as events, each followed by `Settled`. It pulls chunks of steps from
 * the trainer and does what the control says, which whoever consumes the signals may have changed in between. The control
 * has, at every event, all that a train state needs to go on from there; a run that does so skips what was told before.
 */

import type { Either } from 'fp-ts/lib/Either.js';
import * as E from 'fp-ts/lib/Either.js';
import type { Logged } from '../objective/Goal.ts';
import type { Stream } from '../stream/Stream.ts';
import type { HasClock } from './Environment.ts';
import { type Direction, type Event, event, type Logs, type Signal, settled } from './Event.ts';
import type { Fed, Feed } from './Feed.ts';
import { type Orders, orders } from './Order.ts';
import * as Pace from './Pace.ts';
import { type Cursor, epochBegun, type Halt, type Within } from './Position.ts';
import * as Totals from './Totals.ts';
import type { Chunk, Trainer } from './Trainer.ts';
import { fitError, type TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** When there is a validation: after every so many epochs, after these (counted from 1), or after every so many steps. */
export type ValidationFreq = number | readonly number[] | { readonly steps: number };

/** What is fixed for a run. */
export interface Schedule {
  readonly epochs: number;
  /** Of a pass; of streamed data the batches, 0 if they are not known. */
  readonly samples: number;
  /** The data are read batch by batch, and cursors count batches. */
  readonly streamed?: boolean;
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly seed: number;
  /** Steps that one call of the runtime makes; 'auto': see `Pace.ts`. */
  readonly stepsPerRun: number | 'auto';
  /** `undefined`: an epoch is one pass through the data. */
  readonly stepsPerEpoch: number | undefined;
  /** With `stepsPerEpoch`: the data begin anew in the middle of an epoch. */
  readonly repeatData: boolean;
  readonly validationFreq: ValidationFreq;
  readonly directions: Readonly<Record<string, Direction>>;
  readonly metrics: readonly Logged[];
}

/** Where a run begins. */
export interface Start {
  readonly epoch: number;
  readonly callbacks: Readonly<Record<string, unknown>>;
  /** What was announced before and not yet told. */
  readonly pending: readonly Event[];
  /** The rate that the last event told, if the run goes on from the middle of things. */
  readonly shown: number | undefined;
}

/** What directives change, between two events. The one mutable value of a run; whoever runs it owns it. */
export interface Control {
  /** The training graph's input: the rate, or a factor on the rate of the optimizer's schedule. */
  learningRate: number;
  /** The rate that the last event with one told. */
  shown: number;
  /** Updates done. */
  step: number;
  haltEpoch: boolean;
  halted: Halt | undefined;
  /** The run is to be left as it is: no more steps, no validation, no end of the epoch. */
  interrupted: string | undefined;
  /** Events that carrying out directives gave; the source emits them next. */
  readonly pending: Event[];
  cursor: Cursor;
  /** The epoch that has begun and not ended. */
  within: Within | undefined;
  /** Steps that the runtime has made and no event has told yet. A state can be saved only when there are none. */
  untold: number;
}

export interface RunContext {
  readonly trainer: Trainer;
  readonly control: Control;
  readonly start: Start;
  /** No call of the runtime makes steps across a multiple of this: a callback acts on the weights there. */
  readonly grain: number | undefined;
  /** The rate of a step, from the graph's input and the number of updates done before it. */
  readonly rateAt: (input: number, step: number) => number;
  readonly seed: number;
  /** What steps measure besides loss and metrics. */
  readonly probes?: readonly Logged[];
  /** Of streamed data: where batches come from, and the schedule, which is known when the first of them has been read. */
  readonly feed?: Feed;
  readonly schedule?: Schedule;
  /** Whether another part of a program follows on this run, if it ends like that. */
  readonly follows?: (halted: Halt | undefined) => boolean;
}

export interface HasRun {
  readonly run: RunContext;
}

// -------------------------------------------------------------------------------------
// chunks
// -------------------------------------------------------------------------------------

/** Steps until the next multiple, where something looks at the weights. */
const untilNext = (grain: number | undefined, step: number): number =>
  grain === undefined ? Number.POSITIVE_INFINITY : grain - (step % grain);

/** Where an epoch begins: at a new pass, or where the last one stopped. */
const epochStart = ({ stepsPerEpoch, samples, streamed }: Schedule, { pass, at }: Cursor): Cursor =>
  at === 0 || (stepsPerEpoch !== undefined && (streamed === true || at < samples))
    ? { pass, at }
    : { pass: pass + 1, at: 0 };

// -------------------------------------------------------------------------------------
// validation
// -------------------------------------------------------------------------------------

const stepsBetween = ({ validationFreq }: Schedule): number | undefined =>
  typeof validationFreq === 'object' && 'steps' in validationFreq ? validationFreq.steps : undefined;

/** After this step, which is not the first thing in the epoch. */
const dueAtStep = (schedule: Schedule, { totals, validation }: Within, step: number): boolean => {
  const steps = stepsBetween(schedule);
  return steps !== undefined && totals.steps > 0 && step % steps === 0 && validation?.step !== step;
};

/** Keras counts epochs from 1 here. */
const dueAtEnd = ({ validationFreq }: Schedule, { validation }: Within, epoch: number): boolean =>
  validation === undefined &&
  (typeof validationFreq === 'number'
    ? (epoch + 1) % validationFreq === 0
    : !('steps' in validationFreq) && validationFreq.includes(epoch + 1));

// -------------------------------------------------------------------------------------
// interpreter
// -------------------------------------------------------------------------------------

type Emitted = Either<TrainingError, Signal>;

/** What the chunks of a run have in common. */
interface Chunks {
  last: Pace.Call | undefined;
  /** Of the pass that they are in, and of the next when it is near. */
  readonly orders: Orders;
}

/** An event and its settling, then whatever carrying out the directives gave. */
function* emit(control: Control, first: Event | undefined): Generator<Emitted, void> {
  for (let next = first ?? control.pending.shift(); next !== undefined; next = control.pending.shift()) {
    if ('learningRate' in next) control.shown = next.learningRate;
    yield E.right(event(next));
    yield E.right(settled);
  }
}

/** Loss and metrics on the validation data. An error is emitted and ends the run. */
async function* validated(
  { trainer, control }: RunContext,
  within: Within,
  epoch: number,
  now: () => number,
): AsyncGenerator<Emitted, boolean> {
  if (trainer.validate === undefined) return true;
  // A run that goes on from here does not tell of it again.
  if (!within.validating) {
    control.within = { ...within, validating: true };
    yield* emit(control, { _tag: 'ValidationStarted', epoch, time: now() });
    if (control.interrupted !== undefined) return true;
  }
  const result: Either<TrainingError, Logs> = await trainer.validate();
  if (E.isLeft(result)) {
    yield result;
    return false;
  }
  control.within = { ...within, validating: false, validation: { logs: result.right, step: control.step } };
  yield* emit(control, { _tag: 'ValidationEnded', epoch, logs: result.right, time: now() });
  return true;
}

/** What the logs of steps have besides the loss. */
const loggedIn = ({ metrics }: Schedule, { probes = [] }: RunContext): readonly Logged[] => [...metrics, ...probes];

/** Steps of the epoch that has begun; whether the run goes on. */
async function* stepsOf(
  schedule: Schedule,
  context: RunContext,
  epoch: number,
  now: () => number,
  chunks: Chunks,
): AsyncGenerator<Emitted, boolean> {
  const { trainer, control, grain, rateAt, feed } = context;
  const { batchSize, samples, stepsPerEpoch = Number.POSITIVE_INFINITY } = schedule;
  for (;;) {
    const within = control.within ?? epochBegun(control.learningRate);
    if (control.interrupted !== undefined) return true;
    if (dueAtStep(schedule, within, control.step)) {
      const fine = yield* validated(context, within, epoch, now);
      if (!fine) return false;
      if (trainer.validate !== undefined) continue;
    }
    const left = stepsPerEpoch - within.totals.steps;
    if (control.haltEpoch || left <= 0) return true;
    if (feed === undefined && control.cursor.at >= samples) {
      if (!schedule.repeatData) return true;
      control.cursor = { pass: control.cursor.pass + 1, at: 0 };
    }
    const { pass, at } = control.cursor;
    const most = Math.min(
      untilNext(grain, control.step),
      untilNext(stepsBetween(schedule), control.step),
      left,
      feed === undefined ? Math.ceil((samples - at) / batchSize) : Number.POSITIVE_INFINITY,
    );
    const steps =
      schedule.stepsPerRun === 'auto'
        ? Pace.next(trainer.stateBytes, chunks.last, most)
        : Math.min(schedule.stepsPerRun, most);
    const began = now();
    let fed: Fed | undefined;
    if (feed !== undefined) {
      const read: Either<TrainingError, Fed | undefined> = await feed.read(control.cursor, steps)();
      if (E.isLeft(read)) {
        yield read;
        return false;
      }
      fed = read.right;
      if (fed === undefined) {
        const isWhole = stepsPerEpoch === Number.POSITIVE_INFINITY;
        // That a pass is over is seen only here: an epoch that would begin with its end begins with the next pass.
        const goesOn = schedule.repeatData || (!isWhole && within.totals.steps === 0);
        if (at === 0) {
          yield E.left(
            fitError(`fit: pass ${pass + 1} through the data gives no batches; see that the source is not empty`),
          );
          return false;
        }
        if (!isWhole) control.cursor = { pass: pass + 1, at: 0 };
        if (goesOn) continue;
        return true;
      }
    }
    const indices = fed?.indices ?? chunks.orders(pass).slice(at, at + steps * batchSize);
    const input = control.learningRate;
    const learning = trainer.learn(indices, control, fed)();
    // While the runtime makes the last steps of a pass, if another one follows.
    const goesOn = epoch + 1 < schedule.epochs || left > steps;
    if (fed === undefined && goesOn && at + indices.length >= samples) chunks.orders(pass + 1);
    const chunk: Either<TrainingError, Chunk> = await learning;
    if (E.isLeft(chunk)) {
      yield chunk;
      return false;
    }
    const ended = now();
    const { results, milliseconds } = chunk.right;
    const done = Totals.steps(results);
    chunks.last = { steps: done, milliseconds };
    const before = control.step;
    control.step += done;
    control.cursor = fed?.next ?? { pass, at: at + indices.length };
    const learningRate = rateAt(input, control.step - 1);
    let { totals } = within;
    for (let i = 0; i < done && !control.haltEpoch; i++) {
      totals = Totals.add(totals, results, i);
      control.untold = done - 1 - i;
      control.within = { ...within, totals, learningRate };
      yield* emit(control, {
        _tag: 'StepEnded',
        epoch,
        step: totals.steps - 1,
        globalStep: before + i + 1,
        logs: Totals.logs(totals, loggedIn(schedule, context)),
        samples: totals.samples,
        time: began + Math.round(((ended - began) * (i + 1)) / done),
      });
    }
    control.untold = 0;
  }
}

/** The rest of an epoch, or all of it; whether the run goes on. */
async function* epochOf(
  schedule: Schedule,
  context: RunContext,
  epoch: number,
  now: () => number,
  chunks: Chunks,
): AsyncGenerator<Emitted, boolean> {
  const { control, rateAt } = context;
  if (control.within === undefined) {
    const learningRate = rateAt(control.learningRate, control.step);
    control.haltEpoch = false;
    control.cursor = epochStart(schedule, control.cursor);
    control.within = epochBegun(learningRate);
    yield* emit(control, { _tag: 'EpochStarted', epoch, learningRate, time: now() });
  }
  // The rate may have been set at the event.
  if (control.within.totals.steps === 0)
    control.within = { ...control.within, learningRate: rateAt(control.learningRate, control.step) };
  const fine = yield* stepsOf(schedule, context, epoch, now, chunks);
  if (!fine) return false;
  if (control.interrupted !== undefined) return true;
  if (dueAtEnd(schedule, control.within, epoch)) {
    const went = yield* validated(context, control.within, epoch, now);
    if (!went) return false;
    if (control.interrupted !== undefined) return true;
  }
  const { totals, learningRate, validation } = control.within;
  control.within = undefined;
  if (schedule.stepsPerEpoch === undefined || (schedule.streamed !== true && control.cursor.at >= schedule.samples))
    control.cursor = { pass: control.cursor.pass + 1, at: 0 };
  yield* emit(control, {
    _tag: 'EpochEnded',
    epoch,
    // An epoch that was halted before its first step has no means.
    logs: { ...(totals.steps === 0 ? {} : Totals.logs(totals, loggedIn(schedule, context))), ...validation?.logs },
    learningRate,
    time: now(),
  });
  return true;
}

async function* epochs(schedule: Schedule, context: RunContext, now: () => number): AsyncGenerator<Emitted, void> {
  const { control, start, rateAt } = context;
  const chunks: Chunks = { last: undefined, orders: orders(schedule, context.seed) };
  let ended = 0;
  yield* emit(control, {
    _tag: 'RunStarted',
    initialEpoch: start.epoch,
    initialStep: control.within?.totals.steps ?? 0,
    epochs: schedule.epochs,
    stepsPerEpoch:
      schedule.stepsPerEpoch ??
      (schedule.streamed === true ? schedule.samples : Math.ceil(schedule.samples / schedule.batchSize)),
    batchSize: schedule.batchSize,
    learningRate: rateAt(control.learningRate, control.step),
    directions: schedule.directions,
    callbackStates: start.callbacks,
    time: now(),
  });
  control.shown = start.shown ?? control.shown;
  control.pending.push(...start.pending);
  yield* emit(control, undefined);
  const goesOn = (epoch: number): boolean =>
    control.interrupted === undefined &&
    (control.within !== undefined || (epoch < schedule.epochs && control.halted === undefined));
  for (let epoch = start.epoch; goesOn(epoch); epoch++) {
    const fine = yield* epochOf(schedule, context, epoch, now, chunks);
    if (!fine) return;
    if (control.within === undefined) ended++;
  }
  const halted = control.interrupted ?? control.halted?.reason;
  const unfinished =
    control.interrupted !== undefined ? 'interrupted' : context.follows?.(control.halted) === true ? 'part' : undefined;
  yield* emit(control, {
    _tag: 'RunEnded',
    epochs: ended,
    halted,
    ...(unfinished === undefined ? {} : { unfinished }),
    time: now(),
  });
}

/** The signals of a run. */
export const signals =
  (schedule: Schedule): Stream<HasRun & HasClock, TrainingError, Signal> =>
  ({ run, clock }) =>
    epochs(schedule, run, clock.now);
