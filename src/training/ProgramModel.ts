/**
 * Training programs as data: what they are made of, and what they mean, which is a list of parts. Part of `Program.ts`.
 */

import type { Schedule } from '../optimizer/Expression.ts';
import type { AnyDataset } from './Check.ts';
import type { CheckData } from './CheckData.ts';
import type { Objective } from './Objective.ts';
import { type AnySupply, sizeInWords } from './ProgramData.ts';
import type { FitSettings } from './Settings.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** How long a part is. */
export type Length =
  | { readonly _tag: 'Epochs'; readonly count: number }
  | { readonly _tag: 'Steps'; readonly count: number };

/** Settings of `fit` that a part may have of its own. */
export type PartSettings = Pick<
  FitSettings,
  | 'batchSize'
  | 'stepsPerEpoch'
  | 'repeatData'
  | 'validationBatchSize'
  | 'shuffle'
  | 'stepsPerRun'
  | 'validationFreq'
  | 'classWeight'
>;

export type AnyObjective = Objective<unknown, unknown, unknown, string>;

/** A callback whose needs and keys are known to the type of the program only. */
export interface AnyCallback {
  readonly keys: readonly string[];
  readonly resumption?: { readonly path: string; readonly fallback?: readonly string[] };
}

export type Modifier =
  | { readonly _tag: 'LearningRate'; readonly rate: number | Schedule }
  | { readonly _tag: 'Freeze'; readonly paths: readonly string[] }
  | { readonly _tag: 'Thaw'; readonly paths: readonly string[] }
  | { readonly _tag: 'Objective'; readonly objective: AnyObjective }
  | { readonly _tag: 'Data'; readonly data: AnySupply; readonly validation: AnyDataset | undefined }
  | { readonly _tag: 'Callbacks'; readonly callbacks: AnyCallback }
  | { readonly _tag: 'Settings'; readonly settings: PartSettings };

export type Node =
  | { readonly _tag: 'Part'; readonly length: Length }
  | { readonly _tag: 'Sequence'; readonly nodes: readonly Node[] }
  | { readonly _tag: 'Repeat'; readonly times: number; readonly node: Node }
  | { readonly _tag: 'With'; readonly modifier: Modifier; readonly node: Node };

// -------------------------------------------------------------------------------------
// what a program uses, as types
// -------------------------------------------------------------------------------------

/** The objective or the data of the run. */
export interface Base {
  readonly _tag: 'Base';
}

/** An objective of the part's own. */
export interface Goal<I, T> {
  readonly _tag: 'Goal';
  readonly input: I;
  readonly target: T;
}

/** Data of the part's own. */
export interface Given<X, Y> {
  readonly _tag: 'Given';
  readonly x: X;
  readonly y: Y;
}

/** Which objective and which data a part is run with. A program of several kinds of parts has a union of these. */
export interface Use<G = Base, D = Base> {
  readonly goal: G;
  readonly data: D;
}

/**
 * - `U` what objectives and data its parts use: checked where both are known.
 * - `R` what its callbacks need of the environment, `M` the log keys that they monitor.
 */
export interface Program<U = Use, R = unknown, M extends string = never> {
  readonly _tag: 'Program';
  readonly node: Node;
  /** Phantoms: never present at run time. */
  readonly '~uses'?: U;
  readonly '~needs'?: (r: R) => void;
  readonly '~monitors'?: M;
}

type MessageOf<E> = E extends string ? E : never;

/** What is wrong with data in the parts that have an objective and no data of their own. */
export type WrongData<U, X, Y> =
  U extends Use<Goal<infer I, infer T>, Base> ? MessageOf<CheckData<I, T, X, Y, 'withData'>> : never;

export type Supplied<U, X, Y> = U extends Use<infer G, Base> ? Use<G, Given<X, Y>> : U;

/** What is wrong with an objective in the parts that have data and no objective of their own. */
export type WrongGoal<U, I, T> =
  U extends Use<Base, Given<infer X, infer Y>> ? MessageOf<CheckData<I, T, X, Y, 'withObjective'>> : never;

export type Aimed<U, I, T> = U extends Use<Base, infer D> ? Use<Goal<I, T>, D> : U;

/** What is wrong with a program in a run of this objective on these data. */
export type WrongRun<U, I, T, X, Y> =
  | MessageOf<CheckData<I, T, X, Y, 'run'>>
  | (U extends Use<Base, Given<infer X1, infer Y1>>
      ? MessageOf<CheckData<I, T, X1, Y1, 'run', "withData's">>
      : U extends Use<Goal<infer I1, infer T1>, Base>
        ? MessageOf<CheckData<I1, T1, X, Y, 'run'>>
        : never);

// -------------------------------------------------------------------------------------
// what it means
// -------------------------------------------------------------------------------------

/** Which parameters are frozen is the result of these, the outermost first. */
export type Freezing = Extract<Modifier, { readonly _tag: 'Freeze' | 'Thaw' }>;

