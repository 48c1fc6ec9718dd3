/**
 * Training steps through the public API beside PyTorch's, where `/usr/bin/python3` has it: rounds of both in turn, so that a
 * busy machine is busy for both; medians of the rounds and their ratio. See docs/performance.md.
 *
 *     npm run bench                                    # all workloads
 *     npm run bench -- W1 W4 --rounds 3 --seconds 2    # seconds of each round and side
 *     npm run bench -- W3 W4 --inference               # evaluation and prediction instead of training
 *     npm run bench -- W1 W3 --batches                 # training by size of the batch, 8 to 512
 *     npm run bench -- --data                          # pipelines of data: samples a second and memory
 *
 * `--threads`: as many as the machine runs at once by default. `--limit`: seconds that a process may take for a workload, 120
 * by default; what takes longer is ended, and its row says so. `--keep-memory`: glibc keeps freed memory in our process too.
 */
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { Answer, OurAnswer, Request } from './Protocol.ts';
import { hasPeer, type Limits, ours, type Side, theirs } from './Side.ts';
import { type Workload, workloads } from './workloads.ts';

// -------------------------------------------------------------------------------------
// options
// -------------------------------------------------------------------------------------

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '2' },
    threads: { type: 'string', default: String(availableParallelism()) },
    limit: { type: 'string', default: '120' },
    inference: { type: 'boolean', default: false },
    batches: { type: 'boolean', default: false },
    data: { type: 'boolean', default: false },
    'keep-memory': { type: 'boolean', default: false },
  },
});

const positive = (name: 'rounds' | 'seconds' | 'threads' | 'limit'): number => {
  const value = Number(values[name]);
  if (!(value > 0)) throw new Error(`--${name}: expected a number above 0, got ${values[name]}`);
  return value;
};

const [rounds, seconds] = [Math.ceil(positive('rounds')), positive('seconds')];
const limits: Limits = {
  threads: Math.ceil(positive('threads')),
  limit: positive('limit'),
  keepMemory: values['keep-memory'],
};

const strangers = positionals.filter((name) => !workloads.some((w) => w.name === name));
if (strangers.length > 0)
  throw new Error(`no workload ${strangers.join(', ')}; there are ${workloads.map((w) => w.name).join(', ')}`);
const wanted = (names: readonly string[]): readonly Workload[] =>
  workloads.filter((w) => (positionals.length > 0 ? positionals : names).includes(w.name));
const all = workloads.map((w) => w.name);

// -------------------------------------------------------------------------------------
// statistics
// -------------------------------------------------------------------------------------

const quantile =
  (q: number) =>
  (xs: readonly number[]): number => {
    const sorted = [...xs].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
  };
const median = quantile(0.5);
const sum = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);

/** The median of the rounds' medians. */
const typical = (answers: readonly Answer[]): number => median(answers.map((a) => median(a.samples)));
const lowest = (answers: readonly Answer[]): number => quantile(0.1)(answers.flatMap((a) => a.samples));

// -------------------------------------------------------------------------------------
// rounds
// -------------------------------------------------------------------------------------

const isInstalled = hasPeer();
const torch: { version: string | undefined } = { version: undefined };

interface Both {
  readonly ours: readonly OurAnswer[];
  /** None where PyTorch is not there. */
  readonly theirs: readonly Answer[];
  readonly parameters: number;
  readonly rates: readonly number[];
}

/** Both sides in turn, once to warm up and then so often; PyTorch has the same number of parameters, or it is an error. */
const sides = async <A>(
  { name }: Workload,
  batchSize: number,
  steps: number,
  use: (a: Side<OurAnswer>, b: Side<Answer> | undefined) => Promise<A>,
): Promise<A> => {
  const sizes = { name, batchSize, steps };
  const a = await ours(sizes, limits);
  let b: Side<Answer> | undefined;
  try {
    b = isInstalled ? await theirs(sizes, limits) : undefined;
    torch.version = b?.ready.version ?? torch.version;
    if (b !== undefined && a.ready.parameters !== b.ready.parameters)
      throw new Error(`${a.ready.parameters} parameters, PyTorch's model has ${b.ready.parameters}`);
    return await use(a, b);
  } finally {
    a.close();
    b?.close();
  }
};

const inTurn = (workload: Workload, request: Request, batchSize: number, steps: number, times: number): Promise<Both> =>
  sides(workload, batchSize, steps, async (a, b) => {
    const warm = { ...request, seconds: Math.min(1, request.seconds) };
    await a.ask(warm);
    await b?.ask(warm);
    const [x, y, rates] = [[] as OurAnswer[], [] as Answer[], [] as number[]];
    for (let i = 0; i < times; i++) {
      try {
        const mine = await a.ask(request);
        const peer = await b?.ask(request);
        if (request.do === 'train') rates.push((await a.ask({ do: 'matmul', seconds: 0 })).rate);
        x.push(mine);
        if (peer !== undefined) y.push(peer);
      } catch (error) {
        // The time is over: the rounds that are complete count, and how many is said.
        if (x.length === 0) throw error;
        console.error(`${workload.name}: ${i} of ${times} rounds: ${error instanceof Error ? error.message : error}`);
        break;
      }
    }
    return { ours: x, theirs: y, parameters: a.ready.parameters, rates };
  });

/** A row of a table; one that failed says why, and the others follow. */
const row = async (first: string, cells: () => Promise<readonly string[]>): Promise<void> => {
  const text = await cells().catch((error: unknown) => [error instanceof Error ? error.message : String(error)]);
  console.log(`| ${[first, ...text].join(' | ')} |`);
};

