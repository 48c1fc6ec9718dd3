/**
 * The precision that a model is trained in, as a value of the program.
 *
 * In mixed precision matrix products, convolutions and what follows them elementwise compute in 16 bits (`float16` or
 * `bfloat16`); weights, optimizer, reductions, softmax, normalisations, the loss and metrics stay float32. On a GPU with
 * tensor cores that is faster and takes half the memory for activations. Small gradients vanish in float16, so the loss
 * is scaled up before the backward pass and the gradients down after it; with a dynamic scale, a step with a gradient
 * that is not finite is skipped and the scale made smaller.
 *
 * It is training that is mixed. What comes out of it is a float32 model, and validation, `evaluate` and `predict` compute in
 * float32: they measure the model that is exported.
 *
 * onnxruntime's CUDA provider has the kernels for it, its CPU provider has not: there `fit` fails with a `PrecisionError`
 * before it trains, unless the precision is `emulated`.
 *
 * @example
 * import { Precision, Training as T } from 'grad-ts';
 *
 * T.compile(model, { loss, optimizer, precision: Precision.mixedFloat16() });
 * T.compile(model, { loss, optimizer, precision: Precision.mixedBfloat16() });
 * T.compile(model, { loss, optimizer, precision: Precision.emulated(Precision.mixedFloat16()) });   // any provider
 */
import * as O from 'fp-ts/lib/Option.js';
import type { Half } from '../shape/Half.ts';
import type { NdArray } from '../shape/NdArray.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** What the loss is multiplied by before the backward pass, and the gradients divided by after it. */
export type LossScale =
  | { readonly _tag: 'None' }
  | { readonly _tag: 'Constant'; readonly scale: number }
  | {
      readonly _tag: 'Dynamic';
      readonly initialScale: number;
      readonly growthSteps: number;
      readonly growthFactor: number;
      readonly backoffFactor: number;
    };

export interface Float32 {
  readonly _tag: 'Float32';
}

export interface Mixed {
  readonly _tag: 'Mixed';
  readonly half: Half;
  readonly lossScale: LossScale;
  /** Computes in float32 and rounds to 16 bits wherever a kernel for 16 bits would. */
  readonly emulated: boolean;
}

export type Precision = Float32 | Mixed;

/** A precision that a provider has no kernels for, or one with options that are no numbers to train with. */
export interface PrecisionError {
  readonly _tag: 'PrecisionError';
  /** The operators that the provider cannot run in it. */
  readonly operators: readonly string[];
  readonly message: string;
}

// -------------------------------------------------------------------------------------
// constructors: loss scales
// -------------------------------------------------------------------------------------

export interface DynamicScaleOptions {
  /** Default 2^15. Begin high: a scale that is too high falls with every step, one that is too low rises seldom. */
  readonly initialScale?: number;
  /** Steps in a row with finite gradients after which the scale grows. Default 2000. */
  readonly growthSteps?: number;
  /** Default 2. */
  readonly growthFactor?: number;
  /** What the scale is multiplied by when a gradient is not finite. Default 0.5. */
  readonly backoffFactor?: number;
}

/** Gradients are taken as they are: for bfloat16, whose range is that of float32. */
export const noScale: LossScale = { _tag: 'None' };

/** Always the same factor; a step whose gradients overflow is taken all the same. Keras's `loss_scale_factor`. */
export const constantScale = (scale: number): LossScale => ({ _tag: 'Constant', scale });

/**
 * A scale that finds its size. After `growthSteps` steps in a row with finite gradients it is doubled. When a gradient is
 * infinite or NaN it is halved, and the step leaves nothing else behind: weights, running statistics and the optimizer
 * stay as they are, and it does not count as one of the optimizer's steps. (A schedule's rate follows the optimizer's steps
 * too; the rate in the logs is that of all steps tried, so it is ahead by those skipped.)
 *
 * The scale and its counters are slots of the train state (`loss_scale`, `loss_scale_steps`, `loss_scale_skipped`), so a
 * resumed run goes on exactly. Keras's `LossScaleOptimizer`, with PyTorch's `GradScaler` factors. Two differences: running
 * statistics of layers stay too, and the scale never grows beyond what float32 holds (as in PyTorch).
 */
export const dynamicScale = (options: DynamicScaleOptions = {}): LossScale => ({
  _tag: 'Dynamic',
  initialScale: options.initialScale ?? 2 ** 15,
  growthSteps: options.growthSteps ?? 2000,
  growthFactor: options.growthFactor ?? 2,
  backoffFactor: options.backoffFactor ?? 0.5,
});

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

