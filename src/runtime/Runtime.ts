/**
 * Where graphs run: sessions of onnxruntime in a worker thread, so that the main thread stays free for progress,
 * timers, the network and the next chunk's preparation. Weights and data stay in the worker between runs.
 *
 * A runtime is part of a run's environment, so tests can pass their own. `node(...)` makes the real one; the worker
 * starts at once, while data are read and graphs are written here, and does not keep the process alive while it is idle.
 */
import { availableParallelism } from 'node:os';
import { pipe } from 'fp-ts/lib/function.js';
import type { IO } from 'fp-ts/lib/IO.js';
import * as RR from 'fp-ts/lib/ReadonlyRecord.js';
import type { Task } from 'fp-ts/lib/Task.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { InferenceSession } from 'onnxruntime-node';
import type { NdArray } from '../shape/NdArray.ts';
import { type Channel, channel } from './Channel.ts';
import type { Feed, Held, Request } from './Protocol.ts';
import { failure, type RuntimeError } from './RuntimeError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type Provider = 'cpu' | 'cuda';

export type { RuntimeError } from './RuntimeError.ts';

/** A tensor that lives in the worker. */
export interface Resident {
  readonly _tag: 'Resident';
  readonly id: number;
  /** It is seen as a part of itself: so many elements as `shape` has, from `offset` on. */
  readonly view?: { readonly offset: number; readonly shape: readonly number[] };
}

export interface Run {
  /** By input name: data sent along, or a resident tensor. */
  readonly feeds: Readonly<Record<string, NdArray | Resident>>;
  /** Outputs that stay in the worker. */
  readonly keep?: readonly string[];
  /** Residents that nobody needs after this run. */
  readonly free?: readonly Resident[];
  /**
   * Outputs of `keep` that may be written where a resident of `free` is: the graph reads that one no more when it writes the
   * output. A run that fails may leave such a resident lost. Other runtimes need not heed it.
   */
  readonly into?: Readonly<Record<string, Resident>>;
}

export interface RunResult {
  readonly fetched: Readonly<Record<string, NdArray>>;
  readonly kept: Readonly<Record<string, Resident>>;
  /** Time in onnxruntime, without the messages. */
  readonly milliseconds: number;
}

/** What onnxruntime makes of a graph before it runs it. 'disabled': it runs as it is written, and opens sooner. Default: 'all'. */
export type Optimisation = 'all' | 'disabled';

export interface Session {
  readonly run: (run: Run) => TE.TaskEither<RuntimeError, RunResult>;
  readonly release: Task<void>;
}

export interface Runtime {
  readonly provider: Provider;
  /** Threads within an operator. */
  readonly threads: number;
  /** A session for an encoded ONNX model. */
  readonly load: (model: Uint8Array, optimisation?: Optimisation) => TE.TaskEither<RuntimeError, Session>;
  /**
   * Copies stay in the worker. Of the names in `own` nobody else has the arrays: a runtime may move their memory and leave them
   * empty.
   */
  readonly upload: (
    tensors: Readonly<Record<string, NdArray>>,
    own?: readonly string[],
  ) => TE.TaskEither<RuntimeError, Readonly<Record<string, Resident>>>;
  readonly download: (
    residents: Readonly<Record<string, Resident>>,
  ) => TE.TaskEither<RuntimeError, Readonly<Record<string, NdArray>>>;
  readonly free: (residents: readonly Resident[]) => TE.TaskEither<RuntimeError, void>;
  /**
   * Ends the worker. What is pending fails at once, and so does what is asked for later. The task is done when the thread
   * has ended: a run that onnxruntime is in the middle of cannot be broken off, so not before that.
   */
  readonly close: Task<void>;
}

export interface HasRuntime {
  readonly runtime: Runtime;
}

