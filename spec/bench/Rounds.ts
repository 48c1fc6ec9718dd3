/** Rounds of ours and PyTorch in turn, so that a busy machine is busy for both; and another library by itself. */
import type { Answer, OurAnswer, Request } from './Protocol.ts';
import { hasPeer, type Limits, type Other, other, ours, type Side, type Sizes, theirs } from './Side.ts';

export interface Both {
  readonly ours: readonly OurAnswer[];
  /** None where PyTorch is not there. */
  readonly theirs: readonly Answer[];
  readonly parameters: number;
  /** What the machine is like, between the rounds of a training. */
  readonly machine: readonly Pick<OurAnswer, 'rate' | 'apart'>[];
  /** Of PyTorch. */
  readonly version: string | undefined;
}

const isInstalled = hasPeer();

/** Who has other parameters has another model. */
const checkParameters = (parameters: number, { ready }: Side<Answer>): void => {
  if (parameters !== ready.parameters)
    throw new Error(`${parameters} parameters, the other model has ${ready.parameters}`);
};

/** Once to warm up and then so often. The machine is measured in a process of its own: what that takes is no workload's memory. */
export const bothInTurn = async (sizes: Sizes, request: Request, times: number, limits: Limits): Promise<Both> => {
  const a = await ours(sizes, limits);
  let b: Side<Answer> | undefined;
  let watch: Side<OurAnswer> | undefined;
  try {
    watch = request.do === 'train' ? await ours({ name: 'W1', batchSize: 1, steps: 1 }, limits) : undefined;
    b = isInstalled ? await theirs(sizes, limits) : undefined;
    if (b !== undefined) checkParameters(a.ready.parameters, b);
    const warm = { ...request, seconds: Math.min(1, request.seconds) };
    await a.ask(warm);
    await b?.ask(warm);
    const [x, y, machine] = [[] as OurAnswer[], [] as Answer[], [] as OurAnswer[]];
    for (let i = 0; i < times; i++) {
      try {
        const mine = await a.ask(request);
        const peer = await b?.ask(request);
        if (watch !== undefined) machine.push(await watch.ask({ do: 'machine', seconds: 0 }));
        x.push(mine);
        if (peer !== undefined) y.push(peer);
      } catch (error) {
        // The time is over: the rounds that are complete count, and how many is said.
        if (x.length === 0) throw error;
        console.error(`${sizes.name}: ${i} of ${times} rounds: ${error instanceof Error ? error.message : error}`);
        break;
      }
    }
    return { ours: x, theirs: y, parameters: a.ready.parameters, machine, version: b?.ready.version };
  } finally {
    a.close();
    b?.close();
    watch?.close();
  }
};

/** One long round: some of these libraries take longer for a step than all rounds of the others. */
export const alone = async (
  library: Other,
  sizes: Sizes,
  request: Request,
  limits: Limits,
  parameters: number,
): Promise<Answer & { readonly version: string | undefined }> => {
  const side = await other(library, sizes, limits);
  try {
    checkParameters(parameters, side);
    return { ...(await side.ask(request)), version: side.ready.version };
  } finally {
    side.close();
  }
};
