/**
 * Training steps through the public API beside PyTorch's, where `/usr/bin/python3` has it: rounds of both in turn, so that a
 * busy machine is busy for both; medians of the rounds and their ratio. See docs/performance.md.
 *
 *     npm run bench                                    # all workloads
 *     npm run bench -- W1 W4 --rounds 3 --seconds 2    # seconds of each round and side
 *     npm run bench -- W3 W4 --inference               # evaluation and prediction instead of training
 *     npm run bench -- W1 W3 --batches                 # training by size of the batch, 8 to 512
 *     npm run bench -- --others                        # training beside jax-js and TensorFlow.js too
 *     npm run bench -- W1 --profile                    # where the time of our training step goes, by operator
 *     npm run bench -- --opening                       # how long ResNet-20 and ResNet-50 take to their first step
 *     npm run bench -- --data                          # pipelines of data: samples a second and memory
 *
 * `--threads`: as many as the machine runs at once by default. `--limit`: seconds that a process may take for a workload, 240
 * by default; what takes longer is ended, and its row says so (two steps of the slowest of `--others` take more than 200).
 * `--keep-memory`: glibc keeps freed memory in our process too.
 */
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { partition } from 'fp-ts/lib/ReadonlyArray.js';
import { type Group, profiled, together } from './Profile.ts';
import type { OurAnswer, Request } from './Protocol.ts';
import { alone, type Both, bothInTurn } from './Rounds.ts';
import { hasOthers, hasPeer, kernels, type Limits, type Other, others, ours } from './Side.ts';
import { lowest, median, sum, typical } from './Statistics.ts';
import { openings, type Workload, workloads } from './workloads.ts';

// -------------------------------------------------------------------------------------
// options
// -------------------------------------------------------------------------------------

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '2' },
    threads: { type: 'string', default: String(availableParallelism()) },
    limit: { type: 'string', default: '240' },
    inference: { type: 'boolean', default: false },
    batches: { type: 'boolean', default: false },
    opening: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    others: { type: 'boolean', default: false },
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
// rows
// -------------------------------------------------------------------------------------

/** Of the libraries that were measured. */
const versions = new Set<string>();

