/**
 * Residual networks for small images: He et al. 2016, section 4.2, whose shortcuts have no parameters, and wide ones,
 * Zagoruyko and Komodakis 2016.
 */
import * as L from '../layer/Layer.ts';
import { convNorm, heFanOut, orElse, sound, times, topped, torchNorm, when } from './parts.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface CifarResNetOptions<N extends number> {
  /** 10 by default. */
  readonly classes?: N;
  /** Channels of the first stage; 16 by default. The others have 2 and 4 times as many. */
  readonly width?: number;
}

export interface WideResNetOptions<N extends number> {
  /** 10 by default. */
  readonly classes?: N;
  /** Times 16 channels in the first stage; 10 by default. */
  readonly widen?: number;
  /** Six times the blocks in a stage, and 4; 28 by default. */
  readonly depth?: 10 | 16 | 22 | 28 | 34 | 40;
  /** In training, between the convolutions of a block; 0 by default. */
  readonly dropout?: number;
}

// -------------------------------------------------------------------------------------
// shortcuts without parameters
// -------------------------------------------------------------------------------------

const block = <O extends number, const S extends number>(filters: O, strides: S) =>
  L.sequential(
    convNorm({ filters, kernel: 3, strides, padding: 1 }),
    L.relu(),
    convNorm({ filters, kernel: 3, padding: 1 }),
  );

/**
 * The paper's option A: each second cell, and channels of zeros, as many before as behind. Zeros are added around the
 * axes 2 and 3, so the channels go there and back.
 */
const widening = <P extends number>(added: P) =>
  L.sequential(
    L.maxPool2d({ kernel: 1, strides: 2 }),
    L.permute([2, 1, 3]),
    L.zeroPadding2d([
      [added, added],
      [0, 0],
    ] as const),
    L.permute([2, 1, 3]),
  );

const stage = <O extends number, P extends number>(filters: O, added: P, length: number) =>
  L.sequential(
    L.residual(block(filters, 2), widening(added)),
    L.relu(),
    L.repeat(length - 1, L.sequential(L.residual(block(filters, 1)), L.relu())),
  );

const cifar =
  (length: number) =>
  <const N extends number = 10>(options: CifarResNetOptions<N> = {}) => {
    const width = options.width ?? 16;
    return topped(
      L.sequential(
        convNorm({ filters: width, kernel: 3, padding: 1 }),
        L.relu(),
        L.named('stage1', L.repeat(length, L.sequential(L.residual(block(width, 1)), L.relu()))),
        L.named('stage2', stage(times(width, 2), width / 2, length)),
        L.named('stage3', stage(times(width, 4), width, length)),
      ),
      L.sequential(
        L.globalAveragePool2d(),
        L.dense(orElse<N>(options.classes, 10), { kernelInitializer: L.Initializer.heNormal }),
      ),
    );
  };

/**
 * ResNet with 20 layers for small images: three stages of three blocks, shortcuts without parameters (option A). Input:
 * `[3, 32, 32]`; any size. 269,722 trained parameters for 10 classes (the paper's 0.27 million). Initial values: He.
 *
 * @example
 * L.model(L.input([3, 32, 32]), Zoo.cifarResnet20())     // Model<['batch', 3, 32, 32], ['batch', 10]>
 */
export const cifarResnet20 = cifar(3);

/** As `cifarResnet20` with 32 layers: 464,154 trained parameters. */
export const cifarResnet32 = cifar(5);

/** As `cifarResnet20` with 56 layers: 853,018 trained parameters (the paper's 0.85 million). */
export const cifarResnet56 = cifar(9);

/** As `cifarResnet20` with 110 layers: 1,727,962 trained parameters (the paper's 1.7 million). */
export const cifarResnet110 = cifar(18);

// -------------------------------------------------------------------------------------
// wide
// -------------------------------------------------------------------------------------

const active = () => L.sequential(L.batchNormalization(torchNorm), L.relu());

const conv = <O extends number, const K extends number, const S extends number, const P extends number>(
  filters: O,
  kernel: K,
  strides: S,
  padding: P,
) => L.conv2d({ filters, kernel, strides, padding, useBias: false, kernelInitializer: heFanOut });

const wideBody = <O extends number, const S extends number>(filters: O, strides: S, dropout: number) =>
  L.sequential(
    conv(filters, 3, strides, 1),
    active(),
    when(dropout > 0, () => L.dropout(dropout)),
    conv(filters, 3, 1, 1),
  );

const wideStage = <O extends number, const S extends number>(filters: O, length: number, strides: S, dropout: number) =>
  L.sequential(
    L.sequential(active(), L.residual(wideBody(filters, strides, dropout), conv(filters, 1, strides, 0))),
    when(length > 1, () =>
      L.repeat(Math.max(1, length - 1), L.residual(L.sequential(active(), wideBody(filters, 1, dropout)))),
    ),
  );

/**
 * Wide ResNet, by default WRN-28-10: normalisation and relu before the convolutions, few layers and many channels.
 * Input: `[3, 32, 32]`; any size. 36,479,194 trained parameters for 10 classes (the paper's 36.5 million). Initial
 * values: He by fan-out.
 *
 * @example
 * L.model(L.input([3, 32, 32]), Zoo.wideResnet({ depth: 16, widen: 4, dropout: 0.3 }))
 */
export const wideResnet = <const N extends number = 10>(options: WideResNetOptions<N> = {}) => {
  const width = 16 * (options.widen ?? 10);
  const { depth = 28, dropout = 0 } = options;
  const length = (depth - 4) / 6;
  const isDepth = Number.isInteger(length) && length > 0;
  return topped(
    L.sequential(
      sound('wideResnet', !isDepth && `depth must be 6n + 4: 10, 16, 22, 28, ..., got ${depth}`),
      conv(16, 3, 1, 1),
      L.named('stage1', wideStage(width, length, 1, dropout)),
      L.named('stage2', wideStage(2 * width, length, 2, dropout)),
      L.named('stage3', wideStage(4 * width, length, 2, dropout)),
      active(),
    ),
    L.sequential(L.globalAveragePool2d(), L.dense(orElse<N>(options.classes, 10))),
  );
};
