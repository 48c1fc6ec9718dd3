/**
 * Names, parameters and fans of convolution, pooling, shape and merge layers, as Keras has them.
 */
import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import * as L from '../../src/layer/Layer.ts';
import { fans } from '../../src/model/Parameter.ts';
import { resolve } from '../../src/model/Resolve.ts';
import type { Resolved } from '../../src/model/Resolved.ts';
import { summary } from '../../src/model/Summary.ts';

const resolved = (m: L.Model<never, unknown>): Resolved => {
  const r = resolve(m);
  if (E.isLeft(r)) throw new Error(JSON.stringify(r.left));
  return r.right;
};

const of = (sample: L.Shape, layer: unknown) =>
  L.model(L.input(sample), layer as L.Layer<L.Id>) as unknown as L.Model<never, unknown>;

/** The layer's parameters as [name, shape, fans]. */
const parameters = (sample: L.Shape, layer: unknown) =>
  resolved(of(sample, layer)).parameters.map((p) => [p.name, p.shape, p.fans]);

describe('parameters', () => {
  it('of convolutions have the shapes of ONNX and the fans of Keras', () => {
    expect(parameters([4, 9], L.conv1d({ filters: 6, kernel: 3, groups: 2 }))).toEqual([
      ['conv1d.kernel', [6, 2, 3], fans([3, 2, 6])],
      ['conv1d.bias', [6], fans([6])],
    ]);
    expect(parameters([4, 9, 9, 9], L.conv3d({ filters: 5, kernel: [1, 2, 3], useBias: false }))).toEqual([
      ['conv3d.kernel', [5, 4, 1, 2, 3], fans([1, 2, 3, 4, 5])],
    ]);
    // A transposed convolution's kernel is [..., filters, channels] in Keras: its fan-in counts the filters.
    expect(parameters([4, 9, 9], L.conv2dTranspose({ filters: 6, kernel: [2, 3] }))).toEqual([
      ['conv2d_transpose.kernel', [4, 6, 2, 3], [36, 24]],
      ['conv2d_transpose.bias', [6], [6, 6]],
    ]);
    expect(parameters([4, 9, 9], L.depthwiseConv2d({ kernel: 3, depthMultiplier: 2 }))).toEqual([
      ['depthwise_conv2d.kernel', [8, 1, 3, 3], fans([3, 3, 4, 2])],
      ['depthwise_conv2d.bias', [8], fans([8])],
    ]);
    expect(parameters([4, 9], L.separableConv1d({ filters: 5, kernel: 3, depthMultiplier: 2 }))).toEqual([
      ['separable_conv1d.depthwise_kernel', [8, 1, 3], fans([3, 4, 2])],
      ['separable_conv1d.pointwise_kernel', [5, 8, 1], fans([1, 8, 5])],
      ['separable_conv1d.bias', [5], fans([5])],
    ]);
  });

  it('of a convolution and its transpose are as many', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 4 }),
        (c, f, k) => {
          const size = (layer: unknown, from: number) =>
            resolved(of([from, 9, 9], layer)).parameters[0]?.shape.reduce((a, b) => a * b, 1);
          expect(size(L.conv2d({ filters: f, kernel: k }), c)).toBe(
            size(L.conv2dTranspose({ filters: c, kernel: k }), f),
          );
        },
      ),
    );
  });

  it('have the initial values that the options say', () => {
    const { ones, heNormal, zeros } = L.Initializer;
    const layer = L.separableConv2d({
      filters: 2,
      kernel: 1,
      depthwiseInitializer: ones,
      pointwiseInitializer: heNormal,
    });
    expect(resolved(of([3, 4, 4], layer)).parameters.map((p) => p.initializer)).toEqual([ones, heNormal, zeros]);
  });
});

describe('names', () => {
  it("are Keras's, of layers and of their classes", () => {
    const m = of(
      [4, 12, 12],
      L.sequential(
        L.conv2dTranspose({ filters: 4, kernel: 2 }),
        L.depthwiseConv2d({ kernel: 1 }),
        L.separableConv2d({ filters: 4, kernel: 1 }),
        L.maxPool2d(),
        L.averagePool2d({ kernel: 1 }),
        L.upSampling2d(),
        L.zeroPadding2d(),
        L.cropping2d(1),
        L.adaptiveMaxPool2d(2),
        L.merge('multiply')(L.relu(), L.sigmoid()) as unknown as L.Layer<L.Id>,
        L.globalMaxPool2d(),
        L.repeatVector(2),
        L.permute([2, 1]),
      ),
    );
    const names = resolved(m).layers.map((l) => l.name);
    expect(names).toEqual([
      ...['conv2d_transpose', 'depthwise_conv2d', 'separable_conv2d', 'max_pooling2d', 'average_pooling2d'],
      ...['up_sampling2d', 'zero_padding2d', 'cropping2d', 'adaptive_max_pooling2d', 'relu', 'sigmoid', 'multiply'],
      ...['global_max_pooling2d', 'repeat_vector', 'permute'],
    ]);
    const text = summary(m, { lineLength: 200 });
    const classes = [
      ...['Conv2DTranspose', 'DepthwiseConv2D', 'SeparableConv2D', 'MaxPooling2D', 'AveragePooling2D', 'UpSampling2D'],
      ...['ZeroPadding2D', 'Cropping2D', 'AdaptiveMaxPooling2D', 'Multiply', 'GlobalMaxPooling2D', 'RepeatVector'],
    ];
    const printed = E.isRight(text) ? text.right : '';
    expect(classes.filter((name) => !printed.includes(`(${name})`))).toEqual([]);
  });
});
