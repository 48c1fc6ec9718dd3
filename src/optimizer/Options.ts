/**
 * The optimizer as a value, the options that all optimizers share, and how one is built from them.
 */
import * as E from 'fp-ts/lib/Either.js';
import { from0to1, notNegative, positive, positiveInteger, type Requirement, unmet } from '../shape/Requirement.ts';
import { accumulate, scheduled } from './around.ts';
import { ema } from './averaging.ts';
import { clipByGlobalNorm, clipByNorm, clipByValue } from './clipping.ts';
import { decayBefore, decayWeights } from './decay.ts';
import * as Schedule from './Expression.ts';
import * as T from './Transformation.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** `P`: the paths of parameters that it treats apart; `string` where there are none, or the compiler does not know. */
export interface Optimizer<P extends string = string> {
  readonly name: string;
  /** What the training graph's input `learning_rate` starts with: the rate, or 1 where a schedule has the rate. */
  readonly learningRate: number;
  /** The rate in each step is the schedule's times the input; see `rateAt`. The transformation contains it. */
  readonly schedule: Schedule.Schedule | undefined;
  /** What comes out is added to the parameters. */
  readonly transformation: T.Transformation;
  /** The options, defaults filled in: for reports. A schedule is not among them. */
  readonly config: Readonly<Record<string, number | boolean>>;
  /** What is wrong with the options; see `check`. */
  readonly problems: readonly string[];
  /** Paths of `groups`: each must lead to parameters of the model. */
  readonly paths?: readonly P[];
}

/** At most one kind of clipping. */
export type Clipping =
  | { readonly clipNorm?: number; readonly clipValue?: never; readonly globalClipNorm?: never }
  | { readonly clipNorm?: never; readonly clipValue?: number; readonly globalClipNorm?: never }
  | { readonly clipNorm?: never; readonly clipValue?: never; readonly globalClipNorm?: number };

/**
 * - `learningRate`: finite, not negative; or a schedule.
 * - `weightDecay`: each step takes this share, times the learning rate, off the weights; default none. Biases and scales
 *   included, unless a pattern of `excludeFromWeightDecay` is found in the parameter's name (`/bias$/`).
 * - `clipNorm`: the greatest length of each parameter's gradient; `globalClipNorm`: of all gradients together;
 *   `clipValue`: the greatest absolute value of an element. At most one of the three.
 * - `gradientAccumulationSteps`: one update in so many steps, with the mean of their gradients; default 1. A schedule
 *   counts steps, Adam's correction of its bias counts updates.
 * - `useEma`: keep an exponential moving average of the weights, with `emaMomentum` (0.99); every `emaOverwriteFrequency`
 *   updates it takes the weights' place (default never). `averaged` gives the averages in the end.
 */
export type CommonOptions = Clipping & {
  readonly learningRate?: number | Schedule.Schedule;
  readonly weightDecay?: number;
  readonly excludeFromWeightDecay?: readonly RegExp[];
  readonly gradientAccumulationSteps?: number;
  readonly useEma?: boolean;
  readonly emaMomentum?: number;
  readonly emaOverwriteFrequency?: number;
};

// -------------------------------------------------------------------------------------
// checks
// -------------------------------------------------------------------------------------

const clippings = ['clipNorm', 'clipValue', 'globalClipNorm'] as const;

const rateProblems = (optimizer: string, rate: number | Schedule.Schedule): readonly string[] =>
  typeof rate === 'number'
    ? unmet(optimizer, [notNegative('learningRate', rate)])
    : rate.problems.map((problem) => `${optimizer}: ${problem}`);

const commonProblems = (
  optimizer: string,
  options: CommonOptions & { readonly learningRate: number | Schedule.Schedule },
): readonly string[] => {
  const given = clippings.filter((c) => options[c] !== undefined);
  return [
    ...rateProblems(optimizer, options.learningRate),
    ...unmet(optimizer, [
      notNegative('weightDecay', options.weightDecay),
      ...clippings.map((c) => positive(c, options[c])),
      positiveInteger('gradientAccumulationSteps', options.gradientAccumulationSteps),
      from0to1('emaMomentum', options.emaMomentum),
      positiveInteger('emaOverwriteFrequency', options.emaOverwriteFrequency),
    ]),
    ...(given.length > 1 ? [`${optimizer}: ${given.join(' and ')} exclude each other; keep one`] : []),
  ];
};

const known = (options: object): Readonly<Record<string, number | boolean>> =>
  Object.fromEntries(Object.entries(options).filter(([, v]) => typeof v === 'number' || typeof v === 'boolean'));

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const clipping = (options: CommonOptions): readonly T.Transformation[] => [
  ...(options.clipNorm === undefined ? [] : [clipByNorm(options.clipNorm)]),
  ...(options.clipValue === undefined ? [] : [clipByValue(options.clipValue)]),
  ...(options.globalClipNorm === undefined ? [] : [clipByGlobalNorm(options.globalClipNorm)]),
];

/** Whether a parameter decays, by its name. */
export const decays =
  ({ excludeFromWeightDecay = [] }: CommonOptions) =>
  (name: string): boolean =>
    excludeFromWeightDecay.every((pattern) => name.search(pattern) < 0);

