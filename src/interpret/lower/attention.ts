/**
 * Attention: scores, masks, softmax, weighted sum.
 */
import type { Value } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import type { DotAttentionSpec, MultiHeadAttentionSpec } from '../../layer/SequenceSpec.ts';
import { keepMask } from '../Random.ts';
import { along } from './attentionAxes.ts';
import { rotate } from './positions.ts';
import type { Inputs, Result, Site } from './Site.ts';
import { sizeOf } from './sequences.ts';

// -------------------------------------------------------------------------------------
// masks
// -------------------------------------------------------------------------------------

/** What a masked score becomes: softmax makes 0 of it, or a plain mean where all are masked. */
const masked = -1e9;

/** Numbers of steps: query i, `[queries, 1]`, and key j, `[1, keys]`. */
type May = { readonly known: (i: number, j: number) => boolean; readonly open: (i: Value, j: Value) => Value };

const notLater: May = { known: (i, j) => j <= i, open: (i, j) => Op.lessOrEqual(j, i) };

const within = (window: number): May => ({
  known: (i, j) => Math.abs(i - j) < window,
  open: (i, j) => Op.and(Op.less(j, Op.add(i, window)), Op.less(i, Op.add(j, window))),
});

/** Whether query i may see key j, [1, queries, keys]; `undefined`: always. */
const maskBySteps = (mays: readonly May[], query: Value, key: Value): Value | undefined => {
  const [n, m] = [query.type.shape[1], key.type.shape[1]];
  if (mays.length === 0) return undefined;
  if (typeof n === 'number' && typeof m === 'number') {
    const open = (place: number): boolean => mays.every((may) => may.known(Math.floor(place / m), place % m));
    return Op.tensor(
      Array.from({ length: n * m }, (_, i) => (open(i) ? 1 : 0)),
      [1, n, m],
      'bool',
    );
  }
  const count = (x: Value): Value => {
    const all = Op.range(sizeOf(x, 1));
    return { ...all, type: { ...all.type, shape: [x.type.shape[1] ?? '?'] } };
  };
  const [i, j] = [Op.unsqueeze([1])(count(query)), Op.unsqueeze([0])(count(key))];
  return Op.unsqueeze([0])(mays.map((may) => may.open(i, j)).reduce((a, b) => Op.and(a, b)));
};

interface Masks {
  readonly query: Value | undefined;
  readonly value: Value | undefined;
  readonly key: Value | undefined;
  /** [batch, queries, keys], 1 or 0. */
  readonly given: Value | undefined;
  /** [1, queries, keys]. */
  readonly steps: Value | undefined;
}

/** All of them in one, [batch or 1, queries or 1, keys]. */
const allowed = (masks: Masks): Value | undefined => {
  const all = [
    masks.query === undefined ? undefined : Op.unsqueeze([2])(masks.query),
    masks.value === undefined ? undefined : Op.unsqueeze([1])(masks.value),
    masks.key === undefined ? undefined : Op.unsqueeze([1])(masks.key),
    masks.given === undefined ? undefined : Op.cast('bool')(masks.given),
    masks.steps,
  ].filter((m) => m !== undefined);
  return all.length === 0 ? undefined : all.reduce((a, b) => Op.and(a, b));
};

interface Bounds {
  readonly causal: boolean;
  readonly slidingWindow?: number | undefined;
}

const masksOf = (spec: Bounds, inputs: Inputs, at: Site): Masks => {
  const [query, value = query, key = value, given] = inputs;
  const [q, v = q, k = v] = at.masks;
  const several = inputs.length > 1;
  return {
    query: q,
    value: several ? at.masks[1] : v,
    // The same mask twice is once.
    key: several && at.masks[2] !== at.masks[1] ? at.masks[2] : several ? undefined : k === v ? undefined : k,
    given,
    steps: maskBySteps(
      [...(spec.causal ? [notLater] : []), ...(spec.slidingWindow === undefined ? [] : [within(spec.slidingWindow)])],
      query,
      key,
    ),
  };
};

