/** Programs as an algebra: the laws, as properties; what they say of themselves; what the compiler says of them. */

import fc from 'fast-check';
import { pipe } from 'fp-ts/lib/function.js';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  Callback as C,
  Data as D,
  Layer as L,
  Loss,
  Optimizer,
  Program as P,
  Schedule,
  Training as T,
} from '../../src/index.ts';
import { flowers, noise, objective, right } from './support.ts';

type Any = P.Program;
const schedule = Schedule.cosineDecay({ initialLearningRate: 0.1, decaySteps: 10 });
const stop = C.earlyStopping({ monitor: 'loss' });

const modifiers: fc.Arbitrary<(p: Any) => Any> = fc.oneof(
  fc.constantFrom(0.1, 0.01, schedule).map(
    (rate) =>
      (p: Any): Any =>
        P.withLearningRate(rate)(p),
  ),
  fc.constantFrom('dense', 'dense_1').map(
    (path) =>
      (p: Any): Any =>
        P.freeze(path)(p),
  ),
  fc.constantFrom(['dense'], []).map(
    (paths) =>
      (p: Any): Any =>
        P.thaw(...paths)(p),
  ),
  fc.constant((p: Any): Any => P.withObjective(objective)(p) as unknown as Any),
  fc.constantFrom(4, 8).map(
    (batchSize) =>
      (p: Any): Any =>
        P.withSettings({ batchSize })(p),
  ),
  fc.constant((p: Any): Any => P.withCallbacks(stop)(p) as unknown as Any),
);

const programs: fc.Arbitrary<Any> = fc.letrec<{ program: Any }>((tie) => ({
  program: fc.oneof(
    { maxDepth: 4 },
    fc.integer({ min: 1, max: 3 }).map(P.epochs),
    fc.integer({ min: 1, max: 3 }).map(P.steps),
    fc.array(tie('program'), { maxLength: 3 }).map((all) => P.sequence(...all) as Any),
    fc.tuple(fc.integer({ min: 0, max: 3 }), tie('program')).map(([n, p]) => P.repeat(n)(p)),
    fc.tuple(modifiers, tie('program')).map(([m, p]) => m(p)),
  ),
})).program;

const { equals } = P.getEq<P.Use, unknown, never>();
const { concat, empty } = P.getMonoid();
const hold = (property: fc.IProperty<never> | fc.IPropertyWithHooks<never>) => fc.assert(property as never);

describe('laws', () => {
  it('sequence is associative, and empty is its identity', () => {
    hold(
      fc.property(programs, programs, programs, (a, b, c) => {
        expect(equals(concat(concat(a, b), c), concat(a, concat(b, c)))).toBe(true);
        expect(equals(P.sequence(a, b, c) as Any, concat(a, concat(b, c)))).toBe(true);
        expect(equals(concat(empty, a), a) && equals(concat(a, empty), a)).toBe(true);
        expect(equals(P.sequence(P.empty, a) as Any, a)).toBe(true);
      }) as never,
    );
  });

  it('repeat(n) is a sequence of n', () => {
    hold(
      fc.property(programs, fc.integer({ min: 0, max: 4 }), (p, n) => {
        expect(equals(P.repeat(n)(p), P.sequence(...Array.from({ length: n }, () => p)) as Any)).toBe(true);
        expect(equals(P.repeat(n + 1)(p), concat(p, P.repeat(n)(p)))).toBe(true);
      }) as never,
    );
  });

  it('modifiers distribute over sequence and repeat', () => {
    hold(
      fc.property(modifiers, programs, programs, fc.integer({ min: 0, max: 3 }), (m, p, q, n) => {
        expect(equals(m(concat(p, q)), concat(m(p), m(q)))).toBe(true);
        expect(equals(m(P.repeat(n)(p)), P.repeat(n)(m(p)))).toBe(true);
        expect(P.parts(m(empty))).toEqual([]);
      }) as never,
    );
  });

  it('the inner rate holds; freezing is applied from the outside in', () => {
    hold(
      fc.property(
        programs,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (p, a, b) => {
          expect(equals(P.withLearningRate(a)(P.withLearningRate(b)(p)), P.withLearningRate(b)(p))).toBe(true);
        },
      ) as never,
    );
    const [part] = P.parts(pipe(P.epochs(1), P.thaw('a'), P.freeze('b')));
    expect(part?.freezing.map(({ _tag }) => _tag)).toEqual(['Freeze', 'Thaw']);
  });

  it('equality tells programs apart', () => {
    expect(equals(P.epochs(2), P.steps(2))).toBe(false);
    expect(equals(P.epochs(2), P.repeat(2)(P.epochs(1)))).toBe(false);
    expect(equals(P.withLearningRate(0.1)(P.epochs(2)), P.epochs(2))).toBe(false);
    expect(equals(P.freeze('a')(P.epochs(2)), P.freeze('b')(P.epochs(2)))).toBe(false);
  });
});

const transfer = P.sequence(
  pipe(P.epochs(5), P.freeze('backbone')),
  pipe(P.sequence(P.epochs(1), P.steps(1)), P.repeat(3), P.withLearningRate(1e-5)),
  pipe(P.sequence(P.steps(2), pipe(P.epochs(2), P.withCallbacks(stop))), P.withSettings({ batchSize: 4 }), P.thaw()),
);

