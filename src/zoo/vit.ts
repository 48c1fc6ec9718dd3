/**
 * Transformers and perceptrons on patches of images: ViT, Dosovitskiy et al. 2021, "An image is worth 16x16 words" (the
 * smallest by Touvron et al. 2021), and MLP-Mixer, Tolstikhin et al. 2021, "MLP-Mixer: an all-MLP architecture for
 * vision".
 */
import * as L from '../layer/Layer.ts';
import { type Classes, classToken, orElse, sound, topped, truncated02 } from './parts.ts';

// -------------------------------------------------------------------------------------
// patches
// -------------------------------------------------------------------------------------

/** Each patch of the image as a vector: `[batch, channels, height, width]` to `[batch, patches, features]`. */
const patches = <P extends number, D extends number>(size: P, features: D) =>
  L.sequential(
    L.conv2d({
      filters: features,
      kernel: size,
      strides: size,
      kernelInitializer: L.Initializer.varianceScaling(),
    }),
    L.reshape([features, -1]),
    L.permute([2, 1]),
  );

const norm = () => L.layerNormalization({ epsilon: 1e-6 });

const tokensOf = (imageSize: number, patch: number): number => Math.floor(imageSize / patch) ** 2;

// -------------------------------------------------------------------------------------
// ViT
// -------------------------------------------------------------------------------------

export interface VitFeaturesOptions {
  /** Height and width of the images that positions are learned for; 224 by default. */
  readonly imageSize?: number;
  /** In training, behind each part; 0 by default. */
  readonly dropout?: number;
  /** Transformer blocks; 12 by default. */
  readonly layers?: number;
}

export interface VitOptions<N extends number> extends VitFeaturesOptions, Classes<N> {}

const encoder = <D extends number>(features: D, heads: number, dropout: number) =>
  L.sequential(
    L.residual(
      L.sequential(
        norm(),
        L.multiHeadAttention({ heads, keyDim: (features / heads) as number, dropout }),
        L.dropout(dropout),
      ),
    ),
    L.residual(
      L.sequential(
        norm(),
        L.dense(4 * features, { activation: 'gelu' }),
        L.dropout(dropout),
        L.dense(features),
        L.dropout(dropout),
      ),
    ),
  );

const vitFeatures =
  <const D extends number>(features: D, heads: number) =>
  (options: VitFeaturesOptions = {}) => {
    const { dropout = 0, imageSize = 224 } = options;
    return L.sequential(
      sound('vit', imageSize % 16 !== 0 && `imageSize must be a multiple of 16, the patches' size, got ${imageSize}`),
      patches(16, features),
      classToken(),
      L.learnedPositions(tokensOf(imageSize, 16) + 1, {
        initializer: L.Initializer.randomNormal({ stddev: 0.02 }),
      }),
      L.dropout(dropout),
      L.repeat(options.layers ?? 12, encoder(features, heads, dropout)),
      norm(),
      L.slice(1, 0, 1),
      L.flatten(),
    );
  };

const vit = <const D extends number>(features: D, heads: number) => {
  const backbone = vitFeatures(features, heads);
  return <const N extends number = 1000>(options: VitOptions<N> = {}) =>
    topped(backbone(options), L.dense(orElse<N>(options.classes, 1000), { kernelInitializer: L.Initializer.zeros }));
};

/** `vitB16` without its head: `[batch, 3, 224, 224]` to `[batch, 768]`, the class token's. */
export const vitB16Features = vitFeatures(768, 12);

/**
 * ViT-B/16, as torchvision's `vit_b_16`: patches of 16 x 16, a class token, learned positions, 12 pre-norm blocks of 12
 * heads. Input: `[3, 224, 224]`, or what `imageSize` says. 86,567,656 parameters for 1000 classes. Initial values as
 * torchvision: kernels Glorot, positions normal 0.02, the head zeros.
 *
 * @example
 * L.model(L.input([3, 224, 224]), Zoo.vitB16({ classes: 10 }))     // Model<['batch', 3, 224, 224], ['batch', 10]>
 */
