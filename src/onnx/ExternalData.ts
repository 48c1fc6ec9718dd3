/**
 * Weights beside the model: where each lies in which file. An ONNX file is a protobuf message, which ends at 2 GiB; the
 * files beside it do not.
 *
 * Laws: places do not overlap, each begins at a multiple of `alignment`, and no file is longer than `shardBytes` unless
 * a single tensor is.
 */

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface ExternalOptions {
  /** Name of the file beside the model, in its folder. Further files are called `NAME.1`, `NAME.2`, ... */
  readonly location: string;
  /** Tensors of at least so many bytes lie outside. Default 1024, as onnx's own. */
  readonly threshold?: number;
  /** After so many bytes a further file begins. Default 2 GiB. */
  readonly shardBytes?: number;
}

export interface Place {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/** So that a file can be mapped into memory. */
export const alignment = 64;

export const defaultThreshold = 1024;

// -------------------------------------------------------------------------------------
// layout
// -------------------------------------------------------------------------------------

/** Gives places one after the other, by the tensors' lengths in bytes. */
export const placing = ({ location, shardBytes = 2 ** 31 }: ExternalOptions): ((length: number) => Place) => {
  let [shard, end] = [0, 0];
  return (length) => {
    const start = Math.ceil(end / alignment) * alignment;
    const fits = start === 0 || start + length <= shardBytes;
    if (!fits) shard++;
    const offset = fits ? start : 0;
    end = offset + length;
    return { location: shard === 0 ? location : `${location}.${shard}`, offset, length };
  };
};

/** The entries of a tensor's `external_data`: decimal numbers, as long as they need to be. */
export const entriesOf = ({ location, offset, length }: Place): { key: string; value: string }[] => [
  { key: 'location', value: location },
  { key: 'offset', value: BigInt(offset).toString() },
  { key: 'length', value: BigInt(length).toString() },
];

/** A file's bytes, from the parts that lie in it. */
export const fileOf = (parts: readonly { readonly place: Place; readonly bytes: Uint8Array }[]): Uint8Array => {
  const file = new Uint8Array(parts.reduce((n, { place }) => Math.max(n, place.offset + place.length), 0));
  for (const { place, bytes } of parts) file.set(bytes, place.offset);
  return file;
};
