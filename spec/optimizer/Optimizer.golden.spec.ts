import { describe, expect, it } from 'vitest';
import * as Optimizer from '../../src/optimizer/Optimizer.ts';
import * as Schedule from '../../src/optimizer/Schedule.ts';
import { array, type Case, goldens, mismatch, namesOf, numbers, type Tensor } from '../objective/cases.ts';
import { type Arrays, runAll } from './steps.ts';

interface Inputs {
  readonly initial: readonly Tensor[];
  /** null: no gradient. */
  readonly grads: readonly (readonly (Tensor | null)[])[];
  readonly learning_rate: readonly number[];
  readonly variable_names: readonly string[];
}

type Golden = Case<
  Inputs,
  { readonly values: readonly (readonly Tensor[])[]; readonly after_finalize?: readonly Tensor[] }
>;
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

/** The one schedule that a case has. */
const rate = (given: unknown): number | Schedule.Schedule => {
  if (typeof given === 'number') return given;
  const { class_name, config } = given as { readonly class_name: string; readonly config: Options };
  expect(class_name).toBe('ExponentialDecay');
  return Schedule.exponentialDecay({
    initialLearningRate: config.initial_learning_rate as number,
    decaySteps: config.decay_steps as number,
    decayRate: config.decay_rate as number,
  });
};

const common = (golden: Golden): Optimizer.CommonOptions => {
  const h = golden.hyperparameters;
  return {
    learningRate: rate(h.learning_rate),
    ...given('weightDecay', h.weight_decay),
    ...given('clipNorm', h.clipnorm),
    ...given('clipValue', h.clipvalue),
    ...given('globalClipNorm', h.global_clipnorm),
    ...given('gradientAccumulationSteps', h.gradient_accumulation_steps),
    useEma: h.use_ema === true,
    ...given('emaMomentum', h.ema_momentum),
    ...given('emaOverwriteFrequency', h.ema_overwrite_frequency),
    excludeFromWeightDecay: excluded(golden),
  } as Optimizer.CommonOptions;
};

const momentOptions = (h: Options): Optimizer.MomentOptions => ({
  ...given('beta1', h.beta_1),
  ...given('beta2', h.beta_2),
  ...given('epsilon', h.epsilon),
});

const adamOptions = (h: Options): Optimizer.AdamOptions => ({ ...momentOptions(h), amsgrad: h.amsgrad === true });

const optimizers: Readonly<Record<string, (g: Golden) => Optimizer.Optimizer>> = {
  Adadelta: (g) =>
    Optimizer.adadelta({
      ...common(g),
      ...given('rho', g.hyperparameters.rho),
      ...given('epsilon', g.hyperparameters.epsilon),
    }),
  // `relative_step` of the cases changes nothing.
  Adafactor: (g) =>
    Optimizer.adafactor({
      ...common(g),
      ...given('beta2Decay', g.hyperparameters.beta_2_decay),
      ...given('epsilon1', g.hyperparameters.epsilon_1),
      ...given('epsilon2', g.hyperparameters.epsilon_2),
      ...given('clipThreshold', g.hyperparameters.clip_threshold),
    }),
  Adagrad: (g) =>
    Optimizer.adagrad({
      ...common(g),
      ...given('initialAccumulatorValue', g.hyperparameters.initial_accumulator_value),
      ...given('epsilon', g.hyperparameters.epsilon),
    }),
  Adam: (g) => Optimizer.adam({ ...common(g), ...adamOptions(g.hyperparameters) }),
  AdamW: (g) => Optimizer.adamW({ ...common(g), ...adamOptions(g.hyperparameters) }),
  Adamax: (g) => Optimizer.adamax({ ...common(g), ...momentOptions(g.hyperparameters) }),
  Ftrl: (g) =>
    Optimizer.ftrl({
      ...common(g),
      ...given('learningRatePower', g.hyperparameters.learning_rate_power),
      ...given('initialAccumulatorValue', g.hyperparameters.initial_accumulator_value),
      ...given('l1RegularizationStrength', g.hyperparameters.l1_regularization_strength),
      ...given('l2RegularizationStrength', g.hyperparameters.l2_regularization_strength),
      ...given('l2ShrinkageRegularizationStrength', g.hyperparameters.l2_shrinkage_regularization_strength),
      ...given('beta', g.hyperparameters.beta),
    }),
  Lamb: (g) => Optimizer.lamb({ ...common(g), ...momentOptions(g.hyperparameters) }),
  Lion: (g) =>
    Optimizer.lion({
      ...common(g),
      ...given('beta1', g.hyperparameters.beta_1),
      ...given('beta2', g.hyperparameters.beta_2),
    }),
  Muon: (g) => {
    const h = g.hyperparameters;
    expect([h.exclude_layers, h.exclude_embeddings]).toEqual([[], true]);
    return Optimizer.muon({
      ...(common(g) as Omit<Optimizer.CommonOptions, 'weightDecay'>),
      weightDecay: h.weight_decay as number | null,
      adamWeightDecay: h.adam_weight_decay as number | null,
      rmsRate: h.rms_rate as number | null,
      nesterov: h.nesterov === true,
      ...given('adamBeta1', h.adam_beta_1),
      ...given('adamBeta2', h.adam_beta_2),
      ...given('epsilon', h.epsilon),
      ...given('muonA', h.muon_a),
      ...given('muonB', h.muon_b),
      ...given('muonC', h.muon_c),
      ...given('adamLrRatio', h.adam_lr_ratio),
      ...given('momentum', h.momentum),
      ...given('nsSteps', h.ns_steps),
    });
  },
  Nadam: (g) => Optimizer.nadam({ ...common(g), ...momentOptions(g.hyperparameters) }),
  RMSprop: (g) =>
    Optimizer.rmsprop({
      ...common(g),
      ...given('rho', g.hyperparameters.rho),
      ...given('momentum', g.hyperparameters.momentum),
      ...given('epsilon', g.hyperparameters.epsilon),
      centered: g.hyperparameters.centered === true,
    }),
  SGD: (g) =>
    Optimizer.sgd({
      ...common(g),
      ...given('momentum', g.hyperparameters.momentum),
      nesterov: g.hyperparameters.nesterov === true,
    }),
  ScheduleFreeAdamW: (g) =>
    Optimizer.scheduleFreeAdamW({
      ...common(g),
      ...momentOptions(g.hyperparameters),
      ...given('warmupSteps', g.hyperparameters.warmup_steps),
    }),
};

