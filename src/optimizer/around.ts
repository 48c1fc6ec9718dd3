/**
 * Combinators that put something around a whole transformation: another rate, accumulation, a part of the parameters.
 */
import { flow } from 'fp-ts/lib/function.js';
import type { Value } from '../graph/Graph.ts';
import { add, mul, sub, where } from '../graph/Operators.ts';
import { notNegative, positiveInteger, unmet } from '../shape/Requirement.ts';
import type { Schedule } from './Expression.ts';
import { lower } from './Expression.ts';
import { constant, groupOf, isLastOf } from './scalars.ts';
import {
  asStage,
  fromStage,
  fromStages,
  type Parameter,
  parametersOf,
  problemsOf,
  type Stage,
  type Step,
  type Transformation,
  type Values,
  withProblems,
} from './Transformation.ts';

// -------------------------------------------------------------------------------------
// rate
// -------------------------------------------------------------------------------------

/** The same stages, at another rate. */
export const withRate =
  (rate: (step: Step) => Value) =>
  (transformation: Transformation): Transformation => {
    // All stages get the same step, so that the rate is built once for all of them.
    const known = new WeakMap<Step, Step>();
    const changed = (step: Step): Step => {
      const before = known.get(step) ?? { ...step, learningRate: rate(step) };
      known.set(step, before);
      return before;
    };
    return fromStages(
      transformation.stages.map((stage) => ({ ...stage, update: (step) => stage.update(changed(step)) })),
    );
  };

/** The same stages, at so many times the rate. */
export const scaleRate = (factor: number): ((transformation: Transformation) => Transformation) =>
  flow(
    withRate(({ learningRate }) => mul(learningRate, factor)),
    withProblems(unmet('scaleRate', [notNegative('the factor', factor)])),
  );

/** The same stages, at the rate that comes in times the schedule's. The first step has the schedule's step 0. */
export const scheduled = (schedule: Schedule): ((transformation: Transformation) => Transformation) =>
  flow(
    withRate(({ learningRate, step }) => mul(learningRate, lower(schedule)(sub(step, 1)))),
    withProblems(schedule.problems),
  );

// -------------------------------------------------------------------------------------
// accumulation
// -------------------------------------------------------------------------------------

const select = (condition: Value, yes: Values, no: Values): Values =>
  Object.fromEntries(Object.entries(yes).map(([name, value]) => [name, where(condition, value, no[name] as Value)]));

/**
 * One update in `k` steps, with the mean of their gradients: a batch k times as large, in the memory of a small one. In
 * between parameters and slots stay as they are. The transformation inside counts updates; the learning rate is that of the
 * step at hand. Keras: gradient_accumulation_steps.
 */
export const accumulate =
  (k: number) =>
  (inner: Transformation): Transformation => {
    const stage = asStage('accumulate', inner);
    const own = 'gradient_accumulator';
    const problems = unmet('accumulate', [positiveInteger('the number of steps', k)]);
    return fromStage({
      ...stage,
      problems: [...problems, ...problemsOf(inner)],
      slots: (parameter) => ({ [own]: { shape: parameter.shape, init: 0 }, ...stage.slots(parameter) }),
      update: ({ learningRate, step }) => {
        const updates = isLastOf(k, step);
        const update = stage.update({ learningRate, step: groupOf(k, step) });
        const [share, none] = [constant(1 / k), constant(0)];
        return (gradients, parameters, slots) => {
          const names = Object.keys(gradients);
          const sums = Object.fromEntries(
            names.map((name) => [name, add(slots[name]?.[own] as Value, gradients[name] as Value)]),
          );
          const means = Object.fromEntries(names.map((name) => [name, mul(sums[name] as Value, share)]));
          const inside = Object.fromEntries(Object.entries(slots).map(([name, { [own]: _, ...rest }]) => [name, rest]));
          const after = update(means, parameters, inside);
          return {
            updates: Object.fromEntries(
              Object.entries(after.updates).map(([name, u]) => [name, where(updates, u, none)]),
            ),
            slots: Object.fromEntries(
              names.map((name) => [
                name,
                {
                  [own]: where(updates, none, sums[name] as Value),
                  ...select(updates, after.slots[name] ?? {}, slots[name] ?? {}),
                },
              ]),
            ),
          };
        };
      },
    });
  };

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

const only = (names: ReadonlySet<string>, values: Values): Values =>
  Object.fromEntries(Object.entries(values).filter(([name]) => names.has(name)));

/**
 * Each parameter to one of several transformations, which know nothing of one another: a norm that is global is that of
 * the part. Slots are `partition/PART/STAGE/SLOT/PARAMETER`. Optax: partition. Keras: MultiOptimizer.
 */
export const partition = <L extends string>(
  route: (parameter: Parameter) => L,
  parts: Readonly<Record<L, Transformation>>,
): Transformation => {
  const stages = Object.fromEntries(
    Object.entries<Transformation>(parts).map(([label, part]) => [label, asStage(label, part)]),
  ) as Readonly<Record<L, Stage>>;
  const prefixed = (label: string, slot: string) => `${label}/${slot}`;
  return fromStage({
    key: 'partition',
    problems: Object.values<Transformation>(parts).flatMap(problemsOf),
    slots: (parameter) => {
      const label = route(parameter);
      return Object.fromEntries(
        Object.entries(stages[label].slots(parameter)).map(([slot, s]) => [prefixed(label, slot), s]),
      );
    },
    update: (step) => {
      const prepared = Object.entries<Stage>(stages).map(([label, stage]) => ({ label, update: stage.update(step) }));
      return (gradients, parameters, slots) => {
        const all = parametersOf(parameters);
        const results = prepared.map(({ label, update }) => {
          const names = new Set(all.filter((p) => route(p) === label).map(({ name }) => name));
          const own = Object.fromEntries(
            [...names].map((name) => [
              name,
              Object.fromEntries(
                Object.entries(slots[name] ?? {}).map(([slot, value]) => [slot.slice(label.length + 1), value]),
              ),
            ]),
          );
          const after = update(only(names, gradients), only(names, parameters), own);
          return {
            updates: after.updates,
            slots: Object.fromEntries(
              Object.entries(after.slots).map(([name, values]) => [
                name,
                Object.fromEntries(Object.entries(values).map(([slot, value]) => [prefixed(label, slot), value])),
              ]),
            ),
          };
        });
        return {
          updates: Object.assign({}, ...results.map((r) => r.updates)) as Values,
          slots: Object.assign({}, ...results.map((r) => r.slots)) as Readonly<Record<string, Values>>,
        };
      };
    },
  });
};