/** A rule with the weight decay that was asked for. */
export const decaying =
  (options: CommonOptions) =>
  (rule: T.Transformation): T.Transformation =>
    options.weightDecay === undefined ? rule : T.chain(rule, decayWeights(options.weightDecay, decays(options)));

/** The same for a rule that looks at the parameters: it sees them decayed, as Keras's do. */
export const decayingBefore =
  (options: CommonOptions) =>
  (rule: T.Transformation): T.Transformation =>
    options.weightDecay === undefined ? rule : decayBefore(options.weightDecay, decays(options))(rule);

const accumulating = ({ gradientAccumulationSteps: k = 1 }: CommonOptions) =>
  k === 1 ? (t: T.Transformation) => t : accumulate(k);

const averaging = (options: CommonOptions): T.Transformation => {
  const { useEma = false, emaMomentum, emaOverwriteFrequency, gradientAccumulationSteps } = options;
  return useEma
    ? ema({
        ...(emaMomentum === undefined ? {} : { momentum: emaMomentum }),
        ...(emaOverwriteFrequency === undefined ? {} : { overwriteFrequency: emaOverwriteFrequency }),
        ...(gradientAccumulationSteps === undefined ? {} : { accumulation: gradientAccumulationSteps }),
      })
    : T.empty;
};

const rated = (
  rate: number | Schedule.Schedule,
  transformation: T.Transformation,
): Pick<Optimizer, 'learningRate' | 'schedule' | 'transformation'> =>
  typeof rate === 'number'
    ? { learningRate: rate, schedule: undefined, transformation }
    : { learningRate: 1, schedule: rate, transformation: scheduled(rate)(transformation) };

/** Everything that the common options say, around a rule that has its weight decay. */
export const build = <O extends CommonOptions & { readonly learningRate: number | Schedule.Schedule }>(
  name: string,
  rule: T.Transformation,
  options: O,
  requirements: readonly Requirement[],
): Optimizer => ({
  name,
  ...rated(
    options.learningRate,
    T.chain(accumulating(options)(T.chain(...clipping(options), rule)), averaging(options)),
  ),
  config: known(options),
  problems: [...commonProblems(name, options), ...unmet(name, requirements)],
});

/** An optimizer of your own, from a chain of transformations. */
export const custom = (
  name: string,
  learningRate: number | Schedule.Schedule,
  transformation: T.Transformation,
): Optimizer => ({
  name,
  ...rated(learningRate, transformation),
  config: known({ learningRate }),
  problems: [...new Set([...rateProblems(name, learningRate), ...T.problemsOf(transformation)])],
});

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

const changed = <P extends string>(optimizer: Optimizer<P>, by: T.Transformation, all: T.Transformation) => ({
  ...optimizer,
  transformation: all,
  problems: [...optimizer.problems, ...T.problemsOf(by)],
});

/**
 * The optimizer, with a transformation of the gradients before everything that it does itself, clipping included. It sees the
 * gradients of every step, also where they are accumulated.
 *
 * @example
 * pipe(Optimizer.adam(), Optimizer.precededBy(Optimizer.centraliseGradients()));
 */
export const precededBy =
  (transformation: T.Transformation) =>
  <P extends string>(optimizer: Optimizer<P>): Optimizer<P> =>
    changed(optimizer, transformation, T.chain(transformation, optimizer.transformation));

/**
 * The optimizer, with a transformation of its updates behind everything that it does itself. It sees every step, also those
 * between two updates where gradients are accumulated.
 *
 * @example
 * pipe(Optimizer.adam(), Optimizer.followedBy(Optimizer.lookahead(5, 0.5)));
 */
export const followedBy =
  (transformation: T.Transformation) =>
  <P extends string>(optimizer: Optimizer<P>): Optimizer<P> =>
    changed(optimizer, transformation, T.chain(optimizer.transformation, transformation));

// -------------------------------------------------------------------------------------
// destructors
// -------------------------------------------------------------------------------------

/** The optimizer again, or everything that is wrong with its options. */
export const check = (optimizer: Optimizer): E.Either<readonly string[], Optimizer> =>
  optimizer.problems.length === 0 ? E.right(optimizer) : E.left(optimizer.problems);

/**
 * The rate that a step (counted from 0) is made at, when the training graph's input `learning_rate` is `input`: the input
 * itself, or, with a schedule, the schedule's rate times the input.
 */
export const rateAt =
  ({ schedule }: Pick<Optimizer, 'schedule'>) =>
  (input: number, step: number): number =>
    schedule === undefined ? input : Math.fround(Schedule.at(schedule)(step) * Math.fround(input));

/**
 * The input that makes the rate `wanted` where it is `present` with the input at hand: `wanted` itself, or, with a schedule,
 * the input times the same factor, which stays on all later steps. Where the schedule is 0 no factor helps.
 */
export const inputFor =
  ({ schedule }: Pick<Optimizer, 'schedule'>) =>
  (input: number, present: number, wanted: number): E.Either<string, number> =>
    schedule === undefined
      ? E.right(wanted)
      : wanted === present
        ? E.right(input)
        : present === 0
          ? E.left(`the schedule's rate is 0 here, and no factor makes it ${wanted}; set the rate at another step`)
          : E.right(Math.fround((input * wanted) / present));
