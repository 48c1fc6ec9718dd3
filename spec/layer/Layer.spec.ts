import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { describe, expect, it } from 'vitest';
import * as L from '../../src/layer/Layer.ts';
import { resolve } from '../../src/model/Resolve.ts';

/** Layers that run on `[batch, 2, 6, 6]` in any order, or fail with a shape error: both have to be equal. */
type Block = L.Layer<L.Fn>;
const block: fc.Arbitrary<Block> = fc.constantFrom<Block[]>(
  L.relu(),
  L.identity(),
  L.dropout(0.5),
  L.batchNormalization(),
  L.conv2d({ filters: 2, kernel: 3, padding: 'same' }),
  L.conv2d({ filters: 3, kernel: 2 }),
  L.maxPool2d(),
  L.residual(L.conv2d({ filters: 2, kernel: 1 })),
  L.named('shared', L.conv2d({ filters: 2, kernel: 3, padding: 'same' })),
  L.dense(6),
  L.flatten(),
);
const blocks = fc.array(block, { maxLength: 4 });
// The arguments' shapes are left to run time.
const stack = L.model as unknown as (x: unknown, ...layers: readonly Block[]) => L.Model<never, unknown>;
const inSequence = L.sequential as unknown as (...layers: readonly Block[]) => Block;
const resolved = (...layers: readonly Block[]) => resolve(stack(L.input([2, 6, 6]), ...layers));

const outline = (e: ReturnType<typeof resolve>) =>
  pipe(
    e,
    E.map((r) => [r.outputs[0]?.type, r.parameters]),
  );

describe('sequential', () => {
  it('is associative, and the same as its layers one after the other', () => {
    fc.assert(
      fc.property(blocks, blocks, blocks, (a, b, c) => {
        const flat = resolved(...a, ...b, ...c);
        const left = inSequence(inSequence(...a, ...b), ...c);
        const right = inSequence(...a, inSequence(...b, ...c));
        expect(resolved(left)).toEqual(flat);
        expect(resolved(right)).toEqual(flat);
      }),
    );
  });

  it('has the empty sequence as its unit', () => {
    fc.assert(
      fc.property(blocks, (a) => {
        expect(resolved(inSequence(...a), inSequence())).toEqual(resolved(...a));
        expect(resolved(inSequence(), ...a)).toEqual(resolved(...a));
      }),
    );
  });

  it('has identity as its unit on shapes and parameters', () => {
    fc.assert(
      fc.property(blocks, (a) => {
        expect(outline(resolved(L.identity(), ...a))).toEqual(outline(resolved(...a)));
        expect(outline(resolved(...a, L.identity()))).toEqual(outline(resolved(...a)));
      }),
    );
  });

  it('andThen makes one flat sequence', () => {
    const three = pipe(L.flatten(), L.andThen(L.dense(3)), L.andThen(L.relu()));
    expect(three.spec).toEqual(L.sequential(L.flatten(), L.dense(3), L.relu()).spec);
  });
});

describe('layers', () => {
  it('are equal values when made equally, and are not changed by use', () => {
    const d = L.dense(3);
    expect(d.spec).toEqual(L.dense(3).spec);
    expect(Object.isFrozen(d)).toBe(true);
    d(L.input([2]));
    expect(d.spec).toEqual(L.dense(3).spec);
  });

  it("fill in Keras's defaults", () => {
    expect(L.conv2d({ filters: 4, kernel: 3 }).spec).toEqual({
      op: 'conv2d',
      filters: 4,
      kernel: [3, 3],
      strides: [1, 1],
      padding: 'valid',
      dilation: [1, 1],
      groups: 1,
      activation: 'linear',
      useBias: true,
      kernelInitializer: { _tag: 'VarianceScaling', scale: 1, mode: 'fanAvg', distribution: 'uniform' },
      biasInitializer: { _tag: 'Zeros' },
    });
    expect(L.maxPool2d().spec).toEqual({ op: 'maxPool2d', kernel: [2, 2], strides: [2, 2], padding: 'valid' });
    expect(L.averagePool2d({ kernel: [3, 1], padding: 1 }).spec).toEqual({
      op: 'averagePool2d',
      kernel: [3, 1],
      strides: [3, 1],
      padding: [1, 1],
    });
    expect(L.batchNormalization().spec).toEqual({
      op: 'batchNormalization',
      axis: undefined,
      momentum: 0.99,
      epsilon: 0.001,
      center: true,
      scale: true,
      gammaInitializer: { _tag: 'Ones' },
      betaInitializer: { _tag: 'Zeros' },
      movingMeanInitializer: { _tag: 'Zeros' },
      movingVarianceInitializer: { _tag: 'Ones' },
    });
    expect(L.dense(1, { useBias: false, kernelInitializer: L.Initializer.heNormal }).spec).toMatchObject({
      useBias: false,
      kernelInitializer: { _tag: 'VarianceScaling', scale: 2, mode: 'fanIn', distribution: 'truncatedNormal' },
    });
  });

  it('applied to a tensor are what they are in a model', () => {
    const chain = L.model(L.input([4]), L.dense(8), L.relu(), L.dense(2));
    const piped = L.graph([4], (x) => pipe(x, L.dense(8), L.relu(), L.dense(2)));
    const through = L.graph([4], (x) => L.through(x, L.dense(8), L.relu(), L.dense(2)));
    expect(piped.spec).toEqual(chain.spec);
    expect(through.spec).toEqual(chain.spec);
  });
});
