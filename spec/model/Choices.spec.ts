/** Options that the compiler would refuse, as a caller without types may give them: told when the model is resolved. */
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import * as L from '../../src/layer/Layer.ts';
import type { Model } from '../../src/model/Model.ts';
import { resolve } from '../../src/model/Resolve.ts';
import type { Any } from '../layer/coreModels.ts';

const A: Any = L;

const errors = (model: Any): readonly string[] => {
  const found = resolve(model as Model<never, unknown>);
  return E.isRight(found) ? [] : found.left.map(({ path, message }) => `${path} | ${message}`);
};

const of = (layer: Any, sample: readonly (number | string)[] = [4]) => errors(A.model(A.input(sample), layer));

describe('names', () => {
  it.each([
    [
      of(A.dense(3, { activation: 'rlu' })),
      /^dense \| dense: activation 'rlu' is not one of linear, relu, .*threshold$/,
    ],
    [of(A.lstm(3, { recurrentActivation: 'sigmod' }), ['seq', 4]), /^lstm \| lstm: activation 'sigmod' is not one of/],
    [of(A.weightNormalization(A.dense(3, { activation: 'x' }))), /: activation 'x' is not one of/],
    [of(A.relu({ maxVal: 3 })), /: activation relu has no option 'maxVal'$/],
    [
      of(A.conv2d({ filters: 2, kernel: 1, padding: 'sam' }), [1, 4, 4]),
      /^conv2d \| conv2d: padding 'sam' is not one of same, valid$/,
    ],
    [of(A.conv2d({ filters: 2, kernel: 1, padding: 'causal' }), [1, 4, 4]), /: padding 'causal' is not one of/],
    [of(A.conv1d({ filters: 2, kernel: 1, padding: 'cause' }), [1, 4]), /is not one of same, valid, causal$/],
    [of(A.maxPool2d({ padding: 'full' }), [1, 4, 4]), /^max_pooling2d \| maxPool2d: padding 'full' is not one of/],
    [
      of(A.upSampling2d(2, { interpolation: 'lanczos3' }), [1, 4, 4]),
      /: interpolation 'lanczos3' is not one of nearest, bilinear, bicubic$/,
    ],
    [of(A.attention({ scoreMode: 'cosine' }), ['seq', 4]), /: scoreMode 'cosine' is not one of dot, concat$/],
    [
      of(A.bidirectional(A.dense(2)), ['seq', 4]),
      /^bidirectional \| .*: expects one of simpleRNN, lstm, gru, got dense$/,
    ],
    [of(A.weightNormalization(A.relu())), /: expects a layer with a kernel \(.*\), got activation$/],
    [of(A.spectralNormalization(A.lstm(2)), ['seq', 4]), /: expects a layer with a kernel \(.*\), got lstm$/],
  ])('%s', (found, message) => {
    expect(found).toEqual([expect.stringMatching(message)]);
  });
});

describe('numbers', () => {
  const { Initializer: I } = A;
  const begun = (kernelInitializer: Any) => of(A.dense(2, { kernelInitializer }));
  it.each([
    [of(A.relu({ maxValue: -1 })), 'activation relu: maxValue -1 is not a number of 0 or more'],
    [of(A.leakyRelu({ negativeSlope: Number.NaN })), 'activation leakyRelu: negativeSlope NaN is not a number'],
    [of(A.celu({ alpha: 0 })), 'activation celu: alpha 0 is not a number other than 0'],
    [of(A.squareplus({ b: -4 })), 'activation squareplus: b -4 is not a number of 0 or more'],
    [of(A.sinusoidalPositions({ maxWavelength: 0 }), ['seq', 4]), 'maxWavelength 0 is not a number above 0'],
    [of(A.multiHeadAttention({ heads: 1, keyDim: 2, rotary: -1 }), ['seq', 4]), 'rotary -1 is not a number above 0'],
    [begun(I.randomNormal({ stddev: -1 })), 'initializer randomNormal: stddev -1 is not a number of 0 or more'],
    [begun(I.truncatedNormal({ mean: Number.NaN })), 'initializer truncatedNormal: mean NaN is not a number'],
    [begun(I.randomUniform({ minval: 1, maxval: 0 })), 'initializer randomUniform: minval 1 is more than maxval 0'],
    [begun(I.varianceScaling({ scale: 0 })), 'initializer varianceScaling: scale 0 is not a number above 0'],
    [begun(I.constant(Number.POSITIVE_INFINITY)), 'initializer constant: value Infinity is not a number'],
    [
      of(A.transformerEncoder({ features: 6, heads: 4, intermediate: 3 }), ['seq', 6]),
      'multiHeadAttention: keyDim 1.5 is not a positive integer',
    ],
  ])('%s', (found, message) => {
    expect(found).toEqual([expect.stringContaining(message)]);
  });

  it('that Keras takes are taken', () => {
    for (const layer of [
      L.relu({ maxValue: 0, threshold: -0.5 }),
      L.dense(2, { kernelInitializer: L.Initializer.randomNormal({ stddev: 0 }) }),
      L.activation({ name: 'softmax', axis: -1 }),
    ])
      expect(of(layer)).toEqual([]);
  });
});
