/**
 * Fully connected layers: the last axis, of features, becomes `units` long.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { AnyShape, Int, Shape, Show } from '../Shape.ts';
import { isInt, show } from '../Shape.ts';
import type { FloatError } from './Elementwise.ts';
import { floatError } from './Elementwise.ts';
import type { Positive } from './Option.ts';
import { positive } from './Option.ts';

export type DenseOut<S, N extends number> =
  Positive<'dense', 'units', N> extends infer E extends string
    ? E
    : S extends readonly [infer B, ...infer M, infer L]
      ? L extends number
        ? [B, ...M, N]
        : `dense: the last axis of ${Show<S>} has no fixed size`
      : S extends Int<Shape>
        ? FloatError<'dense', S>
        : `dense: expects [batch,...,features], got ${Show<S>}`;

export const denseOptions = (units: number): string | undefined => positive('dense', 'units', units);

export const dense =
  (units: number) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    const bad = denseOptions(units);
    if (bad !== undefined) return E.left(bad);
    if (isInt(input)) return E.left(floatError('dense', input));
    if (input.length < 2) return E.left(`dense: expects [batch,...,features], got ${show(input)}`);
    return typeof input[input.length - 1] === 'number'
      ? E.right([...input.slice(0, -1), units])
      : E.left(`dense: the last axis of ${show(input)} has no fixed size`);
  };
