/**
 * Normalisation of activations and of weights.
 */
import type { Apply, Fn, Leaf } from '../shape/Fn.ts';
import type { BatchNormalizationOut } from '../shape/rules/Elementwise.ts';
import type { GroupNormalizationOut, NormalizationOut, UnitNormalizationOut } from '../shape/rules/Normalization.ts';
import type { Opt } from '../shape/rules/Option.ts';
import type { KernelLayer, Layer, Only } from './Definition.ts';
import { define } from './Definition.ts';
import { governed, type ScaleGoverning } from './governing.ts';
import { ones, zeros } from './Initializer.ts';
import type { Axes, Constraint, Initializer, Regularizer } from './Options.ts';

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

/** Of a layer with `gamma` and `beta`. */
interface ScaleOptions extends ScaleGoverning {
  /** `ones` by default; `zeros` makes a residual block begin as its shortcut. */
  readonly gammaInitializer?: Initializer;
  /** `zeros` by default. */
  readonly betaInitializer?: Initializer;
}

const scaleInitializers = (o: ScaleOptions) => ({
  gammaInitializer: o.gammaInitializer ?? ones,
  betaInitializer: o.betaInitializer ?? zeros,
});

// -------------------------------------------------------------------------------------
// batch normalisation
// -------------------------------------------------------------------------------------

export interface BatchNormalization<C> extends Leaf {
  readonly out: BatchNormalizationOut<this['in'], C>;
}

export interface BatchNormalizationOptions extends ScaleOptions {
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
  /** `zeros` by default. */
  readonly movingMeanInitializer?: Initializer;
  /** `ones` by default. */
  readonly movingVarianceInitializer?: Initializer;
  /** Batch renormalisation, see below; `false` by default. */
  readonly renorm?: boolean;
  /** Bounds of its corrections, `rmin <= r <= rmax` and `-dmax <= d <= dmax`; one left out does not bound. */
  readonly renormClipping?: { readonly rmin?: number; readonly rmax?: number; readonly dmax?: number };
  /** How much of its statistics stays at each step, 0 to 1; 0.99 by default. */
  readonly renormMomentum?: number;
}

/**
 * Brings each feature to mean 0 and variance 1 over the batch in training, and with running statistics in inference; then
 * `* gamma + beta`. Any shape of rank 2 or more; it stays. Parameters, one number for each feature: `gamma`, `beta`
 * (trained), `moving_mean`, `moving_variance` (running statistics, biased variance as in Keras). Keras
 * `BatchNormalization` (without `synchronized`), PyTorch `BatchNorm1d` and `BatchNorm2d`. Ioffe and Szegedy 2015.
 *
 * With `renorm` training sees about what inference does, which helps small batches (Ioffe 2017): what is normalised by the
 * batch becomes `y * r + d`, with `r = deviation / renorm_stddev` and `d = (mean - renorm_mean) / renorm_stddev` as constants to the
 * gradient. Three more statistics: `moving_stddev`, of whose square `moving_variance` is made, and `renorm_mean` and
 * `renorm_stddev`. PyTorch has no such layer.
 *
 * @example
 * batchNormalization({ renorm: true, renormClipping: { rmin: 1 / 3, rmax: 3, dmax: 5 } })
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
    ...scaleInitializers(o),
    movingMeanInitializer: o.movingMeanInitializer ?? zeros,
    movingVarianceInitializer: o.movingVarianceInitializer ?? ones,
    ...(o.renorm === true
      ? {
          renorm: {
            momentum: o.renormMomentum ?? 0.99,
            rmin: o.renormClipping?.rmin,
            rmax: o.renormClipping?.rmax,
            dmax: o.renormClipping?.dmax,
          },
        }
      : {}),
    ...governed(o),
  });
};

// -------------------------------------------------------------------------------------
// by sample
// -------------------------------------------------------------------------------------

export interface LayerNormalization<C> extends Leaf {
  readonly out: NormalizationOut<'layerNormalization', this['in'], C>;
}

export interface LayerNormalizationOptions extends ScaleOptions {
  /**
   * The axes that are brought to mean 0 and variance 1, the batch being 0; negative ones count from the end. By default the
   * features': 1, the channels, for images and volumes, and the last axis otherwise.
   */
  readonly axis?: Axes;
  /** Added to the variance; 0.001 by default (PyTorch: 1e-5). */
  readonly epsilon?: number;
  /** Whether there is `beta`, added at the end; `true` by default. */
  readonly center?: boolean;
  /** Whether there is `gamma`, a factor at the end; `true` by default. */
  readonly scale?: boolean;
}

