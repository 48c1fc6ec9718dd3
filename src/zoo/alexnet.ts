/**
 * AlexNet in its one-tower form: Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks".
 */
import * as L from '../layer/Layer.ts';
import { type Classes, conv, type Dropout, orElse, topped, torchUniform } from './parts.ts';

const unit = <const C extends L.Conv2dOptions>(options: C) =>
  conv({ activation: 'relu', kernelInitializer: torchUniform }, options);

export interface AlexNetOptions<N extends number> extends Classes<N>, Dropout {
  /** Width of the two dense layers; 4096 by default. */
  readonly hidden?: number;
}

/** AlexNet's convolutions: `[batch, 3, 224, 224]` to `[batch, 256, 6, 6]`. */
export const alexnetFeatures = () =>
  L.sequential(
    unit({ filters: 64, kernel: 11, strides: 4, padding: 2 }),
    L.maxPool2d({ kernel: 3, strides: 2 }),
    unit({ filters: 192, kernel: 5, padding: 2 }),
    L.maxPool2d({ kernel: 3, strides: 2 }),
    unit({ filters: 384, kernel: 3, padding: 1 }),
    unit({ filters: 256, kernel: 3, padding: 1 }),
    unit({ filters: 256, kernel: 3, padding: 1 }),
    L.maxPool2d({ kernel: 3, strides: 2 }),
  );

/**
 * AlexNet as torchvision's `alexnet`: the features are brought to 6 x 6, then two dense layers with dropout (0.5)
 * before each. Input: `[3, 224, 224]`; 63 cells or more. 61,100,840 parameters for 1000 classes. Initial values:
 * PyTorch's kernels, biases 0.
 *
 * @example
 * L.model(L.input([3, 224, 224]), Zoo.alexnet({ classes: 10 }))     // Model<['batch', 3, 224, 224], ['batch', 10]>
 */
export const alexnet = <const N extends number = 1000>(options: AlexNetOptions<N> = {}) => {
  const hidden = () => L.dense(options.hidden ?? 4096, { activation: 'relu', kernelInitializer: torchUniform });
  return topped(
    alexnetFeatures(),
    L.sequential(
      L.adaptiveAveragePool2d(6),
      L.flatten(),
      L.dropout(options.dropout ?? 0.5),
      hidden(),
      L.dropout(options.dropout ?? 0.5),
      hidden(),
      L.dense(orElse(options.classes, 1000), { kernelInitializer: torchUniform }),
    ),
  );
};