export interface RuntimeOptions {
  /** Default 'cpu'. 'cuda' needs onnxruntime-node's CUDA files and a CUDA device. */
  readonly provider?: Provider;
  /** Threads within an operator. Default: as many as the machine runs at once. */
  readonly threads?: number;
  /**
   * Whether threads that wait for work spin, ready at once, instead of sleeping. Default true: best on a machine of one's own.
   * Where others use the processors too, false is faster.
   */
  readonly spinning?: boolean;
  /**
   * Where the time goes: onnxruntime writes for each session when each of its operators began and how long it took, once the session is
   * released or the runtime closed, to `PROFILE.N_DATE_TIME.json`, with N from 1 on. It is a trace for https://ui.perfetto.dev or
   * chrome://tracing. A run takes some microseconds longer for each operator, and after a million entries nothing more is written.
   * A folder that is not there is made. Default: none. Keras: `TensorBoard(profile_batch=...)`. PyTorch: `torch.profiler`.
   */
  readonly profile?: string;
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const ids = (residents: readonly Resident[]): readonly number[] => residents.map((r) => r.id);

const resident = (id: number): Resident => ({ _tag: 'Resident', id });

const isResident = (value: NdArray | Resident): value is Resident => '_tag' in value && value._tag === 'Resident';

/** A view of a part of a larger buffer would be sent with the whole buffer. */
const compact = (array: NdArray): NdArray =>
  array.data.byteLength === array.data.buffer.byteLength ? array : { ...array, data: array.data.slice() };

const buffers = (tensors: Readonly<Record<string, NdArray>>, names: readonly string[]): readonly ArrayBuffer[] =>
  names.flatMap((name) => {
    const buffer = tensors[name]?.data.buffer;
    return buffer instanceof ArrayBuffer ? [buffer] : [];
  });

/** A part of a resident in a shape of its own; it shares its memory, and is there as long as that is. */
export const view =
  (shape: readonly number[], offset = 0) =>
  (whole: Resident): Resident => ({ ...whole, view: { offset: (whole.view?.offset ?? 0) + offset, shape } });

const toHeld = ({ id, view }: Resident): Held => (view === undefined ? id : { of: id, ...view });

const toFeed = (value: NdArray | Resident): Feed => (isResident(value) ? toHeld(value) : compact(value));

/** The memory of what was copied for being sent: nobody else has it. */
const copied = (feeds: Run['feeds'], sent: Readonly<Record<string, Feed>>): readonly ArrayBuffer[] =>
  Object.entries(sent).flatMap(([name, feed]) => {
    const given = feeds[name];
    const isCopy = typeof feed === 'object' && 'data' in feed && given !== undefined && feed !== given;
    return isCopy && feed.data.buffer instanceof ArrayBuffer ? [feed.data.buffer] : [];
  });

const session = (link: Channel, id: number): Session => ({
  run:
    ({ feeds: given, keep = [], free = [], into = {} }) =>
    () => {
      // Copied each time that it is run: what was sent is gone.
      const feeds = RR.map(toFeed)(given);
      const request: Request = {
        _tag: 'Run',
        session: id,
        feeds,
        keep,
        free: ids(free),
        into: RR.map((r: Resident) => r.id)(into),
      };
      return pipe(
        link.send('run', request, copied(given, feeds)),
        TE.map(
          (reply): RunResult => ({
            fetched: reply.tensors ?? {},
            kept: RR.map(resident)(reply.residents ?? {}),
            milliseconds: reply.milliseconds ?? 0,
          }),
        ),
      )();
    },
  release: async () => {
    await link.send('release', { _tag: 'Release', session: id })();
  },
});

const complete = ({
  provider = 'cpu',
  threads = availableParallelism(),
  spinning = true,
  ...others
}: RuntimeOptions) => ({
  provider,
  threads,
  spinning,
  ...others,
});

/** What onnxruntime is told; a function of its own so that a test can read what a machine without CUDA cannot run. */
export const sessionOptions = (
  options: RuntimeOptions,
  optimisation: Optimisation = 'all',
): InferenceSession.SessionOptions => {
  const { provider, threads, spinning, profile } = complete(options);
  return {
    executionProviders: [provider],
    graphOptimizationLevel: optimisation,
    // From the second step on it would take the memory of a step in one piece, beside that of the first step, which stays taken.
    enableMemPattern: false,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
    extra: {
      session: {
        // Moments of optimizers decay into denormal numbers, on which the processor is tens of times slower.
        set_denormal_as_zero: '1',
        // Two threads take a half each, the same of every operator. By onnxruntime's own choice a half is up to four blocks, and who is done takes
        // what is left of the other's. Of more threads nothing was measured.
        ...(threads === 2 ? { dynamic_block_base: '1' } : {}),
        ...(spinning ? {} : { intra_op: { allow_spinning: '0' } }),
      },
    },
  };
};

/** onnxruntime's words on a missing CUDA speak of its own files; what helps is said after them. */
const explained =
  (provider: Provider) =>
  (error: RuntimeError): RuntimeError =>
    provider === 'cuda' && /cuda|shared library|provider/i.test(error.message)
      ? failure(
          error.stage,
          `onnxruntime-node could not use CUDA: ${error.message}; install its CUDA files (see README) on a machine with ` +
            "a CUDA device, or take { provider: 'cpu' }",
        )
      : error;

const providers: readonly string[] = ['cpu', 'cuda'] satisfies readonly Provider[];

const checkSettings = (provider: string, threads: number): RuntimeError | undefined =>
  !providers.includes(provider)
    ? failure('load', `unknown provider '${provider}': expected one of ${providers.map((p) => `'${p}'`).join(', ')}`)
    : !Number.isInteger(threads) || threads < 1
      ? failure('load', `threads: expected a positive integer, got ${threads}`)
      : undefined;

/**
 * The runtime of this process: onnxruntime-node in a worker thread. Every failure is a `RuntimeError`: an unknown provider or
 * number of threads, a model that onnxruntime refuses, feeds that the graph does not take, CUDA that is not there.
 */
export const node =
  (options: RuntimeOptions = {}): IO<Runtime> =>
  () => {
    const completed = complete(options);
    const { provider, threads, profile } = completed;
    const link = channel();
    let sessions = 0;
    /** Of the next session: each has a file of its own. */
    const settings: IO<RuntimeOptions> = () =>
      profile === undefined ? completed : { ...completed, profile: `${profile}.${++sessions}` };
    const wrong = checkSettings(provider, threads);
    if (wrong === undefined) link.begin();
    return {
      provider,
      threads,
      load: (model, optimisation) =>
        wrong !== undefined
          ? TE.left(wrong)
          : pipe(
              TE.fromIO(settings),
              TE.chain((own) => link.send('load', { _tag: 'Load', model, options: sessionOptions(own, optimisation) })),
              TE.bimap(explained(provider), (reply) => session(link, reply.session ?? 0)),
            ),
      upload: (given, own = []) => {
        const tensors = RR.map(compact)(given);
        return TE.Functor.map(link.send('upload', { _tag: 'Upload', tensors }, buffers(tensors, own)), (reply) =>
          RR.map(resident)(reply.residents ?? {}),
        );
      },
      download: (residents) =>
        TE.Functor.map(
          link.send('download', { _tag: 'Download', residents: RR.map(toHeld)(residents) }),
          (reply) => reply.tensors ?? {},
        ),
      free: (residents) =>
        TE.Functor.map(link.send('free', { _tag: 'Free', residents: ids(residents) }), () => undefined),
      close: link.close,
    };
  };
