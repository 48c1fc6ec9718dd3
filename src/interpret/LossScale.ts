/**
 * Loss scaling in the training graph: the loss goes up, the gradients come down, and with a dynamic scale a step whose
 * gradients are not all finite changes nothing but the scale.
 */
import type { Value } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import type { SlotSpec } from '../optimizer/Optimizer.ts';
import { type LossScale, type Precision, scaleSlots } from './Precision.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

type Values = Readonly<Record<string, Value>>;

/** A scale within one step. */
export interface Scaling {
  /** The loss that is differentiated. */
  readonly up: (loss: Value) => Value;
  /** The gradients of the loss itself, and what depends on whether they are finite. */
  readonly down: (gradients: readonly Value[]) => Scaled;
}

export interface Scaled {
  readonly gradients: readonly Value[];
  /** What the step makes of a value; the value as it was, if the step is skipped. */
  readonly taken: (next: Value, old: Value) => Value;
  /** New values of the scale's slots. */
  readonly slots: Values;
}

// -------------------------------------------------------------------------------------
// slots
// -------------------------------------------------------------------------------------

const lossScaleOf = (precision: Precision): LossScale =>
  precision._tag === 'Float32' ? { _tag: 'None' } : precision.lossScale;

/** What a scale keeps from step to step: scalars, float32. */
export const slotsOf = (precision: Precision): Readonly<Record<string, SlotSpec>> => {
  const scale = lossScaleOf(precision);
  const slot = (init: number): SlotSpec => ({ shape: [], init, parameter: '' });
  return scale._tag === 'Dynamic'
    ? { [scaleSlots.scale]: slot(scale.initialScale), [scaleSlots.steps]: slot(0), [scaleSlots.skipped]: slot(0) }
    : {};
};

/** The number of steps that the optimizer has taken, from those that were tried. */
export const stepsTaken =
  (slots: Values) =>
  (tried: Value): Value => {
    const skipped = slots[scaleSlots.skipped];
    return skipped === undefined ? tried : Op.sub(tried, skipped);
  };

// -------------------------------------------------------------------------------------
// scaling
// -------------------------------------------------------------------------------------

const always = (next: Value): Value => next;

/** Zero times what is not finite is NaN, which a sum keeps. */
const allFinite = (gradients: readonly Value[]): Value => {
  const zeros = gradients.map((g) => Op.reduceSum()(Op.mul(g, 0)));
  return Op.equal(
    zeros.reduce((a, b) => Op.add(a, b), Op.scalar(0, 'float32')),
    0,
  );
};

/** The largest power of two of float32. */
const largest = 2 ** 127;

const dynamically = (
  { growthSteps, growthFactor, backoffFactor }: Extract<LossScale, { readonly _tag: 'Dynamic' }>,
  slots: Values,
): Scaling => {
  const slot = (name: string): Value => {
    const value = slots[name];
    if (value === undefined) throw new Op.GraphDefect(`the slot ${name} of the loss scale is missing`);
    return value;
  };
  const [scale, steps, skipped] = [slot(scaleSlots.scale), slot(scaleSlots.steps), slot(scaleSlots.skipped)];
  return {
    up: (loss) => Op.mul(loss, scale),
    down: (gradients) => {
      const finite = allFinite(gradients);
      const full = Op.greaterOrEqual(steps, growthSteps - 1);
      // A scale of infinity would never come down again.
      const grown = Op.min(Op.mul(scale, growthFactor), largest);
      return {
        gradients: gradients.map((g) => Op.div(g, scale)),
        taken: (next, old) => (next === old ? old : Op.where(finite, next, old)),
        slots: {
          [scaleSlots.scale]: Op.where(finite, Op.where(full, grown, scale), Op.mul(scale, backoffFactor)),
          [scaleSlots.steps]: Op.where(finite, Op.where(full, 0, Op.add(steps, 1)), 0),
          [scaleSlots.skipped]: Op.where(finite, skipped, Op.add(skipped, 1)),
        },
      };
    },
  };
};

/** The scale of a precision, with the values that its slots have in this step. */
export const scaling = (precision: Precision, slots: Values): Scaling => {
  const scale = lossScaleOf(precision);
  switch (scale._tag) {
    case 'None':
      return { up: (loss) => loss, down: (gradients) => ({ gradients, taken: always, slots: {} }) };
    case 'Constant':
      return {
        up: (loss) => Op.mul(loss, scale.scale),
        down: (gradients) => ({
          gradients: gradients.map((g) => Op.div(g, scale.scale)),
          taken: always,
          slots: {},
        }),
      };
    case 'Dynamic':
      return dynamically(scale, slots);
  }
};
