/**
 * What can be wrong with a file of tensors, as values. Each message says what was expected, what came, where, and the
 * likely mend.
 */

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type FormatError =
  /** Fewer bytes than the file says it has. */
  | { readonly _tag: 'Truncated'; readonly message: string }
  /** The header is not UTF-8, not JSON, or not of the form that the format asks for. */
  | { readonly _tag: 'InvalidHeader'; readonly message: string }
  | { readonly _tag: 'DuplicateName'; readonly message: string; readonly name: string }
  | { readonly _tag: 'UnknownDType'; readonly message: string; readonly name: string; readonly dtype: string }
  /** The bytes of a tensor are not as many as its shape needs. */
  | { readonly _tag: 'SizeMismatch'; readonly message: string; readonly name: string }
  /** Tensors that overlap, leave gaps, or lie outside the file; bytes after the last one. */
  | { readonly _tag: 'InvalidLayout'; readonly message: string }
  /** The content is not what the checksum was made from. */
  | { readonly _tag: 'Altered'; readonly message: string }
  | { readonly _tag: 'NoChecksum'; readonly message: string }
  /** On writing: a name that the format keeps for itself. */
  | { readonly _tag: 'ReservedName'; readonly message: string; readonly name: string };

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const again = 'the file is cut off: copy or save it again';

export const truncated = (what: string, expected: number, actual: number): FormatError => ({
  _tag: 'Truncated',
  message: `safetensors: expected ${expected} bytes for ${what}, got ${actual}; ${again}`,
});

export const invalidHeader = (reason: string): FormatError => ({
  _tag: 'InvalidHeader',
  message: `safetensors: ${reason}; this is no safetensors file, or it is damaged`,
});

export const duplicateName = (name: string): FormatError => ({
  _tag: 'DuplicateName',
  message: `safetensors: the header has ${JSON.stringify(name)} twice, expected each name once; it was made by faulty software`,
  name,
});

export const unknownDType = (name: string, dtype: string, known: readonly string[]): FormatError => ({
  _tag: 'UnknownDType',
  message:
    `safetensors: tensor ${JSON.stringify(name)}: expected an element type of ${known.join(', ')}, ` +
    `got ${JSON.stringify(dtype)}; convert it (half precision to F32, say) before saving`,
  name,
  dtype,
});

export const sizeMismatch = (
  name: string,
  shape: readonly number[],
  expected: number,
  actual: number,
): FormatError => ({
  _tag: 'SizeMismatch',
  message:
    `safetensors: tensor ${JSON.stringify(name)}: the shape [${shape.join(',')}] needs ${expected} bytes, got ${actual}; ` +
    'shape and data must belong together',
  name,
});

export const invalidLayout = (reason: string): FormatError => ({
  _tag: 'InvalidLayout',
  message: `safetensors: ${reason}; the file is damaged or was made by faulty software`,
});

export const altered: FormatError = {
  _tag: 'Altered',
  message:
    'safetensors: the content does not match the checksum in the file: it was altered or damaged after it was written; ' +
    'use another copy or an earlier checkpoint',
};

export const noChecksum: FormatError = {
  _tag: 'NoChecksum',
  message:
    'safetensors: expected a checksum in the metadata, there is none; the file was written by other software, or altered',
};

export const reservedName = (name: string, use: string): FormatError => ({
  _tag: 'ReservedName',
  message: `safetensors: the name ${JSON.stringify(name)} is kept for ${use}; take another`,
  name,
});
