/**
 * ONNX files: graphs to bytes, bytes to messages, and files of others as layers and models.
 */
export { decode } from './Decode.ts';
export { type Encoded, type EncodeOptions, encode, encodeExternal } from './Encode.ts';
export type { ExternalOptions } from './ExternalData.ts';
export { importModelFile, importOnnxFile } from './import/File.ts';
export type {
  Description,
  Expect,
  ExpectAll,
  ImportOptions,
} from './import/Import.ts';
export { describe, importModel, importOnnx } from './import/Import.ts';
export type { ImportError, NodeFault } from './import/ImportError.ts';
export type { Limits } from './import/Limits.ts';
export { importableOperators } from './import/operators/table.ts';
export { HIGHEST_IMPORT, LOWEST_IMPORT, type ReadOptions } from './import/Read.ts';
export type { TensorUse, Trainable } from './import/Weights.ts';
export { type Json, type Metadata, metadata } from './Metadata.ts';
export type { OnnxError } from './OnnxError.ts';
export { HIGHEST_OPSET, LOWEST_OPSET } from './Opset.ts';
export type {
  AttributeProto,
  GraphProto,
  ModelProto,
  NodeProto,
  TensorProto,
  ValueInfoProto,
} from './proto/onnx_pb.ts';
