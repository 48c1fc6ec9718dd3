/**
 * The normal distribution: its cumulative function, and the inverse of it on numbers and in graphs.
 *
 * Laws: `cdf(ppf(p))` is p; `ppf(1 - p)` is `-ppf(p)`.
 */
import type { Value } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';

/** Share of a normal distribution below x, by its Taylor series (Marsaglia 2004). */
export const cdf = (x: number): number => {
  if (Math.abs(x) > 8) return x > 0 ? 1 : 0;
  let [sum, term] = [x, x];
  for (let i = 3; Math.abs(term) > 1e-18 * Math.abs(sum); i += 2) {
    term *= (x * x) / i;
    sum += term;
  }
  return 0.5 + sum * Math.exp(-0.5 * x * x) * 0.3989422804014327;
};

// Rational approximations of the inverse, good to 1.2e-9 (Acklam 2003): of the middle, and of the tails.
const a = [
  -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239,
];
const b = [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1];
const c = [
  -7.784894002430293e-3, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
  2.938163982698783,
];
const d = [7.784695709041462e-3, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1];
const tail = 0.02425;

const polynomial = (coefficients: readonly number[], x: number): number =>
  coefficients.reduce((sum, k) => sum * x + k, 0);

/** The x below which a share p of a normal distribution lies; infinite for 0 and 1. */
export const ppf = (p: number): number => {
  if (!(p > 0 && p < 1)) return p === 0 ? Number.NEGATIVE_INFINITY : p === 1 ? Number.POSITIVE_INFINITY : Number.NaN;
  if (p > 0.5) return -ppf(1 - p);
  const [q, r] = [Math.sqrt(-2 * Math.log(p)), (p - 0.5) ** 2];
  const x = p < tail ? polynomial(c, q) / polynomial(d, q) : ((p - 0.5) * polynomial(a, r)) / polynomial(b, r);
  // One step of Halley's.
  const u = (cdf(x) - p) * Math.sqrt(2 * Math.PI) * Math.exp((x * x) / 2);
  return x - u / (1 + (x * u) / 2);
};

const graphPolynomial = (coefficients: readonly number[], x: Value): Value => {
  const [first = 0, ...rest] = coefficients;
  const [second = 0, ...others] = rest;
  return others.reduce((sum, k) => Op.add(Op.mul(sum, x), k), Op.add(Op.mul(x, first), second));
};

/** `ppf` in a graph, from the share below and the share above: the smaller one has the digits. Both above 0. */
export const ppfGraph = (below: Value, above: Value): Value => {
  const p = Op.min(below, above);
  const q = Op.sqrt(Op.mul(Op.log(p), -2));
  const centred = Op.sub(p, 0.5);
  const r = Op.mul(centred, centred);
  const middle = Op.div(Op.mul(centred, graphPolynomial(a, r)), graphPolynomial(b, r));
  const x = Op.where(Op.less(p, tail), Op.div(graphPolynomial(c, q), graphPolynomial(d, q)), middle);
  return Op.where(Op.greater(below, above), Op.neg(x), x);
};
