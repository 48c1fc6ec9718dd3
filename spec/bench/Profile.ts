/**
 * Where the time of a training step goes: a workload in a process whose sessions write onnxruntime's profile (`profile` of the
 * runtime's options), read afterwards.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { groupBy } from 'fp-ts/lib/NonEmptyArray.js';
import type { Request } from './Protocol.ts';
import { type Limits, ours, type Sizes } from './Side.ts';
import { median, quantile, sum } from './Statistics.ts';

export interface Group {
  /** Operators of the model, or those of updates: gradients and the optimizer. */
  readonly part: 'model' | 'updates';
  readonly operator: string;
  readonly milliseconds: number;
  /** The same if each of its calls took the twentieth part of its times that is the least: what it takes undisturbed. */
  readonly undisturbed: number;
  /** Calls of a step. */
  readonly calls: number;
}

export interface Profile {
  /** The largest first. Milliseconds of a step. */
  readonly groups: readonly Group[];
  /** Milliseconds of a step as a whole: onnxruntime's own time between operators, and that of writing the profile, is in it. */
  readonly whole: number;
}

/** What of an entry of a trace is read here; times in microseconds. */
interface Entry {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args: {
    readonly op_name?: string;
    readonly input_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
  };
}

/** Their operators have entries of their own. */
const containers: ReadonlySet<string> = new Set(['Loop', 'If', 'Scan']);

const kernels = '_kernel_time';

/** Convolutions of one cell that leave channels apart are passes over an image: batch normalisation, sums, masks. */
const operatorOf = ({ args }: Entry): string => {
  const [, kernel] = args.input_type_shape ?? [];
  const isPass =
    kernel !== undefined &&
    Object.values(kernel)[0]
      ?.slice(1)
      .every((n) => n === 1) === true;
  return args.op_name === 'Conv' && isPass ? 'Conv, number by channel' : (args.op_name ?? '');
};

/** The sums of groups. */
export const together = (groups: readonly Group[]): Pick<Group, 'milliseconds' | 'undisturbed' | 'calls'> => ({
  milliseconds: sum(groups.map((g) => g.milliseconds)),
  undisturbed: sum(groups.map((g) => g.undisturbed)),
  calls: sum(groups.map((g) => g.calls)),
});

const grouped = (entries: readonly Entry[]): Profile => {
  const runs = entries.filter((e) => e.cat === 'Session' && e.name === 'model_run');
  // The first run takes memory for the first time.
  const [first, ...rest] = runs;
  if (first === undefined || rest.length === 0)
    throw new Error(`a profile of ${runs.length} runs: expected two or more`);
  const begin = first.ts + first.dur;
  const nodes = entries.filter(
    (e) => e.cat === 'Node' && e.name.endsWith(kernels) && e.ts >= begin && !containers.has(e.args.op_name ?? ''),
  );
  const byNode = Object.values(groupBy((e: Entry) => e.name)(nodes));
  // Most operators run once a step.
  const steps = median(byNode.map((calls) => calls.length));
  const each = byNode.map((calls): Group => {
    const [node] = calls;
    const times = calls.map((e) => e.dur / 1000);
    return {
      part: node.name.startsWith('update') ? 'updates' : 'model',
      operator: operatorOf(node),
      milliseconds: sum(times) / steps,
      undisturbed: (quantile(0.05)(times) * times.length) / steps,
      calls: times.length / steps,
    };
  });
  return {
    groups: Object.values(groupBy((g: Group) => `${g.part} ${g.operator}`)(each))
      .map((of) => ({ ...of[0], ...together(of) }))
      .sort((a, b) => b.milliseconds - a.milliseconds),
    whole: sum(rest.map((r) => r.dur)) / 1000 / steps,
  };
};

/** The training's own session has the most entries: the others ask what the processor is like. */
const read = (folder: string): Profile =>
  grouped(
    readdirSync(folder)
      .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as readonly Entry[])
      .reduce((a, b) => (a.length >= b.length ? a : b), []),
  );

export const profiled = async (sizes: Sizes, request: Request, limits: Limits): Promise<Profile> => {
  const folder = mkdtempSync(join(tmpdir(), 'grad-ts-bench-'));
  try {
    const side = await ours(sizes, limits, join(folder, 'run'));
    try {
      await side.ask(request);
      await side.end();
      return read(folder);
    } finally {
      side.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
};
