/**
 * Networks of modules that look through windows of several sizes at once: GoogLeNet, Szegedy et al. 2015, "Going deeper
 * with convolutions", and Inception v3, Szegedy et al. 2016, "Rethinking the Inception architecture for computer
 * vision".
 */
import * as L from '../layer/Layer.ts';
import { type Classes, ceiled, convNorm, type Dropout, orElse, topped, torchUniform } from './parts.ts';

const norm = { epsilon: 1e-3, momentum: 0.9 };

const unitsOf = (stddev: number) => {
  const kernelInitializer = L.Initializer.truncatedNormal({ stddev });
  return <const C extends L.Conv2dOptions>(options: C) =>
    L.sequential(convNorm<C>({ kernelInitializer, ...options }, norm), L.relu());
};

const head = <N extends number>(classes: N, dropout: number) =>
  L.sequential(L.globalAveragePool2d(), L.dropout(dropout), L.dense(classes, { kernelInitializer: torchUniform }));

// -------------------------------------------------------------------------------------
// GoogLeNet
// -------------------------------------------------------------------------------------

const narrow = unitsOf(0.01);

/**
 * 1 x 1; 3 x 3; 3 x 3 again (5 x 5 in the paper); pooling. Two numbers: those of the 1 x 1 in front, and those of the
 * branch.
 */
const module = <A extends number, B extends number, C extends number, D extends number>(
  one: A,
  three: readonly [number, B],
  five: readonly [number, C],
  pooled: D,
) =>
  L.concat(
    narrow({ filters: one, kernel: 1 }),
    L.sequential(narrow({ filters: three[0], kernel: 1 }), narrow({ filters: three[1], kernel: 3, padding: 1 })),
    L.sequential(narrow({ filters: five[0], kernel: 1 }), narrow({ filters: five[1], kernel: 3, padding: 1 })),
    L.sequential(L.maxPool2d({ kernel: 3, strides: 1, padding: 1 }), narrow({ filters: pooled, kernel: 1 })),
  );

const down = () => L.sequential(ceiled(), L.maxPool2d({ kernel: 3, strides: 2 }));

/** `googlenet` without its head: `[batch, 3, 224, 224]` to `[batch, 1024, 7, 7]`. */
export const googlenetFeatures = () =>
  L.sequential(
    narrow({ filters: 64, kernel: 7, strides: 2, padding: 3 }),
    down(),
    narrow({ filters: 64, kernel: 1 }),
    narrow({ filters: 192, kernel: 3, padding: 1 }),
    down(),
    module(64, [96, 128], [16, 32], 32),
    module(128, [128, 192], [32, 96], 64),
    down(),
    module(192, [96, 208], [16, 48], 64),
    module(160, [112, 224], [24, 64], 64),
    module(128, [128, 256], [24, 64], 64),
    module(112, [144, 288], [32, 64], 64),
    module(256, [160, 320], [32, 128], 128),
    ceiled(),
    L.maxPool2d(),
    module(256, [160, 320], [32, 128], 128),
    module(384, [192, 384], [48, 128], 128),
  );

/**
 * GoogLeNet, as torchvision's `googlenet` without its auxiliary classifiers: with batch normalisation, and 3 x 3 in the
 * place of 5 x 5; dropout 0.2. Input: `[3, 224, 224]`; 15 cells or more. 6,624,904 trained parameters for 1000 classes.
 * Initial values as torchvision: convolutions normal 0.01, cut.
 *
 * @example
 * L.model(L.input([3, 96, 96]), Zoo.googlenet({ classes: 10 }))
 */
export const googlenet = <const N extends number = 1000>(options: Classes<N> & Dropout = {}) =>
  topped(googlenetFeatures(), head(orElse<N>(options.classes, 1000), options.dropout ?? 0.2));

// -------------------------------------------------------------------------------------
// Inception v3
// -------------------------------------------------------------------------------------

const unit = unitsOf(0.1);

/** Zeros at the border count, as in PyTorch. */
const mean = <F extends number>(filters: F) =>
  L.sequential(L.zeroPadding2d(1), L.averagePool2d({ kernel: 3, strides: 1 }), unit({ filters, kernel: 1 }));