export interface MixedOptions {
  readonly lossScale?: LossScale;
}

/** Everything in float32: what is meant where no precision is given. */
export const float32: Precision = { _tag: 'Float32' };

/**
 * float16 with float32 weights; `lossScale` is `dynamicScale()` by default. Keras's policy `mixed_float16`, PyTorch's
 * `autocast(dtype=torch.float16)` with `GradScaler`.
 */
export const mixedFloat16 = ({ lossScale = dynamicScale() }: MixedOptions = {}): Precision => ({
  _tag: 'Mixed',
  half: 'float16',
  lossScale,
  emulated: false,
});

/**
 * bfloat16 with float32 weights; `lossScale` is `noScale` by default. Keras's policy `mixed_bfloat16`, PyTorch's
 * `autocast(dtype=torch.bfloat16)`. onnxruntime has no CUDA kernel of Conv for bfloat16 at opset 18: convolutions stay float32.
 */
export const mixedBfloat16 = ({ lossScale = noScale }: MixedOptions = {}): Precision => ({
  _tag: 'Mixed',
  half: 'bfloat16',
  lossScale,
  emulated: false,
});

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

/**
 * The same numbers on a provider without the kernels: what CUDA would compute in 16 bits is computed in float32 and rounded
 * to 16 bits, operator by operator. It is slower than float32, and tells on a CPU whether a model learns in mixed precision.
 */
export const emulated = (precision: Precision): Precision =>
  precision._tag === 'Mixed' ? { ...precision, emulated: true } : precision;

// -------------------------------------------------------------------------------------
// destructors
// -------------------------------------------------------------------------------------

/** Names of the slots in the train state. */
export const scaleSlots = {
  scale: 'loss_scale',
  steps: 'loss_scale_steps',
  skipped: 'loss_scale_skipped',
} as const;

export interface LossScaleState {
  readonly scale: number;
  /** Steps in a row with finite gradients since the scale last changed. */
  readonly steps: number;
  /** Steps that were skipped since the optimizer began. */
  readonly skipped: number;
}

/** Where a dynamic scale stands, from the slots of a train state: `lossScaleOf(trained.state.slots)`. */
export const lossScaleOf = (slots: Readonly<Record<string, NdArray>>): O.Option<LossScaleState> => {
  const read = (name: string): number | undefined => {
    const value = slots[name]?.data[0];
    return value === undefined ? undefined : Number(value);
  };
  const scale = read(scaleSlots.scale);
  return scale === undefined
    ? O.none
    : O.some({ scale, steps: read(scaleSlots.steps) ?? 0, skipped: read(scaleSlots.skipped) ?? 0 });
};

/** What is wrong with the options of a precision; nothing, if it can be trained with. */
export const check = (precision: Precision): readonly string[] => {
  if (precision._tag === 'Float32') return [];
  const { lossScale } = precision;
  const expects = (holds: boolean, name: string, what: string, got: number): readonly string[] =>
    holds ? [] : [`precision: ${name} must be ${what}, got ${got}`];
  const fits = (x: number): boolean => x > 0 && Number.isFinite(Math.fround(x));
  switch (lossScale._tag) {
    case 'None':
      return [];
    case 'Constant':
      return expects(fits(lossScale.scale), 'the scale', 'a positive number of float32', lossScale.scale);
    case 'Dynamic': {
      const { initialScale, growthSteps, growthFactor, backoffFactor } = lossScale;
      return [
        ...expects(fits(initialScale), 'initialScale', 'a positive number of float32', initialScale),
        ...expects(
          Number.isInteger(growthSteps) && growthSteps > 0 && growthSteps <= 2 ** 24,
          'growthSteps',
          'a whole number from 1 to 2^24',
          growthSteps,
        ),
        ...expects(growthFactor >= 1 && fits(growthFactor), 'growthFactor', '1 or more', growthFactor),
        ...expects(backoffFactor > 0 && backoffFactor < 1, 'backoffFactor', 'between 0 and 1', backoffFactor),
      ];
    }
  }
};

/** `operators`: those that the provider has no kernels for. */
export const precisionError = (message: string, operators: readonly string[] = []): PrecisionError => ({
  _tag: 'PrecisionError',
  operators,
  message,
});
