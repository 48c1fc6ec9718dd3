import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, expectTypeOf, it } from 'vitest';
import * as Loss from '../../src/objective/Loss.ts';
import * as Metric from '../../src/objective/Metric.ts';
import type { Apply, Fn } from '../../src/shape/Fn.ts';
import type { AnyShape, Int, Shape } from '../../src/shape/Shape.ts';

/** The rule as a type; the tests hold it equal to the rule at run time. */
type TargetOf<L, O> = L extends { readonly '~fn'?: infer F } ? (F extends Fn ? Apply<F, O> : never) : never;

const target = <const O extends Shape>(loss: Loss.Loss, output: O): AnyShape | string =>
  E.getOrElseW((message: string) => message)(loss.targetShape(output));

describe('the target of a loss, to the compiler and at run time', () => {
  const sparse = Loss.sparseCategoricalCrossentropy();
  const categorical = Loss.categoricalCrossentropy();
  const binary = Loss.binaryCrossentropy();
  type S = typeof sparse;
  type C = typeof categorical;

  it('is a class for each position', () => {
    expectTypeOf<TargetOf<S, ['batch', 10]>>().toEqualTypeOf<Int<['batch']>>();
    expect(target(sparse, ['batch', 10])).toEqual({ int: ['batch'] });
    expectTypeOf<TargetOf<S, ['batch', 'seq', 100]>>().toEqualTypeOf<Int<['batch', 'seq']>>();
    expect(target(sparse, ['batch', 'seq', 100])).toEqual({ int: ['batch', 'seq'] });
  });

  it('has the class axis at 1 for images and volumes', () => {
    expectTypeOf<TargetOf<S, ['batch', 21, 64, 48]>>().toEqualTypeOf<Int<['batch', 64, 48]>>();
    expect(target(sparse, ['batch', 21, 64, 48])).toEqual({ int: ['batch', 64, 48] });
    expectTypeOf<
      TargetOf<S, ['batch', 1, 64, 48]>
    >().toEqualTypeOf<'sparseCategoricalCrossentropy: the output [batch,1,64,48] has one class; use binaryCrossentropy'>();
    expectTypeOf<TargetOf<C, ['batch', 21, 64, 1]>>().toEqualTypeOf<['batch', 21, 64, 1]>();
    expect(target(categorical, ['batch', 21, 64, 1])).toEqual(['batch', 21, 64, 1]);
  });

  it('has the shape of the output otherwise', () => {
    expectTypeOf<TargetOf<C, ['batch', 10]>>().toEqualTypeOf<['batch', 10]>();
    expect(target(categorical, ['batch', 10])).toEqual(['batch', 10]);
    expectTypeOf<TargetOf<typeof binary, ['batch', 1]>>().toEqualTypeOf<['batch', 1]>();
    expect(target(binary, ['batch', 1])).toEqual(['batch', 1]);
  });

  it('is an error for one class', () => {
    const message = 'sparseCategoricalCrossentropy: the output [batch,1] has one class; use binaryCrossentropy';
    expectTypeOf<TargetOf<S, ['batch', 1]>>().toEqualTypeOf<typeof message>();
    expect(target(sparse, ['batch', 1])).toBe(message);
    const other = 'categoricalCrossentropy: the output [batch,1] has one class; use binaryCrossentropy';
    expectTypeOf<TargetOf<C, ['batch', 1]>>().toEqualTypeOf<typeof other>();
    expect(target(categorical, ['batch', 1])).toBe(other);
  });

  it('is an error without a class axis', () => {
    const message = 'sparseCategoricalCrossentropy: expects [batch,...,classes], got [batch]';
    expectTypeOf<TargetOf<S, ['batch']>>().toEqualTypeOf<typeof message>();
    expect(target(sparse, ['batch'])).toBe(message);
    const integers = 'categoricalCrossentropy: expects [batch,...,classes], got int32[batch,3]';
    expectTypeOf<TargetOf<C, Int<['batch', 3]>>>().toEqualTypeOf<typeof integers>();
    expect(E.swap(categorical.targetShape({ int: ['batch', 3] }))).toEqual(E.right(integers));
  });

  it('is left to run time where the output is unknown', () => {
    expectTypeOf<TargetOf<S, Shape>>().toEqualTypeOf<Shape>();
    expectTypeOf<TargetOf<S, ['batch', number]>>().toEqualTypeOf<Int<['batch']>>();
    expect(target(sparse, ['batch', '?'])).toEqual({ int: ['batch'] });
  });
});

