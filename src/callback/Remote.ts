/**
 * Events sent to a server as they happen.
 *
 * Requests are made one at a time and in order, besides the training; at most `queue` of them wait, and then training waits for
 * one of them to be done: what is in memory stays bounded. The run does not end before all are done. A server that is
 * away costs warnings, not the training.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { HasHttp, HasTerminal, HttpError, HttpRequest } from '../training/Environment.ts';
import type { Event } from '../training/Event.ts';
import { type Callback, fromMachine } from './Attach.ts';
import { type CallbackError, callbackError } from './CallbackError.ts';
import { eventJson, type JsonObject } from './EventJson.ts';
import type { Answer } from './Machine.ts';
import * as Options from './Options.ts';
import { transient } from './StateCodec.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface SendingOptions {
  /** Besides the content type. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Requests that wait at most. Default 16; 0 has each event wait for its own. */
  readonly queue?: number;
  /** Milliseconds after which a request has failed. Default 5000. */
  readonly timeout?: number;
  /** `'warn'`: says the first failure of a row of them. `'fail'`: ends the run. Default `'warn'`. */
  readonly onFailure?: 'warn' | 'fail';
  readonly key?: string;
}

export interface RemoteOptions extends SendingOptions {
  /** Which kinds of events are sent. Default `'all'`. */
  readonly events?: ReadonlyArray<Event['_tag']> | 'all';
}

export interface RemoteMonitorOptions extends SendingOptions {
  /** Default `http://localhost:9000`. */
  readonly root?: string;
  /** Default `/publish/epoch/end/`. */
  readonly path?: string;
  /** Name of the form's field that has the JSON. Default `data`. */
  readonly field?: string;
  /** The body is the JSON itself, not a form. Default false. */
  readonly sendAsJson?: boolean;
}

type Sent = E.Either<HttpError, void>;

/** What is under way, oldest first. Not kept in checkpoints. */
interface State {
  readonly waiting: ReadonlyArray<Promise<Sent>>;
  /** The last request failed, and that was said. */
  readonly isDown: boolean;
}

const initial: State = { waiting: [], isDown: false };

// -------------------------------------------------------------------------------------
// sending
// -------------------------------------------------------------------------------------

type Needs = HasHttp & HasTerminal;

/** Waits until no more than `room` requests are under way. */
const settle =
  (key: string, onFailure: 'warn' | 'fail', room: number, state: State) =>
  ({ terminal }: Needs) =>
  async (): Promise<E.Either<CallbackError, State>> => {
    let { waiting, isDown } = state;
    while (waiting.length > Math.max(0, room)) {
      const [first, ...rest] = waiting;
      const sent = await first;
      waiting = rest;
      if (sent === undefined || E.isRight(sent)) {
        isDown = false;
        continue;
      }
      if (onFailure === 'fail') return E.left({ ...callbackError(key, 'Failed', sent.left.message), cause: sent.left });
      if (!isDown) terminal.write(`Warning: ${key}: ${sent.left.message}; training goes on\n`)();
      isDown = true;
    }
    return E.right({ waiting, isDown });
  };

const sending = (
  options: SendingOptions,
  key: string,
  request: (event: Event) => Pick<HttpRequest, 'url' | 'body' | 'headers'> | undefined,
): Callback<Needs> => {
  const { headers = {}, queue = 16, timeout = 5000, onFailure = 'warn' } = options;
  const wrong = Options.first(Options.whole('queue', queue), Options.finite('timeout', timeout, 0));
  return fromMachine()<Needs, State>({
    key,
    codec: transient(initial),
    initial,
    step:
      (before, event): Answer<Needs, State> =>
      (r) =>
      async () => {
        if (wrong !== undefined) return E.left(callbackError(key, 'InvalidOption', wrong));
        const state = event._tag === 'RunStarted' ? initial : before;
        const content = request(event);
        const last = state.waiting.at(-1) ?? Promise.resolve(undefined);
        const waiting =
          content === undefined
            ? state.waiting
            : [
                ...state.waiting,
                last.then(() => r.http.post({ ...content, headers: { ...content.headers, ...headers }, timeout })()),
              ];
        // What is left of a run that fails must not become an error that nobody handles.
        for (const one of waiting.slice(state.waiting.length)) one.catch(() => undefined);
        const room = event._tag === 'RunEnded' ? 0 : queue;
        return pipe(
          await settle(key, onFailure, room, { ...state, waiting })(r)(),
          E.map((next) => [next, []]),
        );
      },
  });
};

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * POSTs each event to `url` as JSON: its kind as `event` and its fields under their names (see `jsonlLogger`; of weights the
 * shapes alone).
 *
 * Errors: `InvalidOption` for numbers that cannot be, before the first step; with `onFailure: 'fail'`, `Failed` when a request fails.
 *
 * Keras: `RemoteMonitor`, which `remoteMonitor` is request by request.
 *
 * @example
 * pipe(run, C.remote('http://localhost:9000/events', { events: ['EpochEnded', 'RunEnded'] }))
 */
export const remote = (url: string, options: RemoteOptions = {}): Callback<HasHttp & HasTerminal> => {
  const { events = 'all', key = `remote(${url})` } = options;
  return sending(options, key, (event) =>
    events === 'all' || events.includes(event._tag)
      ? { url, headers: { 'content-type': 'application/json' }, body: JSON.stringify(eventJson(event)) }
      : undefined,
  );
};

/**
 * POSTs `{ epoch, ...logs }` at the end of each epoch (counted from 0) to `root + path`: as the field `field` of a form, or as the
 * JSON itself with `sendAsJson`. NaN and infinities are strings.
 *
 * Errors: `InvalidOption` for numbers that cannot be, before the first step; with `onFailure: 'fail'`, `Failed` when a request fails.
 *
 * Keras: `RemoteMonitor`.
 *
 * @example
 * pipe(run, C.remoteMonitor({ root: 'http://dashboard:9000', sendAsJson: true }))
 */
export const remoteMonitor = (options: RemoteMonitorOptions = {}): Callback<HasHttp & HasTerminal> => {
  const { root = 'http://localhost:9000', path = '/publish/epoch/end/', field = 'data', sendAsJson = false } = options;
  const url = `${root}${path}`;
  return sending(options, options.key ?? `remoteMonitor(${url})`, (event) => {
    if (event._tag !== 'EpochEnded') return undefined;
    const { logs, epoch } = eventJson(event) as { readonly logs: JsonObject; readonly epoch: number };
    const body = JSON.stringify({ epoch, ...logs });
    return sendAsJson
      ? { url, headers: { 'content-type': 'application/json' }, body }
      : {
          url,
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: new URLSearchParams({ [field]: body }).toString(),
        };
  });
};
