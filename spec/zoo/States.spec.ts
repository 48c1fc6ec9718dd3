/**
 * State dicts of torchvision's networks are weights of the zoo's: every tensor becomes the parameter that it is, also
 * in files whose tensors are sorted by name, as the package safetensors writes them (names: spec/golden/states.py).
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Weights } from '../../src/index.ts';
import { resolvedOf } from '../interpret/support.ts';
import { left, right } from '../training/support.ts';
import { cases, modelOf } from './golden.ts';

interface State {
  readonly name: string;
  /** Names and shapes, in the order of the modules' creation. */
  readonly tensors: readonly string[];
  /** For each parameter of ours, which tensor it is. */
  readonly atoms: readonly number[];
}

const states: readonly State[] = JSON.parse(readFileSync(new URL('../golden/states.json', import.meta.url), 'utf8'));

/** Each tensor is full of its own number. */
const tensorsOf = ({ tensors }: State): Weights.Tensors =>
  Object.fromEntries(
    tensors.map((line, i) => {
      const [name = '', sizes = ''] = line.split(' ');
      const shape = sizes.split('x').map(Number);
      const elements = shape.reduce((a, b) => a * b, 1);
      return [name, { dtype: 'float32', shape, data: new Float32Array(elements).fill(i) }];
    }),
  );

const sorted = (tensors: Weights.Tensors): Weights.Tensors =>
  Object.fromEntries(Object.entries(tensors).sort(([a], [b]) => (a < b ? -1 : 1)));

const modelFor = (name: string) => {
  const found = cases.find((c) => c.name === name);
  if (found === undefined) throw new Error(`no network ${name}`);
  return modelOf(found);
};

describe('a state dict of torchvision', () => {
  it.each(states.map((s) => [s.name, s] as const))('of %s', (name, state) => {
    const model = modelFor(name);
    const { parameters } = resolvedOf(model);
    const expected = parameters.map((p, i) => [p.name, state.atoms[i]]);
    const tensors = tensorsOf(state);
    for (const given of [tensors, sorted(tensors)]) {
      const weights = right(Weights.fromPyTorch()(model)(given));
      expect(parameters.map((p) => [p.name, weights[p.name]?.data.at(-1)])).toEqual(expected);
    }
  });

  it('goes back as it came, in the forms that it has there', () => {
    for (const name of ['convnextTiny', 'vitTi16']) {
      const model = modelFor(name);
      const state = states.find((s) => s.name === name) as State;
      const tensors = tensorsOf(state);
      const names = Weights.namesOf(right(Weights.pairsPyTorch()(model)(tensors)));
      const back = right(Weights.toPyTorch({ names })(model)(right(Weights.fromPyTorch()(model)(tensors))));
      const shapes = (all: Weights.Tensors) =>
        Object.fromEntries(Object.entries(all).map(([tensor, { shape, data }]) => [tensor, [...shape, data[0]]]));
      expect(shapes(back)).toEqual(shapes(tensors));
    }
  });

  it('with an auxiliary classifier, which is ignored', () => {
    const model = modelFor('googlenet');
    const tensors = {
      ...tensorsOf(states.find((s) => s.name === 'googlenet') as State),
      'aux1.conv.conv.weight': { dtype: 'float32', shape: [128, 512, 1, 1], data: new Float32Array(65536) },
    } as const;
    expect(left(Weights.fromPyTorch()(model)(tensors)).faults.map((f) => f._tag)).toEqual(['Unexpected']);
    right(Weights.fromPyTorch({ ignore: (tensor) => tensor.startsWith('aux') })(model)(sorted(tensors)));
  });
});
