/**
 * Optimizers: how parameters follow their gradients.
 *
 * An optimizer is a learning rate to start with and a chain of gradient transformations. The rate, and the number of the
 * step, are inputs of the training graph: a callback changes them and nothing is rebuilt. Rules and defaults are Keras's;
 * in each step gradients are clipped, then weights decay, then the rule is applied.
 *
 * @example
 * import { Optimizer } from 'grad-ts';
 *
 * Optimizer.adam();
 * Optimizer.sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true, globalClipNorm: 1 });
 * Optimizer.custom('signs', 1e-3, Optimizer.chain(
 *   Optimizer.map('sign', () => ({ gradient }) => Operators.sign(gradient)),
 *   Optimizer.descend,
 * ));
 */
import * as E from 'fp-ts/lib/Either.js';
import * as rules from './rules.ts';
import * as T from './Transformation.ts';

export type { AdamOptions } from './rules.ts';
export {
  adaptiveMoments,
  clipByGlobalNorm,
  clipByNorm,
  clipByValue,
  decayWeights,
  descend,
  momentum,
} from './rules.ts';
export type {
  Parameter,
  RuleInput,
  RuleResult,
  Slot,
  SlotSpec,
  Stage,
  Step,
  Transformation,
} from './Transformation.ts';
export { chain, empty, fromStage, joint, map, monoid, perParameter } from './Transformation.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Optimizer {
  readonly name: string;
  /** The rate to start with. */
  readonly learningRate: number;
  /** What comes out is added to the parameters. */
  readonly transformation: T.Transformation;
  /** The options, defaults filled in: for reports. */
  readonly config: Readonly<Record<string, number | boolean>>;
  /** What is wrong with the options; see `check`. */
  readonly problems: readonly string[];
}

/** At most one kind of clipping. */
export type Clipping =
  | { readonly clipNorm?: number; readonly clipValue?: never; readonly globalClipNorm?: never }
  | { readonly clipNorm?: never; readonly clipValue?: number; readonly globalClipNorm?: never }
  | { readonly clipNorm?: never; readonly clipValue?: never; readonly globalClipNorm?: number };

/**
 * - `learningRate`: finite, not negative.
 * - `weightDecay`: each step takes this share, times the learning rate, off the weights; default none. Biases and scales
 *   included, unless a pattern of `excludeFromWeightDecay` is found in the parameter's name (`/bias$/`).
 * - `clipNorm`: the greatest length of each parameter's gradient; `globalClipNorm`: of all gradients together;
 *   `clipValue`: the greatest absolute value of an element. At most one of the three.
 */
export type CommonOptions = Clipping & {
  readonly learningRate?: number;
  readonly weightDecay?: number;
  readonly excludeFromWeightDecay?: readonly RegExp[];
};

// -------------------------------------------------------------------------------------
// options
// -------------------------------------------------------------------------------------

type Check = readonly [name: string, value: number | undefined, holds: (x: number) => boolean, expected: string];

const positive = (x: number) => x > 0 && Number.isFinite(x);
const notNegative = (x: number) => x >= 0 && Number.isFinite(x);
const belowOne = (x: number) => x >= 0 && x < 1;

const problemsOf = (optimizer: string, checks: readonly Check[]): readonly string[] =>
  checks.flatMap(([name, value, holds, expected]) =>
    value === undefined || holds(value) ? [] : [`${optimizer}: ${name} must be ${expected}, got ${value}`],
  );

const clippings = ['clipNorm', 'clipValue', 'globalClipNorm'] as const;

const commonProblems = (optimizer: string, learningRate: number, options: CommonOptions): readonly string[] => {
  const given = clippings.filter((c) => options[c] !== undefined);
  return [
    ...problemsOf(optimizer, [
      ['learningRate', learningRate, notNegative, 'a finite number, 0 or more'],
      ['weightDecay', options.weightDecay, notNegative, 'a finite number, 0 or more'],
      ...clippings.map((c): Check => [c, options[c], positive, 'a finite number above 0']),
    ]),
    ...(given.length > 1 ? [`${optimizer}: ${given.join(' and ')} exclude each other; keep one`] : []),
  ];
};

