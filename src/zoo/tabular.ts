/**
 * Networks for tables: Gorishniy, Rubachev, Khrulkov and Babenko 2021, "Revisiting deep learning models for tabular
 * data".
 */
import * as L from '../layer/Layer.ts';
import { torchNorm, torchUniform } from './parts.ts';

export interface ResNetMlpOptions<N extends number> {
  /** Output units: logits of classes, or numbers to be guessed. */
  readonly units: N;
  /** Size of what goes from block to block; 192 by default. */
  readonly features?: number;
  /** Width inside a block; twice the features by default. */
  readonly hidden?: number;
  /** 2 by default. */
  readonly blocks?: number;
  /** In training, inside a block; 0.2 by default. */
  readonly dropout?: number;
  /** In training, at the end of a block; 0 by default. */
  readonly residualDropout?: number;
}

const dense = (units: number, activation: L.Activation = 'linear') =>
  L.dense(units, { activation, kernelInitializer: torchUniform });

/**
 * ResNet for tables: a dense layer, blocks of batch normalisation and two dense layers whose output is added to their
 * input, then normalisation, relu, and a dense layer. Input: `[columns]`, standardised. Parameters: with c columns, d
 * features and h hidden: c * d + d for the first layer, 2 * d + 2 * d * h + h + d for each block, 2 * d + d * units +
 * units for the head. Initial values: PyTorch's kernels, biases 0. As `ResNet` of the paper's `rtdl`.
 *
 * @example
 * L.model(L.input([54]), Zoo.resnetMlp({ units: 7 }))     // Model<['batch', 54], ['batch', 7]>
 */
export const resnetMlp = <const N extends number>(options: ResNetMlpOptions<N>) => {
  const features = options.features ?? 192;
  const hidden = options.hidden ?? 2 * features;
  return L.sequential(
    L.named(
      'backbone',
      L.sequential(
        dense(features),
        L.repeat(
          options.blocks ?? 2,
          L.residual(
            L.sequential(
              L.batchNormalization(torchNorm),
              dense(hidden, 'relu'),
              L.dropout(options.dropout ?? 0.2),
              dense(features),
              L.dropout(options.residualDropout ?? 0),
            ),
          ),
        ),
        L.batchNormalization(torchNorm),
        L.relu(),
      ),
    ),
    L.named('head', L.dense(options.units, { kernelInitializer: torchUniform })),
  );
};
