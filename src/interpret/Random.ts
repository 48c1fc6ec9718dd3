/**
 * Random masks in the graph, from a counter: equal seed, step and site give equal masks, on every run and after a
 * resume, and nothing has to be stored but the step number.
 *
 * Each element's number is a hash of (seed, step, site, sample, feature) in 32-bit arithmetic, after Steele and
 * Vigna's mixers (multiply, fold the high half into the low, multiply). Per sample and per feature keys are hashed
 * separately (few elements), so that an element of the full tensor costs three rounds of one to two operators. (Masks are content with less: `coins`.)
 *
 * CUDA has no kernels for shifts and exclusive or, and sums and multiples by constants alone are too regular: there RC6's
 * permutation x (2 x + 1) mixes, with the halves swapped by multiplication and division between two rounds of it.
 */

import type { Value } from '../graph/Graph.ts';
import { constant } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import type { NoiseShape } from '../shape/rules/NoiseShape.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type Provider = 'cpu' | 'cuda';

export interface Randomness {
  /** uint32 scalar, fixed for a run. */
  readonly seed: Value;
  /** uint32 scalar: the number of the step. */
  readonly step: Value;
  readonly provider: Provider;
}

// -------------------------------------------------------------------------------------
// hashing
// -------------------------------------------------------------------------------------

const A = 0x21f0aaad;
const B = 0x735a2d97;
const GOLDEN = 0x9e3779b9;

/** The forms that a provider has kernels for. */
interface Form {
  /** A row's key with a column's. */
  readonly join: (x: Value, y: Value) => Value;
  /** A full mix, for keys: few elements, so it may cost. */
  readonly mix: (x: Value) => Value;
  /** What is left to do for each element: its high bits must depend on all bits. */
  readonly last: (x: Value) => Value;
  /** The high 24 bits, as a number. */
  readonly high: (x: Value) => Value;
}

const fold = (bits: number) => (x: Value) => Op.bitwiseXor(x, Op.shiftRight(x, bits));

const cpu: Form = {
  join: Op.bitwiseXor,
  mix: (x) => fold(15)(Op.mul(fold(15)(Op.mul(fold(16)(Op.add(x, GOLDEN)), A)), B)),
  last: (x) => Op.mul(fold(15)(Op.mul(x, A)), B),
  high: (x) => Op.shiftRight(x, 8),
};

/** A permutation of the 32-bit numbers; high bits depend on all lower ones. Rivest et al. 1998, RC6. */
const quadratic = (x: Value): Value => Op.mul(x, Op.add(Op.add(x, x), 1));

const swapHalves = (x: Value): Value => Op.add(Op.mul(x, 2 ** 16), Op.div(x, 2 ** 16));

const stir = (x: Value): Value => swapHalves(quadratic(x));

const cuda: Form = {
  join: Op.add,
  mix: (x) => [GOLDEN, A, B].reduce((y, c) => stir(Op.add(y, c)), x),
  last: (x) => quadratic(stir(x)),
  high: (x) => Op.div(x, 2 ** 8),
};

const forms: Readonly<Record<Provider, Form>> = { cpu, cuda };

/** The CPU's mix on plain numbers (32-bit wrap-around), for keys known when the graph is built. */
const mixNumber = (x: number): number => {
  const a = Math.imul(((x + GOLDEN) >>> 0) ^ (((x + GOLDEN) >>> 0) >>> 16), A) >>> 0;
  const b = Math.imul(a ^ (a >>> 15), B) >>> 0;
  return (b ^ (b >>> 15)) >>> 0;
};

const featureKeys = (sample: readonly number[]): Value => {
  const n = sample.reduce((p, d) => p * d, 1);
  const data = new Uint32Array(n);
  for (let i = 0; i < n; i++) data[i] = mixNumber(mixNumber(i) + i);
  return constant({ dtype: 'uint32', shape: [1, ...sample], data });
};

interface Keys {
  /** Of samples: [batch, 1, ...]. */
  readonly rows: Value;
  /** Of features: [1, ...]. */
  readonly columns: Value;
}

