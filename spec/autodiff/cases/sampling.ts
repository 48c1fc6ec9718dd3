import { type Random, size } from '../random.ts';
import { type Case, pick, raw } from './Case.ts';

const text = (value: string) => ({ _tag: 'String', value }) as const;
const int = (value: number) => ({ _tag: 'Int', value }) as const;

/** Places in a grid, one cell and more outside too, but never next to the middle or the edge of a cell, where there are kinks. */
const places = (random: Random, image: readonly number[], counts: readonly number[], corners: boolean) => {
  const sizes = [...image.slice(2)].reverse();
  const shape = [image[0] as number, ...counts, sizes.length];
  const values = Array.from({ length: size(shape) }, (_, i) => {
    const n = sizes[i % sizes.length] as number;
    const x = random.int(-2, n) + 0.1 + 0.3 * random.next() + (random.bool() ? 0.5 : 0);
    return corners ? (2 * x) / Math.max(1, n - 1) - 1 : (2 * x + 1) / n - 1;
  });
  return { dtype: 'float32', shape, data: Float32Array.from(values) } as const;
};

interface Sampled {
  readonly image: readonly number[];
  readonly counts: readonly number[];
  readonly mode: string;
  readonly padding: string;
  readonly corners: boolean;
}

const sampled = ({ image, counts, mode, padding, corners }: Sampled): Case => ({
  rule: 'GridSample',
  name: `[${image}] ${mode}, ${padding}, ${corners ? 'corners' : 'edges'}`,
  sample: (r) => {
    const grid = places(r, image, counts, corners);
    return {
      inputs: {
        x: { array: r.array32(image), dims: ['batch', ...image.slice(1)] },
        grid: { array: grid, dims: ['batch', ...grid.shape.slice(1)] },
      },
      y: (v) =>
        raw('GridSample', [pick(v, 'x'), pick(v, 'grid')], ['batch', image[1] as number, ...counts], {
          mode: text(mode),
          padding_mode: text(padding),
          align_corners: int(corners ? 1 : 0),
        }),
      // Linear in the image, and for `bilinear` in each place; before opset 20 there is no kernel for float64.
      step: 1e-2,
      tolerance: 2e-3,
    };
  },
});

const square = { image: [2, 2, 3, 4], counts: [2, 3] } as const;

export const sampling: readonly Case[] = [
  ...['bilinear', 'bicubic', 'nearest'].flatMap((mode) =>
    ['zeros', 'border', 'reflection'].flatMap((padding) =>
      [false, true].map((corners) => sampled({ ...square, mode, padding, corners })),
    ),
  ),
  sampled({ image: [1, 1, 1, 2], counts: [1, 3], mode: 'bilinear', padding: 'reflection', corners: true }),
];
