/**
 * How large gradients, updates and weights are.
 */
import { type Callback, fromMachine } from './Attach.ts';
import { stay } from './Machine.ts';
import type { Probe } from './Run.ts';
import { transient } from './StateCodec.ts';

export interface NormsOptions<P extends Probe> {
  /** Default all three. */
  readonly of?: ReadonlyArray<P>;
  /** Default `norms`. */
  readonly key?: string;
}

/**
 * Adds Euclidean norms over all trained parameters together to the logs of steps and epochs, as means over the epoch so far:
 *
 * - `gradient_norm`: of the gradients of the loss, before any clipping;
 * - `update_norm`: of what a step adds to the parameters, the learning rate and all included;
 * - `weight_norm`: of the parameters before the step.
 *
 * They are computed in the training graph itself, so no weights leave the runtime. Callbacks after it may monitor them. For
 * weights one by one, ask for `ReadWeights` in a callback of your own, or look at the histograms of `tensorBoard`.
 *
 * Lightning: `track_grad_norm`, `grad_norm`.
 *
 * @example
 * pipe(run, C.norms({ of: ['gradient_norm'] }), C.tensorBoard('logs'))
 */
export const norms = <const P extends Probe = Probe>(options: NormsOptions<P> = {}): Callback<unknown, never, P> => {
  const all: ReadonlyArray<Probe> = ['gradient_norm', 'update_norm', 'weight_norm'];
  const probes = options.of ?? (all as ReadonlyArray<P>);
  return fromMachine()<unknown, null, P>({
    key: options.key ?? 'norms',
    codec: transient(null),
    initial: null,
    probes,
    logs: Object.fromEntries(probes.map((probe) => [probe, 'min'])) as Readonly<Record<P, 'min'>>,
    step: (state) => stay(state),
  });
};
