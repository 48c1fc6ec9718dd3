/**
 * The slots of an optimizer and of a loss scale: which there are, where they come from, and what of them goes on when another
 * choice of parameters, or another objective, is trained.
 */
import { slotsOf as scaleSlotsOf } from '../interpret/LossScale.ts';
import { float32, type Precision, scaleSlots } from '../interpret/Precision.ts';
import type { Resolved } from '../model/Resolved.ts';
import type { Optimizer, SlotSpec } from '../optimizer/Optimizer.ts';
import type { NdArray } from '../shape/NdArray.ts';
import type { TrainState, Weights } from './State.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type Slots = Readonly<Record<string, SlotSpec>>;

/** What is trained, and how. */
export interface Trained {
  readonly optimizer: Optimizer;
  readonly precision?: Precision;
}

// -------------------------------------------------------------------------------------
// which there are
// -------------------------------------------------------------------------------------

const optimizerSlots = (
  { parameters }: Pick<Resolved, 'parameters'>,
  frozen: ReadonlySet<string>,
  { transformation }: Optimizer,
): Slots =>
  transformation.slots(
    Object.fromEntries(parameters.filter((p) => p.trainable && !frozen.has(p.name)).map((p) => [p.name, p.shape])),
  );

/** All slots of a training in which these parameters are frozen. */
export const slotsOf = (
  resolved: Pick<Resolved, 'parameters'>,
  frozen: ReadonlySet<string>,
  { optimizer, precision = float32 }: Trained,
): Slots => ({ ...optimizerSlots(resolved, frozen, optimizer), ...scaleSlotsOf(precision) });

// -------------------------------------------------------------------------------------
// where they come from
// -------------------------------------------------------------------------------------

/** New memory is zero as it is: written to, all of it would be taken from the system at once. */
const filled = (value: number, shape: readonly number[]): NdArray => {
  const zeros = new Float32Array(shape.reduce((n, d) => n * d, 1));
  return { dtype: 'float32', shape, data: value === 0 ? zeros : zeros.fill(value) };
};

/** Slots of a resumed run, or the optimizer's initial ones. */
export const slotsFrom = (slots: Slots, weights: Weights, from: Pick<TrainState, 'slots'> | undefined): Weights =>
  Object.fromEntries(
    Object.entries(slots).map(([name, { shape, init, parameter }]) => [
      name,
      from?.slots[name] ?? (init === 'parameter' ? (weights[parameter] as NdArray) : filled(init, shape)),
    ]),
  );

const hasAll = (slots: Weights, wanted: Slots): boolean =>
  Object.entries(wanted).every(([name, { shape }]) => slots[name]?.shape.join() === shape.join());

/** Where the scale stands, for an optimizer that counts its steps, and those that were skipped, anew. */
const scaleAlone = (slots: Weights): Weights =>
  Object.fromEntries(
    [scaleSlots.scale, scaleSlots.steps].flatMap((name) => {
      const slot = slots[name];
      return slot === undefined ? [] : [[name, slot] as const];
    }),
  );

/**
 * The slots with which a training goes on that freezes these parameters. They stay if the optimizer is of the kind that left them
 * and finds all that it needs; else it begins with new ones, and counts its steps from there. A loss scale stays in any case.
 */
export const goneOn = (
  resolved: Pick<Resolved, 'parameters'>,
  frozen: ReadonlySet<string>,
  trained: Trained,
  { weights, slots, step, optimizerStart }: Pick<TrainState, 'weights' | 'slots' | 'step' | 'optimizerStart'>,
  isOfThatKind: boolean,
): Pick<TrainState, 'slots' | 'optimizerStart'> => {
  const keeps = isOfThatKind && hasAll(slots, optimizerSlots(resolved, frozen, trained.optimizer));
  const kept = keeps ? slots : scaleAlone(slots);
  return {
    slots: slotsFrom(slotsOf(resolved, frozen, trained), weights, { slots: kept }),
    optimizerStart: keeps ? optimizerStart : step,
  };
};
