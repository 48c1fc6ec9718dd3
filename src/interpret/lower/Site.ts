/**
 * Where a layer is lowered: what it reads besides its inputs, and what it gives.
 */
import type { Value } from '../../graph/Graph.ts';
import type { Dim } from '../../shape/Shape.ts';
import type { Randomness } from '../Random.ts';

/** Training needs random numbers; inference uses running statistics and drops nothing. */
export type Mode =
  | {
      readonly _tag: 'Training';
      readonly random: Randomness;
      /** The pass before the first step, in which layers may set parameters from the first batch. */
      readonly beginning?: true;
      /** Names of parameters that stay as they are: batch normalisation of such takes its running statistics, as Keras's. */
      readonly frozen?: ReadonlySet<string>;
    }
  | { readonly _tag: 'Inference' };

export interface Site {
  readonly mode: Mode;
  /** Number of the layer in the model: tells the dropouts apart. */
  readonly site: number;
  readonly output: readonly Dim[];
  /** The layer's parameters by role. */
  readonly parameter: (role: string) => Value;
  /** Of each input: which steps count, bool [batch, seq]; undefined: all of them. See `masks`. */
  readonly masks: readonly (Value | undefined)[];
  /** What the recurrent layer before this one carries at the end; the weights of an attention layer. */
  readonly states: readonly Value[];
}

export interface Result {
  readonly output: Value;
  /** By role. */
  readonly updates?: Readonly<Record<string, Value>>;
  /** Of the output; where the layer does not say it, `masks.maskOf` does. */
  readonly mask?: Value | undefined;
  /** What a recurrent layer carries at the end; the weights of an attention layer. */
  readonly states?: readonly Value[];
}

export type Inputs = readonly [Value, ...Value[]];
