/**
 * Images: decoded from files, loaded from folders, augmented.
 *
 * @example
 * pipe(
 *   imageFolder('flowers'),
 *   RTE.chainW(loadImages({ size: [64, 64] })), // Dataset<[3, 64, 64], Int<[]>>
 * )
 */
export { augment } from './Augment.ts';
export type { Augmentation, Factor, Range } from './Augmentation.ts';
export {
  centerCrop,
  normalise,
  randomBrightness,
  randomContrast,
  randomCrop,
  randomErasing,
  randomFlip,
  randomRotation,
  randomTranslation,
  randomZoom,
  resize,
} from './Augmentation.ts';
export type { ColorMode, DecodeOptions, Interpolation } from './Decode.ts';
export { decodeImage } from './Decode.ts';
export type { FolderError, FolderOptions, ImageFolder } from './Folder.ts';
export { imageAt, imageFolder, imageList, loadBinary, loadCategorical, loadImages, splitFolder } from './Folder.ts';
export type { ImageError } from './ImageError.ts';
export type { MixAt, Pair } from './Mix.ts';
export { cutmix, mixup } from './Mix.ts';
export type { Labelled, ReadOptions, Threads } from './Streamed.ts';
export { augmented, imageBatch, imageFiles, mixed, readImages } from './Streamed.ts';
export type { FillMode, FillOptions } from './Warp.ts';