/** Scores with a mask [batch or 1, queries or 1, keys], which gets the axes of heads. */
const maskedScores = (scores: Value, mask: Value | undefined): Value => {
  if (mask === undefined) return scores;
  const heads = Array.from({ length: Op.rank(scores) - 3 }, (_, i) => i + 1);
  const { node } = mask;
  const [, queries, keys] = mask.type.shape;
  if (node._tag === 'Constant' && typeof queries === 'number' && typeof keys === 'number') {
    const known = Array.from(node.data.data, Number);
    const rows = Array.from({ length: queries }, (_, i) => known.slice(i * keys, (i + 1) * keys));
    // Known before, and never all of a row (a window may lie behind all keys): a sum, whose gradient is none of its own.
    if (rows.every((row) => row.includes(1))) {
      const numbers = known.map((may) => (may === 1 ? 0 : masked));
      return Op.add(scores, Op.tensor(numbers, [1, ...heads.map(() => 1), queries, keys], scores.type.dtype));
    }
  }
  return Op.where(heads.length === 0 ? mask : Op.unsqueeze(heads)(mask), scores, masked);
};

/** Weights from scores: masked, softmax over the keys. */
const weights = (scores: Value, mask: Value | undefined): Value => Op.softmax(-1)(maskedScores(scores, mask));

const dropped = (w: Value, rate: number, at: Site): Value => {
  if (at.mode._tag === 'Inference' || rate === 0) return w;
  return rate === 1 ? Op.mul(w, 0) : Op.mul(w, keepMask(at.mode.random, at.site, rate)(w));
};

// -------------------------------------------------------------------------------------
// dot and additive
// -------------------------------------------------------------------------------------

const scoresOf = (spec: DotAttentionSpec, query: Value, key: Value, at: Site): Value => {
  const scaled = (x: Value): Value => (spec.useScale ? Op.mul(x, at.parameter('scale')) : x);
  if (spec.scoreMode === 'dot') return scaled(Op.matMul(query, Op.transpose([0, 2, 1])(key)));
  const sums = Op.add(Op.unsqueeze([2])(query), Op.unsqueeze([1])(key));
  if (spec.op === 'additiveAttention') return Op.reduceSum({ axes: [-1] })(scaled(Op.tanh(sums)));
  return Op.mul(Op.reduceSum({ axes: [-1] })(Op.tanh(scaled(sums))), at.parameter('concat_score_weight'));
};

export const attention = (spec: DotAttentionSpec, inputs: Inputs, at: Site): Result => {
  const [query, value = query, key = value] = inputs;
  // A masked query zeroes its result and does not count among the keys.
  const masks = masksOf(spec, inputs, at);
  const mask = allowed({ ...masks, query: undefined });
  const w = weights(scoresOf(spec, query, key, at), mask);
  const sum = Op.matMul(dropped(w, spec.dropout, at), value);
  const output = masks.query === undefined ? sum : Op.mul(sum, Op.unsqueeze([2])(Op.cast(sum.type.dtype)(masks.query)));
  return { output, mask: masks.query, states: [w] };
};

// -------------------------------------------------------------------------------------
// several heads
// -------------------------------------------------------------------------------------

/** `[batch, seq, features]` to `[batch, seq, heads, dim]`. */
const projected = (x: Value, name: string, heads: number, dim: number, at: Site, useBias: boolean): Value => {
  const kernel = at.parameter(`${name}_kernel`);
  const y = Op.matMul(x, Op.reshape([kernel.type.shape[0] ?? '?', heads * dim])(kernel));
  const biased = useBias ? Op.add(y, Op.reshape([heads * dim])(at.parameter(`${name}_bias`))) : y;
  return Op.reshape([...x.type.shape.slice(0, 2), heads, dim])(biased);
};

/** `[batch, groups, of a group, queries, keys]` to `[batch, heads, queries, keys]`. */
const ungrouped = (w: Value, heads: number): Value => {
  const [batch = '?', , , queries = '?', keys = '?'] = w.type.shape;
  const sizes = (from: number, to: number) => Op.slice({ axes: [0], starts: [from], ends: [to] })(Op.shapeOf(w));
  const shape = Op.concat(0)([sizes(0, 1), Op.int64s([heads]), sizes(3, 5)]);
  return Op.reshapeTo(shape, [batch, heads, queries, keys])(w);
};

/** What goes into the output's projection, times a sigmoid of the query. */
const gated = (spec: MultiHeadAttentionSpec, query: Value, result: Value, at: Site): Value => {
  if (!spec.useGate) return result;
  const { heads, valueDim, useBias } = spec;
  const gate = projected(query, 'gate', heads, valueDim, at, useBias);
  return Op.mul(result, Op.sigmoid(Op.reshape([...query.type.shape.slice(0, 2), heads * valueDim])(gate)));
};

