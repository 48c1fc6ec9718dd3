/**
 * Trains more of a model as training goes on: gradual unfreezing, Howard & Ruder 2018, https://arxiv.org/abs/1801.06146.
 */
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import type { HasTerminal } from '../training/Environment.ts';
import type { Directive } from '../training/Event.ts';
import { type Callback, fromMachine } from './Attach.ts';
import { callbackError } from './CallbackError.ts';
import { answer, fail, saying, stay } from './Machine.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface UnfreezeStage {
  /** At the start of this epoch, counted from 0. */
  readonly epoch: number;
  /** Layers or `named` groups, by name or path. Default: everything. */
  readonly paths?: ReadonlyArray<string>;
  /** From then on, in place of the rate at hand. Default: it stays. */
  readonly learningRate?: number;
}

export interface UnfreezeOptions {
  /** 1: says what is trained from now on. Default 0. */
  readonly verbose?: 0 | 1;
  /** Default `unfreeze`. */
  readonly key?: string;
}

export interface UnfreezeState {
  /** Stages that are behind. */
  readonly done: number;
}

const codec: t.Type<UnfreezeState, unknown> = t.type({ done: t.number });

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * What `fit` froze (`freeze: ['backbone']`) is trained from an epoch on: all of it at once, or group by group. Stages come in the
 * order of their epochs; a run that begins later makes up for those that it has missed, and a resumed run goes on with what was
 * trained when it was saved.
 *
 * Other graphs are loaded for each stage. Newly trained parameters need new slots of the optimizer, which therefore begins anew and
 * counts its steps from there (a schedule of its own as well), as Keras does when a model is compiled again: the same, bit for bit,
 * as the program `P.sequence(pipe(P.epochs(5), P.freeze('backbone')), P.epochs(20))`.
 *
 * Errors, all before the first step: `InvalidOption` for no stages, and epochs or rates that cannot be; `FitError` for a path that the
 * model does not have.
 *
 * Keras: `layer.trainable = True` and `compile`, between two `fit`s. Lightning: `BackboneFinetuning`, `BaseFinetuning`.
 *
 * @example
 * pipe(
 *   T.fit(objective, { data, epochs: 20, freeze: ['backbone'] }),
 *   C.unfreeze([{ epoch: 5, paths: ['backbone.top'] }, { epoch: 10, learningRate: 1e-5 }]),
 *   T.run,
 * )
 */
export const unfreeze = (
  stages: ReadonlyArray<UnfreezeStage>,
  options: UnfreezeOptions = {},
): Callback<HasTerminal> => {
  const { verbose = 0, key = 'unfreeze' } = options;
  const ordered = [...stages].sort((a, b) => a.epoch - b.epoch);
  const wrong =
    stages.length === 0
      ? 'there are no stages; give one or more, such as { epoch: 5 }'
      : stages.flatMap(({ epoch, learningRate: rate = 0, paths }) => [
          ...(Number.isSafeInteger(epoch) && epoch >= 0
            ? []
            : [`the epoch of a stage must be an integer from 0 on, but is ${epoch}`]),
          ...(Number.isFinite(rate) && rate >= 0
            ? []
            : [`the learning rate of a stage must be a finite number, 0 or more, but is ${rate}`]),
          ...(paths?.length === 0 ? ['the paths of a stage are an empty list; leave them out for everything'] : []),
        ])[0];
  return fromMachine()<HasTerminal, UnfreezeState>({
    key,
    codec,
    initial: { done: 0 },
    paths: stages.flatMap(({ paths = [] }) => paths),
    step: (state, event) => {
      if (event._tag === 'RunStarted')
        return wrong === undefined ? stay(state) : fail(callbackError(key, 'InvalidOption', wrong));
      if (event._tag !== 'EpochStarted') return stay(state);
      const due = ordered.slice(state.done).filter(({ epoch }) => epoch <= event.epoch);
      if (due.length === 0) return stay(state);
      const isAll = due.some(({ paths }) => paths === undefined);
      const paths = isAll ? [] : due.flatMap((stage) => stage.paths ?? []);
      const rate = due.findLast(({ learningRate }) => learningRate !== undefined)?.learningRate;
      const asked: ReadonlyArray<Directive> = [
        { _tag: 'Thaw', paths },
        ...(rate === undefined ? [] : [{ _tag: 'SetLearningRate', value: Math.fround(rate) } as const]),
      ];
      const lines = [
        `\nEpoch ${event.epoch + 1}: unfreeze: training ${isAll ? 'everything' : paths.join(', ')} from now on.`,
      ];
      return pipe(answer({ done: state.done + due.length }, asked), saying(verbose > 0 ? lines : []));
    },
  });
};