describe('a program says what it will do', () => {
  it('in words', () => {
    expect(P.describe(transfer)).toBe(
      [
        '1. 5 epochs; backbone frozen',
        '2. 3 times, with learning rate 0.00001:',
        '     1. 1 epoch',
        '     2. 1 step',
        '3. with all of it trained; batchSize 4:',
        '     1. 2 steps',
        '     2. 2 epochs; callbacks earlyStopping(loss)',
      ].join('\n'),
    );
    expect(P.describe(P.empty)).toBe('nothing');
  });

  it('as a Mermaid diagram', () => {
    expect(P.diagram(transfer)).toBe(
      [
        'flowchart TD',
        '  p_1["5 epochs<br/>backbone frozen"]',
        '  subgraph p_2["3 times; learning rate 0.00001"]',
        '    p_2_0_1["1 epoch"]',
        '    p_2_0_2["1 step"]',
        '    p_2_0_1 --> p_2_0_2',
        '  end',
        '  subgraph p_3["all of it trained; batchSize 4"]',
        '    p_3_1["2 steps"]',
        '    p_3_2["2 epochs<br/>callbacks earlyStopping(loss)"]',
        '    p_3_1 --> p_3_2',
        '  end',
        '  p_1 --> p_2_0_1',
        '  p_2_0_2 --> p_3_1',
      ].join('\n'),
    );
  });

  it('in numbers', () => {
    const data = flowers(22);
    const estimate = right(
      pipe(
        P.sequence(pipe(P.epochs(3), P.freeze('dense')), P.steps(7)),
        P.estimate(objective, { data, batchSize: 4, stepMilliseconds: 2 }),
      ),
    );
    expect(estimate).toMatchObject({ epochs: 4, steps: 3 * 6 + 7, milliseconds: 50 });
    const trainable = 6 * 2 + 6 * 8 + 8 + 8 * 3 + 3;
    expect(estimate.bytes).toEqual({
      weights: 4 * (trainable + 2 * 6),
      // Adam's two moments.
      slots: 4 * 2 * trainable,
      // batch normalisation 6, dense 8, dropout 8, dense 3, forward and backward.
      activations: 2 * 4 * 4 * (6 + 8 + 8 + 3),
      data: 22 * 7 * 4,
    });
    expect(estimate.parts.map(({ bytes }) => bytes.slots)).toEqual([4 * 2 * (trainable - 56), 4 * 2 * trainable]);
  });
});

describe('numbers that make no sense', () => {
  it.each([
    [P.epochs(0), 'epochs must be a whole number, 1 or more, got 0'],
    [P.steps(1.5), 'steps must be a whole number, 1 or more, got 1.5'],
    [P.repeat(-1)(P.epochs(1)), 'repeat must be a whole number, 0 or more, got -1'],
    [P.withLearningRate(Number.NaN)(P.epochs(1)), 'withLearningRate must be a finite number'],
    [
      P.freeze('nowhere')(P.epochs(1)),
      "freeze('nowhere'): no layer or group of that name has parameters; there are batch",
    ],
    [P.freeze('dense', 'dense_1', 'batch_normalization')(P.epochs(1)), 'nothing is left to train'],
  ])('%#', (program, message) => {
    const result = pipe(program, P.estimate(objective, { data: flowers(8) }));
    expect(result._tag === 'Left' && result.left.message).toContain(message);
  });
});

describe('the compiler', () => {
  const data = flowers(8);
  const binary = T.compile(L.model(L.input([6]), L.dense(1, { activation: 'sigmoid' })), {
    loss: Loss.binaryCrossentropy(),
    optimizer: Optimizer.adam(),
  });
  const wide = right(
    D.dataset({
      x: D.floats([7], noise(70)),
      y: D.ints(
        [],
        Array.from({ length: 10 }, () => 1),
      ),
    }),
  );

  it('checks the data of a part against its objective, from either side', () => {
    // @ts-expect-error -- the model's input is [6], the data's [7]
    pipe(P.epochs(1), P.withObjective(objective), P.withData(wide));
    // @ts-expect-error -- the same, the other way round
    pipe(P.epochs(1), P.withData(wide), P.withObjective(objective));
    pipe(P.epochs(1), P.withData(data), P.withObjective(objective));
    // The inner objective holds, so the outer one need not fit.
    pipe(P.epochs(1), P.withData(data), P.withObjective(objective), P.withObjective(binary));
  });

  it('checks what is left open where the program is run', () => {
    // @ts-expect-error -- withData's samples are [7], the model's input [6]
    pipe(P.epochs(1), P.withData(wide), P.run(objective, { data }));
    // @ts-expect-error -- the run's own data
    pipe(P.epochs(1), P.run(objective, { data: wide }));
    // @ts-expect-error -- labels where the part's loss takes [1]
    pipe(P.sequence(P.epochs(1), pipe(P.epochs(1), P.withObjective(binary))), P.run(objective, { data }));
    pipe(P.sequence(P.epochs(1), pipe(P.epochs(1), P.withData(data))), P.run(objective, { data }));
  });

  it('checks monitors and collects what callbacks need', () => {
    const watched = pipe(P.epochs(1), P.withCallbacks(C.earlyStopping({ monitor: 'val_accuracy' })));
    // @ts-expect-error -- without validation there is no val_accuracy
    pipe(P.sequence(P.epochs(1), watched), P.run(objective, { data }));
    pipe(P.sequence(P.epochs(1), watched), P.run(objective, { data, validation: data }));
    // @ts-expect-error -- of the whole program, too
    pipe(P.epochs(1), P.run(objective, { data, callbacks: C.earlyStopping({ monitor: 'val_loss' }) }));
    const run = pipe(P.epochs(1), P.run(objective, { data, interruptible: { save: 'x' } }));
    expectTypeOf<Parameters<typeof run>[0]>().toHaveProperty('interrupts');
    expectTypeOf<Parameters<ReturnType<typeof plain>>[0]>().not.toHaveProperty('interrupts');
  });
  const plain = () => pipe(P.epochs(1), P.run(objective, { data }));
});
