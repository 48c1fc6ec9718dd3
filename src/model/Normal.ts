/**
 * Normal numbers, by the ziggurat of Marsaglia and Tsang, The ziggurat method for generating random variables, 2000. The
 * layer and the place in it come from different bits: Doornik, An improved ziggurat method to generate normal random samples,
 * 2005.
 *
 * The right half of exp(-x^2 / 2) lies under 256 layers of the same area. Layer i > 0 is a rectangle from 0 to `edges[i]`,
 * between the curve's heights at `edges[i]` and `edges[i + 1]`; layer 0 is the rectangle below them all with the tail. A
 * point drawn in a layer is under the curve for certain left of `edges[i + 1]`: 99 of 100 are.
 *
 * Law: the numbers are the same on every machine, as in `Random.ts`. For that the logarithm is worked out here: by operations
 * each of which ECMAScript has rounded to float64, in the order in which they are written.
 */
import { type Random, uniform, word } from './Random.ts';

// -------------------------------------------------------------------------------------
// layers
// -------------------------------------------------------------------------------------

const layers = 256;

/** Where the tail begins, and the area of a layer: with these the uppermost layer ends at height 1. */
const tail = 3.6541528853610088;
const area = 0.004928673233974655;
const heightAtTail = 0.0012602859304985975;

/** Natural, for 0 < y <= 1: of the 64th root by the series of atanh. Right to 1e-14. */
const log = (y: number): number => {
  let root = y;
  for (let i = 0; i < 6; i++) root = Math.sqrt(root);
  const z = (root - 1) / (root + 1);
  const square = z * z;
  let series = 0;
  for (let k = 21; k > 0; k -= 2) series = series * square + 1 / k;
  return 128 * z * series;
};

/** The heights of the layers' lower sides; that of layer 0 is 0. */
const heights = new Float64Array(layers + 1);
/** Where the layers end. Layer 0 is as wide as a rectangle of its area, and what is drawn beyond the next edge goes to the tail. */
const edges = new Float64Array(layers + 1);
edges.set([area / heightAtTail, tail]);
heights[1] = heightAtTail;
for (let i = 1; i < layers; i++) {
  const above = (heights[i] as number) + area / (edges[i] as number);
  heights[i + 1] = above;
  // The curve's top is at 0, which rounding would miss.
  edges[i + 1] = i + 1 === layers ? 0 : Math.sqrt(-2 * log(above));
}
/** The places in a layer are odd multiples of these: symmetric, and none is 0. */
const steps = edges.map((edge) => edge / 2 ** 24);

// -------------------------------------------------------------------------------------
// numbers
// -------------------------------------------------------------------------------------

/** `1 - uniform` is never 0. */
const exponential = (r: Random): number => -log(1 - uniform(r));

/** The tail of the normal by rejection from an exponential: Marsaglia 1964. */
const inTail = (r: Random): number => {
  for (;;) {
    const beyond = exponential(r) / tail;
    if (2 * exponential(r) > beyond * beyond) return tail + beyond;
  }
};

/** What comes of `x` drawn near the end of its layer: NaN if it is above the curve. */
const atEnd = (r: Random, layer: number, x: number): number => {
  if (layer === 0) return x < 0 ? -inTail(r) : inTail(r);
  const below = heights[layer] as number;
  const y = below + uniform(r) * ((heights[layer + 1] as number) - below);
  return log(y) < -0.5 * x * x ? x : Number.NaN;
};

/**
 * So many normal numbers, drawn again where they are further than `cut` standard deviations from the mean. One word is enough
 * nearly always: 8 bits for the layer, 24 for the place. The plus sign says that a number comes: else all go through memory.
 */
export const normals = (
  r: Random,
  size: number,
  mean: number,
  stddev: number,
  cut = Number.POSITIVE_INFINITY,
): Float32Array => {
  const out = new Float32Array(size);
  for (let i = 0; i < size; ) {
    const w = word(r);
    const layer = w & (layers - 1);
    const x = ((w >> 7) | 1) * (steps[layer] as number);
    const z = Math.abs(x) < (edges[layer + 1] as number) ? x : +atEnd(r, layer, x);
    if (Math.abs(z) <= cut) out[i++] = mean + stddev * z;
  }
  return out;
};
