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
    const put = (at: number, offset: number, weight: number): void => {
      for (let ch = 0; ch < channels; ch++) {
        const i = ch * plane + at;
        out[i] = (out[i] ?? 0) + weight * (offset < 0 ? fillValue : (data[ch * plane + offset] ?? 0));
      }
    };
    const offsetOf = (x: number, y: number): number => {
      const [px, py] = [place(x, width), place(y, height)];
      return px < 0 || py < 0 ? -1 : py * width + px;
    };
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const [sx, sy, at] = [a * x + b * y + c, d * x + e * y + f, y * width + x];
        if (interpolation === 'nearest') {
          put(at, offsetOf(Math.floor(sx + 0.5), Math.floor(sy + 0.5)), 1);
          continue;
        }
        const [x0, y0] = [Math.floor(sx), Math.floor(sy)];
        const [fx, fy] = [sx - x0, sy - y0];
        // Whole coordinates take one pixel: the unmoved image is the image, bit by bit.
        for (const [dx, wx] of fx === 0 ? [[0, 1] as const] : [[0, 1 - fx] as const, [1, fx] as const])
          for (const [dy, wy] of fy === 0 ? [[0, 1] as const] : [[0, 1 - fy] as const, [1, fy] as const])
            put(at, offsetOf(x0 + dx, y0 + dy), wx * wy);
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

/** To another size, bilinear by half-pixel centres. */
export const resized =
  (height: number, width: number) =>
  (self: Picture): Picture => {
    if (height === self.height && width === self.width) return self;
    const plane = self.height * self.width;
    const data = new Float32Array(self.channels * height * width);
    const clamp = (i: number, n: number): number => Math.min(n - 1, Math.max(0, i));
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const sy = clamp(((y + 0.5) * self.height) / height - 0.5, self.height);
        const sx = clamp(((x + 0.5) * self.width) / width - 0.5, self.width);
        const [y0, x0] = [Math.floor(sy), Math.floor(sx)];
        const [y1, x1, fy, fx] = [clamp(y0 + 1, self.height), clamp(x0 + 1, self.width), sy - y0, sx - x0];
        for (let c = 0; c < self.channels; c++) {
          const at = (r: number, q: number): number => self.data[c * plane + r * self.width + q] ?? 0;
          const upper = at(y0, x0) * (1 - fx) + at(y0, x1) * fx;
          data[(c * height + y) * width + x] = upper * (1 - fy) + (at(y1, x0) * (1 - fx) + at(y1, x1) * fx) * fy;
        }
      }
    return { channels: self.channels, height, width, data };
  };
