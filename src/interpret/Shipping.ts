/**
 * A graph for inference, made ready to be shipped: what training needs to be apart is put together, and weights are stored as
 * small as is wished.
 *
 * Law: the outputs are those of the given graph: up to rounding with float32 weights, else up to that of the weights.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Graph } from '../graph/Graph.ts';
import { absorb } from '../graph/rewrite/Absorb.ts';
import { namedDimensions, withDimensions } from '../graph/rewrite/Dimensions.ts';
import { fold } from '../graph/rewrite/Fold.ts';
import { halfWeights } from '../graph/rewrite/HalfWeights.ts';
import { forOpset } from '../graph/rewrite/Older.ts';
import { quantise } from '../graph/rewrite/Quantise.ts';
import { type LoweringError, lowering } from './Lowering.ts';

/**
 * How weights are stored. `float32`: as they are. `float16`: half the size, computed with in float32. `int8`: a quarter, one scale
 * for each output unit, computed with in float32. `dynamicInt8`: the same, and products of matrices are computed in integers,
 * with inputs rounded to 8 bits at run time.
 */
export type WeightFormat = 'float32' | 'float16' | 'int8' | 'dynamicInt8';

export interface Shipping {
  readonly fold: boolean;
  readonly weights: WeightFormat;
  readonly dimensions: Readonly<Record<string, string | number>>;
  readonly opset: number;
}

/** Names, or sizes of 1 or more, for dimensions that there are. */
const dimensionsError = (graph: Graph, by: Shipping['dimensions']): string | undefined => {
  const known = namedDimensions(graph);
  const wrong = Object.entries(by).flatMap(([name, to]) => {
    if (!known.includes(name))
      return [`the inputs have no dimension '${name}', only ${known.map((n) => `'${n}'`).join(', ') || 'fixed sizes'}`];
    const isSize = typeof to === 'number' && Number.isSafeInteger(to) && to > 0;
    const isName = typeof to === 'string' && /^[A-Za-z_][A-Za-z0-9_]*$/.test(to);
    return isSize || isName ? [] : [`'${name}' becomes ${JSON.stringify(to)}: expected a name, or a size of 1 or more`];
  });
  return wrong.length === 0 ? undefined : wrong.join('; ');
};

const stored: Readonly<Record<WeightFormat, (graph: Graph) => Graph>> = {
  float32: (graph) => graph,
  float16: halfWeights,
  int8: quantise('weights'),
  dynamicInt8: quantise('dynamic'),
};

export type ShippingError = LoweringError | { readonly _tag: 'ShippingOptionsError'; readonly message: string };

/** The passes, in the order in which one makes work for the next. */
export const ship =
  (options: Shipping) =>
  (graph: Graph): E.Either<ShippingError, Graph> => {
    const bad = dimensionsError(graph, options.dimensions);
    if (bad !== undefined) return E.left({ _tag: 'ShippingOptionsError', message: `dimensions: ${bad}` });
    if (!Object.hasOwn(stored, options.weights)) {
      const formats = Object.keys(stored).map((format) => `'${format}'`);
      return E.left({
        _tag: 'ShippingOptionsError',
        message: `weights: expected ${formats.join(', ')}, got ${JSON.stringify(options.weights)}`,
      });
    }
    return lowering(() =>
      pipe(
        graph,
        Object.keys(options.dimensions).length === 0 ? (g) => g : withDimensions(options.dimensions),
        options.fold ? (g) => fold(absorb(fold(g))) : (g) => g,
        forOpset(options.opset),
        stored[options.weights],
      ),
    );
  };
