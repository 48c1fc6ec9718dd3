/**
 * Losses for outputs that are probabilities, or logits.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { between0and1, from0to1, integer, notNegative } from '../../shape/Requirement.ts';
import { dims } from '../../shape/Shape.ts';
import * as C from '../Crossentropy.ts';
import * as Focal from '../Focal.ts';
import * as T from '../Target.ts';
import {
  classNumbers,
  custom,
  define,
  type Loss,
  probabilities,
  type ReductionOptions,
  requiring,
} from './Definition.ts';

export type { CrossentropyOptions, SmoothingOptions, SparseOptions } from '../Crossentropy.ts';
export type { BinaryFocalOptions, CategoricalFocalOptions, GeneralizedOptions } from '../Focal.ts';

/**
 * For outputs that are yes or no, each on its own: -[y ln p + (1 - y) ln(1 - p)], mean over the last axis. Targets are
 * in [0, 1], in the output's shape, and floats as it is: `Data.floats([1], labels)`. End the model with a sigmoid, or with
 * nothing and `fromLogits: true`.
 * Keras: BinaryCrossentropy. PyTorch: BCELoss, BCEWithLogitsLoss.
 */
export const binaryCrossentropy = (options: C.SmoothingOptions & ReductionOptions = {}): Loss<T.SameShape> =>
  pipe(
    { ...custom('binary_crossentropy', C.binaryCrossentropy(options), options), range: probabilities },
    requiring('binaryCrossentropy', [from0to1('labelSmoothing', options.labelSmoothing)]),
  );

/**
 * For outputs that are one of several classes, with one-hot targets (or probabilities) in the output's shape: the sum
 * of -y ln p. End the model with a softmax, or with nothing and `fromLogits: true`.
 * Keras: CategoricalCrossentropy. PyTorch: CrossEntropyLoss on logits.
 */
export const categoricalCrossentropy = (options: C.SmoothingOptions & ReductionOptions = {}): Loss<T.Categorical> =>
  pipe(
    define<T.Categorical>({
      ...custom('categorical_crossentropy', C.categoricalCrossentropy(options), options),
      targetShape: T.categorical('categoricalCrossentropy'),
      range: probabilities,
    }),
    requiring('categoricalCrossentropy', [from0to1('labelSmoothing', options.labelSmoothing)]),
  );

/**
 * As `categoricalCrossentropy`, with the class's number as target: output [batch,10] goes with int32[batch], whole
 * numbers from 0 to 9. Positions with `ignoreClass` do not count.
 * Keras: SparseCategoricalCrossentropy. PyTorch: CrossEntropyLoss on logits.
 */
export const sparseCategoricalCrossentropy = (options: C.SparseOptions & ReductionOptions = {}): Loss<T.Sparse> =>
  pipe(
    define<T.Sparse>({
      ...custom('sparse_categorical_crossentropy', C.sparseCategoricalCrossentropy(options), options),
      target: 'int32',
      targetShape: T.sparse('sparseCategoricalCrossentropy'),
      range: classNumbers(options.ignoreClass),
      mask: options.ignoreClass === undefined ? undefined : C.notIgnored(options.ignoreClass),
    }),
    requiring('sparseCategoricalCrossentropy', [
      from0to1('labelSmoothing', options.labelSmoothing),
      integer('ignoreClass', options.ignoreClass),
    ]),
  );

/**
 * Binary cross-entropy that looks away from what is right already: each value is multiplied by (1 - p_t)^gamma, p_t being
 * the probability of the truth. With `applyClassBalancing` also by `alpha` for yes and `1 - alpha` for no.
 * Keras: BinaryFocalCrossentropy. PyTorch: torchvision's sigmoid_focal_loss (which always balances).
 */
export const binaryFocalCrossentropy = (options: Focal.BinaryFocalOptions & ReductionOptions = {}): Loss<T.SameShape> =>
  pipe(
    { ...custom('binary_focal_crossentropy', Focal.binary(options), options), range: probabilities },
    requiring('binaryFocalCrossentropy', [
      from0to1('labelSmoothing', options.labelSmoothing),
      notNegative('gamma', options.gamma),
      from0to1('alpha', options.alpha),
    ]),
  );

/** One alpha for each class, where there are several. */
const perClass =
  (alpha: number | readonly number[] | undefined) =>
  (rule: T.TargetShape): T.TargetShape =>
  (output) => {
    const n = T.classes(output);
    return Array.isArray(alpha) && n !== undefined && alpha.length !== n && dims(output).length > 1
      ? E.left(
          `categoricalFocalCrossentropy: alpha must have one number for each of the ${n} classes, got ${alpha.length}`,
        )
      : rule(output);
  };

/**
 * Categorical cross-entropy with each class's term multiplied by alpha (1 - p)^gamma. Keras: CategoricalFocalCrossentropy.
 */
export const categoricalFocalCrossentropy = (
  options: Focal.CategoricalFocalOptions & ReductionOptions = {},
): Loss<T.Categorical<'categoricalFocalCrossentropy'>> =>
  pipe(
    define<T.Categorical<'categoricalFocalCrossentropy'>>({
      ...custom('categorical_focal_crossentropy', Focal.categorical(options), options),
      targetShape: perClass(options.alpha)(T.categorical('categoricalFocalCrossentropy')),
      range: probabilities,
    }),
    requiring('categoricalFocalCrossentropy', [
      from0to1('labelSmoothing', options.labelSmoothing),
      notNegative('gamma', options.gamma),
      ...[options.alpha ?? []].flat().map((alpha) => notNegative('alpha', alpha)),
    ]),
  );

/**
 * (1 - p^q) / q for the probability p of the class that is right: from the mean absolute error (q near 1), which bears
 * wrong labels, to the cross-entropy (q near 0). The target is the class's number.
 * Keras: CategoricalGeneralizedCrossEntropy.
 */
export const categoricalGeneralizedCrossentropy = (
  options: Focal.GeneralizedOptions & ReductionOptions = {},
): Loss<T.Sparse<'categoricalGeneralizedCrossentropy'>> =>
  pipe(
    define<T.Sparse<'categoricalGeneralizedCrossentropy'>>({
      ...custom('categorical_generalized_cross_entropy', Focal.generalized(options), options),
      target: 'int32',
      targetShape: T.sparse('categoricalGeneralizedCrossentropy'),
      range: classNumbers(),
    }),
    requiring('categoricalGeneralizedCrossentropy', [between0and1('q', options.q)]),
  );
