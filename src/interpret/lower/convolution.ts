/**
 * Convolutions and pooling by windows to operators. Activations are put on by the table.
 */
import type { Value } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import type {
  ConvSpec,
  ConvTransposeSpec,
  DepthwiseConvSpec,
  Padding,
  PerAxis,
  PoolSpec,
  SeparableConvSpec,
} from '../../layer/SpatialSpec.ts';
import { isMaximum } from '../../layer/SpatialSpec.ts';
import { transposedLength } from '../../shape/rules/Transposed.ts';
import { span } from '../../shape/rules/Window.ts';
import type { Dim } from '../../shape/Shape.ts';
import type { Mode } from './Site.ts';

// -------------------------------------------------------------------------------------
// windows
// -------------------------------------------------------------------------------------

export interface Geometry {
  readonly kernel: PerAxis;
  readonly strides: PerAxis;
  readonly dilation: PerAxis;
}

const at = (list: PerAxis, i: number): number => list[i] as number;

/** Cells before and after each spatial axis, as ONNX orders them: all that are before, then all that are after. */
export const pads = (padding: Padding, size: readonly Dim[], g: Geometry): PerAxis => {
  if (padding === 'valid') return [...g.kernel, ...g.kernel].map(() => 0);
  if (typeof padding !== 'string') return [...padding, ...padding];
  if (padding === 'causal') return [...g.kernel.map((k, i) => at(g.dilation, i) * (k - 1)), ...g.kernel.map(() => 0)];
  const total = g.kernel.map((k, i) => {
    const [n, s, d] = [size[i], at(g.strides, i), at(g.dilation, i)];
    if (s === 1) return d * (k - 1);
    if (typeof n !== 'number')
      throw new Op.GraphDefect("padding 'same' with strides needs a height and width known when the graph is built");
    return Math.max((Math.ceil(n / s) - 1) * s + d * (k - 1) + 1 - n, 0);
  });
  const before = total.map((t) => Math.floor(t / 2));
  return [...before, ...total.map((t, i) => t - at(before, i))];
};

const windowOf = (padding: Padding, x: Value, g: Geometry): Op.WindowOptions => ({
  kernel: g.kernel,
  strides: g.strides,
  dilations: g.dilation,
  pads: pads(padding, x.type.shape.slice(2), g),
});

// -------------------------------------------------------------------------------------
// convolutions
// -------------------------------------------------------------------------------------

export const convolution = (spec: ConvSpec, x: Value, kernel: Value, bias: Value | undefined): Value =>
  Op.conv(x, kernel, bias, { ...windowOf(spec.padding, x, spec), group: spec.groups });

const channelsOf = (x: Value): number => x.type.shape[1] as number;

export const depthwise = (
  spec: DepthwiseConvSpec | SeparableConvSpec,
  x: Value,
  kernel: Value,
  bias: Value | undefined,
): Value => Op.conv(x, kernel, bias, { ...windowOf(spec.padding, x, spec), group: channelsOf(x) });

/** Each channel for itself, then all of them at each cell. */
export const separable = (
  spec: SeparableConvSpec,
  x: Value,
  kernels: { readonly depthwise: Value; readonly pointwise: Value },
  bias: Value | undefined,
): Value => {
  const ones = spec.kernel.map(() => 1);
  const each = depthwise(spec, x, kernels.depthwise, undefined);
  return Op.conv(each, kernels.pointwise, bias, {
    kernel: ones,
    strides: ones,
    dilations: ones,
    pads: [...ones, ...ones].map(() => 0),
    group: 1,
  });
};

/** Cells cut off in front of the full result, of length (n - 1) * strides + span. */
const cutBefore = (k: number, strides: number, padding: 'same' | 'valid' | number, outputPadding?: number): number => {
  if (padding === 'valid') return 0;
  if (padding !== 'same') return padding;
  const total = outputPadding === undefined ? strides + k - 2 : k + (k % 2) - 2 + outputPadding;
  return k - 1 - Math.min(Math.ceil(total / 2), k - 1);
};

/** Keras crops the full result, or lengthens it with zeros: in ONNX, pads and output padding. Neither depends on the size. */
export const transposed = (spec: ConvTransposeSpec, x: Value, kernel: Value, bias: Value | undefined): Value => {
  const { strides, dilation, padding, outputPadding } = spec;
  const sides = spec.kernel.map((k, i) => {
    const [extent, s, p] = [
      span(k, at(dilation, i)),
      at(strides, i),
      typeof padding === 'string' ? padding : at(padding, i),
    ];
    const before = cutBefore(extent, s, p, outputPadding?.[i]);
    // What is cut does not depend on the size: any does that leaves something.
    const size = 2 * before + 2;
    const length = transposedLength(size, k, s, p, at(dilation, i), outputPadding?.[i]) ?? 0;
    return { before, after: (size - 1) * s + extent - before - length };
  });
  return Op.convTranspose(
    x,
    kernel,
    {
      kernel: spec.kernel,
      strides,
      dilations: dilation,
      group: spec.groups,
      pads: [...sides.map((c) => c.before), ...sides.map((c) => Math.max(c.after, 0))],
      outputPadding: sides.map((c) => Math.max(-c.after, 0)),
    },
    bias,
  );
};

// -------------------------------------------------------------------------------------
// pooling
// -------------------------------------------------------------------------------------

/** What relu made a value of. */
const rectified = ({ node }: Value): Value | undefined =>
  node._tag === 'Operator' && node.domain === '' && node.operator === 'Relu' && node.detached === undefined
    ? node.inputs[0]
    : undefined;

/**
 * The largest of numbers that are cut off below zero is the largest of the numbers, cut off below zero, and both have the same
 * gradient: in training relu, forward and backward, is left to what comes out. In inference a convolution takes relu over.
 */
export const pooled = (spec: PoolSpec, x: Value, mode: Mode): Value => {
  const window = windowOf(spec.padding, x, { ...spec, dilation: spec.kernel.map(() => 1) });
  if (!isMaximum(spec)) return Op.averagePool(x, window);
  // What takes single cells is a shortcut, and others read them too: relu would be there twice.
  const isWindow = spec.kernel.some((k) => k > 1);
  const before = mode._tag === 'Training' && isWindow ? rectified(x) : undefined;
  return before === undefined ? Op.maxPool(x, window).output : Op.relu(Op.maxPool(before, window).output);
};
