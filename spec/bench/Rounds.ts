/** Rounds of ours and PyTorch in turn, so that a busy machine is busy for both; and another library by itself. */
import type { Answer, OurAnswer, Request } from './Protocol.ts';
import { hasPeer, type Limits, type Other, other, ours, type Side, type Sizes, theirs } from './Side.ts';

export interface Both {
  readonly ours: readonly OurAnswer[];
  /** None where PyTorch is not there. */
  readonly theirs: readonly Answer[];
  readonly parameters: number;
  /** GFLOP a second of MatMul, between the rounds of a training. */
  readonly rates: readonly number[];
  /** Of PyTorch. */
  readonly version: string | undefined;
}

const isInstalled = hasPeer();

/** Who has other parameters has another model. */
const checkParameters = (parameters: number, { ready }: Side<Answer>): void => {
  if (parameters !== ready.parameters)
    throw new Error(`${parameters} parameters, the other model has ${ready.parameters}`);
};

/** Once to warm up and then so often. MatMul's rate is measured in a process of its own: what it takes is no workload's memory. */
export const bothInTurn = async (sizes: Sizes, request: Request, times: number, limits: Limits): Promise<Both> => {
  const a = await ours(sizes, limits);
  let b: Side<Answer> | undefined;
  let products: Side<OurAnswer> | undefined;
  try {
    products = request.do === 'train' ? await ours({ name: 'W1', batchSize: 1, steps: 1 }, limits) : undefined;
    b = isInstalled ? await theirs(sizes, limits) : undefined;
    if (b !== undefined) checkParameters(a.ready.parameters, b);
    const warm = { ...request, seconds: Math.min(1, request.seconds) };
    await a.ask(warm);
    await b?.ask(warm);
    const [x, y, rates] = [[] as OurAnswer[], [] as Answer[], [] as number[]];
    for (let i = 0; i < times; i++) {
      try {
        const mine = await a.ask(request);
        const peer = await b?.ask(request);
        if (products !== undefined) rates.push((await products.ask({ do: 'matmul', seconds: 0 })).rate);
        x.push(mine);
        if (peer !== undefined) y.push(peer);
      } catch (error) {
        // The time is over: the rounds that are complete count, and how many is said.
        if (x.length === 0) throw error;
        console.error(`${sizes.name}: ${i} of ${times} rounds: ${error instanceof Error ? error.message : error}`);
        break;
      }
    }
    return { ours: x, theirs: y, parameters: a.ready.parameters, rates, version: b?.ready.version };
  } finally {
    a.close();
    b?.close();
    products?.close();
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
