/**
 * Scaling each column by a straight line: standard scores, a given range, median and quartiles, the largest absolute value.
 *
 * All are `(x - center) / scale + shift` with numbers of the training data, so all have inverses and are three operators in a
 * graph. Missing numbers are left out of the fit and stay missing. A column with one value throughout gets scale 1.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import * as Op from '../../graph/Operators.ts';
import type { Fitted, Spec } from './Fitted.ts';
import { untyped } from './Fitted.ts';
import { invalidOption } from './PreprocessError.ts';
import type { Preprocessor } from './Preprocessor.ts';
import { preprocessor } from './Preprocessor.ts';
import type { Reader } from './Stage.ts';
import { numbers, quantile, reader, rowOf, sortedColumns, strings, tableStage } from './Stage.ts';
import type { Table } from './Table.ts';
import { mapNumbers } from './Table.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface ScaleSpec extends Spec {
  readonly _tag: 'Scale';
  readonly inputs: readonly string[];
  readonly center: readonly number[];
  /** None is 0. */
  readonly scale: readonly number[];
  readonly shift: number;
  /** Results beyond are brought to the ends. */
  readonly clip?: readonly number[] | undefined;
}

/** From the numbers: what `codec` reads, and what the fits make. */
export const scaleStage = (spec: ScaleSpec): Fitted<Table, Table> => {
  const { inputs, center, scale, shift, clip } = spec;
  const [low = Number.NEGATIVE_INFINITY, high = Number.POSITIVE_INFINITY] = clip ?? [];
  const at = (list: readonly number[], j: number, other: number): number => list[j] ?? other;
  return tableStage({
    name: 'scale',
    spec,
    inputs,
    transform: (x) =>
      E.right(
        mapNumbers((v, j) => {
          const y = (v - at(center, j, 0)) / at(scale, j, 1) + shift;
          return clip === undefined ? y : Math.min(high, Math.max(low, y));
        })(x),
      ),
    inverse: E.right((y) => E.right(mapNumbers((v, j) => (v - shift) * at(scale, j, 1) + at(center, j, 0))(y))),
    lower: E.right((x) => {
      const y = Op.div(Op.sub(x, rowOf(center)), rowOf(scale));
      const moved = shift === 0 ? y : Op.add(y, shift);
      return clip === undefined ? moved : Op.min(Op.max(moved, low), high);
    }),
  });
};

const fields = t.intersection([
  t.type({ _tag: t.literal('Scale'), inputs: strings, center: numbers, scale: numbers, shift: t.number }),
  t.partial({ clip: numbers }),
]);

export const scaleReader: Reader = reader<ScaleSpec>(
  'Scale',
  fields,
  (spec) => untyped(scaleStage(spec)),
  ({ inputs, center, scale, clip }) =>
    center.length === inputs.length &&
    scale.length === inputs.length &&
    scale.every((s) => s !== 0) &&
    (clip === undefined || clip.length === 2)
      ? undefined
      : 'expected a center and a scale other than 0 for each input, and two ends to clip at',
);

// -------------------------------------------------------------------------------------
// fits
// -------------------------------------------------------------------------------------

type Measure = (ascending: Float64Array) => { readonly center: number; readonly scale: number };

const scaling = (stage: string, measure: Measure, rest: Partial<ScaleSpec> = {}): Preprocessor<Table, Table> =>
  preprocessor((train) =>
    pipe(
      sortedColumns(stage)(train),
      E.map((columns) => columns.map(measure)),
      E.map((found) =>
        scaleStage({
          _tag: 'Scale',
          inputs: train.names,
          center: found.map((f) => f.center),
          // Nothing is divided by 0, nor by what is 0 but for rounding.
          scale: found.map((f) => (Math.abs(f.scale) < 10 * Number.EPSILON ? 1 : f.scale)),
          shift: 0,
          ...rest,
        }),
      ),
    ),
  );

const meanOf = (values: Float64Array): number => values.reduce((a, b) => a + b, 0) / values.length;

