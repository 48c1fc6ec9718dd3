/**
 * VGG: Simonyan and Zisserman 2015, "Very deep convolutional networks for large-scale image recognition".
 */
import * as L from '../layer/Layer.ts';
import { type Classes, type Dropout, heFanOut, orElse, small, times, topped, torchNorm, when } from './parts.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface VggFeaturesOptions<W extends number> {
  /** Channels of the first stage; 64 by default. The others have 2, 4, 8 and 8 times as many. */
  readonly width?: W;
  /** Whether there is a batch normalisation behind each convolution; `false` by default. */
  readonly batchNorm?: boolean;
}

export interface VggOptions<N extends number, W extends number> extends VggFeaturesOptions<W>, Classes<N>, Dropout {
  /** Width of the two dense layers; 4096 by default. */
  readonly hidden?: number;
}

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

/** Convolution, perhaps a batch normalisation, relu. */
const unit = <F extends number>(filters: F, batchNorm: boolean) =>
  L.sequential(
    L.conv2d({ filters, kernel: 3, padding: 1, kernelInitializer: heFanOut }),
    when(batchNorm, () => L.batchNormalization(torchNorm)),
    L.relu(),
  );

/** Convolutions, and half the size. */
const stage = <F extends number>(filters: F, length: number, batchNorm: boolean) =>
  L.sequential(
    unit(filters, batchNorm),
    when(length > 1, () => L.repeat(Math.max(1, length - 1), unit(filters, batchNorm))),
    L.maxPool2d(),
  );

type Lengths = readonly [number, number, number, number, number];

const vggFeatures =
  (lengths: Lengths) =>
  <const W extends number = 64>(options: VggFeaturesOptions<W> = {}) => {
    const width = orElse<W>(options.width, 64);
    const norm = options.batchNorm ?? false;
    return L.sequential(
      stage(width, lengths[0], norm),
      stage(times(width, 2), lengths[1], norm),
      stage(times(width, 4), lengths[2], norm),
      stage(times(width, 8), lengths[3], norm),
      stage(times(width, 8), lengths[4], norm),
    );
  };

const vgg = (lengths: Lengths) => {
  const features = vggFeatures(lengths);
  return <const N extends number = 1000, const W extends number = 64>(options: VggOptions<N, W> = {}) => {
    const hidden = () =>
      L.sequential(
        L.dense(options.hidden ?? 4096, { activation: 'relu', kernelInitializer: small }),
        L.dropout(options.dropout ?? 0.5),
      );
    return topped(
      features(options),
      L.sequential(
        L.adaptiveAveragePool2d(7),
        L.flatten(),
        hidden(),
        hidden(),
        L.dense(orElse<N>(options.classes, 1000), { kernelInitializer: small }),
      ),
    );
  };
};

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const eleven = [1, 1, 2, 2, 2] as const;
const thirteen = [2, 2, 2, 2, 2] as const;
const sixteen = [2, 2, 3, 3, 3] as const;
const nineteen = [2, 2, 4, 4, 4] as const;

/** VGG-11's convolutions: `[batch, 3, 224, 224]` to `[batch, 512, 7, 7]`. */
export const vgg11Features = vggFeatures(eleven);

/**
 * VGG with 11 layers, as torchvision's `vgg11` and, with `batchNorm: true`, `vgg11_bn`: five stages of 3 x 3
 * convolutions that halve the size, brought to 7 x 7, then two dense layers with dropout (0.5) behind each. Input: `[3,
 * 224, 224]`; 32 cells or more. Parameters for 1000 classes: 132,863,336, with batch normalisation 132,868,840 trained
 * ones. Initial values as torchvision: He by fan-out, dense layers normal 0.01.
 *
 * @example
 * L.model(L.input([3, 64, 64]), Zoo.vgg11({ classes: 10, batchNorm: true, hidden: 256 }))
 */
export const vgg11 = vgg(eleven);

/** VGG-13's convolutions: `[batch, 3, 224, 224]` to `[batch, 512, 7, 7]`. */
export const vgg13Features = vggFeatures(thirteen);

/**
 * As `vgg11` with 13 layers: 133,047,848 parameters, with batch normalisation 133,053,736. torchvision `vgg13`,
 * `vgg13_bn`.
 */
export const vgg13 = vgg(thirteen);

/** VGG-16's convolutions: `[batch, 3, 224, 224]` to `[batch, 512, 7, 7]`. */
export const vgg16Features = vggFeatures(sixteen);

/**
 * As `vgg11` with 16 layers: 138,357,544 parameters, with batch normalisation 138,365,992. torchvision `vgg16`,
 * `vgg16_bn`; Keras `VGG16` (without dropout, and at 224 x 224 only with its top).
 */
export const vgg16 = vgg(sixteen);

/** VGG-19's convolutions: `[batch, 3, 224, 224]` to `[batch, 512, 7, 7]`. */
export const vgg19Features = vggFeatures(nineteen);

/**
 * As `vgg11` with 19 layers: 143,667,240 parameters, with batch normalisation 143,678,248. torchvision `vgg19`, Keras
 * `VGG19`.
 */
export const vgg19 = vgg(nineteen);