/**
 * Brings the features of each sample (and place) to mean 0 and variance 1, in training and inference alike; then `* gamma + beta`.
 * The shape stays. Parameters, as long as the axes: `gamma`, `beta`. Keras `LayerNormalization`, PyTorch `LayerNorm`. Ba et al. 2016.
 */
export const layerNormalization = <const C extends LayerNormalizationOptions = {}>(
  options?: Only<'layerNormalization', C, LayerNormalizationOptions>,
): Layer<LayerNormalization<C>> => {
  const o = (options ?? {}) as LayerNormalizationOptions;
  return define({
    op: 'layerNormalization',
    axis: o.axis,
    epsilon: o.epsilon ?? 0.001,
    center: o.center ?? true,
    scale: o.scale ?? true,
    ...scaleInitializers(o),
    ...governed(o),
  });
};

export interface GroupNormalization<C> extends Leaf {
  readonly out: GroupNormalizationOut<'groupNormalization', this['in'], C, Opt<C, 'groups', 32>>;
}

export interface InstanceNormalizationOptions extends ScaleOptions {
  /** The axis of the channels, the batch being 0; by default 1 for images and volumes, the last one otherwise. */
  readonly axis?: number;
  /** Added to the variance; 0.001 by default (PyTorch: 1e-5). */
  readonly epsilon?: number;
  /** Whether there is `beta`; `true` by default. */
  readonly center?: boolean;
  /** Whether there is `gamma`; `true` by default. */
  readonly scale?: boolean;
}

export interface GroupNormalizationOptions extends InstanceNormalizationOptions {
  /** How many groups the channels are divided into, evenly; -1: each channel by itself. 32 by default. */
  readonly groups?: number;
}

/**
 * Brings each group of channels of a sample, over all its places, to mean 0 and variance 1; then `* gamma + beta`. The shape
 * stays. Parameters, one number for each channel: `gamma`, `beta`. Keras `GroupNormalization`, PyTorch `GroupNorm`. Wu and He 2018.
 */
export const groupNormalization = <const C extends GroupNormalizationOptions = {}>(
  options?: Only<'groupNormalization', C, GroupNormalizationOptions>,
): Layer<GroupNormalization<C>> => {
  const o = (options ?? {}) as GroupNormalizationOptions;
  return define({
    op: 'groupNormalization',
    groups: o.groups ?? 32,
    axis: o.axis,
    epsilon: o.epsilon ?? 0.001,
    center: o.center ?? true,
    scale: o.scale ?? true,
    ...scaleInitializers(o),
    ...governed(o),
  });
};

export interface InstanceNormalization<C> extends Leaf {
  readonly out: GroupNormalizationOut<'instanceNormalization', this['in'], C, -1>;
}

/**
 * Brings each channel of a sample, over all its places, to mean 0 and variance 1; then `* gamma + beta`. The shape stays.
 * Parameters, one number for each channel: `gamma`, `beta`. Keras `GroupNormalization(groups=-1)`, PyTorch `InstanceNorm1d` to
 * `InstanceNorm3d` with `affine=True`. Ulyanov et al. 2016.
 */
