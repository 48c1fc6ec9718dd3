/**
 * Between a parameter's own layout (ONNX) and Keras's, in which some initializers and all axes of constraints are meant:
 * convolutions are `[filters, in, height, width]` here and `[height, width, in, filters]` there.
 *
 * Law: `kerasOrder` is a permutation of the parameter's indices.
 */
import type { KernelSpec } from '../layer/CoreSpec.ts';
import type { Layout, ParameterSpec } from './Resolved.ts';

type Laid = Pick<ParameterSpec, 'shape' | 'keras'>;

/** Of convolutions, transposed ones too: `[a, b, ...field]`, in Keras `[...field, b, a]`. */
export const convLayout = (shape: readonly number[]): Layout => ({
  view: shape,
  axes: [...shape.slice(2).map((_, i) => i + 2), 1, 0],
});

/** Of depthwise convolutions: `[channels * multiplier, 1, ...field]`, in Keras `[...field, channels, multiplier]`. */
export const depthwiseLayout = (shape: readonly number[], multiplier: number): Layout => ({
  view: [(shape[0] ?? 1) / multiplier, multiplier, ...shape.slice(2)],
  axes: [...shape.slice(2).map((_, i) => i + 2), 0, 1],
});

/** Of the kernel of a layer; undefined where it is the same. */
export const kernelLayout = (spec: KernelSpec, shape: readonly number[]): Layout | undefined => {
  switch (spec.op) {
    case 'dense':
    case 'einsumDense':
      return undefined;
    case 'depthwiseConv1d':
    case 'depthwiseConv2d':
      return depthwiseLayout(shape, spec.depthMultiplier);
    default:
      return convLayout(shape);
  }
};

/**
 * The axis of a kernel that weight normalisation has one norm for each index of: that of the output units; of a transposed
 * convolution that of its input channels, as TensorFlow Addons and PyTorch.
 */
export const unitAxis = ({ op }: KernelSpec, rank: number): number =>
  op === 'dense' || op === 'einsumDense' ? rank - 1 : 0;

/** The shape in Keras's layout. */
export const kerasShape = ({ shape, keras }: Laid): readonly number[] =>
  keras === undefined ? shape : keras.axes.map((a) => keras.view[a] ?? 1);

/** For each index in Keras's order, the index of the same number in the parameter's own. */
export const kerasOrder = (p: Laid): readonly number[] => {
  const size = p.shape.reduce((a, b) => a * b, 1);
  const { keras } = p;
  if (keras === undefined) return Array.from({ length: size }, (_, i) => i);
  const strides = keras.view.map((_, i) => keras.view.slice(i + 1).reduce((a, b) => a * b, 1));
  return kerasShape(p).reduce<readonly number[]>(
    (before, n, i) => {
      const stride = strides[keras.axes[i] ?? 0] ?? 1;
      return before.flatMap((from) => Array.from({ length: n }, (_, k) => from + k * stride));
    },
    [0],
  );
};
