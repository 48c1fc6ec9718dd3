/**
 * A fitted stage as a layer to stand before a model: then what is exported takes raw numbers, and serving needs no second
 * implementation. It has no parameters, and nothing is trained in it.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { custom } from '../../layer/custom.ts';
import type { Layer } from '../../layer/Definition.ts';
import type { Leaf } from '../../shape/Fn.ts';
import type { Int, Shape, Show } from '../../shape/Shape.ts';
import { dims, isInt, show } from '../../shape/Shape.ts';
import type { Fitted } from './Fitted.ts';
import type { PreprocessError } from './PreprocessError.ts';
import { widthMismatch } from './PreprocessError.ts';
import type { Table } from './Table.ts';

/** `[batch, inputs]` to `[batch, width]`. */
export interface Preprocessing<I extends number, W extends number> extends Leaf {
  readonly out: this['in'] extends Int<Shape>
    ? `preprocessing: expects float32 numbers, got ${Show<this['in']>}`
    : this['in'] extends readonly [infer B, I]
      ? [B, W]
      : `preprocessing: expects [batch,${I}], got ${Show<this['in']>}`;
}

/**
 * The layer; `inputs` and `width` are how many columns go in and come out, and are checked. Raw columns are float32 with NaN for a
 * missing number, in the order of `fitted.inputs`. Errors: other numbers of columns; a stage that reads text.
 *
 * @example
 * const serving = pipe(asLayer(fitted, 4, 7), E.map((before) => L.model(L.input([4]), before, network)));
 */
export const asLayer = <const I extends number, const W extends number, A>(
  fitted: Fitted<A, Table>,
  inputs: I,
  width: W,
): E.Either<PreprocessError, Layer<Preprocessing<I, W>>> => {
  if (fitted.inputs !== undefined && fitted.inputs.length !== inputs)
    return E.left(widthMismatch('asLayer: inputs', fitted.inputs.length, inputs));
  if (fitted.names !== undefined && fitted.names.length !== width)
    return E.left(widthMismatch('asLayer: width', fitted.names.length, width));
  return pipe(
    fitted.lower,
    E.map((lower) =>
      custom<Preprocessing<I, W>>({
        name: 'preprocessing',
        options: fitted.spec,
        output: (input) => {
          const [batch, features, ...more] = dims(input);
          return isInt(input) || batch === undefined || features !== inputs || more.length > 0
            ? E.left(`expects [batch,${inputs}], got ${show(input)}`)
            : E.right([batch, width]);
        },
        lower,
      }),
    ),
  );
};
