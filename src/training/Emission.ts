/**
 * How graphs are written for a runtime: on its CPU provider with convolutions in onnxruntime's blocked layout, whose block is
 * as wide as the processor's vectors; elsewhere as they are. A graph that is exported is never written for one machine.
 */
import { flow, pipe } from 'fp-ts/lib/function.js';
import * as T from 'fp-ts/lib/Task.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import { blocked } from '../graph/blocked/Blocked.ts';
import { toBlocked } from '../graph/blocked/Layout.ts';
import * as G from '../graph/Graph.ts';
import { multiples } from '../graph/rewrite/Multiples.ts';
import { byRows } from '../graph/rewrite/Rows.ts';
import { simplify } from '../graph/rewrite/Simplify.ts';
import { sums } from '../graph/rewrite/Sums.ts';
import { turned } from '../graph/rewrite/Turned.ts';
import { withColumns } from '../graph/updates/Columns.ts';
import { mayBeLarge } from '../graph/updates/DenseKernels.ts';
import { inPieces } from '../graph/updates/Tiled.ts';
import { type Emission, inOrder, plainly } from '../interpret/Plan.ts';
import type { Resolved } from '../model/Resolved.ts';
import { encode } from '../onnx/Encode.ts';
import type { Runtime } from '../runtime/Runtime.ts';
import type { NdArray } from '../shape/NdArray.ts';
import { type AnyShape, dims } from '../shape/Shape.ts';

// -------------------------------------------------------------------------------------
// what the processor has
// -------------------------------------------------------------------------------------

const channels = 32;

/** Channels of two cells each, numbered in plain order: where the second channel's first cell lands tells the block. */
const numbered: NdArray = {
  dtype: 'float32',
  shape: [1, channels, 1, 2],
  data: Float32Array.from({ length: 2 * channels }, (_, i) => i),
};

/** In a block the first cells of all its channels come before their second cells. */
const blockOf = (reordered: NdArray | undefined): number | undefined => {
  const second = Array.from(reordered?.data ?? [], Number).indexOf(1);
  return second > 1 && channels % second === 0 ? second : undefined;
};

const probed = (runtime: Runtime): T.Task<number | undefined> => {
  const x = G.input('x', 'float32', numbered.shape);
  return pipe(
    TE.fromEither(encode(G.graph('layout', [x], [{ name: 'y', value: toBlocked(x) }]))),
    TE.chainW((model) =>
      TE.bracketW(
        runtime.load(model),
        (session) => session.run({ feeds: { x: numbered } }),
        (session) => TE.fromTask(session.release),
      ),
    ),
    // A build of onnxruntime without that layout is no error: graphs stay as they are.
    TE.match(
      () => undefined,
      ({ fetched }) => blockOf(fetched.y),
    ),
  );
};

const known = new WeakMap<Runtime, Promise<number | undefined>>();

/** Channels in a block of the runtime's processor; `undefined`: it has no such layout. Asked once for each runtime. */
export const blockSize =
  (runtime: Runtime): T.Task<number | undefined> =>
  () => {
    const before = known.get(runtime);
    if (before !== undefined) return before;
    const found = runtime.provider === 'cpu' ? probed(runtime)() : Promise.resolve(undefined);
    known.set(runtime, found);
    return found;
  };

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** [batch, channels, height, width]; or anything. */
const isImage = (type: AnyShape): boolean => dims(type).length === 4;

/** What is faster on onnxruntime's CPU provider. */
const forCpu = [sums];

/** Whether the width of blocks matters: there are images, or dense kernels that are carried in blocks. */
const hasBlocks = ({ layers, parameters }: Resolved, batchSize: number): boolean =>
  layers.some(({ input }) => input.some(isImage)) ||
  (batchSize > 1 && parameters.some((p) => p.trainable && mayBeLarge(batchSize)(p.shape)));

/** `batchSize` is that of training: an inference graph has nothing that depends on it. */
export const emissionFor = (runtime: Runtime, resolved: Resolved, batchSize = 1): T.Task<Emission> =>
  runtime.provider === 'cpu'
    ? pipe(
        hasBlocks(resolved, batchSize) ? blockSize(runtime) : T.of(undefined),
        T.map((block) =>
          block === undefined
            ? simplify(undefined, forCpu)
            : flow(blocked(block, batchSize, forCpu, runtime.threads), withColumns(block, batchSize)),
        ),
        T.map((first) => flow(first, inOrder, multiples, turned, byRows, inPieces)),
      )
    : T.of(plainly);
