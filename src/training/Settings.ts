/**
 * What a run may be told: the settings of `fit`, where to go on from, and what to do when it is interrupted.
 */
import type { WeightSettings } from './SampleWeights.ts';
import type { ValidationFreq } from './Source.ts';
import type { Attached, TrainState, Weights } from './State.ts';

/** 0: silent; 1: a live bar; 2: a line an epoch. */
export type Verbosity = 0 | 1 | 2;

export interface FitSettings extends WeightSettings {
  /** Epoch at which to stop, counted from the beginning of training (also after a resume). Default 1. */
  readonly epochs?: number;
  /** Number of the first epoch; those before it are skipped. Default 0. Not together with `from`, which has its own. */
  readonly initialEpoch?: number;
  /**
   * Default 32, or all samples if there are fewer; with `stepsPerEpoch`, the data shared out over the steps. The last batch of a
   * pass through the data may be smaller; it is trained on.
   */
  readonly batchSize?: number;
  /**
   * Steps of an epoch. Default: one pass through the data. As in Keras, an epoch begins where the last one stopped, and one that
   * comes to the end of the data is shorter; see `repeatData`.
   */
  readonly stepsPerEpoch?: number;
  /**
   * With `stepsPerEpoch`: data that have come to their end begin anew, in another order, in the middle of an epoch. Every epoch
   * then has `stepsPerEpoch` steps, however many data there are: tf.data's `repeat()`. Default false.
   */
  readonly repeatData?: boolean;
  /**
   * When there is a validation. `n`: after every n epochs; a list: after these epochs, counted from 1, both as in Keras;
   * `{ steps: n }`: after every n steps of the training, and the last one of an epoch is in the epoch's logs (Lightning's
   * `val_check_interval`). Default 1.
   */
  readonly validationFreq?: ValidationFreq;
  /** Default: that of training. */
  readonly validationBatchSize?: number;
  /** Default 1. */
  readonly verbose?: Verbosity;
  /** A new order of the samples in every epoch. Default true. */
  readonly shuffle?: boolean;
  /** Of initial weights, shuffles and dropout. Default 0, or that of `from`. */
  readonly seed?: number;
  /**
   * Steps that one call of onnxruntime makes. Their events are told after it, and directives at steps take effect then. Default
   * 'auto': what takes some 0.3 s, and up to 2 s of large models, whose weights and slots each call brings out of onnxruntime; half as
   * much again where what is left of an epoch is shared evenly so.
   */
  readonly stepsPerRun?: number | 'auto';
  /**
   * Layers that stay as they are, by name or by the path of a `named` group (`'backbone'`, `'backbone.conv2d'`): they cost no
   * backward pass, and their batch normalisation keeps its statistics. Where the compiler knows the model's groups, it refuses
   * names that are neither a group, nor inside one, nor of the form that layers without a name get (`conv2d`, `conv2d_1`).
   * Keras's `trainable = False`.
   */
  readonly freeze?: readonly string[];
  /** Begin with these weights instead of initial ones. Not together with `from`, which has its own. */
  readonly weights?: Weights;
  /**
   * Go on from this train state: weights, optimizer slots, learning rate, counters, callback states and history. One that was
   * saved within an epoch goes on there, in the same pass through the data. If it has as many epochs behind it as `epochs`
   * says, nothing is left to train. That a callback had halted the run is forgotten; `resume` is what remembers it.
   */
  readonly from?: TrainState;
  /**
   * What belongs to the model besides its weights, as JSON by name: fitted preprocessing (`codec.encode(fitted)`), names of classes. It
   * goes into every train state of the run, and so into its checkpoints; `loadState(path)` gives it back. Default: that of
   * the state to go on from.
   */
  readonly attached?: Attached;
}

export interface FallbackOptions {
  /**
   * Files to take when the first is torn, truncated, altered, of another model, of a newer version or missing: the first good
   * one of them, in this order. Default none.
   */
  readonly fallback?: string | readonly string[];
  /** A folder: after `fallback`, the state with the most updates among its good `.safetensors` files. */
  readonly latestIn?: string;
}

export interface Resumption extends FallbackOptions {
  readonly path: string;
}

export interface Interruption {
  /** Where the train state is saved; nowhere if not given. */
  readonly save?: string;
}