const known = (options: object): Readonly<Record<string, number | boolean>> =>
  Object.fromEntries(Object.entries(options).filter(([, v]) => typeof v === 'number' || typeof v === 'boolean'));

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** An optimizer of your own, from a chain of transformations. */
export const custom = (name: string, learningRate: number, transformation: T.Transformation): Optimizer => ({
  name,
  learningRate,
  transformation,
  config: { learningRate },
  problems: commonProblems(name, learningRate, {}),
});

const clipping = (options: CommonOptions): readonly T.Transformation[] => [
  ...(options.clipNorm === undefined ? [] : [rules.clipByNorm(options.clipNorm)]),
  ...(options.clipValue === undefined ? [] : [rules.clipByValue(options.clipValue)]),
  ...(options.globalClipNorm === undefined ? [] : [rules.clipByGlobalNorm(options.globalClipNorm)]),
];

const decay = ({ weightDecay, excludeFromWeightDecay = [] }: CommonOptions): readonly T.Transformation[] =>
  weightDecay === undefined
    ? []
    : [rules.decayWeights(weightDecay, (name) => excludeFromWeightDecay.every((pattern) => name.search(pattern) < 0))];

const build = <O extends CommonOptions & { readonly learningRate: number }>(
  name: string,
  rule: T.Transformation,
  options: O,
  checks: readonly Check[],
): Optimizer => ({
  name,
  learningRate: options.learningRate,
  transformation: T.chain(...clipping(options), rule, ...decay(options)),
  config: known(options),
  problems: [...commonProblems(name, options.learningRate, options), ...problemsOf(name, checks)],
});

export type SgdOptions = CommonOptions & {
  readonly momentum?: number;
  readonly nesterov?: boolean;
};

/**
 * Gradient descent, with momentum if asked for: rate 0.01, momentum 0, nesterov false. The momentum's buffer contains the
 * learning rate, as Keras's does (PyTorch's does not). Keras and PyTorch: SGD.
 */
export const sgd = (options: SgdOptions = {}): Optimizer => {
  const { learningRate = 0.01, momentum = 0, nesterov = false } = options;
  const rule = momentum === 0 ? rules.descend : rules.momentum(momentum, nesterov);
  return build('sgd', rule, { ...options, learningRate, momentum, nesterov }, [
    ['momentum', momentum, (x) => x >= 0 && x <= 1, 'from 0 to 1'],
  ]);
};

export type AdamFullOptions = CommonOptions & rules.AdamOptions;

const adamLike = (name: string, options: AdamFullOptions): Optimizer => {
  const { learningRate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7, amsgrad = false } = options;
  const full = { ...options, learningRate, beta1, beta2, epsilon, amsgrad };
  return build(name, rules.adaptiveMoments(full), full, [
    ['beta1', beta1, belowOne, 'at least 0 and below 1'],
    ['beta2', beta2, belowOne, 'at least 0 and below 1'],
    ['epsilon', epsilon, notNegative, 'a finite number, 0 or more'],
  ]);
};

/**
 * Adam: rate 0.001, beta1 0.9, beta2 0.999, epsilon 1e-7, amsgrad false. Epsilon is added before the bias is corrected,
 * as Keras does (PyTorch adds 1e-8 after). Weight decay, if given, is decoupled.
 * Keras and PyTorch: Adam. Kingma and Ba 2015, https://arxiv.org/abs/1412.6980
 */
export const adam = (options: AdamFullOptions = {}): Optimizer => adamLike('adam', options);

/**
 * Adam with decoupled weight decay, 0.004 by default.
 * Keras and PyTorch: AdamW. Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101
 */
export const adamW = (options: AdamFullOptions = {}): Optimizer =>
  adamLike('adamw', { ...options, weightDecay: options.weightDecay ?? 0.004 });

// -------------------------------------------------------------------------------------
// destructors
// -------------------------------------------------------------------------------------

/** The optimizer again, or everything that is wrong with its options. */
export const check = (optimizer: Optimizer): E.Either<readonly string[], Optimizer> =>
  optimizer.problems.length === 0 ? E.right(optimizer) : E.left(optimizer.problems);
