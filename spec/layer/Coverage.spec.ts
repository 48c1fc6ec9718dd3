/**
 * Every constructor of layers and activations stands beside PyTorch's numbers (output and all gradients) in three
 * configurations or more, or a reason is given why it does not: a new layer without cases fails here.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as L from '../../src/layer/Layer.ts';
import { convLstmModels } from './convLstmModels.ts';
import { type Any, type Constructors, coreModels, type Wire } from './coreModels.ts';
import { sequenceModels } from './sequenceModels.ts';

// -------------------------------------------------------------------------------------
// reasons
// -------------------------------------------------------------------------------------

const wiring = 'makes models and inputs, computes nothing';
const composition = 'composes layers, computes nothing: laws in spec/layer/Layer.spec.ts';
const random =
  'random in training, the input itself in inference (spec/layer/Modes.spec.ts): moments in spec/layer/Noise.spec.ts and ' +
  'spec/interpret/Random.spec.ts, gradients at a fixed seed in spec/layer/SequenceGradients.spec.ts';

/** Drawn at random; the maps themselves are compared with SciPy's. */
const augmentation = 'spec/layer/Augmentation.spec.ts';

const reasons: Readonly<Record<string, string>> = {
  graph: wiring,
  groups: wiring,
  input: wiring,
  int: wiring,
  model: wiring,
  through: wiring,
  tokens: wiring,
  andThen: composition,
  named: composition,
  sequential: composition,
  custom: "the lowering is the user's: spec/layer/Custom.spec.ts",
  customMerge: "the lowering is the user's: spec/layer/Custom.spec.ts",
  activityRegularization: 'the input itself; its penalty is in the loss: spec/training/Governed.spec.ts',
  alphaDropout: random,
  dropout: random,
  gaussianDropout: random,
  gaussianNoise: random,
  spatialDropout1d: random,
  spatialDropout2d: random,
  spatialDropout3d: random,
  randomBrightness: augmentation,
  randomContrast: augmentation,
  randomCrop: augmentation,
  randomFlip: augmentation,
  randomRotation: augmentation,
  randomTranslation: augmentation,
  randomZoom: augmentation,
};

// -------------------------------------------------------------------------------------
// counting
// -------------------------------------------------------------------------------------

interface Flat {
  readonly shape: readonly number[];
}

interface Wired {
  readonly name: string;
  readonly integer?: boolean;
  readonly inputs: readonly Flat[];
}

const read = (family: string) =>
  JSON.parse(readFileSync(new URL(`../golden/${family}.json`, import.meta.url), 'utf8')) as readonly Any[];

/** The constructors, which note down their calls. */
const noting = (seen: Set<string>): Constructors =>
  Object.fromEntries(
    Object.entries(L).map(([name, made]) => [
      name,
      typeof made !== 'function'
        ? made
        : (...args: readonly unknown[]) => {
            seen.add(name);
            return (made as (...args: readonly unknown[]) => unknown)(...args);
          },
    ]),
  ) as unknown as Constructors;

/** The constructors that each case calls. */
const called = (cases: readonly Wired[], models: (constructors: Constructors) => Readonly<Record<string, Wire>>) => {
  const seen = new Set<string>();
  const wires = models(noting(seen));
  return cases.map(({ name, inputs, integer }) => {
    const wire = wires[name] as Wire;
    const shapes = inputs.map(({ shape }) => (integer === true ? L.int(shape.slice(1)) : shape.slice(1)));
    seen.clear();
    L.graph(Object.fromEntries(shapes.map((s, i) => [`x${i}`, s])) as Any, (x: Any) =>
      wire(shapes.map((_, i) => x[`x${i}`])),
    );
    return new Set(seen);
  });
};

const counts = (): ReadonlyMap<string, number> => {
  const all = [
    ...called(read('core'), coreModels),
    ...called(read('sequence'), sequenceModels),
    ...called(read('convlstm'), convLstmModels),
    ...read('spatial').map((c) => new Set<string>([c.layer])),
  ];
  const count = new Map<string, number>();
  for (const names of all) for (const name of names) count.set(name, (count.get(name) ?? 0) + 1);
  return count;
};

const few = 3;
const constructors = Object.entries(L).flatMap(([name, made]) => (typeof made === 'function' ? [name] : []));

it('three configurations or more of every constructor, or a reason', () => {
  const count = counts();
  expect(constructors.length).toBeGreaterThan(120);
  const lacking = constructors.filter((name) => (count.get(name) ?? 0) < few && reasons[name] === undefined);
  expect(lacking.map((name) => `${name}: ${count.get(name) ?? 0} configurations`)).toEqual([]);
});

it('every reason is of a constructor there is', () => {
  expect(Object.keys(reasons).filter((name) => !constructors.includes(name))).toEqual([]);
});

it('batch normalisation has them in training and in inference', () => {
  const modes = read('core').flatMap((c) => (c.name.startsWith('batch ') ? [c.mode] : []));
  expect(modes.filter((m) => m === 'training').length).toBeGreaterThanOrEqual(few);
  expect(modes.filter((m) => m === 'inference').length).toBeGreaterThanOrEqual(few);
});
