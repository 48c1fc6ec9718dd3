/**
 * Gradient transformations: what happens to gradients on their way to becoming updates of the parameters.
 *
 * After Optax: clipping, momentum, Adam's scaling, weight decay are separate values, and an optimizer is a chain of
 * them. A transformation is a list of stages. A stage sees the gradients of all parameters together (a global norm
 * needs them), keeps slots for each parameter (momenta), and gives what takes the gradients' place. What comes out of
 * the last stage is added to the parameters.
 *
 * Slots are a flat record: `adam/momentum/dense.kernel` belongs to the stage with that key; where keys repeat, the
 * later ones are `clip#1`, `clip#2`, ...
 *
 * Laws: `chain` is associative, with `empty` as its identity (lists of stages under concatenation).
 */
import type { Monoid } from 'fp-ts/lib/Monoid.js';
import type { Value } from '../graph/Graph.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** By parameter name. */
export type Values = Readonly<Record<string, Value>>;

export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
}

/** What a stage keeps from step to step, float32. */
export interface Slot {
  readonly shape: readonly number[];
  /** What it starts as: a number everywhere, or a copy of the parameter. */
  readonly init: number | 'parameter';
  /** It is an average of the parameter, which may take the parameter's place when training is over: see `averaged`. */
  readonly average?: true;
}

/** Values of a step that all parameters share. */
export interface Step {
  /** Float32 scalar. */
  readonly learningRate: Value;
  /** Number of this update, counted from 1: a float32 scalar. */
  readonly step: Value;
}

/** `slots` are by parameter, then by slot. */
export interface StageResult {
  readonly updates: Values;
  readonly slots: Readonly<Record<string, Values>>;
}

export interface Stage {
  /** Names the stage's slots. */
  readonly key: string;
  readonly slots: (parameter: Parameter) => Readonly<Record<string, Slot>>;
  /** What depends on the step alone is built once, in the first application. */
  readonly update: (
    step: Step,
  ) => (gradients: Values, parameters: Values, slots: Readonly<Record<string, Values>>) => StageResult;
  /** What is wrong with the options that it was made from: `fit` reports it before it trains. */
  readonly problems?: readonly string[];
}

export interface SlotSpec extends Slot {
  /** The parameter that it belongs to. */
  readonly parameter: string;
}

export interface Transformation {
  readonly stages: readonly Stage[];
  /** All slots for these parameters (name to shape), by their full names. */
  readonly slots: (parameters: Readonly<Record<string, readonly number[]>>) => Readonly<Record<string, SlotSpec>>;
  /**
   * What to add to the parameters, and the new slots. A parameter without a gradient gets no update (nor decays), and its
   * slots stay.
   */
  readonly update: (
    step: Step,
  ) => (gradients: Values, parameters: Values, slots: Values) => { readonly updates: Values; readonly slots: Values };
}

// -------------------------------------------------------------------------------------
// slots
// -------------------------------------------------------------------------------------

/** Stages with distinct keys. */
const keyed = (stages: readonly Stage[]): readonly (readonly [string, Stage])[] =>
  stages.map((stage, i) => {
    const before = stages.slice(0, i).filter((s) => s.key === stage.key).length;
    return [before === 0 ? stage.key : `${stage.key}#${before}`, stage];
  });

const prefix = (key: string, slot: string): string => `${key}/${slot}/`;

/** Name and shape of parameters, from their values. */
export const parametersOf = (values: Values): readonly Parameter[] =>
  Object.entries(values).map(([name, { type }]) => ({ name, shape: type.shape.filter((d) => typeof d === 'number') }));

/** The slots of one stage, by parameter and slot. */
const slotsOf = (key: string, stage: Stage, parameters: Values, all: Values): Readonly<Record<string, Values>> =>
  Object.fromEntries(
    parametersOf(parameters).map((parameter) => {
      const { name } = parameter;
      const own = Object.keys(stage.slots(parameter));
      return [name, Object.fromEntries(own.map((slot) => [slot, all[prefix(key, slot) + name] as Value]))];
    }),
  );

const flat = (key: string, slots: Readonly<Record<string, Values>>): Values =>
  Object.fromEntries(
    Object.entries(slots).flatMap(([name, own]) =>
      Object.entries(own).map(([slot, value]) => [prefix(key, slot) + name, value]),
    ),
  );

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

export const fromStages = (stages: readonly Stage[]): Transformation => ({
  stages,
  slots: (parameters) =>
    Object.fromEntries(
      keyed(stages).flatMap(([key, stage]) =>
        Object.entries(parameters).flatMap(([name, shape]) =>
          Object.entries(stage.slots({ name, shape })).map(([slot, own]): readonly [string, SlotSpec] => [
            prefix(key, slot) + name,
            { ...own, parameter: name },
          ]),
        ),
      ),
    ),
  update: (step) => {
    const prepared = keyed(stages).map(([key, stage]) => ({ key, stage, update: stage.update(step) }));
    return (gradients, parameters, slots) =>
      prepared.reduce<{ readonly updates: Values; readonly slots: Values }>(
        (before, { key, stage, update }) => {
          const after = update(before.updates, parameters, slotsOf(key, stage, parameters, slots));
          return { updates: after.updates, slots: { ...before.slots, ...flat(key, after.slots) } };
        },
        { updates: gradients, slots },
      );
  },
});

