/** Nodes and edges of a model: every layer once for each use, and edges only to what stands before. */
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import { Layer as L, Model } from '../../src/index.ts';

describe('nodes', () => {
  it('of a chain with groups', () => {
    const model = L.model(
      L.input([1, 8, 8]),
      L.named('backbone', L.sequential(L.conv2d({ filters: 2, kernel: 3 }), L.relu())),
      L.flatten(),
      L.dense(3),
    );
    expect(Model.nodes(model)).toEqual(
      E.right([
        { name: 'input', op: 'InputLayer', inputs: [] },
        { name: 'backbone/conv2d', op: 'Conv2D', inputs: ['input'] },
        { name: 'backbone/relu', op: 'ReLU', inputs: ['backbone/conv2d'] },
        { name: 'flatten', op: 'Flatten', inputs: ['backbone/relu'] },
        { name: 'dense', op: 'Dense', inputs: ['flatten'] },
      ]),
    );
  });

  it('of a graph with two inputs and a shared layer', () => {
    const encode = L.dense(4);
    const model = L.graph({ a: [3], b: [3] }, ({ a, b }) => L.concatenate(encode(a), encode(b)));
    expect(Model.nodes(model)).toEqual(
      E.right([
        { name: 'a', op: 'InputLayer', inputs: [] },
        { name: 'b', op: 'InputLayer', inputs: [] },
        { name: 'dense', op: 'Dense', inputs: ['a'] },
        { name: 'dense_use_1', op: 'Dense', inputs: ['b'] },
        { name: 'concatenate', op: 'Concatenate', inputs: ['dense', 'dense_use_1'] },
      ]),
    );
  });

  it('of what does not fit are all its errors', () => {
    const wide: number = 9;
    const model = L.model(L.input([1, 4, 4]), L.conv2d({ filters: 2, kernel: wide }));
    expect(E.isLeft(Model.nodes(model))).toBe(true);
  });
});
