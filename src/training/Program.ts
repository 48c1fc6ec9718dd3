/**
 * Training programs: values that say what is trained, for how long, on what, and in which order.
 *
 * A program means a list of parts, each a run of some epochs or steps with whatever the modifiers around it say. Laws (`=` is
 * "has the same parts"):
 *
 * - `sequence` is associative and `empty` is its identity; `repeat(n)(p)` is a sequence of n times p, `repeat(0)(p)` is `empty`;
 * - a modifier distributes: `m(sequence(p, q)) = sequence(m(p), m(q))`, and so `m(repeat(n)(p)) = repeat(n)(m(p))`;
 * - of two learning rates, objectives, data sets the inner one holds; `freeze` and `thaw` are applied from the outside in, callbacks
 *   are attached from the outside in.
 *
 * And for what comes out, bit for bit on the CPU: `sequence(epochs(n), epochs(m))` gives what `epochs(n + m)` gives, and
 * `sequence(steps(n), steps(m))` the weights of `steps(n + m)`.
 *
 * @example
 * // transfer learning
 * const transfer = P.sequence(
 *   pipe(P.epochs(5), P.freeze('backbone')),
 *   pipe(P.epochs(20), P.withLearningRate(1e-5)),
 * );
 * pipe(transfer, P.run(objective, { data, validation, callbacks: C.modelCheckpoint('last.safetensors'), resume: 'last.safetensors' }))
 */
import type * as Eq from 'fp-ts/lib/Eq.js';
import type { Monoid } from 'fp-ts/lib/Monoid.js';
import type { Callback } from '../callback/Attach.ts';
import type { Dataset } from '../data/Dataset.ts';
import type { Schedule } from '../optimizer/Expression.ts';
import type { AnyDataset } from './Check.ts';
import type { Objective } from './Objective.ts';
import type { AnySupply, Supply } from './ProgramData.ts';
import {
  type Aimed,
  type Modifier,
  type Node,
  type Part,
  type PartSettings,
  type Program,
  parts,
  type Supplied,
  type Use,
  type WrongData,
  type WrongGoal,
} from './ProgramModel.ts';
import { anyObjective } from './Trained.ts';

export type { Crossed, CrossValidation, FoldResult } from './CrossValidate.ts';
export { crossValidate } from './CrossValidate.ts';
export type { Supply } from './ProgramData.ts';
export { describe, diagram } from './ProgramDescribe.ts';
export type { DryPart } from './ProgramDryRun.ts';
export { dryRun, measure } from './ProgramDryRun.ts';
export type { Bytes, Estimate, PartEstimate } from './ProgramEstimate.ts';
export { estimate } from './ProgramEstimate.ts';
export type { Part, PartSettings, Program, Use } from './ProgramModel.ts';
export { parts } from './ProgramModel.ts';
export type { RunOptions } from './ProgramRun.ts';
export { run } from './ProgramRun.ts';
export type { Candidate, Found, Row, Space } from './Search.ts';
export { choice, grid, integer, logUniform, sample, search, uniform } from './Search.ts';

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const program = <U, R, M extends string>(node: Node): Program<U, R, M> => ({ _tag: 'Program', node });

/** Nothing is trained. */
export const empty: Program<never> = program({ _tag: 'Sequence', nodes: [] });

/** So many epochs, each a pass through the data. */
export const epochs = (count: number): Program => program({ _tag: 'Part', length: { _tag: 'Epochs', count } });

/**
 * So many updates. The data go on where the last `steps` stopped and begin anew when they end. In the events and the history it
 * is one epoch.
 */
export const steps = (count: number): Program => program({ _tag: 'Part', length: { _tag: 'Steps', count } });

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

type UsesOf<Ps extends readonly unknown[]> = Ps[number] extends infer P
  ? P extends Program<infer U, infer _R, infer _M>
    ? U
    : never
  : never;

type MonitorsOf<Ps extends readonly unknown[]> = Ps[number] extends infer P
  ? P extends { readonly '~monitors'?: infer M extends string | undefined }
    ? NonNullable<M>
    : never
  : never;

type Intersection<A> = (A extends unknown ? (a: A) => void : never) extends (a: infer B) => void ? B : never;

type NeedsOf<Ps extends readonly unknown[]> =
  Intersection<
    { [K in keyof Ps]: Ps[K] extends Program<infer _U, infer R, infer _M> ? { readonly needs: R } : never }[number]
  > extends { readonly needs: infer R }
    ? R
    : unknown;

/** One after the other. Each part begins with the weights, optimizer slots, counters and history that the one before left. */
export const sequence = <const Ps extends readonly { readonly _tag: 'Program'; readonly node: Node }[]>(
  ...programs: Ps
): Program<UsesOf<Ps>, NeedsOf<Ps>, MonitorsOf<Ps>> =>
  program({ _tag: 'Sequence', nodes: programs.map(({ node }) => node) });

/** The program so many times. */
export const repeat =
  (times: number) =>
  <U, R, M extends string>(self: Program<U, R, M>): Program<U, R, M> =>
    program({ _tag: 'Repeat', times, node: self.node });

