/**
 * The source of a run's signals: epochs of steps, as events, each followed by `Settled`. It pulls chunks of steps from
 * the trainer and does what the control says, which whoever consumes the signals may have changed in between.
 */

import type { Either } from 'fp-ts/lib/Either.js';
import * as E from 'fp-ts/lib/Either.js';
import { derive, permutation } from '../data/Random.ts';
import type { AnyMetric } from '../objective/Metric.ts';
import type { Stream } from '../stream/Stream.ts';
import type { HasClock } from './Environment.ts';
import { type Direction, type Event, event, type Logs, type Signal, settled } from './Event.ts';
import * as Totals from './Totals.ts';
import type { Chunk, Trainer } from './Trainer.ts';
import type { TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** What is fixed for a run. */
export interface Schedule {
  readonly epochs: number;
  readonly samples: number;
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly seed: number;
  /** Steps that one call of the runtime makes; 'auto' aims at a third of a second. */
  readonly stepsPerRun: number | 'auto';
  readonly directions: Readonly<Record<string, Direction>>;
  readonly metrics: readonly AnyMetric[];
}

/** Where a run begins. */
export interface Start {
  readonly epoch: number;
  readonly step: number;
  readonly callbacks: Readonly<Record<string, unknown>>;
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
  halted: string | undefined;
  /** Events that carrying out directives gave; the source emits them next. */
  readonly pending: Event[];
}

export interface RunContext {
  readonly trainer: Trainer;
  readonly control: Control;
  readonly start: Start;
  /** No call of the runtime makes steps across a multiple of this: a callback acts on the weights there. */
  readonly grain: number | undefined;
  /** The rate of a step, from the graph's input and the number of updates done before it. */
  readonly rateAt: (input: number, step: number) => number;
}

export interface HasRun {
  readonly run: RunContext;
}

// -------------------------------------------------------------------------------------
// chunks
// -------------------------------------------------------------------------------------

/** Milliseconds that a call of the runtime should take: long enough to pay for itself, short enough to stay live. */
const target = 300;

/** How many steps the next call makes, from what the last one took. Results do not depend on it. */
const nextLength = (
  schedule: Schedule,
  last: { readonly steps: number; readonly milliseconds: number } | undefined,
) => {
  if (schedule.stepsPerRun !== 'auto') return schedule.stepsPerRun;
  if (last === undefined) return 1;
  const perStep = Math.max(last.milliseconds / last.steps, 0.01);
  // The first runs also pay for onnxruntime's warming up: grow by steps.
  return Math.max(1, Math.min(Math.round(target / perStep), last.steps * 8));
};

/** Steps until a callback acts on the weights. */
const untilNext = (grain: number | undefined, step: number): number =>
  grain === undefined ? Number.POSITIVE_INFINITY : grain - (step % grain);

/** Order of the samples in an epoch: a function of seed and epoch alone, so that a resumed run sees the same. */
export const visits = ({ shuffle, seed, samples }: Schedule, epoch: number): Int32Array =>
  shuffle ? permutation(derive(seed, epoch), samples) : Int32Array.from({ length: samples }, (_, i) => i);

// -------------------------------------------------------------------------------------
// interpreter
// -------------------------------------------------------------------------------------

type Emitted = Either<TrainingError, Signal>;

/** What an epoch's steps amount to, and the rate of the last one. */
interface Epoch {
  readonly totals: Totals.Totals;
  readonly learningRate: number;
}

/** An event and its settling, then whatever carrying out the directives gave. */
function* emit(control: Control, first: Event): Generator<Emitted, void> {
  for (let next: Event | undefined = first; next !== undefined; next = control.pending.shift()) {
    if ('learningRate' in next) control.shown = next.learningRate;
    yield E.right(event(next));
    yield E.right(settled);
  }
}

async function* epochOf(
  schedule: Schedule,
  { trainer, control, grain, rateAt }: RunContext,
  epoch: number,
  now: () => number,
  length: { last: { steps: number; milliseconds: number } | undefined },
): AsyncGenerator<Emitted, Epoch | undefined> {
  const order = visits(schedule, epoch);
  let totals = Totals.empty;
  let learningRate = rateAt(control.learningRate, control.step);
  let at = 0;
  while (at < order.length && !control.haltEpoch) {
    const steps = Math.min(nextLength(schedule, length.last), untilNext(grain, control.step));
    const indices = order.slice(at, at + steps * schedule.batchSize);
    at += indices.length;
    const input = control.learningRate;
    const chunk: Either<TrainingError, Chunk> = await trainer.learn(indices, control)();
    if (E.isLeft(chunk)) {
      yield chunk;
      return undefined;
    }
    const { results, milliseconds } = chunk.right;
    const done = Totals.steps(results);
    length.last = { steps: done, milliseconds };
    const before = control.step;
    control.step += done;
    learningRate = rateAt(input, control.step - 1);
    for (let i = 0; i < done && !control.haltEpoch; i++) {
      totals = Totals.add(totals, results, i);
      yield* emit(control, {
        _tag: 'StepEnded',
        epoch,
        step: totals.steps - 1,
        globalStep: before + i + 1,
        logs: Totals.logs(totals, schedule.metrics),
        samples: totals.samples,
        time: now(),
      });
    }
  }
  return { totals, learningRate };
}

async function* epochs(schedule: Schedule, context: RunContext, now: () => number): AsyncGenerator<Emitted, void> {
  const { trainer, control, start, rateAt } = context;
  const present = () => rateAt(control.learningRate, control.step);
  const length: { last: { steps: number; milliseconds: number } | undefined } = { last: undefined };
  let ended = 0;
  yield* emit(control, {
    _tag: 'RunStarted',
    initialEpoch: start.epoch,
    epochs: schedule.epochs,
    stepsPerEpoch: Math.ceil(schedule.samples / schedule.batchSize),
    batchSize: schedule.batchSize,
    learningRate: present(),
    directions: schedule.directions,
    callbackStates: start.callbacks,
    time: now(),
  });
  for (let epoch = start.epoch; epoch < schedule.epochs && control.halted === undefined; epoch++) {
    control.haltEpoch = false;
    yield* emit(control, { _tag: 'EpochStarted', epoch, learningRate: present(), time: now() });
    const done = yield* epochOf(schedule, context, epoch, now, length);
    if (done === undefined) return;
    let validation: Logs = {};
    if (trainer.validate !== undefined) {
      const result: Either<TrainingError, Logs> = await trainer.validate();
      if (E.isLeft(result)) {
        yield result;
        return;
      }
      validation = result.right;
      yield* emit(control, { _tag: 'ValidationEnded', epoch, logs: validation, time: now() });
    }
    ended++;
    yield* emit(control, {
      _tag: 'EpochEnded',
      epoch,
      // An epoch that was halted before its first step has no means.
      logs: { ...(done.totals.steps === 0 ? {} : Totals.logs(done.totals, schedule.metrics)), ...validation },
      learningRate: done.learningRate,
      time: now(),
    });
  }
  yield* emit(control, { _tag: 'RunEnded', epochs: ended, halted: control.halted, time: now() });
}

/** The signals of a run. */
export const signals =
  (schedule: Schedule): Stream<HasRun & HasClock, TrainingError, Signal> =>
  ({ run, clock }) =>
    epochs(schedule, run, clock.now);