const inTurn = async (
  workload: Workload,
  request: Request,
  batchSize: number,
  steps: number,
  times: number,
): Promise<Both> => {
  const both = await bothInTurn({ name: workload.name, batchSize, steps }, request, times, limits);
  if (both.version !== undefined)
    versions.add(`PyTorch ${both.version} with OpenBLAS's ${kernels(limits.threads) ?? 'own choice of'} kernels`);
  return both;
};

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A row of a table; one that failed says why, and the others follow. */
const row = async (first: string, cells: () => Promise<readonly string[]>): Promise<void> => {
  const text = await cells().catch((error: unknown) => [reason(error)]);
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

const anatomy = (workload: Workload, { ours: x, theirs: y, parameters, machine }: Both): Anatomy => {
  const [step, rate] = [typical(x), median(machine.map((m) => m.rate))];
  const apart = machine.map((m) => m.apart);
  const floor = (workload.flops * workload.batchSize) / rate / 1e6;
  const wall = sum(x.flatMap((a) => a.samples));
  const inside = sum(x.flatMap((a) => a.inside));
  const [last, peer] = [x.at(-1), y.at(-1)];
  return {
    name: workload.name,
    cells: [
      parameters.toLocaleString('en'),
      rate.toFixed(0),
      apart.some(Number.isNaN) ? '' : `${Math.min(...apart).toFixed(2)} to ${Math.max(...apart).toFixed(2)}`,
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
  head('', 'workload', 'grad-ts', 'PyTorch', 'ratio', 'p10', "PyTorch's p10", 'ratio');
  const parts: Anatomy[] = [];
  for (const workload of wanted(all))
    await row(`${workload.name} | ${workload.what}`, async () => {
      const both = await inTurn(workload, { do: 'train', seconds }, workload.batchSize, workload.steps, rounds);
      parts.push(anatomy(workload, both));
      return [typical, lowest].flatMap((of) => beside(of(both.ours), of(both.theirs)));
    });
  console.log('\nThe same runs of grad-ts: floor of the products at the rate of MatMul, and what is not a step\n');
  head(
    '',
    'parameters',
    'MatMul, GFLOP/s',
    'threads apart, µs',
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

/** Groups of less than this share of a step are put together. */
const small = 0.01;

const share = (part: number): string => `${(100 * part).toFixed(0)} %`;

const profile = async (): Promise<void> => {
  console.log(
    "Our training step by onnxruntime's profiler, whose own time is in it. Undisturbed: each operator's fastest twentieth.\n",
  );
  head('', '', 'operator', 'calls a step', 'ms', 'share', 'undisturbed, ms');
  for (const { name, batchSize, steps } of wanted(all)) {
    const { groups, whole } = await profiled({ name, batchSize, steps }, { do: 'train', seconds }, limits);
    const line = (of: Omit<Group, 'part'>, part = ''): void => {
      const cells = [
        of.calls.toFixed(0),
        of.milliseconds.toFixed(2),
        share(of.milliseconds / whole),
        of.undisturbed.toFixed(2),
      ];
      console.log(`| ${[name, part, of.operator, ...cells].join(' | ')} |`);
    };
    const { left: few, right: large } = partition<Group>((g) => g.milliseconds >= small * whole)(groups);
    for (const group of large) line(group, group.part);
    line({ ...together(few), operator: 'other operators' });
    line({ ...together(groups), operator: 'all operators' });
    console.log(
      `| ${[name, '', 'a step, with what is between operators', '', whole.toFixed(2), share(1), ''].join(' | ')} |`,
    );
  }
};

/** A process for each time: what runs a second time is faster. */
const opening = async (): Promise<void> => {
  console.log('Opening, milliseconds (median, and least)\n');
  head('', 'workload', 'building graphs', 'creating sessions', 'both', 'first epoch begins after');
  for (const { name, what, batchSize, steps } of openings)
    await row(`${name} | ${what}`, async () => {
      const answers: OurAnswer[] = [];
      for (let i = 0; i < rounds; i++) {
        const side = await ours({ name, batchSize, steps }, limits);
        try {
          answers.push(await side.ask({ do: 'train', seconds: 0 }));
        } finally {
          side.close();
        }
      }
      const cell = (of: (a: OurAnswer) => number): string => {
        const times = answers.map(of);
        return `${median(times).toFixed(0)} (${Math.min(...times).toFixed(0)})`;
      };
      return [
        cell((a) => a.building),
        cell((a) => a.sessions),
        cell((a) => a.building + a.sessions),
        cell((a) => a.firstEpoch),
      ];
    });
};

/** Milliseconds of a step and, where they are few, how many were counted; or why there are none. */
const cell = async (library: Other, { name, batchSize, steps }: Workload, parameters: number): Promise<string> => {
  try {
    const request: Request = { do: 'train', seconds: rounds * seconds };
    const { samples, version } = await alone(library, { name, batchSize, steps }, request, limits, parameters);
    if (version !== undefined) versions.add(version);
    const few = samples.length === 1 ? ' (1 step)' : samples.length < 5 ? ` (${samples.length} steps)` : '';
    return `${median(samples).toFixed(samples.length < 5 ? 0 : 2)}${few}`;
  } catch (error) {
    return reason(error);
  }
};

const comparison = async (): Promise<void> => {
  console.log('Training, milliseconds a step; a library that cannot do it, or not in `--limit` seconds, says so\n');
  head('', 'grad-ts', 'PyTorch', ...others.map(({ label }) => label));
  for (const workload of wanted(all))
    await row(workload.name, async () => {
      const both = await inTurn(workload, { do: 'train', seconds }, workload.batchSize, workload.steps, rounds);
      const [mine, peer] = beside(typical(both.ours), typical(both.theirs)) as [string, string];
      const cells = [mine, peer];
      for (const library of others) cells.push(await cell(library, workload, both.parameters));
      return cells;
    });
  console.log('\nIn Node jax-js and TensorFlow.js have one thread. Their first step is not counted.');
};

if (values.others && !hasOthers()) {
  console.error('jax-js and TensorFlow.js are not installed: `npm ci --prefix spec/bench/others`');
  process.exit(1);
}
console.log(
  `${cpus()[0]?.model ?? 'unknown processor'}, ${limits.threads} threads; ${rounds} rounds of ${seconds} s each side\n`,
);
if (values.data) {
  const { dataBench, table } = await import('./data.ts');
  console.log(table(await dataBench({ images: 400, passes: 3, workers: limits.threads })));
  process.exit(0);
}
if (values.opening) {
  if (positionals.length > 0) throw new Error('--opening: takes no workloads, it times ResNet-20 and ResNet-50');
  await opening();
  process.exit(0);
}
if (values.profile) {
  await profile();
  process.exit(0);
}
await (values.others ? comparison() : values.inference ? inference() : values.batches ? batches() : training());
console.log(`\nMeasured beside: ${[...versions].join(', ') || 'nothing'}.`);
if (!hasPeer()) console.log('PyTorch is not installed: `apt-get install python3-torch libopenblas0-openmp`.');
if (!values.others) console.log('With `--others` beside jax-js and TensorFlow.js.');