const modified = (modifier: Modifier, node: Node): Node => ({ _tag: 'With', modifier, node });

/**
 * At another learning rate, or by a schedule whose step 0 is the first step of the consecutive parts that have this very rate.
 * What callbacks make of the rate stays until a part has another one. Error of the run: the optimizer has a schedule of its own.
 */
export const withLearningRate =
  (rate: number | Schedule) =>
  <U, R, M extends string>(self: Program<U, R, M>): Program<U, R, M> =>
    program(modified({ _tag: 'LearningRate', rate }, self.node));

/** Layers or `named` groups, by path, that stay as they are: `freeze('backbone')`. See `fit`'s option of that name. */
export const freeze =
  (...paths: readonly string[]) =>
  <U, R, M extends string>(self: Program<U, R, M>): Program<U, R, M> =>
    program(modified({ _tag: 'Freeze', paths }, self.node));

/** Layers or groups that are trained although something further out freezes them; all of them if none is named. */
export const thaw =
  (...paths: readonly string[]) =>
  <U, R, M extends string>(self: Program<U, R, M>): Program<U, R, M> =>
    program(modified({ _tag: 'Thaw', paths }, self.node));

/**
 * With another loss, optimizer or metrics; the model has the same parameters. The data in force are checked against it by the
 * compiler, those of the program where it is run. An optimizer with other slots begins anew, and so do its counts of steps.
 */
export const withObjective =
  <I, O, T, K extends string>(objective: Objective<I, O, T, K>) =>
  <U, R, M extends string>(
    self: [WrongGoal<U, I, T>] extends [never] ? Program<U, R, M> : WrongGoal<U, I, T>,
  ): Program<Aimed<U, I, T>, R, M> =>
    program(modified({ _tag: 'Objective', objective: anyObjective(objective) }, (self as Program<U, R, M>).node));

/**
 * On other data, in memory or a stream of batches, and validated on others if they are given, else on those of the run. Where the
 * stream does not know its size, `withSettings({ stepsPerEpoch })` says where an epoch ends; `steps` needs nothing.
 */
export const withData =
  <X, Y, R2 = unknown>(data: Supply<X, Y, R2>, options: { readonly validation?: Dataset<X, Y> } = {}) =>
  <U, R, M extends string>(
    self: [WrongData<U, X, Y>] extends [never] ? Program<U, R, M> : WrongData<U, X, Y>,
  ): Program<Supplied<U, X, Y>, R & R2, M> =>
    program(
      modified(
        { _tag: 'Data', data: data as AnySupply, validation: options.validation as AnyDataset | undefined },
        (self as Program<U, R, M>).node,
      ),
    );

/**
 * With callbacks for this part of the program, which begin anew each time: `HaltRun` of one of them ends the part, and the
 * program goes on with the next. Those of the whole program are an option of `run`.
 */
export const withCallbacks =
  <R2, M2 extends string, L extends string>(callbacks: Callback<R2, M2, L>) =>
  <U, R, M extends string>(self: Program<U, R, M>): Program<U, R & R2, M | M2> =>
    program(modified({ _tag: 'Callbacks', callbacks }, self.node));

/** With other settings of `fit`: sizes of batches, the steps of an epoch, how often to validate, ... */
export const withSettings =
  (settings: PartSettings) =>
  <U, R, M extends string>(self: Program<U, R, M>): Program<U, R, M> =>
    program(modified({ _tag: 'Settings', settings }, self.node));

// -------------------------------------------------------------------------------------
// instances
// -------------------------------------------------------------------------------------

/** `sequence` of two, and `empty`. */
export const getMonoid = <U = Use, R = unknown, M extends string = never>(): Monoid<Program<U, R, M>> => ({
  concat: (a, b) => program({ _tag: 'Sequence', nodes: [a.node, b.node] }),
  empty: program({ _tag: 'Sequence', nodes: [] }),
});

const sameFields = (a: object, b: object): boolean => {
  const [left, right] = [Object.entries(a), Object.entries(b)];
  return left.length === right.length && left.every(([key, value]) => same(value, (b as Record<string, unknown>)[key]));
};

/** Structural for what is written in a program; objectives, data, schedules and callbacks are themselves or are not. */
const same = (a: unknown, b: unknown): boolean =>
  Object.is(a, b) ||
  (Array.isArray(a) && Array.isArray(b) && sameFields(a, b)) ||
  (isPlain(a) && isPlain(b) && sameFields(a, b));

const opaque = ['Objective', 'Schedule'];

const isPlain = (a: unknown): a is object =>
  typeof a === 'object' && a !== null && !('_tag' in a && opaque.includes(String(a._tag)));

/** Whether two programs have the same parts. */
export const eqParts: Eq.Eq<readonly Part[]> = { equals: same };

/** Programs with the same parts. */
export const getEq = <U, R, M extends string>(): Eq.Eq<Program<U, R, M>> => ({
  equals: (a, b) => eqParts.equals(parts(a), parts(b)),
});
