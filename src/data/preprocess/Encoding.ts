/**
 * Integers to columns, with nothing to learn: each token's own column, which tokens there are, or how often.
 */
import * as E from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import * as Op from '../../graph/Operators.ts';
import type { Fitted, Spec } from './Fitted.ts';
import { noInverse, untyped } from './Fitted.ts';
import { invalidOption, invalidValue } from './PreprocessError.ts';
import type { Preprocessor } from './Preprocessor.ts';
import { preprocessor } from './Preprocessor.ts';
import type { Reader } from './Stage.ts';
import { isWidth, reader, strings, tableStage } from './Stage.ts';
import type { Table } from './Table.ts';
import { make } from './Table.ts';

export interface CategoryEncodingSpec extends Spec {
  readonly _tag: 'CategoryEncoding';
  readonly inputs: readonly string[];
  readonly numTokens: number;
  readonly outputMode: 'oneHot' | 'multiHot' | 'count';
}

export const categoryEncodingStage = (spec: CategoryEncodingSpec): Fitted<Table, Table> => {
  const { inputs, numTokens, outputMode } = spec;
  const [width, each] = [inputs.length, outputMode === 'oneHot'];
  const names = (each ? inputs : ['token']).flatMap((name) =>
    Array.from({ length: numTokens }, (_, k) => `${name}=${k}`),
  );
  return tableStage({
    name: 'categoryEncoding',
    spec,
    inputs,
    names,
    transform: (x) => {
      const bad = x.data.findIndex((v) => !(Number.isInteger(v) && v >= 0 && v < numTokens));
      if (bad >= 0)
        return E.left(
          invalidValue(
            'categoryEncoding',
            { row: Math.floor(bad / width), column: inputs[bad % width] ?? '', value: x.data[bad] },
            `an integer from 0 to ${numTokens - 1}`,
            'give the number of tokens, and tokens that count from 0',
          ),
        );
      const data = new Float64Array(x.rows * names.length);
      x.data.forEach((v, from) => {
        const at = Math.floor(from / width) * names.length + (each ? (from % width) * numTokens : 0) + v;
        data[at] = outputMode === 'count' ? (data[at] ?? 0) + 1 : 1;
      });
      return E.right(make(x.rows, names, data));
    },
    inverse: noInverse('categoryEncoding', 'take the largest of each group'),
    lower: E.right((x) => {
      const hot = Op.cast('float32')(
        Op.equal(
          Op.unsqueeze([2])(x),
          Op.tensor(
            Array.from({ length: numTokens }, (_, k) => k),
            [1, 1, numTokens],
            'float32',
          ),
        ),
      );
      if (each) return Op.reshape([x.type.shape[0] ?? 'batch', width * numTokens])(hot);
      return outputMode === 'count' ? Op.reduceSum({ axes: [1] })(hot) : Op.reduceMax({ axes: [1] })(hot);
    }),
  });
};

export const categoryEncodingReader: Reader = reader<CategoryEncodingSpec>(
  'CategoryEncoding',
  t.type({
    _tag: t.literal('CategoryEncoding'),
    inputs: strings,
    numTokens: t.number,
    outputMode: t.union([t.literal('oneHot'), t.literal('multiHot'), t.literal('count')]),
  }),
  (spec) => untyped(categoryEncodingStage(spec)),
  ({ inputs, numTokens }) =>
    isWidth(numTokens) && isWidth(numTokens * inputs.length) ? undefined : 'expected a positive number of tokens',
);

/**
 * Integers from 0 to `numTokens - 1`: each as its own columns with a single 1 (`'oneHot'`), or those of a row together, whether each
 * token is there (`'multiHot'`, the default) or how often (`'count'`). Keras `CategoryEncoding`.
 */
export const categoryEncoding = (
  numTokens: number,
  options: { readonly outputMode?: CategoryEncodingSpec['outputMode'] } = {},
): Preprocessor<Table, Table> =>
  preprocessor((train) =>
    isWidth(numTokens) && isWidth(numTokens * train.names.length)
      ? E.right(
          categoryEncodingStage({
            _tag: 'CategoryEncoding',
            inputs: train.names,
            numTokens,
            outputMode: options.outputMode ?? 'multiHot',
          }),
        )
      : E.left(
          invalidOption('categoryEncoding', 'numTokens', 'a positive integer, with at most 2^20 columns', numTokens),
        ),
  );
