/**
 * Stages that come first: what is done to gradients before they are followed.
 */
import type { Value } from '../graph/Graph.ts';
import { add, div, max, min, mul, reciprocal, reduceMean, sqrt, sub } from '../graph/Operators.ts';
import { finite, positive, unmet } from '../shape/Requirement.ts';
import { constant, norm, sumOfSquares } from './scalars.ts';
import { joint, map, type Parameter, type Transformation } from './Transformation.ts';

// -------------------------------------------------------------------------------------
// clipping
// -------------------------------------------------------------------------------------

const limited = (name: string, limit: number): readonly string[] => unmet(name, [positive('the limit', limit)]);

/** Each element to [-limit, limit]. Keras: clipvalue. PyTorch: clip_grad_value_. */
export const clipByValue = (limit: number): Transformation =>
  map(
    'clip_by_value',
    () => {
      const [low, high] = [constant(-limit), constant(limit)];
      return ({ gradient }) => min(max(gradient, low), high);
    },
    limited('clipByValue', limit),
  );

/** Each parameter's gradient to a length of at most `limit`. Keras: clipnorm. */
export const clipByNorm = (limit: number): Transformation =>
  map(
    'clip_by_norm',
    () => {
      const c = constant(limit);
      return ({ gradient }) => mul(gradient, div(c, max(norm(gradient), c)));
    },
    limited('clipByNorm', limit),
  );

/**
 * All gradients by one factor, to a common length of at most `limit`; if it is infinite or NaN, all become NaN.
 * Keras: global_clipnorm. PyTorch: clip_grad_norm_.
 */
export const clipByGlobalNorm = (limit: number): Transformation =>
  joint(
    'clip_by_global_norm',
    () => (gradients) => {
      const squares = Object.values(gradients).map(sumOfSquares);
      const [first, ...rest] = squares;
      if (first === undefined) return gradients;
      const length = sqrt(rest.reduce<Value>(add, first));
      const factor = add(mul(min(reciprocal(length), 1 / limit), limit), sub(length, length));
      return Object.fromEntries(Object.entries(gradients).map(([name, g]) => [name, mul(g, factor)]));
    },
    limited('clipByGlobalNorm', limit),
  );

// -------------------------------------------------------------------------------------
// scale and mean
// -------------------------------------------------------------------------------------

/** All gradients times a number: 1 / c undoes a loss that was multiplied by c. Keras: loss_scale_factor. */
export const scaleGradients = (factor: number): Transformation =>
  map(
    'scale_gradients',
    () => {
      const c = constant(factor);
      return ({ gradient }) => mul(gradient, c);
    },
    unmet('scaleGradients', [finite('the factor', factor)]),
  );

/** The axes that lead into an output, by grad-ts's layouts: dense kernels are [in, out], convolutions [out, in, ...]. */
const incoming = ({ shape }: Parameter): readonly number[] =>
  shape.length < 2 ? [] : shape.length === 2 ? [0] : shape.map((_, i) => i).slice(1);

/**
 * Takes from each output's gradient its mean over everything that leads into the output: steadier training of convolutions
 * and dense layers. Biases and scales are left as they are. `axes` says which axes lead into an output; default: the first
 * of a matrix, all but the first of a larger tensor.
 * Yong et al. 2020, https://arxiv.org/abs/2004.01461
 */
export const centraliseGradients = (axes: (parameter: Parameter) => readonly number[] = incoming): Transformation =>
  map('centralise', () => ({ name, gradient, parameter }) => {
    const shape = parameter.type.shape.filter((d) => typeof d === 'number');
    const over = axes({ name, shape });
    return over.length === 0 ? gradient : sub(gradient, reduceMean({ axes: over, keepDims: true })(gradient));
  });
