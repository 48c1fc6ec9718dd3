/**
 * LeNet-5: LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to document recognition".
 */
import * as L from '../layer/Layer.ts';
import { orElse, topped } from './parts.ts';

const features = () =>
  L.sequential(
    L.conv2d({ filters: 6, kernel: 5, activation: 'tanh' }),
    L.averagePool2d(),
    L.conv2d({ filters: 16, kernel: 5, activation: 'tanh' }),
    L.averagePool2d(),
  );

/** LeNet-5 up to its second pooling: `[batch, 1, 32, 32]` to `[batch, 16, 5, 5]`. */
export const lenetFeatures = features;

/**
 * LeNet-5 as it is taught: tanh, mean pooling, all 16 maps of the second convolution see all 6 of the first (the paper
 * connects some of them, and ends in radial basis functions). Input: `[channels, height, width]` of 16 cells or more
 * (32 for the head), 1 x 32 x 32 in the paper (MNIST with two cells of padding). 61,706 parameters for 10 classes at 1
 * x 32 x 32. Initial values: Keras's defaults.
 *
 * @example
 * L.model(L.input([1, 28, 28]), L.zeroPadding2d(2), Zoo.lenet())     // Model<['batch', 1, 28, 28], ['batch', 10]>
 */
export const lenet = <const N extends number = 10>(options: { readonly classes?: N } = {}) =>
  topped(
    features(),
    L.sequential(
      L.flatten(),
      L.dense(120, { activation: 'tanh' }),
      L.dense(84, { activation: 'tanh' }),
      L.dense(orElse(options.classes, 10)),
    ),
  );
