/**
 * Linear combinations of losses on one output. (Those of several outputs: `lossWeights` of `compile`.)
 *
 * Laws: `scalar` is linear in the weights; nesting multiplies them; the order of the terms does not matter;
 * `scale(a)` after `scale(b)` is `scale(a b)`, and `scale(1)` changes nothing.
 */
import { pipe } from 'fp-ts/lib/function.js';
import type { Value } from '../../graph/Graph.ts';
import { add, mul, rank, reduceMean } from '../../graph/Operators.ts';
import type { Fn } from '../../shape/Fn.ts';
import { finite, positiveInteger } from '../../shape/Requirement.ts';
import type { AnyShape } from '../../shape/Shape.ts';
import * as T from '../Target.ts';
import { type AnyLoss, define, type Loss, type Range, requiring } from './Definition.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type WeightedTerm = readonly [weight: number, loss: AnyLoss];

type FnsOf<Ts extends readonly WeightedTerm[]> = {
  readonly [K in keyof Ts]: Ts[K][1] extends { readonly '~fn'?: infer F }
    ? NonNullable<F> extends infer G extends Fn
      ? G
      : never
    : never;
};

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

/** One value for each sample. */
const ofSamples = (x: Value): Value =>
  reduceMean({ axes: Array.from({ length: Math.max(0, rank(x) - 1) }, (_, i) => i + 1) })(x);

/** What all of them allow. */
const intersection = (ranges: readonly Range[]): Range | undefined =>
  ranges.length === 0
    ? undefined
    : {
        min: Math.max(...ranges.map((r) => r.min)),
        max: Math.min(...ranges.map((r) => r.max)),
        integer: ranges.some((r) => r.integer),
        except: ranges.every((r) => r.except === ranges[0]?.except) ? ranges[0]?.except : undefined,
      };

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * A weighted sum of losses that take the same targets. Each is reduced in its own way first.
 *
 * @example
 * Loss.weighted([[1, Loss.binaryCrossentropy()], [0.5, Loss.dice()]]);
 */
export const weighted = <const Ts extends readonly [WeightedTerm, ...WeightedTerm[]]>(
  terms: Ts,
  options: { readonly name?: string } = {},
): Loss<T.Together<FnsOf<Ts>>> => {
  const losses = terms.map(([, loss]) => loss);
  const sum = define<T.Together<FnsOf<Ts>>>({
    name: options.name ?? losses.map((loss) => loss.name).join('+'),
    target: losses[0]?.target ?? 'float32',
    reduction: 'sumOverBatchSize',
    targetShape: T.together(losses.map((loss) => loss.targetShape)),
    range: (output: AnyShape) =>
      intersection(losses.map((loss) => loss.range(output)).filter((r): r is Range => r !== undefined)),
    sampleFault: (target) => losses.map((loss) => loss.sampleFault?.(target)).find((fault) => fault !== undefined),
    perSample: (output, target) => {
      const values = losses.map((loss) => loss.perSample(output, target));
      const alike = values.every((v) => rank(v) === rank(values[0] as Value));
      return values
        .map((v, i) => mul(alike ? v : ofSamples(v), (terms[i] as WeightedTerm)[0]))
        .reduce((a, b) => add(a, b));
    },
    mask: undefined,
    terms: terms.map(([weight, loss]) => ({ weight, loss })),
  });
  return pipe(
    sum,
    requiring('weighted', [
      positiveInteger('the number of losses', terms.length),
      ...terms.map(([weight, loss]) => finite(`the weight of ${loss.name}`, weight)),
    ]),
  );
};

/**
 * A loss that counts so much: the same targets, all values times the weight.
 *
 * `lossWeights` of `compile` weighs the losses of several outputs, and leaves what is logged of each as it is.
 *
 * @example
 * pipe(Loss.huber(), Loss.scale(0.2));
 */
export const scale =
  (weight: number) =>
  <F extends Fn>(loss: Loss<F>): Loss<F> =>
    pipe(
      {
        ...loss,
        perSample: (output: Value, target: Value) => mul(loss.perSample(output, target), weight),
        terms: [{ weight, loss }],
      },
      requiring('scale', [finite('the weight', weight)]),
    );