export const vitB16 = vit(768, 12);

/** `vitS16` without its head: `[batch, 3, 224, 224]` to `[batch, 384]`. */
export const vitS16Features = vitFeatures(384, 6);

/** As `vitB16` with 384 features and 6 heads: 22,050,664 parameters for 1000 classes, as DeiT-S. */
export const vitS16 = vit(384, 6);

/** `vitTi16` without its head: `[batch, 3, 224, 224]` to `[batch, 192]`. */
export const vitTi16Features = vitFeatures(192, 3);

/** As `vitB16` with 192 features and 3 heads: 5,717,416 parameters for 1000 classes, as DeiT-Ti. */
export const vitTi16 = vit(192, 3);

// -------------------------------------------------------------------------------------
// MLP-Mixer
// -------------------------------------------------------------------------------------

export interface MixerFeaturesOptions {
  /** Height and width of the images, a multiple of 16; 224 by default. */
  readonly imageSize?: number;
  /** Blocks; see the network for its default. */
  readonly layers?: number;
}

export interface MixerOptions<N extends number> extends MixerFeaturesOptions, Classes<N> {}

/** Across the patches for each feature, then across the features for each patch. */
const mixing = <D extends number>(tokens: number, features: D, acrossTokens: number, acrossFeatures: number) =>
  L.sequential(
    L.residual(
      L.sequential(
        norm(),
        L.permute([2, 1]),
        L.dense(acrossTokens, { activation: 'gelu' }),
        L.dense(tokens),
        L.permute([2, 1]),
      ),
    ),
    L.residual(L.sequential(norm(), L.dense(acrossFeatures, { activation: 'gelu' }), L.dense(features))),
  );

interface MixerSizes<D extends number> {
  readonly features: D;
  readonly acrossTokens: number;
  readonly layers: number;
}

const mixerFeatures =
  <const D extends number>({ features, acrossTokens, layers }: MixerSizes<D>) =>
  (options: MixerFeaturesOptions = {}) =>
    L.sequential(
      patches(16, features),
      L.repeat(
        options.layers ?? layers,
        mixing(tokensOf(options.imageSize ?? 224, 16), features, acrossTokens, 4 * features),
      ),
      norm(),
      L.permute([2, 1]),
      L.globalAveragePool1d(),
    );

const mixer = <const D extends number>(sizes: MixerSizes<D>) => {
  const backbone = mixerFeatures(sizes);
  return <const N extends number = 1000>(options: MixerOptions<N> = {}) =>
    topped(backbone(options), L.dense(orElse<N>(options.classes, 1000), { kernelInitializer: truncated02 }));
};

const s16 = { features: 512, acrossTokens: 256, layers: 8 } as const;
const b16 = { features: 768, acrossTokens: 384, layers: 12 } as const;

/** `mixerS16` without its head: `[batch, 3, 224, 224]` to `[batch, 512]`. */
export const mixerS16Features = mixerFeatures(s16);

/**
 * MLP-Mixer S/16: patches of 16 x 16, and 8 blocks of dense layers, across the patches and across the features by
 * turns. Input: `[3, 224, 224]`, or what `imageSize` says; that size only. 18,528,264 parameters for 1000 classes, as
 * timm's `mixer_s16_224`. Initial values: Glorot uniform.
 *
 * @example
 * L.model(L.input([3, 224, 224]), Zoo.mixerS16({ classes: 10 }))
 */
export const mixerS16 = mixer(s16);

/** `mixerB16` without its head: `[batch, 3, 224, 224]` to `[batch, 768]`. */
export const mixerB16Features = mixerFeatures(b16);

/** As `mixerS16`, of 768 features and 12 blocks: 59,880,472 parameters for 1000 classes, as timm's `mixer_b16_224`. */
export const mixerB16 = mixer(b16);
