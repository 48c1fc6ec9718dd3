import type { Dim } from '../../shape/Shape.ts';
import { tensor } from '../Constants.ts';
import type { Attributes, Value } from '../Graph.ts';
import { operator, valueType } from '../Graph.ts';
import { float, int, ints, op, text } from './node.ts';

// -------------------------------------------------------------------------------------
// convolution and pooling, channels first
// -------------------------------------------------------------------------------------

export interface WindowOptions {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Cells before each spatial axis, then after each. */
  readonly pads: readonly number[];
}

const windowLength = (size: Dim, k: number, s: number, d: number, pads: number): Dim =>
  typeof size === 'number'
    ? Math.floor((size + pads - (d * (k - 1) + 1)) / s) + 1
    : s === 1 && pads === d * (k - 1)
      ? size
      : '?';

const windowShape = (spatial: readonly Dim[], o: WindowOptions): readonly Dim[] =>
  spatial.map((size, i) =>
    windowLength(
      size,
      o.kernel[i] as number,
      o.strides[i] as number,
      o.dilations[i] as number,
      (o.pads[i] as number) + (o.pads[i + spatial.length] as number),
    ),
  );

const windowAttributes = (o: WindowOptions): Attributes => ({
  kernel_shape: ints(o.kernel),
  strides: ints(o.strides),
  dilations: ints(o.dilations),
  pads: ints(o.pads),
});

export interface ConvOptions extends WindowOptions {
  readonly group: number;
}

/** x [batch, channels, ...], w [filters, channels / group, ...], b [filters]. */
export const conv = (x: Value, w: Value, b: Value | undefined, options: ConvOptions): Value => {
  const shape = [x.type.shape[0] as Dim, w.type.shape[0] as Dim, ...windowShape(x.type.shape.slice(2), options)];
  return op('Conv', b === undefined ? [x, w] : [x, w, b], valueType(x.type.dtype, shape), {
    ...windowAttributes(options),
    group: int(options.group),
  });
};

export interface ConvTransposeOptions extends ConvOptions {
  readonly outputPadding: readonly number[];
}

/** x [batch, channels, ...], w [channels, filters / group, ...], b [filters]. */
export const convTranspose = (x: Value, w: Value, options: ConvTransposeOptions, b?: Value): Value => {
  const spatial = x.type.shape.slice(2);
  const sizes = spatial.map((size, i): Dim => {
    const [k, s, d] = [options.kernel[i] as number, options.strides[i] as number, options.dilations[i] as number];
    const pads = (options.pads[i] as number) + (options.pads[i + spatial.length] as number);
    const more = d * (k - 1) - pads + (options.outputPadding[i] as number);
    if (typeof size !== 'number') return s === 1 && more === 0 ? size : '?';
    return (size - 1) * s + 1 + more;
  });
  const filters = w.type.shape[1] as Dim;
  const shape = [x.type.shape[0] as Dim, typeof filters === 'number' ? filters * options.group : '?', ...sizes];
  return op('ConvTranspose', b === undefined ? [x, w] : [x, w, b], valueType(x.type.dtype, shape), {
    ...windowAttributes(options),
    group: int(options.group),
    output_padding: ints(options.outputPadding),
  });
};

/** Largest of each window; `indices` (int64) are positions in the whole flattened `x`. */
export const maxPool = (x: Value, options: WindowOptions): { readonly output: Value; readonly indices: Value } => {
  const shape = [...x.type.shape.slice(0, 2), ...windowShape(x.type.shape.slice(2), options)];
  const [output, indices] = operator(
    'MaxPool',
    [x],
    [valueType(x.type.dtype, shape), valueType('int64', shape)],
    windowAttributes(options),
  ) as readonly [Value, Value];
  return { output, indices };
};

/** Each cell repeated: `scales` are whole numbers, one for each axis. */
export const nearest =
  (scales: readonly number[]) =>
  (x: Value): Value => {
    const shape = x.type.shape.map((d, i): Dim => {
      const scale = scales[i] as number;
      return typeof d === 'number' ? d * scale : scale === 1 ? d : '?';
    });
    return op('Resize', [x, undefined, tensor(scales, [scales.length], 'float32')], valueType(x.type.dtype, shape), {
      mode: text('nearest'),
      coordinate_transformation_mode: text('asymmetric'),
      nearest_mode: text('floor'),
    });
  };

/** Mean of each window; cells of the padding do not count. Dilation is not supported by opset 18. */
export const averagePool = (x: Value, options: WindowOptions): Value => {
  const { dilations: _, ...attributes } = windowAttributes(options);
  const shape = [...x.type.shape.slice(0, 2), ...windowShape(x.type.shape.slice(2), options)];
  return op('AveragePool', [x], valueType(x.type.dtype, shape), { ...attributes, count_include_pad: int(0) });
};

/** Mean over all spatial positions, which stay with size 1. */
export const globalAveragePool = (x: Value): Value =>
  op(
    'GlobalAveragePool',
    [x],
    valueType(x.type.dtype, [...x.type.shape.slice(0, 2), ...x.type.shape.slice(2).map(() => 1)]),
  );

/** Inference form, channels on axis 1: (x - mean) / sqrt(variance + epsilon) * scale + bias. */
export const batchNormalization = (
  x: Value,
  scale: Value,
  bias: Value,
  mean: Value,
  variance: Value,
  epsilon: number,
): Value => op('BatchNormalization', [x, scale, bias, mean, variance], x.type, { epsilon: float(epsilon) });
