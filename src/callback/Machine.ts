/**
 * The pure data of a callback: an effectful Mealy machine over events, and its interpreter as a transformer of signals.
 *
 * For each event the machine gives its next state and directives. Interpreted (`transform`), it
 *
 * - starts from the state that `RunStarted.callbackStates` has under its key, decoded, or else from `initial`;
 * - passes the event on, with the entries of its `Log` directives in the logs, so that whatever is later in the pipe
 *   sees them (as Keras's callbacks share one logs object); a rate set at `EpochStarted` is seen there, too;
 * - holds its other directives and its new state until `Settled`, so that the directives of several callbacks leave in
 *   the order of the pipe, and of two that set the learning rate the later one wins;
 * - passes everything else on as it is.
 *
 * Whatever a step throws is caught and becomes a `CallbackError`.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type * as t from 'io-ts';
import { type Stream, transduceW } from '../stream/Stream.ts';
import type { HasTerminal } from '../training/Environment.ts';
import {
  type Direction,
  type Directive,
  directive,
  type Event,
  event,
  type Logs,
  type Signal,
} from '../training/Event.ts';
import { type CallbackError, callbackError, fromUnknown } from './CallbackError.ts';
import type { Probe, Resumption } from './Run.ts';
import { decodeWith } from './StateCodec.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** What a step results in: the next state, and what the callback asks for. */
export type Answer<R, S> = RTE.ReaderTaskEither<R, CallbackError, readonly [S, ReadonlyArray<Directive>]>;

export interface Machine<R, S> {
  /** Stable and unique in a run: names the state in a checkpoint, as in `reduceLROnPlateau(val_loss)`. */
  readonly key: string;
  /** The state's JSON form. A state that did not change is given back as the same object. */
  readonly codec: t.Type<S, unknown>;
  readonly initial: S;
  readonly step: (state: S, event: Event) => Answer<R, S>;
  /** It acts on the weights at every `grain` steps, so these must be the ends of what the runtime does in one go. */
  readonly grain?: number;
  /** Files to go on from, where the machine saves train states. */
  readonly resumption?: Resumption;
  readonly probes?: ReadonlyArray<Probe>;
  /** Layers and groups that its directives name. */
  readonly paths?: ReadonlyArray<string>;
  /** Keys that the machine adds to the logs by `Log`, with their directions: later callbacks may monitor them. */
  readonly logs?: Readonly<Record<string, Direction>>;
}

// -------------------------------------------------------------------------------------
// constructors of answers
// -------------------------------------------------------------------------------------

/** This state, and nothing asked for. */
export const stay = <S, R = unknown>(state: S): Answer<R, S> => RTE.right([state, []]);

/** This state and these directives. */
export const answer = <S, R = unknown>(state: S, directives: ReadonlyArray<Directive>): Answer<R, S> =>
  RTE.right([state, directives]);

export const fail = <S, R = unknown>(error: CallbackError): Answer<R, S> => RTE.left(error);

/** Writes each line and then answers. */
export const saying =
  (lines: ReadonlyArray<string>) =>
  <R, S>(next: Answer<R, S>): Answer<R & HasTerminal, S> =>
  (r) =>
    pipe(
      TE.fromIO(() => {
        for (const line of lines) r.terminal.write(`${line}\n`)();
      }),
      TE.chain(() => next(r)),
    );

// -------------------------------------------------------------------------------------
// interpreter
// -------------------------------------------------------------------------------------

interface Started<S> {
  readonly state: S;
  readonly encoded: unknown;
}

interface Attached<S> {
  /** `undefined` before `RunStarted`. */
  readonly started: Started<S> | undefined;
  /** Directives and states to let go at `Settled`. */
  readonly held: ReadonlyArray<Signal>;
}

type SignalStep<R, S> = RTE.ReaderTaskEither<R, CallbackError, readonly [Attached<S>, ReadonlyArray<Signal>]>;

const startFrom = <R, S>(
  machine: Machine<R, S>,
  states: Readonly<Record<string, unknown>>,
): E.Either<CallbackError, S> =>
  Object.hasOwn(states, machine.key)
    ? pipe(
        decodeWith(machine.codec)(states[machine.key]),
        E.mapLeft((why) =>
          callbackError(
            machine.key,
            'BadState',
            `the state in the checkpoint does not decode: ${why}. Was the checkpoint written with another version or ` +
              'with other callbacks? Remove this callback or start a new run',
          ),
        ),
      )
    : E.right(machine.initial);