/**
 * Mean 0 and deviation 1 (population) for each column; either can be left out. scikit-learn `StandardScaler`; Keras `Normalization`
 * after `adapt` (which divides a constant column by 1e-7 instead of 1).
 *
 * @example
 * pipe(train, fit(standardise()))
 */
export const standardise = (
  options: { readonly mean?: boolean; readonly deviation?: boolean } = {},
): Preprocessor<Table, Table> =>
  scaling('standardise', (values) => {
    const mean = meanOf(values);
    const constant = values[0] === values[values.length - 1];
    const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
    return {
      center: options.mean === false ? 0 : constant ? (values[0] ?? mean) : mean,
      scale: options.deviation === false || constant ? 1 : deviation,
    };
  });

/**
 * Means and variances that are known already: nothing is fitted. Keras `Normalization(mean, variance)`, which divides by 1e-7 where the
 * deviation is smaller, as this does; `invert` gives the way back.
 */
export const normalization = (options: {
  readonly mean: readonly number[];
  readonly variance: readonly number[];
}): Preprocessor<Table, Table> =>
  preprocessor((train) => {
    const { mean, variance } = options;
    const width = train.names.length;
    return mean.length === width && variance.length === width && variance.every((v) => v >= 0)
      ? E.right(
          scaleStage({
            _tag: 'Scale',
            inputs: train.names,
            center: mean,
            scale: variance.map((v) => Math.max(Math.sqrt(v), 1e-7)),
            shift: 0,
          }),
        )
      : E.left(
          invalidOption('normalization', 'mean, variance', `${width} numbers each, one for each column`, [
            mean.length,
            variance.length,
          ]),
        );
  });

/**
 * The smallest number of each column to the lower end of `range`, the largest to the upper end; `[0, 1]` by default. Numbers beyond
 * those of the training data go beyond the range, unless `clip`. scikit-learn `MinMaxScaler`.
 */
export const minMax = (
  options: { readonly range?: readonly [number, number]; readonly clip?: boolean } = {},
): Preprocessor<Table, Table> => {
  const [low, high] = options.range ?? [0, 1];
  const rest = { shift: low, ...(options.clip === true ? { clip: [low, high] } : {}) };
  return low < high
    ? scaling(
        'minMax',
        (values) => {
          const [least = 0, most = 0] = [values[0], values[values.length - 1]];
          // A constant column is as wide as 1, so that it lands on the lower end.
          return { center: least, scale: (most - least || 1) / (high - low) };
        },
        rest,
      )
    : preprocessor(() =>
        E.left(invalidOption('minMax', 'range', 'a lower end below the upper one', `${low}, ${high}`)),
      );
};

/** Divided by the largest absolute number of each column: from -1 to 1, and 0 stays 0. scikit-learn `MaxAbsScaler`. */
export const maxAbs = (): Preprocessor<Table, Table> =>
  scaling('maxAbs', (values) => ({
    center: 0,
    scale: Math.max(Math.abs(values[0] ?? 0), Math.abs(values[values.length - 1] ?? 0)),
  }));

/**
 * Less the median, over the distance of two quantiles, by default the quartiles: a few wild numbers change nothing. scikit-learn
 * `RobustScaler` (`quantileRange` in shares of 1).
 */
export const robust = (
  options: {
    readonly quantileRange?: readonly [number, number];
    readonly center?: boolean;
    readonly scale?: boolean;
  } = {},
): Preprocessor<Table, Table> => {
  const [low, high] = options.quantileRange ?? [0.25, 0.75];
  return low >= 0 && low < high && high <= 1
    ? scaling('robust', (values) => ({
        center: options.center === false ? 0 : quantile(values, 0.5),
        scale: options.scale === false ? 1 : quantile(values, high) - quantile(values, low),
      }))
    : preprocessor(() =>
        E.left(invalidOption('robust', 'quantileRange', 'shares 0 <= low < high <= 1', `${low}, ${high}`)),
      );
};
