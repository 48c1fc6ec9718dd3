/** Small graphs to run, and one that takes its time. */
import * as E from 'fp-ts/lib/Either.js';
import { type Graph, graph, input, type Value } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { encode } from '../../src/onnx/Encode.ts';

export const right = <A>(e: E.Either<{ readonly message: string }, A>): A => {
  if (E.isLeft(e)) throw new Error(e.left.message);
  return e.right;
};

export const left = <Err, A>(e: E.Either<Err, A>): Err => {
  if (E.isRight(e)) throw new Error('expected a failure');
  return e.left;
};

const bytes = (g: Graph): Uint8Array => right(encode(g, { opset: 18 }));

const x = input('x', 'float32', ['n']);

/** `sum` = x + y, `double` = 2 x. */
export const sums: Uint8Array = (() => {
  const y = input('y', 'float32', ['n']);
  return bytes(
    graph(
      'sums',
      [x, y],
      [
        { name: 'sum', value: Op.add(x, y) },
        { name: 'double', value: Op.mul(x, 2) },
      ],
    ),
  );
})();

/** As many products of 256 x 256 matrices as `trips` says, one after the other. */
export const slow: Uint8Array = (() => {
  const trips = input('trips', 'int64', []);
  const start = input('start', 'float32', [256, 256]);
  const [i, go, s] = [input('i', 'int64', []), input('go', 'bool', []), input('s', 'float32', [256, 256])];
  const body = graph(
    'body',
    [i, go, s],
    [
      { name: 'again', value: Op.identity(go) },
      { name: 'next', value: Op.mul(Op.matMul(s, start), 0.01) },
    ],
  );
  const [end] = Op.loop(trips, [start], body) as readonly [Value];
  return bytes(graph('slow', [trips, start], [{ name: 'end', value: end }]));
})();

export const matrix = { dtype: 'float32', shape: [256, 256], data: new Float32Array(256 * 256).fill(0.5) } as const;
export const trips = (n: number) => ({ dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(n)) }) as const;

export const f32 = (...values: readonly number[]) =>
  ({ dtype: 'float32', shape: [values.length], data: Float32Array.from(values) }) as const;