describe('which numbers a target may hold', () => {
  it('classes from 0, probabilities, or anything', () => {
    expect(Loss.sparseCategoricalCrossentropy().range(['batch', 10])).toEqual({
      min: 0,
      max: 9,
      integer: true,
      except: undefined,
    });
    expect(Loss.sparseCategoricalCrossentropy({ ignoreClass: -1 }).range(['batch', 21, 8, 8])).toEqual({
      min: 0,
      max: 20,
      integer: true,
      except: -1,
    });
    expect(Loss.sparseCategoricalCrossentropy().range(['batch', 'words'])).toBeUndefined();
    expect(Loss.binaryCrossentropy().range(['batch', 2])).toMatchObject({ min: 0, max: 1, integer: false });
    expect(Loss.meanSquaredError().range(['batch', 2])).toBeUndefined();
  });
});

describe('the target of a metric', () => {
  it('is that of the loss it goes with', () => {
    const metric = Metric.sparseCategoricalAccuracy();
    expectTypeOf<TargetOf<typeof metric, ['batch', 10]>>().toEqualTypeOf<Int<['batch']>>();
    expect(metric.accepts(['batch', 10], { int: ['batch'] })).toEqual(E.right({ int: ['batch'] }));
    expect(metric.accepts(['batch', 10], ['batch', 10])).toEqual(
      E.left('sparseCategoricalAccuracy: expects targets int32[batch] with outputs [batch,10], got [batch,10]'),
    );
    expect(Metric.fromLoss(Loss.huber()).accepts(['batch', 2], ['batch', 3])).toEqual(
      E.left('huber_loss: expects targets [batch,2] with outputs [batch,2], got [batch,3]'),
    );
    const f1 = Metric.f1();
    const message = 'f1: expects [batch,classes], got [batch,4,5]';
    expectTypeOf<TargetOf<typeof f1, ['batch', 4, 5]>>().toEqualTypeOf<typeof message>();
    expect(f1.accepts(['batch', 4, 5], ['batch', 4, 5])).toEqual(E.left(message));
  });

  it('is any for accuracy and log loss, which look at its shape', () => {
    const metric = Metric.accuracy();
    expectTypeOf<TargetOf<typeof metric, ['batch', 10]>>().toEqualTypeOf<Shape>();
    expect(metric.accepts(['batch', 10], { int: ['batch'] })).toEqual(E.right({ int: ['batch'] }));
    expect(metric.accepts(['batch', 10], ['batch', 10])).toEqual(E.right(['batch', 10]));
  });

  it('names and directions are literals', () => {
    expectTypeOf(Metric.accuracy().name).toEqualTypeOf<'accuracy'>();
    expectTypeOf(Metric.binaryAccuracy({ name: 'lenient' }).name).toEqualTypeOf<'lenient'>();
    expectTypeOf(Metric.f1().direction).toEqualTypeOf<'max'>();
    expectTypeOf(Metric.rootMeanSquaredError().direction).toEqualTypeOf<'min'>();
    expect(Metric.accuracy().name).toBe('accuracy');
    expect(Metric.binaryAccuracy({ name: 'lenient' }).name).toBe('lenient');
    expect(Metric.sparseCategoricalCrossentropy().name).toBe('sparse_categorical_crossentropy');
    expect([Metric.f1().direction, Metric.rootMeanSquaredError().direction]).toEqual(['max', 'min']);
  });
});
