/**
 * Losses for outputs that are probabilities, or logits.
 */
import * as C from '../Crossentropy.ts';
import * as Focal from '../Focal.ts';
import * as T from '../Target.ts';
import { classNumbers, custom, define, type Loss, probabilities, type ReductionOptions } from './Definition.ts';

export type { CrossentropyOptions, SmoothingOptions, SparseOptions } from '../Crossentropy.ts';
export type { BinaryFocalOptions, CategoricalFocalOptions, GeneralizedOptions } from '../Focal.ts';

/**
 * For outputs that are yes or no, each on its own: -[y ln p + (1 - y) ln(1 - p)], mean over the last axis. Targets are
 * in [0, 1], in the output's shape. End the model with a sigmoid, or with nothing and `fromLogits: true`.
 * Keras: BinaryCrossentropy. PyTorch: BCELoss, BCEWithLogitsLoss.
 */
export const binaryCrossentropy = (options: C.SmoothingOptions & ReductionOptions = {}): Loss<T.SameShape> => ({
  ...custom('binary_crossentropy', C.binaryCrossentropy(options), options),
  range: probabilities,
});

/**
 * For outputs that are one of several classes, with one-hot targets (or probabilities) in the output's shape: the sum
 * of -y ln p. End the model with a softmax, or with nothing and `fromLogits: true`.
 * Keras: CategoricalCrossentropy. PyTorch: CrossEntropyLoss on logits.
 */
export const categoricalCrossentropy = (options: C.SmoothingOptions & ReductionOptions = {}): Loss<T.Categorical> =>
  define({
    ...custom('categorical_crossentropy', C.categoricalCrossentropy(options), options),
    targetShape: T.categorical('categoricalCrossentropy'),
    range: probabilities,
  });

/**
 * As `categoricalCrossentropy`, with the class's number as target: output [batch,10] goes with int32[batch], whole
 * numbers from 0 to 9. Positions with `ignoreClass` do not count.
 * Keras: SparseCategoricalCrossentropy. PyTorch: CrossEntropyLoss on logits.
 */
export const sparseCategoricalCrossentropy = (options: C.SparseOptions & ReductionOptions = {}): Loss<T.Sparse> => ({
  name: 'sparse_categorical_crossentropy',
  target: 'int32',
  reduction: options.reduction ?? 'sumOverBatchSize',
  targetShape: T.sparse('sparseCategoricalCrossentropy'),
  range: classNumbers(options.ignoreClass),
  perSample: C.sparseCategoricalCrossentropy(options),
  mask: options.ignoreClass === undefined ? undefined : C.notIgnored(options.ignoreClass),
});

/**
 * Binary cross-entropy that looks away from what is right already: each value is multiplied by (1 - p_t)^gamma, p_t being
 * the probability of the truth. With `applyClassBalancing` also by `alpha` for yes and `1 - alpha` for no.
 * Keras: BinaryFocalCrossentropy. PyTorch: torchvision's sigmoid_focal_loss (which always balances).
 */
export const binaryFocalCrossentropy = (
  options: Focal.BinaryFocalOptions & ReductionOptions = {},
): Loss<T.SameShape> => ({
  ...custom('binary_focal_crossentropy', Focal.binary(options), options),
  range: probabilities,
});

/**
 * Categorical cross-entropy with each class's term multiplied by alpha (1 - p)^gamma. Keras: CategoricalFocalCrossentropy.
 */
export const categoricalFocalCrossentropy = (
  options: Focal.CategoricalFocalOptions & ReductionOptions = {},
): Loss<T.Categorical<'categoricalFocalCrossentropy'>> =>
  define({
    ...custom('categorical_focal_crossentropy', Focal.categorical(options), options),
    targetShape: T.categorical('categoricalFocalCrossentropy'),
    range: probabilities,
  });

/**
 * (1 - p^q) / q for the probability p of the class that is right: from the mean absolute error (q near 1), which bears
 * wrong labels, to the cross-entropy (q near 0). The target is the class's number.
 * Keras: CategoricalGeneralizedCrossEntropy.
 */
export const categoricalGeneralizedCrossentropy = (
  options: Focal.GeneralizedOptions & ReductionOptions = {},
): Loss<T.Sparse<'categoricalGeneralizedCrossentropy'>> =>
  define({
    ...custom('categorical_generalized_cross_entropy', Focal.generalized(options), options),
    target: 'int32',
    targetShape: T.provided(T.between('categoricalGeneralizedCrossentropy: q', options.q ?? 0.5))(
      T.sparse('categoricalGeneralizedCrossentropy'),
    ),
    range: classNumbers(),
  });
