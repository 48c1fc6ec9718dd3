/**
 * Minus the logarithm of a normal density whose mean and variance are both outputs.
 */
import { stopGradient } from '../autodiff/Grad.ts';
import type { Value } from '../graph/Graph.ts';
import { add, div, exp, GraphDefect, log, max, mul, rank, reduceMean, slice, sub } from '../graph/Operators.ts';
import { type Formula, float } from './Formula.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface GaussianOptions {
  /** The second half of the output are logarithms of variances. Default false: variances. */
  readonly logVariance?: boolean;
  /** Variances are at least this. Default 1e-6. */
  readonly epsilon?: number;
  /** Add the constant ln(2 pi) / 2. Default false. */
  readonly full?: boolean;
}

// -------------------------------------------------------------------------------------
// formulas
// -------------------------------------------------------------------------------------

/** At least `low`; the gradient is that of `x` itself, so that what lies below can come back. */
const floored = (x: Value, low: number): Value => add(x, stopGradient(sub(max(x, low), x)));

const halves = (x: Value): readonly [Value, Value] => {
  const size = x.type.shape[rank(x) - 1];
  if (typeof size !== 'number') throw new GraphDefect('gaussianNegativeLogLikelihood: the last size must be known');
  const part = (from: number) => slice({ axes: [-1], starts: [from], ends: [from + size / 2] })(x);
  return [part(0), part(size / 2)];
};

/** (ln v + (y - m)^2 / v) / 2 */
export const gaussian =
  ({ logVariance = false, epsilon = 1e-6, full = false }: GaussianOptions): Formula =>
  (output, target) => {
    const [means, spreads] = halves(float(output));
    const error = sub(means, float(target));
    const squared = mul(error, error);
    const spread = floored(spreads, logVariance ? Math.log(epsilon) : epsilon);
    const terms = logVariance
      ? add(spread, mul(squared, exp(mul(spread, -1))))
      : add(log(spread), div(squared, spread));
    return add(reduceMean({ axes: [-1] })(mul(terms, 0.5)), full ? Math.log(2 * Math.PI) / 2 : 0);
  };
