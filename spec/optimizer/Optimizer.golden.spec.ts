import { describe, expect, it } from 'vitest';
import * as Optimizer from '../../src/optimizer/Optimizer.ts';
import { array, type Case, goldens, mismatch, namesOf, numbers, type Tensor } from '../objective/cases.ts';
import { type Arrays, runSteps } from './steps.ts';

interface Inputs {
  readonly initial: readonly Tensor[];
  /** null: no gradient. */
  readonly grads: readonly (readonly (Tensor | null)[])[];
  readonly learning_rate: readonly number[];
  readonly variable_names: readonly string[];
}

type Golden = Case<Inputs, { readonly values: readonly (readonly Tensor[])[] }>;
type Options = Readonly<Record<string, unknown>>;

const given = <K extends string>(key: K, value: unknown): Partial<Record<K, number>> =>
  typeof value === 'number' ? ({ [key]: value } as Record<K, number>) : {};

/** Variables are named by their position: names repeat in the cases. */
const nameOf = (i: number) => `variable_${i}`;

const excluded = ({ hyperparameters: h, inputs }: Golden): readonly RegExp[] => [
  ...((h.exclude_from_weight_decay_variable_indices ?? []) as readonly number[]).map((i) => RegExp(`^${nameOf(i)}$`)),
  ...((h.exclude_from_weight_decay_var_names ?? []) as readonly string[]).flatMap((pattern) =>
    inputs.variable_names.flatMap((name, i) => (name.search(pattern) < 0 ? [] : [RegExp(`^${nameOf(i)}$`)])),
  ),
];

const common = (golden: Golden): Optimizer.CommonOptions => {
  const h = golden.hyperparameters;
  return {
    ...given('learningRate', h.learning_rate),
    ...given('weightDecay', h.weight_decay),
    ...given('clipNorm', h.clipnorm),
    ...given('clipValue', h.clipvalue),
    ...given('globalClipNorm', h.global_clipnorm),
    excludeFromWeightDecay: excluded(golden),
  } as Optimizer.CommonOptions;
};

const adamOptions = (h: Options): Optimizer.AdamOptions => ({
  ...given('beta1', h.beta_1),
  ...given('beta2', h.beta_2),
  ...given('epsilon', h.epsilon),
  amsgrad: h.amsgrad === true,
});

const optimizers: Readonly<Record<string, (g: Golden) => Optimizer.Optimizer>> = {
  SGD: (g) =>
    Optimizer.sgd({
      ...common(g),
      ...given('momentum', g.hyperparameters.momentum),
      nesterov: g.hyperparameters.nesterov === true,
    }),
  Adam: (g) => Optimizer.adam({ ...common(g), ...adamOptions(g.hyperparameters) }),
  AdamW: (g) => Optimizer.adamW({ ...common(g), ...adamOptions(g.hyperparameters) }),
};

/** Classes that are not offered. */
const notOffered = [
  'Adadelta',
  'Adafactor',
  'Adagrad',
  'Adamax',
  'Ftrl',
  'Lamb',
  'Lion',
  'Muon',
  'Nadam',
  'RMSprop',
  'ScheduleFreeAdamW',
];

const leftOut = ({ hyperparameters: h }: Golden): string | undefined =>
  h.use_ema === true
    ? 'moving averages of weights are not offered'
    : h.gradient_accumulation_steps !== null
      ? 'accumulation of gradients is not offered'
      : h.loss_scale_factor !== null
        ? 'loss scaling is not offered'
        : undefined;

const byName = (tensors: readonly (Tensor | null)[]): Arrays =>
  Object.fromEntries(tensors.flatMap((t, i) => (t === null ? [] : [[nameOf(i), array(t)]])));

const run = async (golden: Golden): Promise<readonly string[]> => {
  const { inputs, expected, tolerance } = golden;
  const optimizer = (optimizers[golden.name] as (g: Golden) => Optimizer.Optimizer)(golden);
  const steps = inputs.grads.map((gradients, i) => ({
    gradients: byName(gradients),
    rate: inputs.learning_rate[i] as number,
  }));
  const history = await runSteps(optimizer.transformation, byName(inputs.initial), steps);
  return expected.values.flatMap((variables, step) =>
    variables.flatMap((variable, i) => {
      const wrong = mismatch(history[step]?.[nameOf(i)]?.data as Float32Array, numbers(variable), tolerance);
      return wrong === undefined ? [] : [`${golden.id} step ${step} variable ${i} ${wrong}`];
    }),
  );
};

describe('optimizers give the golden parameters after each step', () => {
  const all = goldens<Inputs, Golden['expected']>('optimizer', Object.keys(optimizers));
  const cases = all.filter((c) => leftOut(c) === undefined);

  it('none is skipped silently', () => {
    expect(namesOf('optimizer').filter((name) => optimizers[name] === undefined)).toEqual(notOffered);
    expect(all.filter((c) => leftOut(c) !== undefined).map((c) => c.id)).toEqual([
      'optimizer/Adam/02',
      'optimizer/SGD/02',
      'optimizer/SGD/04',
      'optimizer/Adam/09',
      'optimizer/SGD/06',
      'optimizer/AdamW/07',
      'optimizer/SGD/07',
      'optimizer/SGD/23',
      'optimizer/SGD/24',
      'optimizer/SGD/25',
      'optimizer/Adam/16',
      'optimizer/SGD/26',
      'optimizer/SGD/27',
      'optimizer/SGD/28',
      'optimizer/SGD/29',
    ]);
    expect(cases.length).toBe(39);
  });

  for (const name of Object.keys(optimizers))
    it(name, async () => {
      const own = cases.filter((c) => c.name === name);
      expect(own.length).toBeGreaterThan(0);
      const wrong: string[] = [];
      for (const c of own) wrong.push(...(await run(c)));
      expect(wrong).toEqual([]);
    });
});
