/**
 * The data room: data sets from arrays and files (CSV, JSON Lines, IDX, npy, npz, safetensors, Parquet, text, folders, anything
 * that can be iterated), whole or streamed (`DataStream`); split, k-fold, balance, standardise.
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
export { balancedWeights, groupSplit, multiLabelKFold, oversample, stratifiedSplit, undersample } from './Balance.ts';
export type { CsvOptions } from './Csv.ts';
export { csv, parseCsv } from './Csv.ts';
export type { CsvRecord } from './CsvCodec.ts';
export {
  categoryFromCsv,
  column,
  columns,
  integerFromCsv,
  nullableFromCsv,
  numbered,
  numberFromCsv,
  row,
} from './CsvCodec.ts';
export type { CsvIssue, DataError, InvalidRow, RowIssue } from './DataError.ts';
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
export type { Folding } from './Folds.ts';
export { groupKFold, repeatedFolds, stratifiedKFold } from './Folds.ts';
export { decodeIdx, idx } from './Idx.ts';
export { derive, permutation } from './Random.ts';
export type { Numbers, Samples } from './Samples.ts';
export { bytes, floats, ints } from './Samples.ts';
export type { Fold, FoldOptions, Split } from './Split.ts';
export { kFold, split } from './Split.ts';
export type { Standardisation } from './Standardise.ts';
export * as standardise from './Standardise.ts';
export { standardiseFold } from './Standardise.ts';
export type { BlockOptions } from './source/ArrayBlocks.ts';
export { arrayBlocks, idxBlocks, npyBlocks, safetensorsBlocks } from './source/ArrayBlocks.ts';
export { npy, npz, safetensors } from './source/Arrays.ts';
export type { LabelledFile, LabelledFiles, ListOptions } from './source/Folder.ts';
export { labelledFolder, labelledList } from './source/Folder.ts';
export { fromAsyncIterable } from './source/Foreign.ts';
export type { ParquetOptions } from './source/Parquet.ts';
export { integerFromParquet, parquet } from './source/Parquet.ts';
export type { OnBadRow } from './source/Records.ts';
export type { CsvRowsOptions, RowOptions, TextOptions, TextSource } from './source/Text.ts';
export { csvRows, jsonLines, textLines } from './source/Text.ts';
