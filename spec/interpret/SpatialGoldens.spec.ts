/**
 * Convolution, pooling, shape and merge layers as onnxruntime computes them, against Keras's numbers: data and kernels turned
 * from channels last to channels first.
 */
import { describe, expect, it } from 'vitest';
import * as L from '../../src/layer/Layer.ts';
import type { Model } from '../../src/model/Model.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { array, type Case, goldens, mismatch, numbers, type Tensor } from '../objective/cases.ts';
import { transpose } from './layouts.ts';
import { resolvedOf, runModel, trainingMode } from './support.ts';

type Options = Readonly<Record<string, unknown>>;
type Make = (...args: readonly unknown[]) => unknown;

const library = L as unknown as Readonly<Record<string, Make>>;
const call = (name: string, ...args: readonly unknown[]): unknown => (library[name] as Make)(...args);

// -------------------------------------------------------------------------------------
// layers by Keras class
// -------------------------------------------------------------------------------------

/** `Conv2DTranspose` is `conv2dTranspose`, `MaxPooling1D` is `maxPool1d`. */
const ours = (keras: string): string =>
  `${keras[0]?.toLowerCase()}${keras.slice(1)}`.replace('Pooling', 'Pool').replace(/(\d)D/, '$1d');

const convolving = (h: Options) => ({
  kernel: h.kernel_size,
  strides: h.strides,
  padding: h.padding,
  dilation: h.dilation_rate,
  activation: h.activation,
  useBias: h.use_bias,
});

const convolution = (name: string, h: Options) =>
  call(ours(name), { ...convolving(h), filters: h.filters, ...(h.groups === undefined ? {} : { groups: h.groups }) });

const transposed = (name: string, h: Options) =>
  call(ours(name), {
    ...convolving(h),
    filters: h.filters,
    ...(h.output_padding === null ? {} : { outputPadding: h.output_padding }),
  });

const depthwise = (name: string, h: Options) =>
  call(ours(name), {
    ...convolving(h),
    depthMultiplier: h.depth_multiplier,
    ...(h.filters === undefined ? {} : { filters: h.filters }),
  });

const pool = (name: string, h: Options) =>
  call(ours(name), { kernel: h.pool_size, strides: h.strides, padding: h.padding });

/** By a pattern of the class's name. */
const families: readonly (readonly [RegExp, (name: string, h: Options) => unknown])[] = [
  [/^Conv\dDTranspose$/, transposed],
  [/^Conv[123]D$/, convolution],
  [/^(Depthwise|Separable)Conv/, depthwise],
  [/^Global.*Pooling/, (name, h) => call(ours(name), { keepDims: h.keepdims })],
  [/^Adaptive.*Pooling/, (name, h) => call(ours(name), h.output_size)],
  [/^(Max|Average)Pooling/, pool],
  [/^UpSampling2D/, (_, h) => call('upSampling2d', h.size, { interpolation: h.interpolation })],
  [/^UpSampling/, (name, h) => call(ours(name), h.size)],
  [/^ZeroPadding/, (name, h) => call(ours(name), h.padding)],
  [/^Cropping/, (name, h) => call(ours(name), h.cropping)],
  [/^Permute$/, (_, h) => call('permute', h.dims)],
  [/^RepeatVector$/, (_, h) => call('repeatVector', h.n)],
];

const merges = ['Add', 'Subtract', 'Multiply', 'Average', 'Maximum', 'Minimum', 'Dot', 'Concatenate'];

const merging = (name: string, h: Options, tensors: readonly unknown[]): unknown => {
  if (name === 'Concatenate') return tensors.reduce((a, b) => call('concatenate', a, b, h.axis));
  return name === 'Dot' ? call('dot', ...tensors, h.axes, { normalize: h.normalize }) : call(ours(name), ...tensors);
};

const familyOf = (name: string) => families.find(([pattern]) => pattern.test(name))?.[1];

// -------------------------------------------------------------------------------------
// layouts
// -------------------------------------------------------------------------------------

/** Layers on axes other than the spatial ones: their data are as they are. */
const plain = ['Permute', 'RepeatVector', ...merges];

const isLast = (name: string, h: Options): boolean => !plain.includes(name) && h.data_format !== 'channels_first';

const axesOf = (a: NdArray): readonly number[] => a.shape.map((_, i) => i);

const channelsFirst = (a: NdArray): NdArray => transpose([0, a.shape.length - 1, ...axesOf(a).slice(1, -1)])(a);
const channelsLast = (a: NdArray): NdArray => (a.shape.length < 3 ? a : transpose([0, ...axesOf(a).slice(2), 1])(a));

/** Keras's [..., in, out] to [out, in, ...]; a transposed convolution's [..., out, in] to [in, out, ...]. */
const turned = (a: NdArray): NdArray => {
  const n = a.shape.length;
  return n < 3 ? a : transpose([n - 1, n - 2, ...axesOf(a).slice(0, -2)])(a);
};