const keysOf =
  (random: Randomness, site: number) =>
  (x: Value): Keys => {
    const { mix: hash } = forms[random.provider];
    const sample = x.type.shape.slice(1);
    const key = hash(
      Op.add(hash(Op.add(hash(Op.add(random.seed, mixNumber(site))), random.step)), mixNumber(site + 1)),
    );
    const samples = Op.cast('uint32')(Op.range(Op.gather(Op.shapeOf(x), Op.scalar(0, 'int64'))));
    const rows = hash(Op.add(Op.mul(samples, GOLDEN), key));
    const columns = sample.every((d) => typeof d === 'number')
      ? featureKeys(sample as readonly number[])
      : countedKeys(hash, x);
    return { rows: Op.reshape(['batch', ...sample.map(() => 1)])(rows), columns };
  };

/** A uint32 for each element of `x`, uniform. `site` tells the layers of a model apart. */
export const bits =
  (random: Randomness, site: number) =>
  (x: Value): Value => {
    const { join, last } = forms[random.provider];
    const { rows, columns } = keysOf(random, site)(x);
    return last(join(rows, columns));
  };

/** Keys for features whose number is known only at run time. */
const countedKeys = (hash: (x: Value) => Value, x: Value): Value => {
  const sizes = Op.slice({ axes: [0], starts: [1], ends: [x.type.shape.length] })(Op.shapeOf(x));
  const features = Op.reduceProd()(Op.cast('int32')(sizes));
  const keys = hash(Op.cast('uint32')(Op.range(features)));
  const row = Op.concat(0)([Op.int64s([1]), sizes]);
  return Op.reshapeTo(row, [1, ...x.type.shape.slice(1)])(keys);
};

// -------------------------------------------------------------------------------------
// distributions
// -------------------------------------------------------------------------------------

/**
 * A uint32 for each element, of which only the high bits are asked: products of keys, mixed once. Onnxruntime has fast loops for
 * multiplication and addition, for shifts and exclusive or it has not: by its operators, a mask takes half of the time of one from `bits`.
 */
export const coins =
  (random: Randomness, site: number) =>
  (x: Value): Value => {
    const { rows, columns } = keysOf(random, site)(x);
    return quadratic(Op.mul(rows, columns));
  };

/** True with probability 1 - rate: which elements of `x` stay. */
export const kept =
  (random: Randomness, site: number, rate: number) =>
  (x: Value): Value =>
    Op.less(coins(random, site)(x), Math.min(Math.round((1 - rate) * 2 ** 32), 2 ** 32 - 1));

/** A value of the shape that noise is drawn in: of size 1 along the axes where one number serves all. */
export const shapedAs =
  (noiseShape: NoiseShape | undefined) =>
  (x: Value): Value =>
    (noiseShape ?? []).reduce<Value>((v, n, axis) => {
      const shared = n === 1 && v.type.shape[axis] !== 1;
      return shared ? Op.gather(v, Op.int64s([0]), axis) : v;
    }, x);

/** 1 / (1 - rate) with probability 1 - rate, else 0: what dropout multiplies by. */
export const keepMask =
  (random: Randomness, site: number, rate: number) =>
  (x: Value): Value =>
    Op.mul(Op.cast(x.type.dtype)(kept(random, site, rate)(x)), 1 / (1 - rate));

/** Keys of a layer's streams of numbers; `site` itself is that of its mask. */
const streamOf = (site: number, stream: number): number => site + (stream + 1) * 2 ** 24;

/** Float32 numbers in (0, 1], in steps of 2^-24, in the shape of `x`. */
export const uniform =
  (random: Randomness, site: number, stream = 0) =>
  (x: Value): Value => {
    const whole = forms[random.provider].high(bits(random, streamOf(site, stream))(x));
    return Op.mul(Op.add(Op.cast('float32')(whole), 1), 2 ** -24);
  };

/**
 * Standard normal numbers in the shape of `x`, of two uniform ones each: Box and Muller 1958. None is farther than 5.8 from 0.
 * Of a site's streams it takes 2 * stream and the one after.
 */
export const normal =
  (random: Randomness, site: number, stream = 0) =>
  (x: Value): Value => {
    const radius = Op.sqrt(Op.mul(Op.log(uniform(random, site, 2 * stream)(x)), -2));
    return Op.mul(radius, Op.cos(Op.mul(uniform(random, site, 2 * stream + 1)(x), 2 * Math.PI)));
  };
