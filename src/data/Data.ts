/**
 * The data room: data sets from arrays, CSV and IDX files; split, k-fold, standardise.
 *
 * @example
 * pipe(
 *   D.csv('yeast.csv', D.row({
 *     labels: D.columns(D.numbered('label', 14), D.numberFromCsv),
 *     features: D.columns(D.numbered('x', 103), D.numberFromCsv),
 *   })),
 *   RTE.chainEitherKW((rows) => D.dataset({
 *     x: D.floats([103], rows.map((r) => r.features)),
 *     y: D.floats([14], rows.map((r) => r.labels)),
 *   })),
 *   RTE.chainEitherKW(D.kFold(5, { seed: 42 })),
 * )
 */
export type { CsvOptions } from './Csv.ts';
export { csv, parseCsv } from './Csv.ts';
export type { CsvRecord } from './CsvCodec.ts';
export { categoryFromCsv, column, columns, integerFromCsv, numbered, numberFromCsv, row } from './CsvCodec.ts';
export type { CsvIssue, DataError } from './DataError.ts';
export type { Arrays, Dataset, Parts, Row, ShapesOf } from './Dataset.ts';
export {
  batches,
  concat,
  dataset,
  mapX,
  mapY,
  oneHot,
  rows,
  select,
  shuffle,
  size,
  slice,
  take,
} from './Dataset.ts';
export { decodeIdx, idx } from './Idx.ts';
export { derive, permutation } from './Random.ts';
export type { Numbers, Samples } from './Samples.ts';
export { bytes, floats, ints } from './Samples.ts';
export type { Fold, FoldOptions, Split } from './Split.ts';
export { kFold, split } from './Split.ts';
export type { Standardisation } from './Standardise.ts';
export * as standardise from './Standardise.ts';
export { standardiseFold } from './Standardise.ts';