const halved = () => L.maxPool2d({ kernel: 3, strides: 2 });

const small = <P extends number>(pooled: P) =>
  L.concat(
    unit({ filters: 64, kernel: 1 }),
    L.sequential(unit({ filters: 48, kernel: 1 }), unit({ filters: 64, kernel: 5, padding: 2 })),
    L.sequential(
      unit({ filters: 64, kernel: 1 }),
      unit({ filters: 96, kernel: 3, padding: 1 }),
      unit({ filters: 96, kernel: 3, padding: 1 }),
    ),
    mean(pooled),
  );

const firstReduction = () =>
  L.concat(
    unit({ filters: 384, kernel: 3, strides: 2 }),
    L.sequential(
      unit({ filters: 64, kernel: 1 }),
      unit({ filters: 96, kernel: 3, padding: 1 }),
      unit({ filters: 96, kernel: 3, strides: 2 }),
    ),
    halved(),
  );

const row = <F extends number>(filters: F) => unit({ filters, kernel: [1, 7], padding: [0, 3] });
const column = <F extends number>(filters: F) => unit({ filters, kernel: [7, 1], padding: [3, 0] });

/** 7 x 7 as 1 x 7 and 7 x 1. */
const factored = (inner: number) =>
  L.concat(
    unit({ filters: 192, kernel: 1 }),
    L.sequential(unit({ filters: inner, kernel: 1 }), row(inner), column(192)),
    L.sequential(unit({ filters: inner, kernel: 1 }), column(inner), row(inner), column(inner), row(192)),
    mean(192),
  );

const secondReduction = () =>
  L.concat(
    L.sequential(unit({ filters: 192, kernel: 1 }), unit({ filters: 320, kernel: 3, strides: 2 })),
    L.sequential(
      unit({ filters: 192, kernel: 1 }),
      row(192),
      column(192),
      unit({ filters: 192, kernel: 3, strides: 2 }),
    ),
    halved(),
  );

/** 3 x 3 as 1 x 3 beside 3 x 1. */
const split = () =>
  L.concat(
    unit({ filters: 384, kernel: [1, 3], padding: [0, 1] }),
    unit({ filters: 384, kernel: [3, 1], padding: [1, 0] }),
  );

const wide = () =>
  L.concat(
    unit({ filters: 320, kernel: 1 }),
    L.sequential(unit({ filters: 384, kernel: 1 }), split()),
    L.sequential(unit({ filters: 448, kernel: 1 }), unit({ filters: 384, kernel: 3, padding: 1 }), split()),
    mean(192),
  );

/** `inceptionV3` without its head: `[batch, 3, 299, 299]` to `[batch, 2048, 8, 8]`. */
export const inceptionV3Features = () =>
  L.sequential(
    unit({ filters: 32, kernel: 3, strides: 2 }),
    unit({ filters: 32, kernel: 3 }),
    unit({ filters: 64, kernel: 3, padding: 1 }),
    halved(),
    unit({ filters: 80, kernel: 1 }),
    unit({ filters: 192, kernel: 3 }),
    halved(),
    small(32),
    small(64),
    small(64),
    firstReduction(),
    factored(128),
    factored(160),
    factored(160),
    factored(192),
    secondReduction(),
    wide(),
    wide(),
  );

/**
 * Inception v3, as torchvision's `inception_v3` without its auxiliary classifier; dropout 0.5. Input: `[3, 299, 299]`;
 * 75 cells or more. 23,834,568 trained parameters for 1000 classes (Keras's `InceptionV3` has no `gamma`, and its means
 * leave the border out: 23,851,784 with statistics). Initial values as torchvision: convolutions normal 0.1, cut.
 *
 * @example
 * L.model(L.input([3, 299, 299]), Zoo.inceptionV3({ classes: 10 }))
 */
export const inceptionV3 = <const N extends number = 1000>(options: Classes<N> & Dropout = {}) =>
  topped(inceptionV3Features(), head(orElse<N>(options.classes, 1000), options.dropout ?? 0.5));
