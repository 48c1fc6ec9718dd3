/**
 * A workload in a process of its own: name, batch size, steps of an epoch, threads and perhaps where to write profiles as arguments;
 * then a request on each line of the input, and its answer on a line of the output. `peer.py` is the same in PyTorch.
 *
 * Training is one `fit` for all requests: a callback of it keeps time, and holds the run at the end of an epoch until the next
 * request comes. The first epoch after a pause is not counted.
 */
import { createInterface } from 'node:readline';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import { Callback as C, Environment, type Event, type Runtime, Training as T } from 'grad-ts';
import { apart } from './Apart.ts';
import { matmulRate } from './Matmul.ts';
import type { OurAnswer, Ready, Request } from './Protocol.ts';
import { openings, workloads } from './workloads.ts';

const [name, batchSize, steps, threads, profile] = process.argv.slice(2);
const workload = [...workloads, ...openings].find((w) => w.name === name);
if (workload === undefined) throw new Error(`unknown workload ${name}`);

// -------------------------------------------------------------------------------------
// the runtime, watched
// -------------------------------------------------------------------------------------

/** Milliseconds so far. */
const spent = { inside: 0, loading: 0 };

const watchedSession = (session: Runtime.Session): Runtime.Session => ({
  ...session,
  run: (run) =>
    TE.Functor.map(session.run(run), (result) => {
      spent.inside += result.milliseconds;
      return result;
    }),
});

const watched = (runtime: Runtime.Runtime): Runtime.Runtime => ({
  ...runtime,
  load: (model, optimisation) => async () => {
    const start = performance.now();
    const session = await runtime.load(model, optimisation)();
    spent.loading += performance.now() - start;
    return pipe(session, E.map(watchedSession));
  },
});

const node = Environment.node({ threads: Number(threads), ...(profile === undefined ? {} : { profile }) })();
const environment = { ...node, runtime: watched(node.runtime) };

// -------------------------------------------------------------------------------------
// requests
// -------------------------------------------------------------------------------------

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** `undefined`: there are no more. */
const asked = async (): Promise<Request | undefined> => {
  const { done, value } = await lines.next();
  return done === true ? undefined : (JSON.parse(value) as Request);
};

const say = (answer: Ready | OurAnswer): void => {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
};

interface Sample {
  readonly wall: number;
  readonly inside: number;
  readonly loading: number;
}

const started = performance.now();
const opened = workload.open(Number(batchSize), Number(steps));
const making = performance.now() - started;
const opening = { building: 0, sessions: 0, firstEpoch: 0 };

const answer = (samples: readonly Sample[], machine = { rate: 0, apart: 0 }): OurAnswer => ({
  samples: samples.map((s) => s.wall),
  inside: samples.map((s) => s.inside),
  loading: samples.map((s) => s.loading),
  resident: process.memoryUsage.rss() / 2 ** 20,
  ...machine,
  ...opening,
});

// -------------------------------------------------------------------------------------
// what is timed
// -------------------------------------------------------------------------------------

const timed = async (work: () => Promise<unknown>): Promise<Sample> => {
  const [start, inside, loading] = [performance.now(), spent.inside, spent.loading];
  await work();
  return { wall: performance.now() - start, inside: spent.inside - inside, loading: spent.loading - loading };
};

const inferred = async ({ do: what, seconds }: Request): Promise<OurAnswer> => {
  const call = async (): Promise<void> => {
    const result = await (what === 'evaluate' ? opened.evaluate() : opened.predict())(environment)();
    if (E.isLeft(result)) throw new Error(result.left.message);
  };
  await call();
  const [samples, end] = [[] as Sample[], performance.now() + 1000 * seconds];
  while (samples.length < 3 || performance.now() < end) samples.push(await timed(call));
  return answer(samples);
};

const machine = async () => ({ rate: await matmulRate(node.runtime), apart: await apart() });

/** Answers all requests but those of training; the next one of these, if there is one. */
const untilTraining = async (): Promise<Request | undefined> => {
  for (;;) {
    const request = await asked();
    if (request === undefined || request.do === 'train') return request;
    say(request.do === 'machine' ? answer([], await machine()) : await inferred(request));
  }
};

const least = 2;
const halt: readonly Event.Directive[] = [{ _tag: 'HaltRun', reason: 'no more requests' }];

/** A run whose epochs are timed; it is held after those of a request. */
const train = async (first: Request): Promise<void> => {
  let request = first;
  let samples: Sample[] = [];
  let isWarm = false;
  let [epochStart, inside, seen] = [0, 0, 0];
  let end = performance.now() + 1000 * request.seconds;
  const [start, loading] = [performance.now(), spent.loading];

  const atEpochEnd = async (): Promise<readonly Event.Directive[]> => {
    const now = performance.now();
    if (isWarm) samples.push({ wall: (now - epochStart) / seen, inside: (spent.inside - inside) / seen, loading: 0 });
    isWarm = true;
    if (samples.length < least || now < end) return [];
    say(answer(samples));
    const next = await untilTraining();
    if (next === undefined) return halt;
    request = next;
    [samples, isWarm, end] = [[], false, performance.now() + 1000 * request.seconds];
    return [];
  };

  const clock = C.onEvent((event) => () => async () => {
    if (event._tag === 'EpochEnded') return E.right(await atEpochEnd());
    if (event._tag === 'StepEnded') seen += 1;
    if (event._tag === 'EpochStarted') {
      [epochStart, inside, seen] = [performance.now(), spent.inside, 0];
      if (opening.firstEpoch === 0) {
        opening.sessions = spent.loading - loading;
        opening.building = epochStart - start - opening.sessions;
        opening.firstEpoch = epochStart - making - (start - ready);
      }
    }
    return E.right([]);
  });
  const result = await T.run(clock(opened.fit(1_000_000)))(environment)();
  if (E.isLeft(result)) throw new Error(result.left.message);
};

say({ parameters: opened.parameters });
const ready = performance.now();
const first = await untilTraining();
if (first !== undefined) await train(first);
await node.runtime.close();