/** [..., in, multiplier] to [in * multiplier, 1, ...]. */
const depthwiseKernel = (a: NdArray): NdArray => {
  const n = a.shape.length;
  const t = transpose([n - 2, n - 1, ...axesOf(a).slice(0, -2)])(a);
  const [channels = 1, multiplier = 1, ...kernel] = t.shape;
  return { ...t, shape: [channels * multiplier, 1, ...kernel] };
};

const weight = (name: string, role: string, a: NdArray): NdArray =>
  role === 'depthwise_kernel' || (name.startsWith('Depthwise') && role === 'kernel') ? depthwiseKernel(a) : turned(a);

// -------------------------------------------------------------------------------------
// cases
// -------------------------------------------------------------------------------------

interface Inputs {
  readonly args: readonly (Tensor | readonly Tensor[])[];
  readonly kwargs: { readonly mask?: Tensor };
  readonly weights: readonly { readonly name: string; readonly value: Tensor }[];
  readonly input_masks?: readonly (Tensor | null)[] | null;
}

interface Expected {
  readonly output: Tensor;
}

type Golden = Case<Inputs, Expected>;

const names = [
  ...['Conv', 'MaxPooling', 'AveragePooling', 'GlobalAveragePooling', 'GlobalMaxPooling', 'AdaptiveAveragePooling'],
  ...['AdaptiveMaxPooling', 'UpSampling', 'ZeroPadding', 'Cropping', 'DepthwiseConv', 'SeparableConv'],
].flatMap((name) => [1, 2, 3].map((rank) => `${name}${rank}D`));

const all = goldens<Inputs, Expected>('layer', [
  ...names,
  ...[1, 2, 3].map((rank) => `Conv${rank}DTranspose`),
  'Permute',
  'RepeatVector',
  ...merges,
]);

/** Of each input: given as a second argument, by name, or with an input. */
const masksOf = ({ inputs }: Golden): readonly (Tensor | undefined)[] => {
  const one = inputs.kwargs.mask ?? (inputs.args[1] as Tensor | undefined);
  return one === undefined ? (inputs.input_masks ?? []).map((m) => m ?? undefined) : [one];
};

/** Of `[batch, channels, length]`, to which a sequence has been turned, a mask is `[batch, 1, length]`. */
const maskArray = (name: string, { shape, data }: Tensor): NdArray => ({
  dtype: 'bool',
  shape: name.startsWith('Global') ? [shape[0] as number, 1, ...shape.slice(1)] : shape,
  data: Uint8Array.from(data, Number),
});

const modelOf = ({ name, hyperparameters: h }: Golden, xs: readonly NdArray[]): Model<never, unknown> =>
  L.graph(Object.fromEntries(xs.map((x, i) => [`input_${i}`, x.shape.slice(1) as L.Shape])), (inputs) => {
    const tensors = Object.values(inputs);
    const layer = familyOf(name)?.(name, h);
    const y = layer === undefined ? merging(name, h, tensors) : (layer as Make)(...tensors);
    return y as L.Tensor<L.Shape>;
  }) as unknown as Model<never, unknown>;

describe("layers compute Keras's numbers", () => {
  it.each(all.map((golden) => [golden.id, golden] as const))('%s', async (_, golden) => {
    const { name, hyperparameters, inputs, expected } = golden;
    const last = isLast(name, hyperparameters);
    const [first] = inputs.args;
    const given = Array.isArray(first) ? (first as readonly Tensor[]) : [first as Tensor];
    const xs = given.map((t) => (last ? channelsFirst(array(t)) : array(t)));
    const resolved = resolvedOf(modelOf(golden, xs));
    expect(resolved.parameters.map((p) => p.role)).toEqual(inputs.weights.map((w) => w.name));
    const feeds = Object.fromEntries([
      ...xs.map((x, i) => [`input_${i}`, x] as const),
      ...resolved.parameters.map((p, i) => {
        const value = weight(name, p.role, array(inputs.weights[i]?.value as Tensor));
        expect(value.shape, p.role).toEqual(p.shape);
        return [p.name, value] as const;
      }),
    ]);
    const masks = masksOf(golden).map((m) => (m === undefined ? undefined : maskArray(name, m)));
    for (const mode of [undefined, trainingMode()]) {
      const got = (await runModel(resolved, feeds, mode, masks)).output as NdArray;
      const value = last ? channelsLast(got) : got;
      expect(value.shape).toEqual(expected.output.shape);
      expect(mismatch(value.data as Float32Array, numbers(expected.output), golden.tolerance)).toBeUndefined();
    }
  });

  it('all of them, masked ones too', () => {
    const masked = all.filter((c) => masksOf(c).length > 0);
    expect([all.length, masked.length]).toEqual([194, 19]);
    expect([...new Set(masked.map((c) => c.name))].sort()).toEqual(
      ['GlobalAveragePooling1D', ...merges.filter((m) => m !== 'Dot')].sort(),
    );
  });
});
