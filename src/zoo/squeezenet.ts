/**
 * SqueezeNet: Iandola et al. 2016, "AlexNet-level accuracy with 50x fewer parameters".
 */
import * as L from '../layer/Layer.ts';
import { type Classes, ceiled, conv, type Dropout, orElse, topped } from './parts.ts';

export interface SqueezeNetOptions<N extends number> extends Classes<N>, Dropout {}

const unit = <const C extends L.Conv2dOptions>(options: C) =>
  conv({ activation: 'relu', kernelInitializer: L.Initializer.heUniform }, options);

/** Few channels, then as many again of 1 x 1 as of 3 x 3. */
const fire = <const E extends number>(squeezed: number, expanded: E) =>
  L.sequential(
    unit({ filters: squeezed, kernel: 1 }),
    L.concat(unit({ filters: expanded, kernel: 1 }), unit({ filters: expanded, kernel: 3, padding: 1 })),
  );

const pool = () => L.sequential(ceiled(), L.maxPool2d({ kernel: 3, strides: 2 }));

/** `squeezenet` without its head: `[batch, 3, 224, 224]` to `[batch, 512, 13, 13]`. */
export const squeezenetFeatures = () =>
  L.sequential(
    unit({ filters: 96, kernel: 7, strides: 2 }),
    pool(),
    fire(16, 64),
    fire(16, 64),
    fire(32, 128),
    pool(),
    fire(32, 128),
    fire(48, 192),
    fire(48, 192),
    fire(64, 256),
    pool(),
    fire(64, 256),
  );

/** `squeezenet11` without its head: `[batch, 3, 224, 224]` to `[batch, 512, 13, 13]`. */
export const squeezenet11Features = () =>
  L.sequential(
    unit({ filters: 64, kernel: 3, strides: 2 }),
    pool(),
    fire(16, 64),
    fire(16, 64),
    pool(),
    fire(32, 128),
    fire(32, 128),
    pool(),
    fire(48, 192),
    fire(48, 192),
    fire(64, 256),
    fire(64, 256),
  );

const head = <N extends number>(options: SqueezeNetOptions<N>) =>
  L.sequential(
    L.dropout(options.dropout ?? 0.5),
    conv(
      { activation: 'relu', kernelInitializer: L.Initializer.randomNormal({ stddev: 0.01 }) },
      { filters: orElse<N>(options.classes, 1000), kernel: 1 },
    ),
    L.globalAveragePool2d(),
  );

/**
 * SqueezeNet 1.0, as torchvision's `squeezenet1_0`. Input: `[3, 224, 224]`; 21 cells or more. 1,248,424 parameters for
 * 1000 classes. Initial values as torchvision: He uniform, the last convolution normal 0.01.
 *
 * @example
 * L.model(L.input([3, 64, 64]), Zoo.squeezenet({ classes: 10 }))
 */
export const squeezenet = <const N extends number = 1000>(options: SqueezeNetOptions<N> = {}) =>
  topped(squeezenetFeatures(), head<N>(options));

/**
 * SqueezeNet 1.1: as good with 2.4 times less work; 17 cells or more. 1,235,496 parameters. torchvision
 * `squeezenet1_1`.
 */
export const squeezenet11 = <const N extends number = 1000>(options: SqueezeNetOptions<N> = {}) =>
  topped(squeezenet11Features(), head<N>(options));
