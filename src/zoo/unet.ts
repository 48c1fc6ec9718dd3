/**
 * U-Net: Ronneberger, Fischer and Brox 2015, "U-Net: convolutional networks for biomedical image segmentation". A class
 * for each pixel.
 */
import * as L from '../layer/Layer.ts';
import { heFanOut, orElse, torchNorm, when } from './parts.ts';

export interface UNetOptions<N extends number> {
  /** Output channels: classes of a pixel; 1 by default. */
  readonly classes?: N;
  /** Channels of the first level; 64 by default. Each of the four levels below has twice as many. */
  readonly width?: number;
  /** Whether there is a batch normalisation behind each convolution, which then has no bias; `false` by default. */
  readonly batchNorm?: boolean;
}

interface Level<P extends number> {
  readonly padding: P;
  readonly batchNorm: boolean;
}

const unit = <P extends number>(filters: number, { padding, batchNorm }: Level<P>) =>
  L.sequential(
    L.conv2d({ filters, kernel: 3, padding, useBias: !batchNorm, kernelInitializer: heFanOut }),
    when(batchNorm, () => L.batchNormalization(torchNorm)),
    L.relu(),
  );

const double = <P extends number>(filters: number, level: Level<P>) =>
  L.sequential(unit(filters, level), unit(filters, level));

/** Down to `below` and up again, beside what is kept of the way down. */
const around = <P extends number, K extends L.Fn, F extends L.Fn>(
  filters: number,
  level: Level<P>,
  kept: L.Layer<K>,
  below: L.Layer<F>,
) =>
  L.sequential(
    double(filters, level),
    L.concat(kept, L.sequential(L.maxPool2d(), below, L.conv2dTranspose({ filters, kernel: 2, strides: 2 }))),
    double(filters, level),
  );

/**
 * U-Net whose convolutions keep the size: `[batch, channels, height, width]` to `[batch, classes, height, width]`,
 * logits; height and width must be multiples of 16. For 3 channels, 1 class and the defaults 31,031,745 parameters,
 * with `batchNorm` 31,037,633. Initial values: He.
 *
 * @example
 * L.model(L.input([3, 64, 64]), Zoo.unet({ classes: 21, width: 16 })) // output ['batch', 21, 64, 64]
 */
export const unet = <const N extends number = 1>(options: UNetOptions<N> = {}) => {
  const width = options.width ?? 64;
  const level: Level<1> = { padding: 1, batchNorm: options.batchNorm ?? false };
  const around1 = <F extends L.Fn>(factor: number, below: L.Layer<F>) =>
    around(width * factor, level, L.identity(), below);
  return L.sequential(
    around1(1, around1(2, around1(4, around1(8, double(width * 16, level))))),
    L.named('head', L.conv2d({ filters: orElse<N>(options.classes, 1), kernel: 1 })),
  );
};

/**
 * U-Net as in the paper, without padding: what is kept of the way down is cut to the size of what comes up. `[batch, 1,
 * 572, 572]` to `[batch, classes, 388, 388]`; sizes 188 and more, by steps of 16. For 1 channel and 2 classes
 * 31,030,658 parameters.
 *
 * @example
 * L.model(L.input([1, 572, 572]), Zoo.unetValid({ classes: 2 })) // output ['batch', 2, 388, 388]
 */
export const unetValid = <const N extends number = 1>(options: UNetOptions<N> = {}) => {
  const width = options.width ?? 64;
  const level: Level<0> = { padding: 0, batchNorm: options.batchNorm ?? false };
  const fourth = around(width * 8, level, L.cropping2d(4), double(width * 16, level));
  const third = around(width * 4, level, L.cropping2d(16), fourth);
  const second = around(width * 2, level, L.cropping2d(40), third);
  return L.sequential(
    around(width, level, L.cropping2d(88), second),
    L.named('head', L.conv2d({ filters: orElse<N>(options.classes, 1), kernel: 1 })),
  );
};