const logged = (directives: ReadonlyArray<Directive>): Logs | undefined => {
  const entries = directives.flatMap((d) => (d._tag === 'Log' ? Object.entries(d.logs) : []));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
};

const rateSet = (directives: ReadonlyArray<Directive>): number | undefined =>
  directives.reduce<number | undefined>((rate, d) => (d._tag === 'SetLearningRate' ? d.value : rate), undefined);

/** The event as whatever is later in the pipe sees it. */
const enrich = <R, S>(
  machine: Machine<R, S>,
  e: Event,
  directives: ReadonlyArray<Directive>,
): E.Either<CallbackError, Event> => {
  const logs = logged(directives);
  switch (e._tag) {
    case 'StepEnded':
    case 'ValidationEnded':
    case 'EpochEnded':
      return E.right(logs === undefined ? e : { ...e, logs: { ...e.logs, ...logs } });
    default: {
      if (logs !== undefined) {
        const keys = Object.keys(logs).join(', ');
        return E.left(
          callbackError(
            machine.key,
            'Protocol',
            `Log (${keys}) at ${e._tag}, which has no logs; log at StepEnded, ValidationEnded or EpochEnded`,
          ),
        );
      }
      if (e._tag === 'RunStarted' && machine.logs !== undefined)
        return E.right({ ...e, directions: { ...e.directions, ...machine.logs } });
      const rate = rateSet(directives);
      return E.right(e._tag === 'EpochStarted' && rate !== undefined ? { ...e, learningRate: rate } : e);
    }
  }
};

const onEvent =
  <R, S>(machine: Machine<R, S>) =>
  (attached: Attached<S>, e: Event): SignalStep<R, S> =>
  (r) =>
  // Written out: every step of a run comes by here, for each of its callbacks.
  async () => {
    const old = e._tag === 'RunStarted' ? undefined : attached.started;
    const before =
      e._tag === 'RunStarted'
        ? startFrom(machine, e.callbackStates)
        : old === undefined
          ? E.left(callbackError(machine.key, 'Protocol', `${e._tag} came before RunStarted`))
          : E.right(old.state);
    if (E.isLeft(before)) return before;
    const tried = await TE.tryCatch(() => machine.step(before.right, e)(r)(), fromUnknown(machine.key))();
    if (E.isLeft(tried)) return tried;
    const stepped = tried.right;
    if (E.isLeft(stepped)) return stepped;
    const [state, directives] = stepped.right;
    const seen = enrich(machine, e, directives);
    if (E.isLeft(seen)) return seen;
    const encoded = old !== undefined && old.state === state ? old.encoded : machine.codec.encode(state);
    const kept: ReadonlyArray<Signal> =
      old !== undefined && old.encoded === encoded ? [] : [{ _tag: 'CallbackState', key: machine.key, state: encoded }];
    const asked = directives.filter((d) => d._tag !== 'Log').map((d) => directive(machine.key, d));
    return E.right([{ started: { state, encoded }, held: [...asked, ...kept] }, [...attached.held, event(seen.right)]]);
  };

const onSignal =
  <R, S>(machine: Machine<R, S>) =>
  (attached: Attached<S>, signal: Signal): SignalStep<R, S> => {
    switch (signal._tag) {
      case 'Event':
        return onEvent(machine)(attached, signal.event);
      case 'Settled':
        return RTE.right([{ ...attached, held: [] }, [...attached.held, signal]]);
      case 'CallbackState':
      case 'Directive': {
        const from = signal._tag === 'Directive' ? signal.from : signal.key;
        return from === machine.key
          ? RTE.left(
              callbackError(
                machine.key,
                'DuplicateKey',
                'two callbacks of this run have this key, so their states cannot be told apart in a checkpoint; ' +
                  "give one of them another with the option { key: '...' }",
              ),
            )
          : RTE.right([attached, [signal]]);
      }
    }
  };

/** The machine as a transformer of signals. */
export const transform = <R2, S>(
  machine: Machine<R2, S>,
): (<R1, E1>(signals: Stream<R1, E1, Signal>) => Stream<R1 & R2, E1 | CallbackError, Signal>) =>
  transduceW<Attached<S>, Signal, R2, CallbackError, Signal>(
    { started: undefined, held: [] },
    onSignal(machine),
    ({ held }) => RTE.right(held),
  );
