/**
 * Callbacks as values that can be applied to a run: `pipe(run, callback)` is the run with the callback attached.
 *
 * Laws (two callbacks are equal if they make equal signals and the same effects of every stream of signals):
 *
 * - `concat` is associative, and `empty` is its identity;
 * - `pipe(run, concat(a, b))` is `pipe(run, a, b)`.
 */
import { pipe } from 'fp-ts/lib/function.js';
import type { Monoid } from 'fp-ts/lib/Monoid.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import type { Stream } from '../stream/Stream.ts';
import { fromIterable, runCollect } from '../stream/Stream.ts';
import { type Direction, type Event, event, type Signal, settled } from '../training/Event.ts';
import type { CallbackError } from './CallbackError.ts';
import { type Machine, transform } from './Machine.ts';
import type { Probe, Resumption, Run } from './Run.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Monitored keys that a run does not log. A key known at run time only (`string`) is checked there. */
export type Missing<Monitors extends string, Keys extends string> = string extends Monitors
  ? never
  : Exclude<Monitors, Keys>;

/** The run, if it logs what is monitored, or else what the compiler has to say. */
export type Attachable<Monitors extends string, R, Keys extends string, A, E> = [Missing<Monitors, Keys>] extends [
  never,
]
  ? Run<R, Keys, A, E>
  : `monitor '${Missing<Monitors, Keys>}' is not logged by this run`;

/**
 * - `R` what the callback needs of the environment.
 * - `Monitors` the keys that a run must log.
 * - `Logged` the keys that the callback adds to the logs: callbacks after it may monitor them.
 */
export interface Callback<R, Monitors extends string = never, Logged extends string = never> {
  <R1, Keys extends string, A, E>(
    run: Attachable<Monitors, R1, Keys, A, E>,
  ): Run<R1 & R, Keys | Logged, A, E | CallbackError>;
  /** The keys of its machines, in their order. */
  readonly keys: ReadonlyArray<string>;
  readonly logs: Readonly<Record<Logged, Direction>>;
  /** It acts on the weights at every `grain` steps. */
  readonly grain?: number;
  readonly resumption?: Resumption;
  readonly probes?: ReadonlyArray<Probe>;
  readonly paths?: ReadonlyArray<string>;
  /** What it does to the signals of a run. */
  readonly transform: <R1, E1>(signals: Stream<R1, E1, Signal>) => Stream<R1 & R, E1 | CallbackError, Signal>;
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** The grain of both: the greatest common divisor. */
const grained = (a: number | undefined, b: number | undefined): { readonly grain?: number } =>
  a === undefined || b === undefined
    ? { ...(a === undefined ? {} : { grain: a }), ...(b === undefined ? {} : { grain: b }) }
    : { grain: gcd(a, b) };

/** What a run and its callbacks ask of whoever runs it. */
type Needs = Pick<Run<unknown, string, unknown, unknown>, 'grain' | 'resumption' | 'probes' | 'paths'>;

/** What both ask for. Of two files to go on from, it is the first one's. */
const joined = (a: Needs, b: Needs): Needs => {
  const resumption = a.resumption ?? b.resumption;
  const probes = [...new Set([...(a.probes ?? []), ...(b.probes ?? [])])];
  const paths = [...new Set([...(a.paths ?? []), ...(b.paths ?? [])])];
  return {
    ...grained(a.grain, b.grain),
    ...(resumption === undefined ? {} : { resumption }),
    ...(probes.length === 0 ? {} : { probes }),
    ...(paths.length === 0 ? {} : { paths }),
  };
};

interface Parts<R, Logged extends string> extends Needs {
  readonly keys: ReadonlyArray<string>;
  readonly logs: Readonly<Record<Logged, Direction>>;
  readonly transform: Callback<R, never, Logged>['transform'];
}

const make = <R, Monitors extends string, Logged extends string>(
  parts: Parts<R, Logged>,
): Callback<R, Monitors, Logged> => {
  const attach = <R1, Keys extends string, A, E>(
    run: Run<R1, Keys, A, E>,
  ): Run<R1 & R, Keys | Logged, A, E | CallbackError> => ({
    ...run,
    directions: { ...run.directions, ...parts.logs },
    signals: parts.transform(run.signals),
    ...joined(run, parts),
  });
  // The compiler cannot see that the argument is a run: where it is not, its type is a message that no value has.
  return Object.assign(attach as Callback<R, Monitors, Logged>, parts);
};

/** A machine as a callback. `Monitors` is what the machine will look up in the logs. */
export const fromMachine =
  <Monitors extends string = never>() =>
  <R, S, Logged extends string = never>(
    machine: Machine<R, S> & { readonly logs?: Readonly<Record<Logged, Direction>> },
  ): Callback<R, Monitors, Logged> =>
    make({
      keys: [machine.key],
      logs: machine.logs ?? ({} as Readonly<Record<Logged, Direction>>),
      ...joined(machine, {}),
      transform: transform(machine),
    });

/**
 * A transformer of the signals of a run as a callback: for what is said best with streams. It must pass on what it takes, in
 * its order; it may act on the way, and put signals of its own behind events. It is called when the run starts; what it throws is
 * an error of the run.
 *
 * @example
 * // says how it goes, once a minute at most, while every signal is passed on
 * C.fromTransformer((signals) => pipe(signals, S.tee(S.filter(() => true), flow(S.throttle(60_000), S.tap(say), S.drop(Infinity)))))
 */
export const fromTransformer = <R>(transformer: Callback<R>['transform']): Callback<R> =>
  make<R, never, never>({ keys: [], logs: {}, transform: (signals) => (r) => transformer(signals)(r) });

// -------------------------------------------------------------------------------------
// instances
// -------------------------------------------------------------------------------------

/** Does nothing. */
export const empty: Callback<unknown> = make({ keys: [], logs: {}, transform: (signals) => signals });

/** First `a`, then `b`, which may monitor what `a` logs. Their states keep their own keys. */
export const concat = <R1, M1 extends string, L1 extends string, R2, M2 extends string, L2 extends string>(
  a: Callback<R1, M1, L1>,
  b: Callback<R2, M2, L2>,
): Callback<R1 & R2, M1 | Missing<M2, L1>, L1 | L2> =>
  make({
    keys: [...a.keys, ...b.keys],
    logs: { ...a.logs, ...b.logs },
    ...joined(a, b),
    transform: (signals) => pipe(signals, a.transform, b.transform),
  });

/** `concat` and `empty`, for callbacks which need an `R` and monitor some of `Monitors`. */
export const getMonoid = <R, Monitors extends string = never>(): Monoid<Callback<R, Monitors>> => ({
  empty: make({ keys: [], logs: {}, transform: (signals) => signals }),
  concat: (a, b) =>
    make({
      keys: [...a.keys, ...b.keys],
      logs: {},
      ...joined(a, b),
      transform: (signals) => pipe(signals, a.transform, b.transform),
    }),
});

// -------------------------------------------------------------------------------------
// destructors
// -------------------------------------------------------------------------------------

/** What a callback makes of a list of events, each one settled before the next: for tests, without any training. */
export const simulate =
  <R, Monitors extends string, Logged extends string>(callback: Callback<R, Monitors, Logged>) =>
  (events: Iterable<Event>): RTE.ReaderTaskEither<R, CallbackError, ReadonlyArray<Signal>> =>
    pipe(
      fromIterable<Signal>(Array.from(events, event).flatMap((signal) => [signal, settled])),
      callback.transform,
      runCollect,
    );