/** A loss that was scaled is a stage before everything else. */
const unscaled = ({ hyperparameters: h }: Golden, { transformation }: Optimizer.Optimizer): Optimizer.Transformation =>
  typeof h.loss_scale_factor === 'number'
    ? Optimizer.chain(Optimizer.scaleGradients(1 / h.loss_scale_factor), transformation)
    : transformation;

const byName = (tensors: readonly (Tensor | null)[]): Arrays =>
  Object.fromEntries(tensors.flatMap((t, i) => (t === null ? [] : [[nameOf(i), array(t)]])));

const run = async (golden: Golden): Promise<readonly string[]> => {
  const { inputs, expected, tolerance } = golden;
  const optimizer = (optimizers[golden.name] as (g: Golden) => Optimizer.Optimizer)(golden);
  const steps = inputs.grads.map((gradients, i) => ({
    gradients: byName(gradients),
    // With a schedule the input is a factor: the rates of the case are then what the graph has to find.
    rate: optimizer.schedule === undefined ? (inputs.learning_rate[i] as number) : optimizer.learningRate,
  }));
  const history = await runAll(unscaled(golden, optimizer), byName(inputs.initial), steps);
  const last = history[history.length - 1];
  const differences = (what: string, got: Arrays | undefined, wanted: readonly Tensor[]) =>
    wanted.flatMap((variable, i) => {
      const wrong = mismatch(got?.[nameOf(i)]?.data as Float32Array, numbers(variable), tolerance);
      return wrong === undefined ? [] : [`${golden.id} ${what} variable ${i} ${wrong}`];
    });
  return [
    ...optimizer.problems,
    ...expected.values.flatMap((variables, step) => differences(`step ${step}`, history[step]?.weights, variables)),
    ...(expected.after_finalize === undefined
      ? []
      : differences(
          'averaged',
          Optimizer.averaged(optimizer)(last?.weights ?? {}, last?.slots ?? {}),
          expected.after_finalize,
        )),
  ];
};

describe('optimizers give the golden parameters after each step', () => {
  const cases = goldens<Inputs, Golden['expected']>('optimizer', Object.keys(optimizers));

  it('every class and every case is run', () => {
    expect(namesOf('optimizer')).toEqual(Object.keys(optimizers).sort());
    expect(cases.length).toBe(142);
    expect(cases.filter((c) => c.expected.after_finalize !== undefined).length).toBe(3);
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
