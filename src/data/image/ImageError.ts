/**
 * What can be wrong with images, as values.
 */

/** A package that reads images is not installed. */
export interface MissingPeer {
  readonly _tag: 'MissingPeer';
  readonly message: string;
  readonly package: string;
}

/** Bytes that are no image, not a whole one, or more than is allowed. */
export interface CorruptImage {
  readonly _tag: 'CorruptImage';
  readonly message: string;
  readonly file: string;
}

/** An argument, or images, that do not fit. */
export interface InvalidImage {
  readonly _tag: 'InvalidImage';
  readonly message: string;
}

export type ImageError = MissingPeer | CorruptImage | InvalidImage;

export const missingPeer = (name: string): ImageError => ({
  _tag: 'MissingPeer',
  message: `expected the package ${name}, which reads images, and it is not installed; run npm install ${name}`,
  package: name,
});

export const corruptImage = (file: string, reason: string): ImageError => ({
  _tag: 'CorruptImage',
  message: `${file}: expected a whole PNG, JPEG, WebP, GIF, TIFF or AVIF image, got: ${reason}; replace the file or leave it out`,
  file,
});

export const invalidImage = (what: string, expected: string, actual: unknown): ImageError => ({
  _tag: 'InvalidImage',
  message: `${what}: expected ${expected}, got ${String(actual)}`,
});
