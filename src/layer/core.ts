/**
 * Fully connected layers, embeddings, and the simplest of all.
 */
import type { Id, Leaf } from '../shape/Fn.ts';
import type { BilinearOut, EmbeddingOut } from '../shape/rules/Core.ts';
import type { DenseOut } from '../shape/rules/Dense.ts';
import type { EinsumOut } from '../shape/rules/Einsum.ts';
import type { ElementwiseOut } from '../shape/rules/Elementwise.ts';
import type { AnyShape, Known } from '../shape/Shape.ts';
import type { BilinearSpec } from './CoreSpec.ts';
import type { KernelLayer, Layer } from './Definition.ts';
import { define, defineKernel } from './Definition.ts';
import { governed, type KernelGoverning } from './governing.ts';
import { glorotUniform, randomUniform, zeros } from './Initializer.ts';
import type { Activation, Constraint, Initializer, Regularizer } from './Options.ts';
import type { Tensor } from './Tensor.ts';
import { applied } from './Tensor.ts';

// -------------------------------------------------------------------------------------
// dense
// -------------------------------------------------------------------------------------

export interface Dense<N extends number> extends Leaf {
  readonly out: DenseOut<this['in'], N>;
}

export interface DenseOptions extends KernelGoverning {
  /** What happens to the result; `'linear'` by default: nothing. */
  readonly activation?: Activation;
  /** `true` by default. */
  readonly useBias?: boolean;
  /** `glorotUniform` by default. */
  readonly kernelInitializer?: Initializer;
  /** `zeros` by default. */
  readonly biasInitializer?: Initializer;
}

/**
 * `x * kernel + bias` on the last axis. Shapes: `[batch, ..., features]` to `[batch, ..., units]`. Parameters: `kernel`
 * `[features, units]`, `bias` `[units]`. Keras `Dense`, PyTorch `Linear` (whose weight is the transpose).
 *
 * @example
 * dense(128, { activation: 'relu' })
 */
export const dense = <const N extends number>(units: N, options: DenseOptions = {}): KernelLayer<Dense<N>> =>
  defineKernel({
    op: 'dense',
    units,
    activation: options.activation ?? 'linear',
    useBias: options.useBias ?? true,
    kernelInitializer: options.kernelInitializer ?? glorotUniform,
    biasInitializer: options.biasInitializer ?? zeros,
    ...governed(options),
  });

// -------------------------------------------------------------------------------------
// products
// -------------------------------------------------------------------------------------

export interface EinsumDense<Eq extends string, P extends readonly (number | null)[]> extends Leaf {
  readonly out: EinsumOut<this['in'], Eq, P>;
}

export interface EinsumDenseOptions extends KernelGoverning {
  /** The bias' axes, letters of the output: `'d'`. None by default: there is no bias. */
  readonly biasAxes?: string;
  /** `'linear'` by default. */
  readonly activation?: Activation;
  /** `glorotUniform` by default; fan-in is what the kernel sums over, fan-out its new axes. */
  readonly kernelInitializer?: Initializer;
  /** `zeros` by default. */
  readonly biasInitializer?: Initializer;
}

/**
 * A product with a kernel by an equation of letters, one for each axis: input, kernel, output. Letters that input and kernel
 * share and the output lacks are summed over; the first letter of input and output is the batch. `outputShape` has the output's
 * sizes behind the batch, `null` where the input says them. With an ellipsis in front (`...x,xy->...y`) or at the end
 * (`ab...,bc->ac...`) any axes stay as they are, and `outputShape` has only those with a letter (at the end: and without the batch);
 * then the compiler leaves the shape to run time. Parameters: `kernel` (sizes of
 * its letters), `bias`. Keras `EinsumDense`, PyTorch `einsum` with a parameter.
 *
 * @example
 * einsumDense('abc,cd->abd', [null, 64], { biasAxes: 'd' })     // dense(64) on [batch, steps, features]
 * einsumDense('abc,cde->abde', [null, 8, 32])                   // 8 heads of 32 each
 */