export const instanceNormalization = <const C extends InstanceNormalizationOptions = {}>(
  options?: Only<'instanceNormalization', C, InstanceNormalizationOptions>,
): Layer<InstanceNormalization<C>> => {
  const o = (options ?? {}) as InstanceNormalizationOptions;
  return define({
    op: 'instanceNormalization',
    groups: -1,
    axis: o.axis,
    epsilon: o.epsilon ?? 0.001,
    center: o.center ?? true,
    scale: o.scale ?? true,
    ...scaleInitializers(o),
    ...governed(o),
  });
};

export interface RmsNormalization<C> extends Leaf {
  readonly out: NormalizationOut<'rmsNormalization', this['in'], C>;
}

export interface RmsNormalizationOptions {
  /** As of `layerNormalization`. */
  readonly axis?: Axes;
  /** Added to the mean square; 1e-6 by default. */
  readonly epsilon?: number;
  readonly scaleRegularizer?: Regularizer;
  readonly scaleConstraint?: Constraint;
}

/**
 * Divides the features of each sample (and place) by the root of their mean square; then `* scale`. The shape stays. Parameter, as
 * long as the axes: `scale`. Keras `RMSNormalization`, PyTorch `RMSNorm`. Zhang and Sennrich 2019.
 */
export const rmsNormalization = <const C extends RmsNormalizationOptions = {}>(
  options?: Only<'rmsNormalization', C, RmsNormalizationOptions>,
): Layer<RmsNormalization<C>> => {
  const o = (options ?? {}) as RmsNormalizationOptions;
  return define({ op: 'rmsNormalization', axis: o.axis, epsilon: o.epsilon ?? 1e-6, ...governed(o) });
};

export interface UnitNormalization<Ax> extends Leaf {
  readonly out: UnitNormalizationOut<this['in'], Ax>;
}

/**
 * Brings vectors along an axis, or several (the last one by default), to length 1; next to 0 they stay shorter. No parameters. Keras
 * `UnitNormalization`, PyTorch `functional.normalize`.
 */
export const unitNormalization = <const Ax extends Axes = -1>(options?: {
  readonly axis: Ax;
}): Layer<UnitNormalization<Ax>> => define({ op: 'unitNormalization', axis: options?.axis ?? -1 });

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
   * wrapper has `true` as its default.) For dense and convolution layers; from given weights or a train state nothing is set.
   */
  readonly dataInit?: boolean;
}

/**
 * A layer with a kernel (dense, einsum, convolution) which is `g * v / |v|`, one norm for each output unit: direction and length
 * learn apart. (Of a transposed convolution for each input channel, as TensorFlow Addons and PyTorch.) Shapes as the layer's. Parameters: `v` (the kernel's shape), `g` `[units or filters]`, `bias`. TensorFlow Addons
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

// -------------------------------------------------------------------------------------
// spectral normalisation
// -------------------------------------------------------------------------------------

export interface SpectralNormalization<F extends Fn> extends Leaf {
  readonly out: Apply<F, this['in']>;
}

export interface SpectralNormalizationOptions {
  /** Steps of the power iteration at each training step; 1 by default. */
  readonly powerIterations?: number;
}

/**
 * A layer with a kernel whose largest singular value (as a matrix `[..., out]`) is kept at 1: at each training step the kernel is
 * divided by an estimate of it, which follows from step to step; then the optimizer's update comes on top. In inference the kernel as
 * it is. Shapes and parameters as the layer's, and `vector_u` `[1, out]`, not trained. Keras `SpectralNormalization`; PyTorch
 * `spectral_norm` (which divides in inference too, and lets the gradient flow through the division). Miyato et al. 2018.
 *
 * @example
 * spectralNormalization(conv2d({ filters: 64, kernel: 3 }))
 */
export const spectralNormalization = <F extends Fn>(
  layer: KernelLayer<F>,
  options: SpectralNormalizationOptions = {},
): Layer<SpectralNormalization<F>> =>
  define({ op: 'spectralNormalization', layer: layer.spec, powerIterations: options.powerIterations ?? 1 });
