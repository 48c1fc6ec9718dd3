/**
 * Autoencoders: what goes through a narrow place must be described shortly. Variational ones: Kingma and Welling 2014,
 * "Auto-encoding variational Bayes".
 */
import * as E from 'fp-ts/lib/Either.js';
import type { Value } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import * as L from '../layer/Layer.ts';
import { dims, show } from '../shape/Shape.ts';

// -------------------------------------------------------------------------------------
// plain
// -------------------------------------------------------------------------------------

export interface AutoencoderOptions<F extends number, Z extends number> {
  /** The input's features, and the output's. */
  readonly features: F;
  /** Size of the code; 32 by default. */
  readonly code?: Z;
  /** Width of the layer between; 128 by default. */
  readonly hidden?: number;
  /** Of the output; `'sigmoid'` by default, for numbers from 0 to 1. */
  readonly activation?: L.Activation;
}

/**
 * Dense layers down to a code and up again, as the groups `encoder` and `decoder`. Shapes: `[batch, features]`, which
 * stays. For 784 features and the defaults 209,968 parameters. Initial values: Keras's. Train it on `{ x, y: x }` with
 * a mean squared error or a binary crossentropy.
 *
 * @example
 * L.model(L.input([784]), Zoo.autoencoder({ features: 784, code: 16 }))     // Model<['batch', 784], ['batch', 784]>
 */
export const autoencoder = <const F extends number, const Z extends number = 32>(options: AutoencoderOptions<F, Z>) => {
  const hidden = () => L.dense(options.hidden ?? 128, { activation: 'relu' });
  return L.sequential(
    L.named('encoder', L.sequential(hidden(), L.dense((options.code ?? 32) as Z, { activation: 'relu' }))),
    L.named(
      'decoder',
      L.sequential(hidden(), L.dense(options.features, { activation: options.activation ?? 'sigmoid' })),
    ),
  );
};

// -------------------------------------------------------------------------------------
// sampling
// -------------------------------------------------------------------------------------

/** From the mean and the logarithm of the variance, one behind the other, to so many numbers. */
export interface Latent<Name extends string, Z extends number> extends L.Leaf {
  readonly out: this['in'] extends readonly [infer B, number]
    ? [B, Z]
    : `${Name}: expects [batch,2 * latent]: means, then logarithms of variances`;
}

const latentLayer = <N extends string, Z extends number>(
  name: N,
  latent: Z,
  lower: (mean: Value, logVariance: Value, at: L.CustomSite) => Value,
): L.Layer<Latent<N, Z>> =>
  L.custom<Latent<N, Z>>({
    name,
    options: { latent },
    output: (input) => {
      const [batch, features, ...more] = dims(input);
      return batch !== undefined && more.length === 0 && (features === 2 * latent || features === '?')
        ? E.right([batch, latent])
        : E.left(`${name}: expects [batch,${2 * latent}]: means, then logarithms of variances, got ${show(input)}`);
    },
    lower: (x, at) => {
      const part = (start: number) => Op.slice({ axes: [1], starts: [start], ends: [start + latent] })(x);
      return lower(part(0), part(latent), at);
    },
  });

/**
 * Draws from normal distributions of which the input has the means, and behind them the logarithms of the variances,
 * such that the gradient flows to both (reparameterisation): `mean + exp(logVariance / 2) * noise` in training, the
 * mean in inference. Shapes: `[batch, 2 * latent]` to `[batch, latent]`. Keras's example "Variational AutoEncoder" has
 * it as `Sampling`. Kingma and Welling 2014.
 */
export const sampling = <const Z extends number>(latent: Z): L.Layer<Latent<'sampling', Z>> =>
  latentLayer('sampling', latent, (mean, logVariance, { mode, normal }) =>
    mode === 'inference' ? mean : Op.add(mean, Op.mul(Op.exp(Op.mul(logVariance, 0.5)), normal(mean))),
  );

/**
 * How far each of the distributions is from the standard normal one: `(mean^2 + exp(logVariance) - logVariance - 1) /
 * 2`, which is 0 or more. Shapes: `[batch, 2 * latent]` to `[batch, latent]`.
 */
export const divergence = <const Z extends number>(latent: Z): L.Layer<Latent<'divergence', Z>> =>
  latentLayer('divergence', latent, (mean, logVariance) =>
    Op.mul(Op.sub(Op.add(Op.mul(mean, mean), Op.exp(logVariance)), Op.add(logVariance, 1)), 0.5),
  );

/**
 * `sampling`, and the sum of `divergence` times `weight` as part of the loss: the Kullback-Leibler term, the mean over
 * the batch. Shapes: `[batch, 2 * latent]` to `[batch, latent]`.
 */
export const variational = <const Z extends number>(latent: Z, weight: number) =>
  L.sequential(
    // The penalty belongs to a layer that the output depends on: it goes along, and is cut off.
    L.concat(sampling(latent), L.sequential(divergence(latent), L.activityRegularization({ l1: weight }))),
    L.slice(-1, 0, latent),
  );

// -------------------------------------------------------------------------------------
// variational
// -------------------------------------------------------------------------------------

export interface VaeOptions<F extends number, Z extends number> {
  /** The input's features, and the output's. */
  readonly features: F;
  /** Size of the code; 20 by default. */
  readonly latent?: Z;
  /** Width of the layer between; 400 by default. */
  readonly hidden?: number;
  /**
   * Factor of the divergence; 1 by default (more: Higgins et al. 2017). It is divided by `features`, as losses are
   * means over features: with a binary crossentropy the loss is the evidence's lower bound, negated, for each feature.
   */
  readonly beta?: number;
  /** Of the output; `'sigmoid'` by default. */
  readonly activation?: L.Activation;
}

/** `vae` up to the distributions: `[batch, features]` to `[batch, 2 * latent]`, means and logarithms of variances. */
export const vaeEncoder = <const F extends number, const Z extends number = 20>(options: VaeOptions<F, Z>) =>
  L.sequential(L.dense(options.hidden ?? 400, { activation: 'relu' }), L.dense(2 * (options.latent ?? 20)));

/** `vae` from the code on: `[batch, latent]` to `[batch, features]`. Of normal numbers it makes new samples. */
export const vaeDecoder = <const F extends number, const Z extends number = 20>(options: VaeOptions<F, Z>) =>
  L.sequential(
    L.dense(options.hidden ?? 400, { activation: 'relu' }),
    L.dense(options.features, { activation: options.activation ?? 'sigmoid' }),
  );

/**
 * A variational autoencoder of dense layers, as the groups `encoder` and `decoder`; the divergence is part of the loss
 * by itself. Shapes: `[batch, features]`, which stays. For 784 features and the defaults 652,824 parameters, as
 * PyTorch's example `vae`. Initial values: Keras's. Train it on `{ x, y: x }` with `Loss.binaryCrossentropy()`.
 *
 * @example
 * L.model(L.input([784]), Zoo.vae({ features: 784, latent: 2 }))     // Model<['batch', 784], ['batch', 784]>
 */
export const vae = <const F extends number, const Z extends number = 20>(options: VaeOptions<F, Z>) =>
  L.sequential(
    L.named('encoder', vaeEncoder(options)),
    variational((options.latent ?? 20) as Z, (options.beta ?? 1) / options.features),
    L.named('decoder', vaeDecoder(options)),
  );