const head = (...names: readonly string[]): void => {
  console.log(`| ${names.join(' | ')} |`);
  console.log(`|${names.map(() => '---|').join('')}`);
};

const beside = (mine: number, peer: number, digits = 2): readonly string[] => [
  mine.toFixed(digits),
  Number.isNaN(peer) ? 'not installed' : peer.toFixed(digits),
  Number.isNaN(peer) ? '' : (mine / peer).toFixed(2),
];

// -------------------------------------------------------------------------------------
// tables
// -------------------------------------------------------------------------------------

/** What is not the median: kept for the second table. */
interface Anatomy {
  readonly name: string;
  readonly cells: readonly string[];
}

const anatomy = (workload: Workload, { ours: x, theirs: y, parameters, rates }: Both): Anatomy => {
  const [step, rate] = [typical(x), median(rates)];
  const floor = (workload.flops * workload.batchSize) / rate / 1e6;
  const wall = sum(x.flatMap((a) => a.samples));
  const inside = sum(x.flatMap((a) => a.inside));
  const [last, peer] = [x.at(-1), y.at(-1)];
  return {
    name: workload.name,
    cells: [
      parameters.toLocaleString('en'),
      rate.toFixed(0),
      `${floor.toFixed(2)} (${((100 * floor) / step).toFixed(0)} %)`,
      `${((100 * (wall - inside)) / wall).toFixed(1)} %`,
      (last?.building ?? Number.NaN).toFixed(0),
      (last?.sessions ?? Number.NaN).toFixed(0),
      ((last?.firstEpoch ?? Number.NaN) / 1000).toFixed(2),
      (last?.resident ?? Number.NaN).toFixed(0),
      peer === undefined ? '' : peer.resident.toFixed(0),
    ],
  };
};

const training = async (): Promise<void> => {
  console.log('Training, milliseconds a step\n');
  head('', 'workload', 'grad-ts', 'PyTorch', 'ratio', 'p10', 'PyTorch p10');
  const parts: Anatomy[] = [];
  for (const workload of wanted(all))
    await row(`${workload.name} | ${workload.what}`, async () => {
      const both = await inTurn(workload, { do: 'train', seconds }, workload.batchSize, workload.steps, rounds);
      parts.push(anatomy(workload, both));
      const peer = both.theirs.length === 0 ? '' : lowest(both.theirs).toFixed(2);
      return [...beside(typical(both.ours), typical(both.theirs)), lowest(both.ours).toFixed(2), peer];
    });
  console.log('\nThe same runs of grad-ts: floor of the products at the rate of MatMul, and what is not a step\n');
  head(
    '',
    'parameters',
    'MatMul, GFLOP/s',
    'products at that rate, ms (share of the step)',
    'outside onnxruntime',
    'building graphs, ms',
    'creating sessions, ms',
    'first epoch begins after, s',
    'resident, MiB',
    "PyTorch's",
  );
  for (const { name, cells } of parts) console.log(`| ${[name, ...cells].join(' | ')} |`);
};

const inference = async (): Promise<void> => {
  console.log(
    'Inference, samples a second; in brackets without the opening of the session, which each call pays for\n',
  );
  head('', '', 'grad-ts', '', 'PyTorch', 'ratio', '');
  for (const workload of wanted(['W3', 'W4']))
    for (const what of ['evaluate', 'predict'] as const)
      await row(`${workload.name} | ${what}`, async () => {
        // Some thousand samples: enough that what a call costs besides them is small.
        const steps = Math.ceil(2048 / workload.batchSize);
        const samples = steps * workload.batchSize;
        const both = await inTurn(workload, { do: what, seconds }, workload.batchSize, steps, rounds);
        const [whole, peer] = [(1000 * samples) / typical(both.ours), (1000 * samples) / typical(both.theirs)];
        const open = both.ours.map((a) => ({ ...a, samples: a.samples.map((t, i) => t - (a.loading[i] ?? 0)) }));
        const rest = (1000 * samples) / typical(open);
        const peers = both.theirs.length === 0;
        return [
          whole.toFixed(0),
          `(${rest.toFixed(0)})`,
          peers ? 'not installed' : peer.toFixed(0),
          peers ? '' : (whole / peer).toFixed(2),
          peers ? '' : `(${(rest / peer).toFixed(2)})`,
        ];
      });
};

const batches = async (): Promise<void> => {
  console.log('Training by size of the batch, samples a second\n');
  head('', 'batch', 'grad-ts', 'PyTorch', 'ratio');
  for (const workload of wanted(['W1', 'W3']))
    for (const batch of [8, 16, 32, 64, 128, 256, 512])
      await row(`${workload.name} | ${batch}`, async () => {
        const steps = Math.max(4, Math.ceil((workload.batchSize * workload.steps) / batch));
        const both = await inTurn(workload, { do: 'train', seconds }, batch, steps, rounds);
        return beside((1000 * batch) / typical(both.ours), (1000 * batch) / typical(both.theirs), 0);
      });
};

console.log(
  `${cpus()[0]?.model ?? 'unknown processor'}, ${limits.threads} threads; ${rounds} rounds of ${seconds} s each side\n`,
);
if (values.data) {
  const { dataBench, table } = await import('./data.ts');
  console.log(table(await dataBench({ images: 400, passes: 3, workers: limits.threads })));
  process.exit(0);
}
await (values.inference ? inference() : values.batches ? batches() : training());
console.log(
  torch.version === undefined
    ? '\nPyTorch is not installed: `apt-get install python3-torch libopenblas0-openmp`.'
    : `\nPyTorch ${torch.version}.`,
);
console.log(
  'jax-js and TensorFlow.js are not installed and not measured here; docs/performance.md has figures of them.',
);
