/**
 * Decoupled weight decay: parameters shrink by a share of the learning rate, whatever the gradients do.
 * Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101
 */
import type { Value } from '../graph/Graph.ts';
import { mul, sub } from '../graph/Operators.ts';
import { notNegative, unmet } from '../shape/Requirement.ts';
import { chain, fromStages, map, type Stage, type Step, type Transformation, type Values } from './Transformation.ts';

const shrinking = (rate: number, { learningRate }: Step): ((parameter: Value) => Value) => {
  const factor = mul(learningRate, rate);
  return (parameter) => mul(parameter, factor);
};

/**
 * Parameters shrink by `rate` times the learning rate, beside what the gradients do. Place it last. `decays` tells by a
 * parameter's name whether it takes part.
 */
export const decayWeights = (rate: number, decays: (name: string) => boolean = () => true): Transformation =>
  map(
    'decay_weights',
    (step) => {
      const loss = shrinking(rate, step);
      return ({ name, gradient, parameter }) => (decays(name) ? sub(gradient, loss(parameter)) : gradient);
    },
    unmet('decayWeights', [notNegative('the rate', rate)]),
  );

/**
 * The same for a rule that looks at the parameters: it sees them already decayed. For rules that do not, it makes no
 * difference.
 */
export const decayBefore =
  (rate: number, decays: (name: string) => boolean = () => true) =>
  (rule: Transformation): Transformation => {
    const decaying = (stage: Stage): Stage => ({
      ...stage,
      update: (step) => {
        const loss = shrinking(rate, step);
        const update = stage.update(step);
        const decayed = (parameters: Values): Values =>
          Object.fromEntries(Object.entries(parameters).map(([name, p]) => [name, decays(name) ? sub(p, loss(p)) : p]));
        return (gradients, parameters, slots) => update(gradients, decayed(parameters), slots);
      },
    });
    return chain(fromStages(rule.stages.map(decaying)), decayWeights(rate, decays));
  };
