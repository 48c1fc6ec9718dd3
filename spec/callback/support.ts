/** A make-believe training for callbacks: events come from a script, and directives act on a small world. */
import { readFileSync } from 'node:fs';
import * as E from 'fp-ts/lib/Either.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { CallbackError, Run } from '../../src/callback/Callback.ts';
import type { Stream } from '../../src/stream/Stream.ts';
import type { FileSystem, HasFileSystem, HasTerminal, IoError } from '../../src/training/Environment.ts';
import { type Direction, type Event, event, type Logs, type Signal, settled } from '../../src/training/Event.ts';

// ----- environment

export interface Memory {
  readonly env: HasFileSystem & HasTerminal;
  readonly written: string[];
  readonly files: Map<string, Uint8Array>;
}

const missing = (path: string): IoError => ({ _tag: 'IoError', message: `no file ${path}`, path, code: 'ENOENT' });

export const memory = (terminal: { readonly isInteractive?: boolean; readonly columns?: number } = {}): Memory => {
  const written: string[] = [];
  const files = new Map<string, Uint8Array>();
  const fileSystem: FileSystem = {
    readFile: (path) => async () => {
      const bytes = files.get(path);
      return bytes === undefined ? E.left(missing(path)) : E.right(bytes);
    },
    writeFile: (path, bytes) => TE.fromIO(() => void files.set(path, bytes)),
    appendFile: (path, content) =>
      TE.fromIO(() => {
        const old = files.get(path) ?? new Uint8Array();
        const more = typeof content === 'string' ? new TextEncoder().encode(content) : content;
        files.set(path, new Uint8Array([...old, ...more]));
      }),
    exists: (path) => TE.fromIO(() => files.has(path)),
    remove: (path) => TE.fromIO(() => void files.delete(path)),
    list: (folder) =>
      TE.fromIO(() =>
        [...files.keys()]
          .filter((path) => path.startsWith(`${folder}/`) && !path.slice(folder.length + 1).includes('/'))
          .map((path) => path.slice(folder.length + 1))
          .sort(),
      ),
  };
  return {
    written,
    files,
    env: {
      fileSystem,
      terminal: {
        write: (text) => () => void written.push(text),
        isInteractive: terminal.isInteractive ?? false,
        columns: terminal.columns ?? 80,
      },
    },
  };
};

/** Lines as the callback said them, without warnings. */
export const messages = ({ written }: Memory): ReadonlyArray<string> =>
  written.map((text) => text.replace(/\n$/, '')).filter((text) => !text.startsWith('Warning: '));

// ----- events

export const started = (over: Partial<Extract<Event, { _tag: 'RunStarted' }>> = {}): Event => ({
  _tag: 'RunStarted',
  initialEpoch: 0,
  epochs: 10,
  stepsPerEpoch: 4,
  batchSize: 32,
  learningRate: Math.fround(0.1),
  directions: { loss: 'min', val_loss: 'min' },
  callbackStates: {},
  time: 0,
  ...over,
});

export const epochStarted = (epoch: number, learningRate = Math.fround(0.1), time = 0): Event => ({
  _tag: 'EpochStarted',
  epoch,
  learningRate,
  time,
});

export const stepEnded = (epoch: number, step: number, logs: Logs, time = 0, samples = 32 * (step + 1)): Event => ({
  _tag: 'StepEnded',
  epoch,
  step,
  globalStep: step + 1,
  logs,
  samples,
  time,
});

export const epochEnded = (epoch: number, logs: Logs, learningRate = Math.fround(0.1), time = 0): Event => ({
  _tag: 'EpochEnded',
  epoch,
  logs,
  learningRate,
  time,
});

export const runEnded = (epochs = 1): Event => ({ _tag: 'RunEnded', epochs, halted: undefined, time: 0 });

/** A run of these events, each one settled before the next. */
export const runOf = <Keys extends string>(
  events: Iterable<Event> | AsyncIterable<Event>,
  directions: Readonly<Record<Keys, Direction>>,
): Run<unknown, Keys, 'result', never> => ({
  signals: () => source(events),
  directions,
  result: 'result',
});