/** One run of training, with everything that the modifiers around it say. */
export interface Part {
  readonly length: Length;
  /** `undefined`: the optimizer's own. */
  readonly rate: number | Schedule | undefined;
  readonly freezing: readonly Freezing[];
  /** `undefined`: those of the run. */
  readonly objective: AnyObjective | undefined;
  readonly data: { readonly data: AnySupply; readonly validation: AnyDataset | undefined } | undefined;
  readonly callbacks: readonly AnyCallback[];
  readonly settings: PartSettings;
}

type Around = Omit<Part, 'length'>;

const bare: Around = {
  rate: undefined,
  freezing: [],
  objective: undefined,
  data: undefined,
  callbacks: [],
  settings: {},
};

/** What stands further inside is applied later, so it wins. */
const within = (around: Around, modifier: Modifier): Around => {
  switch (modifier._tag) {
    case 'LearningRate':
      return { ...around, rate: modifier.rate };
    case 'Freeze':
    case 'Thaw':
      return { ...around, freezing: [...around.freezing, modifier] };
    case 'Objective':
      return { ...around, objective: modifier.objective };
    case 'Data':
      return { ...around, data: { data: modifier.data, validation: modifier.validation } };
    case 'Callbacks':
      return { ...around, callbacks: [...around.callbacks, modifier.callbacks] };
    case 'Settings':
      return { ...around, settings: { ...around.settings, ...modifier.settings } };
  }
};

const partsOf = (node: Node, around: Around): readonly Part[] => {
  switch (node._tag) {
    case 'Part':
      return [{ ...around, length: node.length }];
    case 'Sequence':
      return node.nodes.flatMap((one) => partsOf(one, around));
    case 'Repeat': {
      const once = partsOf(node.node, around);
      return Array.from({ length: Math.max(0, node.times) }, () => once).flat();
    }
    case 'With':
      return partsOf(node.node, within(around, node.modifier));
  }
};

/** What a program means: its parts, one after the other. Two programs with equal parts are equal. */
export const parts = <U, R, M extends string>(program: Program<U, R, M>): readonly Part[] =>
  partsOf(program.node, bare);

const counts = (node: Node): readonly string[] => {
  const wrong = (what: string, count: number, least: number) =>
    Number.isSafeInteger(count) && count >= least
      ? []
      : [`${what} must be a whole number, ${least} or more, got ${count}`];
  switch (node._tag) {
    case 'Part':
      return wrong(node.length._tag.toLowerCase(), node.length.count, 1);
    case 'Sequence':
      return node.nodes.flatMap(counts);
    case 'Repeat':
      return [...wrong('repeat', node.times, 0), ...counts(node.node)];
    case 'With': {
      const { modifier } = node;
      const rate = modifier._tag === 'LearningRate' ? modifier.rate : 0;
      const problems =
        typeof rate !== 'number'
          ? rate.problems
          : Number.isFinite(rate) && rate >= 0
            ? []
            : [`withLearningRate must be a finite number, 0 or more, or a schedule, got ${rate}`];
      return [...problems, ...counts(node.node)];
    }
  }
};

/** What is wrong with the numbers in a program. */
export const problems = <U, R, M extends string>(program: Program<U, R, M>): readonly string[] => counts(program.node);

// -------------------------------------------------------------------------------------
// words
// -------------------------------------------------------------------------------------

const plural = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

export const lengthInWords = ({ _tag, count }: Length): string => plural(count, _tag === 'Epochs' ? 'epoch' : 'step');

export const modifierInWords = (modifier: Modifier): string => {
  switch (modifier._tag) {
    case 'LearningRate':
      return typeof modifier.rate === 'number' ? `learning rate ${modifier.rate}` : 'learning rate by a schedule';
    case 'Freeze':
      return `${modifier.paths.join(', ')} frozen`;
    case 'Thaw':
      return modifier.paths.length === 0 ? 'all of it trained' : `${modifier.paths.join(', ')} trained`;
    case 'Objective': {
      const { optimizer } = modifier.objective;
      return `another objective (${optimizer.name})`;
    }
    case 'Data':
      return `other data (${sizeInWords(modifier.data)})`;
    case 'Callbacks':
      return `callbacks ${modifier.callbacks.keys.join(', ')}`;
    case 'Settings':
      return Object.entries(modifier.settings)
        .map(([key, value]) => `${key} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
        .join(', ');
  }
};

/** A part in words: what it does, and what of it differs from the run's own. */
export const partInWords = ({ length, rate, freezing, objective, data, callbacks, settings }: Part): string =>
  [
    lengthInWords(length),
    ...(rate === undefined ? [] : [modifierInWords({ _tag: 'LearningRate', rate })]),
    ...freezing.map(modifierInWords),
    ...(objective === undefined ? [] : [modifierInWords({ _tag: 'Objective', objective })]),
    ...(data === undefined ? [] : [modifierInWords({ _tag: 'Data', ...data })]),
    ...callbacks.map((one) => modifierInWords({ _tag: 'Callbacks', callbacks: one })),
    ...(Object.keys(settings).length === 0 ? [] : [modifierInWords({ _tag: 'Settings', settings })]),
  ].join('; ');
