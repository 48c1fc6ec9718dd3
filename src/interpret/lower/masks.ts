/**
 * Masks beside values: which steps of a sequence count, bool `[batch, seq]`.
 *
 * A mask starts at `masking` or at an `embedding` with `maskZero`, goes on through the layers listed here, and ends at the
 * others. Recurrent and attention layers say themselves what they make of it.
 */
import type { Value } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import type { Leaf } from '../../layer/Spec.ts';

/** Layers that keep time on axis 1 as it is: Keras's `supports_masking`. */
const passing: ReadonlySet<Leaf['op']> = new Set<Leaf['op']>([
  'dense',
  'weightNormalization',
  'activation',
  'prelu',
  'identity',
  'dropout',
  'alphaDropout',
  'gaussianDropout',
  'gaussianNoise',
  'spatialDropout1d',
  'activityRegularization',
  'batchNormalization',
  'layerNormalization',
  'rmsNormalization',
  'unitNormalization',
  'groupNormalization',
  'instanceNormalization',
  'rescaling',
  'sinusoidalPositions',
  'learnedPositions',
  'rotaryPositions',
]);

/** Of one shape: a step counts in the result where it counts in any of the inputs. */
const merging: ReadonlySet<Leaf['op']> = new Set<Leaf['op']>([
  'add',
  'subtract',
  'multiply',
  'average',
  'maximum',
  'minimum',
  'concatenate',
  'mergeDirections',
]);

/** The steps that have a feature which is not the value: the others do not count. */
export const maskOfValue = (x: Value, value: number): Value => {
  const differs = Op.cast('float32')(Op.not(Op.equal(x, Op.scalar(value, x.type.dtype))));
  const axes = x.type.shape.flatMap((_, i) => (i < 2 ? [] : [i]));
  return Op.greater(Op.reduceMax({ axes })(differs), 0.5);
};

/** The mask of a layer's output, by default. */
export const maskOf = (
  spec: Leaf,
  inputs: readonly Value[],
  masks: readonly (Value | undefined)[],
): Value | undefined => {
  const [first] = inputs;
  const there = masks.filter((m) => m !== undefined);
  if (spec.op === 'embedding')
    return spec.maskZero && first !== undefined ? Op.not(Op.equal(first, Op.scalar(0, first.type.dtype))) : undefined;
  if (spec.op === 'recurrentState') return undefined;
  // The layer on each step has dropped it; the sequence that was folded still has it.
  if (spec.op === 'unfoldTime') return masks[1];
  if (passing.has(spec.op)) return masks[0];
  // One sequence behind the other: so are their masks, if both have one.
  if (spec.op === 'concatenate' && spec.axis === 1)
    return there.length === inputs.length ? Op.concat(1)(there) : undefined;
  if (merging.has(spec.op) && there.length > 0) return [...new Set(there)].reduce((a, b) => Op.or(a, b));
  return undefined;
};