async function* source(events: Iterable<Event> | AsyncIterable<Event>): AsyncGenerator<E.Either<never, Signal>> {
  for await (const e of events) {
    yield E.right(event(e));
    yield E.right(settled);
  }
}

// ----- driver

export interface World {
  learningRate: number;
  halted: boolean;
  /** Events settled so far. */
  settled: number;
  readonly saves: { readonly event: number; readonly path: string; readonly what: string }[];
  readonly remembered: Map<string, number>;
  /** The epoch whose weights the model has. */
  weights: number;
  /** The last of each callback. */
  readonly states: Record<string, unknown>;
  readonly signals: Signal[];
}

export interface Driven {
  readonly world: World;
  readonly error: CallbackError | undefined;
}

interface Transformer<R> {
  readonly transform: <R1, E1>(signals: Stream<R1, E1, Signal>) => Stream<R1 & R, E1 | CallbackError, Signal>;
}

/** Pulls the script through the callback and acts on directives before it pulls the next event. */
export const drive = async <R>(
  callback: Transformer<R>,
  env: R,
  script: (world: World) => Iterable<Event>,
  learningRate = 0.1,
): Promise<Driven> => {
  const world: World = {
    learningRate: Math.fround(learningRate),
    halted: false,
    settled: 0,
    saves: [],
    remembered: new Map(),
    weights: -1,
    states: {},
    signals: [],
  };
  const stream = callback.transform<unknown, never>(() => source(script(world)));
  for await (const signal of stream(env)) {
    if (E.isLeft(signal)) return { world, error: signal.left };
    world.signals.push(signal.right);
    obey(world, signal.right);
  }
  return { world, error: undefined };
};

const obey = (world: World, signal: Signal): void => {
  if (signal._tag === 'Settled') world.settled += 1;
  if (signal._tag === 'CallbackState') world.states[signal.key] = signal.state;
  if (signal._tag !== 'Directive') return;
  const d = signal.directive;
  if (d._tag === 'SetLearningRate') world.learningRate = Math.fround(d.value);
  if (d._tag === 'HaltRun') world.halted = true;
  if (d._tag === 'Save') world.saves.push({ event: world.settled, path: d.path, what: d.what });
  if (d._tag === 'Remember') world.remembered.set(d.slot, world.weights);
  if (d._tag === 'Restore') world.weights = world.remembered.get(d.slot) ?? Number.NaN;
};

/** The logs of the epochs as they came out. */
export const epochLogs = ({ signals }: World): ReadonlyArray<Logs> =>
  signals.flatMap((s) => (s._tag === 'Event' && s.event._tag === 'EpochEnded' ? [s.event.logs] : []));

// ----- goldens

export interface Golden {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly hyperparameters: Readonly<Record<string, unknown>>;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly expected: Readonly<Record<string, unknown>>;
}

const NUMBERS: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

const revive = (_key: string, value: unknown): unknown =>
  typeof value === 'string' && Object.hasOwn(NUMBERS, value) ? NUMBERS[value] : value;

const FILE = new URL('../golden/keras-goldens.json', import.meta.url);

/** The cases of kind `callback`, non-finite numbers read as such. */
export const goldens: ReadonlyArray<Golden> = (
  JSON.parse(readFileSync(FILE, 'utf8'), revive) as { readonly cases: ReadonlyArray<Golden> }
).cases.filter(({ kind }) => kind === 'callback');

/** Every key of a golden's logs with its direction: as declared (`up`, `down`), and else `fallback`. */
export const directionsOf = (
  metrics: Readonly<Record<string, string>>,
  others: Readonly<Record<string, Direction>>,
): Readonly<Record<string, Direction>> => ({
  loss: 'min',
  val_loss: 'min',
  ...Object.fromEntries(
    Object.entries(metrics).flatMap(([key, way]): [string, Direction][] => {
      const direction = way === 'up' ? 'max' : 'min';
      return [
        [key, direction],
        [`val_${key}`, direction],
      ];
    }),
  ),
  ...others,
});
