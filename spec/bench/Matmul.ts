/**
 * The machine's own rate of matrix products: onnxruntime's MatMul of squares of 1024, its best of a few. What a step's
 * products would take at that rate is the floor of the step.
 */
import * as E from 'fp-ts/lib/Either.js';
import { Graph as G, type NdArray, Onnx, Operators as Op, type Runtime } from 'grad-ts';

const side = 1024;
const repeats = 12;

const must = <A>(either: E.Either<{ readonly message: string }, A>): A => {
  if (E.isLeft(either)) throw new Error(either.left.message);
  return either.right;
};

/** GFLOP a second. */
export const matmulRate = async (runtime: Runtime.Runtime): Promise<number> => {
  const [a, b] = [G.input('a', 'float32', [side, side]), G.input('b', 'float32', [side, side])];
  const model = must(Onnx.encode(G.graph('matmul', [a, b], [{ name: 'c', value: Op.matMul(a, b) }])));
  const session = must(await runtime.load(model)());
  const numbers: NdArray.NdArray = {
    dtype: 'float32',
    shape: [side, side],
    data: Float32Array.from({ length: side * side }, (_, i) => ((i * 7919) % 1013) / 1013),
  };
  const operands = must(await runtime.upload({ a: numbers, b: numbers })());
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < repeats; i++) {
    const { kept, milliseconds } = must(await session.run({ feeds: operands, keep: ['c'] })());
    best = Math.min(best, milliseconds);
    must(await runtime.free(Object.values(kept))());
  }
  must(await runtime.free(Object.values(operands))());
  await session.release();
  return (2 * side ** 3) / best / 1e6;
};
