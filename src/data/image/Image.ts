/**
 * Images: decoded from files, loaded from folders, augmented.
 *
 * @example
 * pipe(
 *   imageFolder('flowers'),
 *   RTE.chainW(loadImages({ size: [64, 64] })), // Dataset<[3, 64, 64], Int<[]>>
 * )
 */
export type { Augmentation, Factor, Range } from './Augment.ts';
export {
  augment,
  randomBrightness,
  randomContrast,
  randomCrop,
  randomErasing,
  randomFlip,
  randomRotation,
  randomTranslation,
  randomZoom,
} from './Augment.ts';
export type { ColorMode, DecodeOptions, Interpolation } from './Decode.ts';
export { decodeImage } from './Decode.ts';
export type { FolderError, FolderOptions, ImageFolder } from './Folder.ts';
export { imageAt, imageFolder, loadBinary, loadCategorical, loadImages, splitFolder } from './Folder.ts';
export type { ImageError } from './ImageError.ts';
export type { MixAt, Pair } from './Mix.ts';
export { cutmix, mixup } from './Mix.ts';
export type { Labelled, ReadOptions } from './Streamed.ts';
export { augmented, imageBatch, imageFiles, mixed, readImages } from './Streamed.ts';
export type { FillMode, FillOptions } from './Warp.ts';
