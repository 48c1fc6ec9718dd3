/**
 * Losses for outputs that are quantities.
 */
import { pipe } from 'fp-ts/lib/function.js';
import { neg } from '../../graph/Operators.ts';
import { between0and1, positive } from '../../shape/Requirement.ts';
import * as F from '../Formula.ts';
import { type GaussianOptions, gaussian } from '../Gaussian.ts';
import * as T from '../Target.ts';
import { custom, define, type Loss, probabilities, type ReductionOptions, requiring } from './Definition.ts';

export type { GaussianOptions } from '../Gaussian.ts';

/** Mean of (y - p)^2 over the last axis. Keras: MeanSquaredError. PyTorch: MSELoss. */
export const meanSquaredError = (options: ReductionOptions = {}): Loss<T.SameShape> =>
  custom('mean_squared_error', F.meanSquaredError, options);

/** Mean of |y - p| over the last axis. Keras: MeanAbsoluteError. PyTorch: L1Loss. */
export const meanAbsoluteError = (options: ReductionOptions = {}): Loss<T.SameShape> =>
  custom('mean_absolute_error', F.meanAbsoluteError, options);

/** Mean of 100 |y - p| / |y|, with |y| at least 1e-7. Keras: MeanAbsolutePercentageError. */
export const meanAbsolutePercentageError = (options: ReductionOptions = {}): Loss<T.SameShape> =>
  custom('mean_absolute_percentage_error', F.meanAbsolutePercentageError, options);

/** Mean of (ln(y + 1) - ln(p + 1))^2; negative numbers count as 0. Keras: MeanSquaredLogarithmicError. */
export const meanSquaredLogarithmicError = (options: ReductionOptions = {}): Loss<T.SameShape> =>
  custom('mean_squared_logarithmic_error', F.meanSquaredLogarithmicError, options);

/** Squared near the truth, linear further than `delta` (default 1) from it. Keras: Huber. PyTorch: HuberLoss. */
export const huber = (options: ReductionOptions & { readonly delta?: number } = {}): Loss<T.SameShape> =>
  pipe(
    custom('huber_loss', F.huber(options.delta ?? 1), options),
    requiring('huber', [positive('delta', options.delta)]),
  );

/** Mean of ln(cosh(p - y)): as Huber, but smooth. Keras: LogCosh. */
export const logCosh = (options: ReductionOptions = {}): Loss<T.SameShape> => custom('log_cosh', F.logCosh, options);

/** Sum of y ln(y / p), both clipped to [1e-7, 1]. Keras: KLDivergence. PyTorch: KLDivLoss. */
export const klDivergence = (options: ReductionOptions = {}): Loss<T.SameShape> => ({
  ...custom('kl_divergence', F.klDivergence, options),
  range: probabilities,
});

/** Mean of p - y ln p, for counts. Keras: Poisson. PyTorch: PoissonNLLLoss with log_input false. */
export const poisson = (options: ReductionOptions = {}): Loss<T.SameShape> => custom('poisson', F.poisson, options);

/** Minus the cosine of the angle between y and p: -1 is best. Keras: CosineSimilarity. */
export const cosineSimilarity = (options: ReductionOptions = {}): Loss<T.SameShape> =>
  custom('cosine_similarity', (output, target) => neg(F.cosine(output, target)), options);

/**
 * The pinball loss: makes the output the `quantile` (in (0, 1)) of the targets. Being below the truth costs `quantile`
 * for each unit, being above `1 - quantile`; 0.5 is half the mean absolute error. scikit-learn: mean_pinball_loss.
 *
 * @example
 * Loss.quantile(0.9); // nine of ten targets are below the output
 */
export const quantile = (quantile: number, options: ReductionOptions = {}): Loss<T.SameShape> =>
  pipe(
    custom('quantile', F.quantile(quantile), options),
    requiring('quantile', [between0and1('the quantile', quantile)]),
  );

/**
 * Minus the logarithm of a normal density, for outputs that say how sure they are: output [batch,2k] is k means, then k
 * variances (or, with `logVariance`, their logarithms: no activation is needed then), and the target is [batch,k].
 * Variances below `epsilon` count as `epsilon`, with the gradient of the variance as it is. Mean over the last axis.
 * PyTorch: GaussianNLLLoss, which takes means and variances apart.
 *
 * @example
 * L.model(L.input([8]), L.dense(2)); // mean and log-variance of one number: target [batch,1]
 * Loss.gaussianNegativeLogLikelihood({ logVariance: true });
 */
export const gaussianNegativeLogLikelihood = (
  options: GaussianOptions & ReductionOptions = {},
): Loss<T.Half<'gaussianNegativeLogLikelihood'>> =>
  pipe(
    define<T.Half<'gaussianNegativeLogLikelihood'>>({
      ...custom('gaussian_nll', gaussian(options), options),
      targetShape: T.half('gaussianNegativeLogLikelihood'),
    }),
    requiring('gaussianNegativeLogLikelihood', [positive('epsilon', options.epsilon)]),
  );
