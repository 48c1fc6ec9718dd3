/**
 * Images under affine maps: for each pixel of the result where it comes from, and what is there.
 *
 * Coordinates are those of pixel centres, from 0; `Affine` leads from the result to the source: `x' = a x + b y + c`,
 * `y' = d x + e y + f`. Beyond the border: `constant` (k k | a b c | k k), `nearest` (a a | a b c | c c), `reflect`
 * (b a | a b c | c b), `wrap` (b c | a b c | a b). As scipy's `affine_transform` of order 0 and 1 with the modes `grid-constant`,
 * `nearest`, `reflect` and `grid-wrap`; Keras `affine_transform`.
 */

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type FillMode = 'constant' | 'nearest' | 'reflect' | 'wrap';

export interface FillOptions {
  /** Default `'reflect'`. */
  readonly fillMode?: FillMode;
  /** Default `'bilinear'`. */
  readonly interpolation?: 'nearest' | 'bilinear';
  /** With `'constant'`; 0 by default. */
  readonly fillValue?: number;
}

/** `[a, b, c, d, e, f]`. */
export type Affine = readonly [number, number, number, number, number, number];

/** Channels first, float32. */
export interface Picture {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

export const unmoved: Affine = [1, 0, 0, 0, 1, 0];

/** The second map's result is where the first starts from: the map of both. */
export const composed = ([a, b, c, d, e, f]: Affine, [g, h, i, j, k, l]: Affine): Affine => [
  ...([a * g + b * j, a * h + b * k, a * i + b * l + c] as const),
  ...([d * g + e * j, d * h + e * k, d * i + e * l + f] as const),
];

/** A map about the middle of an image. */
export const about = ({ height, width }: Pick<Picture, 'height' | 'width'>, map: Affine): Affine => {
  const [x, y] = [(width - 1) / 2, (height - 1) / 2];
  return composed(composed([1, 0, x, 0, 1, y], map), [1, 0, -x, 0, 1, -y]);
};

// -------------------------------------------------------------------------------------
// sampling
// -------------------------------------------------------------------------------------

const modulo = (i: number, n: number): number => ((i % n) + n) % n;

/** Which pixel stands at index i of a line of n; -1: none. */
const pixel: Readonly<Record<FillMode, (i: number, n: number) => number>> = {
  constant: (i, n) => (i >= 0 && i < n ? i : -1),
  nearest: (i, n) => Math.min(n - 1, Math.max(0, i)),
  reflect: (i, n) => {
    const at = modulo(i, 2 * n);
    return at < n ? at : 2 * n - 1 - at;
  },
  wrap: modulo,
};

/** The image of which each pixel is taken from where the map leads. */
export const warp =
  ([a, b, c, d, e, f]: Affine, options: FillOptions = {}) =>
  (self: Picture): Picture => {
    const { channels, height, width, data } = self;
    const { fillMode = 'reflect', interpolation = 'bilinear', fillValue = 0 } = options;
    const place = pixel[fillMode];
    const plane = height * width;
    const out = new Float32Array(data.length);
    const offsetOf = (x: number, y: number): number => {
      const px = place(x, width);
      const py = place(y, height);
      return px < 0 || py < 0 ? -1 : py * width + px;
    };
    const valueAt = (base: number, offset: number): number => (offset < 0 ? fillValue : (data[base + offset] ?? 0));
    // No lists within: it runs for every pixel.
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const sx = a * x + b * y + c;
        const sy = d * x + e * y + f;
        const at = y * width + x;
        if (interpolation === 'nearest') {
          const offset = offsetOf(Math.floor(sx + 0.5), Math.floor(sy + 0.5));
          for (let base = 0; base < out.length; base += plane) out[base + at] = valueAt(base, offset);
          continue;
        }
        const x0 = Math.floor(sx);
        const y0 = Math.floor(sy);
        const fx = sx - x0;
        const fy = sy - y0;
        // Whole coordinates take one pixel: the unmoved image is the image, bit by bit.
        const x1 = fx === 0 ? x0 : x0 + 1;
        const y1 = fy === 0 ? y0 : y0 + 1;
        const first = offsetOf(x0, y0);
        const below = offsetOf(x0, y1);
        const beside = offsetOf(x1, y0);
        const last = offsetOf(x1, y1);
        for (let base = 0; base < out.length; base += plane)
          out[base + at] =
            (1 - fx) * ((1 - fy) * valueAt(base, first) + fy * valueAt(base, below)) +
            fx * ((1 - fy) * valueAt(base, beside) + fy * valueAt(base, last));
      }
    return { channels, height, width, data: out };
  };

/** Turned over: left to right, or top to bottom. */
export const flip =
  (direction: 'horizontal' | 'vertical') =>
  (self: Picture): Picture => {
    const { height, width, data } = self;
    const plane = height * width;
    const out = new Float32Array(data.length);
    for (let i = 0; i < data.length; i++) {
      const [x, y] = [i % width, Math.floor((i % plane) / width)];
      const from = direction === 'horizontal' ? y * width + (width - 1 - x) : (height - 1 - y) * width + x;
      out[i] = data[i - (i % plane) + from] ?? 0;
    }
    return { ...self, data: out };
  };

/** A part of the image. */
export const cut =
  (top: number, left: number, height: number, width: number) =>
  (self: Picture): Picture => {
    const data = new Float32Array(self.channels * height * width);
    for (let c = 0; c < self.channels; c++)
      for (let y = 0; y < height; y++) {
        const from = (c * self.height + top + y) * self.width + left;
        data.set(self.data.subarray(from, from + width), (c * height + y) * width);
      }
    return { channels: self.channels, height, width, data };
  };

/** Of each index of a line of `to` pixels the two of a line of `from` that it lies between, and how far on the way. */
const between = (from: number, to: number) => {
  const first = new Int32Array(to);
  const next = new Int32Array(to);
  const part = new Float64Array(to);
  for (let i = 0; i < to; i++) {
    const at = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    const low = Math.floor(at);
    first[i] = low;
    next[i] = Math.min(from - 1, low + 1);
    part[i] = at - low;
  }
  return { first, next, part };
};

/** To another size, bilinear by half-pixel centres. */
export const resized =
  (height: number, width: number) =>
  (self: Picture): Picture => {
    if (height === self.height && width === self.width) return self;
    const { data } = self;
    const plane = self.height * self.width;
    const out = new Float32Array(self.channels * height * width);
    const rows = between(self.height, height);
    const columns = between(self.width, width);
    let to = 0;
    for (let c = 0; c < self.channels; c++)
      for (let y = 0; y < height; y++) {
        const upper = c * plane + (rows.first[y] ?? 0) * self.width;
        const lower = c * plane + (rows.next[y] ?? 0) * self.width;
        const fy = rows.part[y] ?? 0;
        for (let x = 0; x < width; x++) {
          const x0 = columns.first[x] ?? 0;
          const x1 = columns.next[x] ?? 0;
          const fx = columns.part[x] ?? 0;
          const above = (data[upper + x0] ?? 0) * (1 - fx) + (data[upper + x1] ?? 0) * fx;
          const below = (data[lower + x0] ?? 0) * (1 - fx) + (data[lower + x1] ?? 0) * fx;
          out[to++] = above * (1 - fy) + below * fy;
        }
      }
    return { channels: self.channels, height, width, data: out };
  };