/** A transformation of one stage. */
export const fromStage = (stage: Stage): Transformation => fromStages([stage]);

/** Changes nothing: the gradients are the updates. */
export const empty: Transformation = fromStages([]);

const noSlots = () => ({});

/** A stage without slots that looks at all gradients together. */
export const joint = (
  key: string,
  update: (step: Step) => (gradients: Values, parameters: Values) => Values,
  problems: readonly string[] = [],
): Transformation =>
  fromStage({
    key,
    slots: noSlots,
    problems,
    update: (step) => {
      const prepared = update(step);
      return (gradients, parameters) => ({ updates: prepared(gradients, parameters), slots: {} });
    },
  });

export interface RuleInput {
  readonly name: string;
  readonly gradient: Value;
  readonly parameter: Value;
  /** By the names that `slots` gave. */
  readonly slot: (name: string) => Value;
}

export interface RuleResult {
  readonly update: Value;
  /** New values of all slots. */
  readonly slots: Values;
}

/**
 * A stage that treats each parameter on its own. `rule(step)` is called once for all parameters: what is built there is
 * computed once a step.
 */
export const perParameter = (
  key: string,
  slots: Stage['slots'],
  rule: (step: Step) => (input: RuleInput) => RuleResult,
  problems: readonly string[] = [],
): Transformation =>
  fromStage({
    key,
    slots,
    problems,
    update: (step) => {
      const prepared = rule(step);
      return (gradients, parameters, state) => {
        const results = Object.entries(gradients).map(([name, gradient]): readonly [string, RuleResult] => [
          name,
          prepared({
            name,
            gradient,
            parameter: parameters[name] as Value,
            slot: (slot) => state[name]?.[slot] as Value,
          }),
        ]);
        return {
          updates: Object.fromEntries(results.map(([name, { update }]) => [name, update])),
          slots: Object.fromEntries(results.map(([name, result]) => [name, result.slots])),
        };
      };
    },
  });

/** A stage without slots that treats each gradient on its own. */
export const map = (
  key: string,
  f: (step: Step) => (input: RuleInput) => Value,
  problems: readonly string[] = [],
): Transformation =>
  perParameter(
    key,
    noSlots,
    (step) => {
      const prepared = f(step);
      return (input) => ({ update: prepared(input), slots: {} });
    },
    problems,
  );

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

/**
 * A whole transformation as one stage, for stages that do something around it: its slots are `KEY/STAGE/SLOT/PARAMETER`.
 */
export const asStage = (key: string, inner: Transformation): Stage => {
  // An inner slot's name ends with its parameter's, which the outer name ends with as well.
  const slots: Stage['slots'] = ({ name, shape }) =>
    Object.fromEntries(
      Object.entries(inner.slots({ [name]: shape })).map(([full, { shape: own, init, average }]) => [
        full.slice(0, -name.length - 1),
        { shape: own, init, ...(average === undefined ? {} : { average }) },
      ]),
    );
  return {
    key,
    slots,
    problems: problemsOf(inner),
    update: (step) => {
      const update = inner.update(step);
      return (gradients, parameters, own) => {
        const flattened = Object.fromEntries(
          Object.entries(own).flatMap(([name, values]) =>
            Object.entries(values).map(([slot, value]) => [`${slot}/${name}`, value]),
          ),
        );
        const after = update(gradients, parameters, flattened);
        return {
          updates: after.updates,
          slots: Object.fromEntries(
            Object.entries(own).map(([name, values]) => [
              name,
              Object.fromEntries(Object.keys(values).map((slot) => [slot, after.slots[`${slot}/${name}`] as Value])),
            ]),
          ),
        };
      };
    },
  };
};

/**
 * The same stages, with what is wrong with the options that they were made from: `fit` reports it before it trains.
 */
export const withProblems =
  (problems: readonly string[]) =>
  ({ stages }: Transformation): Transformation =>
    fromStages(
      stages.map((stage, i) => (i === 0 ? { ...stage, problems: [...problems, ...(stage.problems ?? [])] } : stage)),
    );

/** One after the other: the first one sees the gradients. */
export const chain = (...transformations: readonly Transformation[]): Transformation =>
  fromStages(transformations.flatMap((t) => t.stages));

// -------------------------------------------------------------------------------------
// destructors
// -------------------------------------------------------------------------------------

/** What is wrong with the options of the stages. */
export const problemsOf = ({ stages }: Transformation): readonly string[] => stages.flatMap((s) => s.problems ?? []);

// -------------------------------------------------------------------------------------
// instances
// -------------------------------------------------------------------------------------

/** `chain`, and `empty`. */
export const monoid: Monoid<Transformation> = { concat: (a, b) => chain(a, b), empty };
