/**
 * Normalisation of activations and of weights.
 */
import type { Apply, Fn, Leaf } from '../shape/Fn.ts';
import type { BatchNormalizationOut } from '../shape/rules/Elementwise.ts';
import type { KernelLayer, Layer, Only } from './Definition.ts';
import { define } from './Definition.ts';

// -------------------------------------------------------------------------------------
// batch normalisation
// -------------------------------------------------------------------------------------

export interface BatchNormalization<C> extends Leaf {
  readonly out: BatchNormalizationOut<this['in'], C>;
}

export interface BatchNormalizationOptions {
  /** How much of the running statistics stays at each step, 0 to 1; 0.99 by default (PyTorch's momentum is 1 - this). */
  readonly momentum?: number;
  /** Added to the variance; 0.001 by default. */
  readonly epsilon?: number;
  /** Whether there is `beta`, added at the end; `true` by default. */
  readonly center?: boolean;
  /** Whether there is `gamma`, a factor at the end; `true` by default. */
  readonly scale?: boolean;
  /**
   * The axis of the features, the batch being 0; negative ones count from the end. By default 1, the channels, for images
   * `[batch, channels, height, width]`, and the last axis otherwise.
   */
  readonly axis?: number;
}

/**
 * Brings each feature to mean 0 and variance 1 over the batch in training, and with running statistics in inference; then
 * `* gamma + beta`. Any shape of rank 2 or more; it stays. Parameters, one number for each feature: `gamma`, `beta`
 * (trained), `moving_mean`, `moving_variance` (running statistics, biased variance as in Keras). Keras
 * `BatchNormalization`, PyTorch `BatchNorm1d` and `BatchNorm2d`. Ioffe and Szegedy 2015.
 */
export const batchNormalization = <const C extends BatchNormalizationOptions = {}>(
  options?: Only<'batchNormalization', C, BatchNormalizationOptions>,
): Layer<BatchNormalization<C>> => {
  const o = (options ?? {}) as BatchNormalizationOptions;
  return define({
    op: 'batchNormalization',
    axis: o.axis,
    momentum: o.momentum ?? 0.99,
    epsilon: o.epsilon ?? 0.001,
    center: o.center ?? true,
    scale: o.scale ?? true,
  });
};

// -------------------------------------------------------------------------------------
// weight normalisation
// -------------------------------------------------------------------------------------

export interface WeightNormalization<F extends Fn> extends Leaf {
  readonly out: Apply<F, this['in']>;
}

export interface WeightNormalizationOptions {
  /**
   * Whether `g` and the bias are set from the first batch, so that outputs start with mean 0 and variance 1. `false` by
   * default: `g` starts as the norm of `v`, and the layer computes what the plain one would. (The TensorFlow Addons
   * wrapper has `true` as its default, and needs data before the first step.)
   */
  readonly dataInit?: boolean;
}

/**
 * A dense or convolution layer whose kernel is `g * v / |v|`, one norm for each output unit: direction and length learn
 * apart. Shapes as the layer's. Parameters: `v` (the kernel's shape), `g` `[units or filters]`, `bias`. TensorFlow Addons
 * `WeightNormalization`, PyTorch `weight_norm`. Salimans and Kingma 2016.
 *
 * @example
 * weightNormalization(dense(2048, { activation: 'relu' }))
 */
export const weightNormalization = <F extends Fn>(
  layer: KernelLayer<F>,
  options: WeightNormalizationOptions = {},
): Layer<WeightNormalization<F>> =>
  define({ op: 'weightNormalization', layer: layer.spec, dataInit: options.dataInit ?? false });
