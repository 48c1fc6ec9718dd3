/**
 * Preprocessing that is fitted: what is learned from training data about how to present data to a model, as a value with a codec
 * and, where it can be, with a form in ONNX operators.
 *
 * @example
 * const features = P.columns(
 *   P.numeric(['age', 'fare'], pipe(P.impute('median'), P.andThen(P.standardise()))),
 *   P.categorical(['town'], P.oneHot({ unknown: 'ignore' })),
 * );
 * pipe(
 *   P.fit(features)(trainRows),                       // Fitted<readonly Row[], Table>
 *   E.chain((fitted) => fitted.transform(otherRows)), // Table: numbers and names of columns
 *   E.chain(P.toArray(5)),                            // NdArray<[number, 5]>
 * )
 */
export { bins, binsAt } from './Bins.ts';
export type { Pair } from './BytePair.ts';
export { bytePairs } from './BytePair.ts';
export type { CategoryOptions, Unknown } from './Categories.ts';
export { oneHot, ordinal } from './Categories.ts';
export { channels, fromStandardisation } from './Channels.ts';
export { codec } from './Codec.ts';
export type { CategoryField, NumericField, Part } from './Columns.ts';
export { categorical, columns, numeric, parallel, text } from './Columns.ts';
export type { CrossFitted } from './CrossFit.ts';
export { crossFit, onDataset, onFold, onSplit, tablesOf } from './CrossFit.ts';
export { categoryEncoding } from './Encoding.ts';
export type { Fitted, Kind, Kinds, Lowering, Spec } from './Fitted.ts';
export { compose, identity, invert, transform, widthOf } from './Fitted.ts';
export type { HashOptions } from './Hashing.ts';
export { featureHashing, hashedCrossing, hashing, murmur3 } from './Hashing.ts';
export { impute, imputeCells } from './Imputation.ts';
export type { Preprocessing } from './Layer.ts';
export { asLayer } from './Layer.ts';
export type { LookupOptions, LookupOutput } from './Lookup.ts';
export { lookup } from './Lookup.ts';
export type { PreprocessError } from './PreprocessError.ts';
export type { Preprocessor } from './Preprocessor.ts';
export { andThen, fit, fitted, pass, preprocessor } from './Preprocessor.ts';
export { quantiles } from './Quantiles.ts';
export { pca, unit } from './Rotation.ts';
export { maxAbs, minMax, normalization, robust, standardise } from './Scaling.ts';
export type { Cell, Cells, Table } from './Table.ts';
export { cells, fromArray, table, toArray, toRows } from './Table.ts';
export type { TextOutput, VectorizeOptions } from './Vocabulary.ts';
export { vectorize, vocabularyOf } from './Vocabulary.ts';
