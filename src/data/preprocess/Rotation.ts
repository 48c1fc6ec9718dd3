/**
 * Rows as wholes: principal components, and rows scaled to length 1.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import * as Op from '../../graph/Operators.ts';
import type { Fitted, Spec } from './Fitted.ts';
import { noInverse, untyped } from './Fitted.ts';
import type { PreprocessError } from './PreprocessError.ts';
import { invalidOption, nothingToFit } from './PreprocessError.ts';
import type { Preprocessor } from './Preprocessor.ts';
import { preprocessor } from './Preprocessor.ts';
import type { Reader } from './Stage.ts';
import { numbers, reader, rowOf, strings, tableStage } from './Stage.ts';
import type { Table } from './Table.ts';
import { column, complete, make, toRows } from './Table.ts';

// -------------------------------------------------------------------------------------
// principal components
// -------------------------------------------------------------------------------------

export interface PcaSpec extends Spec {
  readonly _tag: 'Pca';
  readonly inputs: readonly string[];
  readonly mean: readonly number[];
  /** Orthonormal rows, the one with the most variance first; in each the number of largest size is positive. */
  readonly components: readonly (readonly number[])[];
  /** Of the training data along each component, divided by n - 1. */
  readonly variance: readonly number[];
  /** Share of the whole variance. */
  readonly varianceRatio: readonly number[];
  readonly whiten: boolean;
}

export const pcaStage = (spec: PcaSpec): Fitted<Table, Table> => {
  const { inputs, mean, components, variance, whiten } = spec;
  const [width, count] = [inputs.length, components.length];
  const names = components.map((_, k) => `pc${k + 1}`);
  const length = (k: number): number => (whiten ? Math.sqrt(variance[k] ?? 1) || 1 : 1);
  return tableStage({
    name: 'pca',
    spec,
    inputs,
    names,
    transform: (x) =>
      pipe(
        complete('pca')(x),
        E.map(({ data, rows }) => {
          const out = new Float64Array(rows * count);
          for (let i = 0; i < rows; i++)
            for (let k = 0; k < count; k++) {
              let sum = 0;
              for (let j = 0; j < width; j++)
                sum += ((data[i * width + j] ?? 0) - (mean[j] ?? 0)) * (components[k]?.[j] ?? 0);
              out[i * count + k] = sum / length(k);
            }
          return make(rows, names, out);
        }),
      ),
    inverse: E.right((y) => {
      const out = new Float64Array(y.rows * width);
      for (let i = 0; i < y.rows; i++)
        for (let j = 0; j < width; j++) {
          let sum = mean[j] ?? 0;
          for (let k = 0; k < count; k++) sum += (y.data[i * count + k] ?? 0) * length(k) * (components[k]?.[j] ?? 0);
          out[i * width + j] = sum;
        }
      return E.right(make(y.rows, inputs, out));
    }),
    lower: E.right((x) => {
      const weights = Array.from({ length: width }, (_, j) => components.map((row, k) => (row[j] ?? 0) / length(k)));
      return Op.matMul(Op.sub(x, rowOf(mean)), Op.tensor(weights.flat(), [width, count], 'float32'));
    }),
  });
};

export const pcaReader: Reader = reader<PcaSpec>(
  'Pca',
  t.type({
    _tag: t.literal('Pca'),
    inputs: strings,
    mean: numbers,
    components: t.readonlyArray(numbers),
    variance: numbers,
    varianceRatio: numbers,
    whiten: t.boolean,
  }),
  (spec) => untyped(pcaStage(spec)),
  ({ inputs, mean, components, variance }) =>
    mean.length === inputs.length &&
    components.length > 0 &&
    components.every((row) => row.length === inputs.length) &&
    variance.length === components.length
      ? undefined
      : 'expected a mean and a weight in each component for each input, and a variance for each component',
);

/** So that the sign does not depend on the method. */
const signed = (row: readonly number[]): readonly number[] => {
  const largest = row.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
  return largest < 0 ? row.map((x) => -x) : row;
};

/**
 * Principal components: the data turned so that the first columns hold the most variance. `components`: how many (default all that
 * there are), or the share of variance to keep, below 1. `whiten` gives every component variance 1. The inverse loses what the
 * components left out hold. Errors: missing numbers; fewer than 2 samples; more components than samples or columns. scikit-learn
 * `PCA`, but for the sign: here the weight of largest size in each component is positive (scikit-learn from 1.5 does so too).
 */
