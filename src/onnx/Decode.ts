/**
 * Bytes of an ONNX model as messages.
 */
import { fromBinary } from '@bufbuild/protobuf';
import * as E from 'fp-ts/lib/Either.js';
import { malformedModel, type OnnxError } from './OnnxError.ts';
import { type ModelProto, ModelProtoSchema } from './proto/onnx_pb.ts';

/** Refuses what is not an ONNX model: bytes that do not parse, or that parse but have no graph or no operator set. */
export const decode = (bytes: Uint8Array): E.Either<OnnxError, ModelProto> => {
  const parsed = E.tryCatch(
    () => fromBinary(ModelProtoSchema, bytes),
    (e) => malformedModel(`not an ONNX model (${bytes.length} bytes): ${e instanceof Error ? e.message : String(e)}`),
  );
  if (E.isLeft(parsed)) return parsed;
  const model = parsed.right;
  return model.graph === undefined || model.opsetImport.length === 0 || model.irVersion === 0n
    ? E.left(malformedModel(`not an ONNX model (${bytes.length} bytes): it has no graph, no opset or no IR version`))
    : parsed;
};
