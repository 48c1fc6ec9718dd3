/**
 * What the functions of surgery share: names with shapes, and checks of results.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { AnyShape, Batched, Shape } from '../../shape/Shape.ts';
import { agree, batched, show } from '../../shape/Shape.ts';
import { resolve } from '../Resolve.ts';
import type { Source } from '../Resolved.ts';
import type { Model } from '../Wiring.ts';
import { type SurgeryError, surgeryError, type Wired } from './Wired.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type Any = Model<never, unknown>;
export type Result<I, O> = E.Either<SurgeryError, Model<I, O>>;

/** A name, or a name with the shape of one sample that is expected there: then the compiler knows it. */
export type At<S extends AnyShape = Shape> = string | { readonly at: string; readonly shape: S };

export type ShapeAt<A> = A extends { readonly shape: infer S extends AnyShape } ? Batched<S> : Shape;

export const nameOf = (at: At<AnyShape>): string => (typeof at === 'string' ? at : at.at);

// -------------------------------------------------------------------------------------
// checks
// -------------------------------------------------------------------------------------

export const typesOf = (model: Any): E.Either<SurgeryError, readonly AnyShape[]> =>
  pipe(
    resolve(model),
    E.mapLeft((errors) => surgeryError(errors.map((e) => e.message).join('\n'))),
    E.map((r) => r.outputs.map((o) => o.type)),
  );

/** The output of that number is of the declared shape. */
export const expected =
  (at: At<AnyShape>, index = 0) =>
  <M extends Any>(model: M): E.Either<SurgeryError, M> =>
    typeof at === 'string'
      ? E.right(model)
      : pipe(
          typesOf(model),
          E.chain((types) => {
            const got = types[index];
            const want = batched(at.shape);
            return got !== undefined && agree(got, want)
              ? E.right(model)
              : E.left(
                  surgeryError(`'${at.at}' is ${got === undefined ? 'missing' : show(got)}, expected ${show(want)}`),
                );
          }),
        );

export const onlyOutput = (w: Wired): E.Either<SurgeryError, Source> =>
  w.outputs.length === 1 && w.outputs[0] !== undefined
    ? E.right(w.outputs[0].from)
    : E.left(
        surgeryError(
          `expected a model with 1 output, it has ${w.outputs.length}: ${w.outputs.map((o) => o.name).join(', ')}`,
        ),
      );
