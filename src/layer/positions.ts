/**
 * Positions for layers that do not know of order: attention. All keep the shape `[batch, seq, features]`.
 */
import type { Leaf } from '../shape/Fn.ts';
import type { LearnedOut, RotaryOut, SinusoidalOut } from '../shape/rules/Attention.ts';
import type { Layer } from './Definition.ts';
import { define } from './Definition.ts';
import { randomUniform } from './Initializer.ts';
import type { Initializer } from './Options.ts';

export interface SinusoidalPositions extends Leaf {
  readonly out: SinusoidalOut<this['in']>;
}

export interface WavelengthOptions {
  /** The longest wavelength is 2 pi times this; 10000 by default. */
  readonly maxWavelength?: number;
}

/**
 * Adds to feature 2i of step t `sin(t / maxWavelength^(2i / features))`, and the cosine to feature 2i + 1; Vaswani et al.
 * 2017. No parameters, any length. KerasHub's `SinePositionEncoding` is what is added here.
 */
export const sinusoidalPositions = (options: WavelengthOptions = {}): Layer<SinusoidalPositions> =>
  define({ op: 'sinusoidalPositions', maxWavelength: options.maxWavelength ?? 10000 });

export interface LearnedPositions<N extends number> extends Leaf {
  readonly out: LearnedOut<this['in'], N>;
}

/**
 * Adds a learned vector for each position. Parameter: `embeddings` `[maxLength, features]`, uniform in ±0.05 by default.
 * Sequences longer than `maxLength` are an error. KerasHub's `PositionEmbedding` is what is added here; PyTorch: an
 * `Embedding` of `arange(seq)`.
 */
export const learnedPositions = <const N extends number>(
  maxLength: N,
  options: { readonly initializer?: Initializer } = {},
): Layer<LearnedPositions<N>> =>
  define({ op: 'learnedPositions', maxLength, initializer: options.initializer ?? randomUniform() });

export interface RotaryPositions extends Leaf {
  readonly out: RotaryOut<this['in']>;
}

/**
 * Turns features i and i + features / 2 of step t, as a point in the plane, by the angle `t / maxWavelength^(2i /
 * features)`: products of two turned vectors depend on the distance of their steps only. Su et al. 2021. Shapes: `[batch,
 * seq, ..., features]` with an even number of features. `multiHeadAttention` has it as an option, on queries and keys.
 * KerasHub `RotaryEmbedding`; the halves are as in LLaMA and GPT-NeoX, not interleaved.
 */
export const rotaryPositions = (options: WavelengthOptions = {}): Layer<RotaryPositions> =>
  define({ op: 'rotaryPositions', maxWavelength: options.maxWavelength ?? 10000 });