export const einsumDense = <const Eq extends string, const P extends readonly (number | null)[]>(
  equation: Eq,
  outputShape: P,
  options: EinsumDenseOptions = {},
): KernelLayer<EinsumDense<Eq, P>> =>
  defineKernel({
    op: 'einsumDense',
    equation,
    outputShape,
    biasAxes: options.biasAxes,
    activation: options.activation ?? 'linear',
    kernelInitializer: options.kernelInitializer ?? glorotUniform,
    biasInitializer: options.biasInitializer ?? zeros,
    ...governed(options),
  });

/**
 * For each unit a matrix between two inputs: `a W b + bias` on the last axes. Shapes: `[batch, ..., n]` and `[batch, ..., m]` to
 * `[batch, ..., units]`. Parameters: `kernel` `[units, n, m]`, `bias` `[units]`. Fans for the initializer: n * m and units. PyTorch
 * `Bilinear`; Keras has none.
 *
 * @example
 * graph({ a: [8], b: [5] }, ({ a, b }) => bilinear(3)(a, b))
 */
export const bilinear = <const N extends number>(
  units: N,
  options: DenseOptions = {},
): (<A extends AnyShape, B extends AnyShape>(
  a: Tensor<A>,
  b: [BilinearOut<A, B, N>] extends [infer E extends string] ? E : Tensor<B>,
) => Tensor<Known<BilinearOut<A, B, N>>>) => {
  // One description for all its uses: they share their parameters.
  const spec: BilinearSpec = {
    op: 'bilinear',
    units,
    activation: options.activation ?? 'linear',
    useBias: options.useBias ?? true,
    kernelInitializer: options.kernelInitializer ?? glorotUniform,
    biasInitializer: options.biasInitializer ?? zeros,
    ...governed(options),
  };
  return (a, b) => applied(spec, [a, b as Tensor<unknown>]);
};

// -------------------------------------------------------------------------------------
// embedding
// -------------------------------------------------------------------------------------

export interface Embedding<N extends number, D extends number> extends Leaf {
  readonly out: EmbeddingOut<this['in'], N, D>;
}

export interface EmbeddingOptions {
  /** Uniform in [-0.05, 0.05) by default, as Keras (PyTorch: normal). */
  readonly embeddingsInitializer?: Initializer;
  readonly embeddingsRegularizer?: Regularizer;
  readonly activityRegularizer?: Regularizer;
  readonly embeddingsConstraint?: Constraint;
  /**
   * `false` by default. `true`: token 0 is padding, whose steps recurrent and attention layers behind, and the loss, leave out;
   * it has a row of its own all the same.
   */
  readonly maskZero?: boolean;
}

/**
 * A vector for each token. Shapes: `Int<[batch, ...]>` to `[batch, ..., outputDim]`; tokens are integers from 0 to `inputDim` - 1,
 * and another one is an error when it comes. Parameter: `embeddings` `[inputDim, outputDim]`. Keras `Embedding`, PyTorch
 * `Embedding`.
 *
 * @example
 * model(tokens(['seq']), embedding(10000, 64), lstm(32))
 */
export const embedding = <const N extends number, const D extends number>(
  inputDim: N,
  outputDim: D,
  options: EmbeddingOptions = {},
): Layer<Embedding<N, D>> =>
  define({
    op: 'embedding',
    inputDim,
    outputDim,
    embeddingsInitializer: options.embeddingsInitializer ?? randomUniform(),
    maskZero: options.maskZero ?? false,
    ...governed(options),
  });

// -------------------------------------------------------------------------------------
// identity, rescaling
// -------------------------------------------------------------------------------------

/** The input as it is: the unit of `sequential`. Any shape. Keras `Identity`, PyTorch `Identity`. */
export const identity = (): Layer<Id> => define({ op: 'identity' });

export interface Rescaling extends Leaf {
  readonly out: ElementwiseOut<'rescaling', this['in']>;
}

/**
 * `x * scale + offset`, without parameters: brings pixels of 0 to 255 into 0 to 1 inside the model, so that whoever serves
 * it cannot forget. Any shape. Offset 0 by default. Keras `Rescaling`.
 *
 * @example
 * rescaling(1 / 255)
 */
export const rescaling = (scale: number, offset = 0): Layer<Rescaling> => define({ op: 'rescaling', scale, offset });
