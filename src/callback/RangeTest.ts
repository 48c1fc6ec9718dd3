/**
 * What a curve of losses over learning rates suggests: pure functions of two lists. The first tenth of the curve, where
 * the smoothing has just begun, and its last five points, where the loss runs away, are left out, as fast.ai does.
 */

export interface Suggestions {
  /** The rate midway down the longest way on which the loss falls, after fast.ai's default. */
  readonly valley: number | undefined;
  /** Where the loss falls most steeply over the logarithm of the rate. */
  readonly steepest: number | undefined;
  /** A tenth of the rate with the lowest loss. */
  readonly minimum: number | undefined;
}

const kept = <A>(all: ReadonlyArray<A>): ReadonlyArray<A> =>
  all.length < 20 ? all : all.slice(Math.floor(all.length / 10), -5);

/**
 * The longest way on which the losses fall, as the indices of its first and last point. Points that do not fall may lie between;
 * as in fast.ai, its beginning is counted back from its end as if there were none, so that noise far before does not count.
 */
const longestFall = (losses: ReadonlyArray<number>): readonly [from: number, to: number] => {
  const lengths: number[] = [];
  losses.forEach((loss, i) => {
    let length = 1;
    for (let j = 0; j < i; j++) if ((losses[j] ?? Number.NaN) > loss) length = Math.max(length, (lengths[j] ?? 0) + 1);
    lengths.push(length);
  });
  const length = Math.max(...lengths);
  const to = lengths.indexOf(length);
  return [to - length + 1, to];
};

/** Central differences, one-sided at the ends, as numpy's `gradient`. */
const slopes = (ys: ReadonlyArray<number>, xs: ReadonlyArray<number>): ReadonlyArray<number> =>
  ys.map((_, i) => {
    const [a, b] = [Math.max(0, i - 1), Math.min(ys.length - 1, i + 1)];
    return ((ys[b] ?? 0) - (ys[a] ?? 0)) / ((xs[b] ?? 0) - (xs[a] ?? 0));
  });

const indexOfLeast = (values: ReadonlyArray<number>): number => values.indexOf(Math.min(...values));

/** Rates that a range test suggests, from the rates and losses of its steps; `undefined` where the losses tell too little. */
export const suggested = (rates: ReadonlyArray<number>, losses: ReadonlyArray<number>): Suggestions => {
  const [xs, ys] = [kept(rates), kept(losses)];
  // A loss that is no number ends the test: it is the last point.
  const n = ys.findIndex((y) => !Number.isFinite(y));
  const [rate, loss] = n < 0 ? [xs, ys] : [xs.slice(0, n), ys.slice(0, n)];
  if (loss.length < 3) return { valley: undefined, steepest: undefined, minimum: undefined };
  const [from, to] = longestFall(loss);
  const third = (to - from) / 3;
  const steep = slopes(loss, rate.map(Math.log));
  const steepestAt = indexOfLeast(steep);
  const lowest = rate[indexOfLeast(loss)];
  return {
    valley: to > from ? rate[from + Math.floor(third) + Math.floor(third / 2)] : undefined,
    steepest: (steep[steepestAt] ?? 0) < 0 ? rate[steepestAt] : undefined,
    minimum: lowest === undefined ? undefined : lowest / 10,
  };
};
