/**
 * Fields of protobuf messages, written one after the other as they come up. A graph has thousands of nodes: making a message of
 * each and all of its parts first takes longer than everything else about a file.
 *
 * Numbers of fields are those of `onnx.proto`; a message's fields are written in their order, as protobuf does.
 */
import { type BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

export const text = (to: BinaryWriter, field: number, value: string): void => {
  to.tag(field, WireType.LengthDelimited).string(value);
};

export const bytes = (to: BinaryWriter, field: number, value: Uint8Array): void => {
  to.tag(field, WireType.LengthDelimited).bytes(value);
};

/** Throws if it is not a whole number. */
export const whole = (to: BinaryWriter, field: number, value: number): void => {
  to.tag(field, WireType.Varint);
  // What has no sign and 31 bits looks the same with 64.
  if (value >= 0 && value <= 0x7fffffff && Number.isInteger(value)) to.uint32(value);
  else to.int64(BigInt(value));
};

/** Throws if float32 cannot hold it. */
export const float = (to: BinaryWriter, field: number, value: number): void => {
  to.tag(field, WireType.Bit32).float(value);
};

export const message = (to: BinaryWriter, field: number, fields: () => void): void => {
  to.tag(field, WireType.LengthDelimited).fork();
  fields();
  to.join();
};
