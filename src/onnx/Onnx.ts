/**
 * ONNX files: graphs to bytes, and bytes to messages.
 */
export { decode } from './Decode.ts';
export { type EncodeOptions, encode } from './Encode.ts';
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