/** Factor and transposition are a part of the product in training; in a file for others they are operators of ONNX. */
const scoresOfHeads = (queries: Value, keys: Value, factor: number, at: Site): Value => {
  if (at.mode._tag === 'Training') return Op.multiply(queries, keys, { transB: true, alpha: factor });
  const axes = keys.type.shape.map((_, i) => i);
  return Op.matMul(
    Op.mul(queries, factor),
    Op.transpose([...axes.slice(0, -2), axes.length - 1, axes.length - 2])(keys),
  );
};

interface Heads {
  /** [batch, heads, queries, dim]. */
  readonly queries: Value;
  /** [batch, heads, keys, dim]. */
  readonly keys: Value;
  readonly values: Value;
}

/**
 * Whether the keys' bias may be left out: it adds the same number to all scores of a query, which softmax takes away again, so its
 * gradient is 0. Rotation gives each key another one. A file for others has it.
 */
const isWithoutEffect = ({ rotary }: MultiHeadAttentionSpec, { mode }: Site): boolean =>
  mode._tag === 'Training' && rotary === undefined;

/**
 * A product for each, also of a sequence that attends to itself: one for all three gains less than its kernels cost to put together
 * and its results to take apart (1.5 % of a step of a GPT of width 128; two cores, AVX-512).
 */
const projectedHeads = (spec: MultiHeadAttentionSpec, [query, value = query, key = value]: Inputs, at: Site): Heads => {
  const { heads, keyValueHeads, keyDim, valueDim, useBias } = spec;
  const turned = (x: Value): Value => (spec.rotary === undefined ? x : rotate(spec.rotary)(x));
  const q = turned(projected(query, 'query', heads, keyDim, at, useBias));
  const k = turned(projected(key, 'key', keyValueHeads, keyDim, at, useBias && !isWithoutEffect(spec, at)));
  const v = projected(value, 'value', keyValueHeads, valueDim, at, useBias);
  const grouped = keyValueHeads !== heads;
  const [batch = '?', length = '?'] = query.type.shape;
  // With groups [batch, keyValueHeads, queries of a group, seq, dim], keys for all of a group.
  const forGroup = (x: Value): Value => (grouped ? Op.unsqueeze([2])(x) : x);
  return {
    queries: grouped
      ? Op.transpose([0, 2, 3, 1, 4])(Op.reshape([batch, length, keyValueHeads, heads / keyValueHeads, keyDim])(q))
      : Op.transpose([0, 2, 1, 3])(q),
    keys: forGroup(Op.transpose([0, 2, 1, 3])(k)),
    values: forGroup(Op.transpose([0, 2, 1, 3])(v)),
  };
};

const ofSequences = (spec: MultiHeadAttentionSpec, inputs: Inputs, at: Site): Result => {
  const [query] = inputs;
  const { heads, keyValueHeads, keyDim, valueDim, useBias } = spec;
  const grouped = keyValueHeads !== heads;
  const [batch = '?', length = '?'] = query.type.shape;
  const { queries, keys, values } = projectedHeads(spec, inputs, at);
  const masks = masksOf(spec, inputs, at);
  const w = weights(scoresOfHeads(queries, keys, 1 / Math.sqrt(keyDim), at), allowed(masks));
  const result = Op.matMul(dropped(w, spec.dropout, at), values);
  const back = Op.transpose(grouped ? [0, 3, 1, 2, 4] : [0, 2, 1, 3])(result);
  const flat = gated(spec, query, Op.reshape([batch, length, heads * valueDim])(back), at);
  const kernel = at.parameter('output_kernel');
  const y = Op.matMul(flat, Op.reshape([heads * valueDim, kernel.type.shape[2] ?? '?'])(kernel));
  const output = useBias ? Op.add(y, at.parameter('output_bias')) : y;
  return { output, mask: masks.query, states: [grouped ? ungrouped(w, heads) : w] };
};

export const multiHeadAttention = (spec: MultiHeadAttentionSpec, inputs: Inputs, at: Site): Result => {
  const layer = (given: Inputs, site: Site): Result => ofSequences(spec, given, site);
  return spec.attentionAxes === undefined || Op.rank(inputs[0]) === 3
    ? layer(inputs, at)
    : along(spec.attentionAxes, inputs, at, layer);
};