export const pca = (
  options: { readonly components?: number; readonly whiten?: boolean } = {},
): Preprocessor<Table, Table> =>
  preprocessor((train) =>
    pipe(
      complete('pca')(train),
      E.chain((table): E.Either<PreprocessError, Fitted<Table, Table>> => {
        const [width, rows] = [table.names.length, table.rows];
        const most = Math.min(width, rows);
        const wanted = options.components ?? most;
        if (rows < 2) return E.left(nothingToFit('pca', 'one sample came', 'variance needs at least two'));
        if (!((Number.isInteger(wanted) && wanted >= 1 && wanted <= most) || (wanted > 0 && wanted < 1)))
          return E.left(invalidOption('pca', 'components', `an integer from 1 to ${most}, or a share below 1`, wanted));
        const mean = table.names.map((_, j) => column(table, j).reduce((a, b) => a + b, 0) / rows);
        const centred = toRows(table).map((row) => row.map((v, j) => v - (mean[j] ?? 0)));
        const svd = new SingularValueDecomposition(new Matrix(centred), { autoTranspose: true });
        const variances = svd.diagonal.slice(0, most).map((s) => (s * s) / (rows - 1));
        const whole = variances.reduce((a, b) => a + b, 0) || 1;
        const ratios = variances.map((v) => v / whole);
        let [count, kept] = [0, 0];
        while (count < most && (wanted < 1 ? kept <= wanted : count < wanted)) kept += ratios[count++] ?? 0;
        const vectors = svd.rightSingularVectors;
        return E.right(
          pcaStage({
            _tag: 'Pca',
            inputs: table.names,
            mean,
            components: Array.from({ length: count }, (_, k) => signed(vectors.getColumn(k))),
            variance: variances.slice(0, count),
            varianceRatio: ratios.slice(0, count),
            whiten: options.whiten === true,
          }),
        );
      }),
    ),
  );

// -------------------------------------------------------------------------------------
// rows of length 1
// -------------------------------------------------------------------------------------

const norms = ['l1', 'l2', 'max'] as const;
type Norm = (typeof norms)[number];

export interface UnitSpec extends Spec {
  readonly _tag: 'Unit';
  readonly inputs: readonly string[];
  readonly norm: Norm;
}

const lengthOf: Readonly<Record<Norm, (row: Float64Array) => number>> = {
  l1: (row) => row.reduce((a, b) => a + Math.abs(b), 0),
  l2: (row) => Math.sqrt(row.reduce((a, b) => a + b * b, 0)),
  max: (row) => row.reduce((a, b) => Math.max(a, Math.abs(b)), 0),
};

export const unitStage = (spec: UnitSpec): Fitted<Table, Table> => {
  const { inputs, norm } = spec;
  const width = inputs.length;
  return tableStage({
    name: 'unit',
    spec,
    inputs,
    transform: (x) => {
      const lengths = Array.from(
        { length: x.rows },
        (_, i) => lengthOf[norm](x.data.subarray(i * width, (i + 1) * width)) || 1,
      );
      return E.right(
        make(
          x.rows,
          x.names,
          x.data.map((v, at) => v / (lengths[Math.floor(at / width)] ?? 1)),
        ),
      );
    },
    inverse: noInverse('unit', 'the length of the row is gone'),
    lower: E.right((x) => {
      const along = { axes: [1], keepDims: true };
      const length = {
        l1: () => Op.reduceSum(along)(Op.abs(x)),
        l2: () => Op.sqrt(Op.reduceSum(along)(Op.mul(x, x))),
        max: () => Op.reduceMax(along)(Op.abs(x)),
      }[norm]();
      return Op.div(x, Op.where(Op.equal(length, 0), Op.fillLike(length, 1), length));
    }),
  });
};

export const unitReader: Reader = reader<UnitSpec>(
  'Unit',
  t.type({
    _tag: t.literal('Unit'),
    inputs: strings,
    norm: t.union([t.literal('l1'), t.literal('l2'), t.literal('max')]),
  }),
  (spec) => untyped(unitStage(spec)),
);

/** Each row divided by its length, a row of zeros as it is: for counts of words. scikit-learn `Normalizer`; Keras `UnitNormalization`. */
export const unit = (norm: Norm = 'l2'): Preprocessor<Table, Table> =>
  preprocessor((train) => E.right(unitStage({ _tag: 'Unit', inputs: train.names, norm })));
