/**
 * Rules of operators that pick, place and join elements. What reads an element adds to it backwards: a slice becomes a
 * pad, a gather a scatter that adds (repeated indices add up), a scatter a gather.
 */
import { operator, type Value, valueType } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import type { Dim } from '../shape/Shape.ts';
import { padWithItself } from './Arrangement.ts';
import { cotangent, input, intOf, knownNumbers, numbersOf, type Rule, textOf, zeros } from './Rule.ts';

// -------------------------------------------------------------------------------------
// Slice, Pad, Concat
// -------------------------------------------------------------------------------------

const everything = 2 ** 31 - 1;

/** Slice of one axis between values known at run time (vectors of one element). */
const sliceBetween = (x: Value, axis: number, start: Value, end: Value, step: Value, size: Dim): Value => {
  const type = valueType(
    x.type.dtype,
    x.type.shape.map((d, i) => (i === axis ? size : d)),
  );
  return operator('Slice', [x, start, end, Op.int64s([axis]), step], [type])[0] as Value;
};

const entry = (vector: Value, k: number): Value => Op.slice({ axes: [0], starts: [k], ends: [k + 1] })(vector);

const sizeAt = (x: Value, axis: number): Value => Op.gather(Op.shapeOf(x), Op.int64s([axis]));

const asScalar = (v: Value): Value => Op.squeeze([0])(v);

/** For each cell of an axis the place in the slice that came from it, or the slice's length if none did. */
const inverse = (x: Value, axis: number, start: Value, end: Value, step: Value): Value => {
  const cells = Op.range(asScalar(sizeAt(x, axis)));
  const taken = sliceBetween(cells, 0, start, end, step, '?');
  const length = asScalar(sizeAt(taken, 0));
  return Op.scatterElements(Op.add(Op.fillLike(cells), length), taken, Op.range(length), 0);
};

/** Puts `dy` back along one axis; cells that were not taken get zero. */
const putBack = (dy: Value, axis: number, places: Value): Value => {
  const n = Op.rank(dy);
  const oneMore = Op.pad(Array.from({ length: 2 * n }, (_, i) => (i === n + axis ? 1 : 0)))(dy);
  return Op.gather(oneMore, places, axis);
};

interface Run {
  readonly axis: number;
  readonly low: number;
  readonly length: number;
  readonly size: number;
  readonly reversed: boolean;
}

/** A slice without gaps of an axis whose size is known: a pad, after a reversal if the step is -1. */
const runOf = (axis: number, size: Dim, start?: number, end?: number, step?: number): Run | undefined => {
  if (typeof size !== 'number' || start === undefined || end === undefined) return undefined;
  if (step !== 1 && step !== -1) return undefined;
  const clamp = (i: number) => {
    const from = i < 0 ? i + size : i;
    return step === 1 ? Math.min(Math.max(from, 0), size) : Math.min(Math.max(from, -1), size - 1);
  };
  const length = Math.max(0, (clamp(end) - clamp(start)) * step);
  const low = step === 1 ? clamp(start) : clamp(start) - length + 1;
  return { axis, low, length, size, reversed: step === -1 };
};

const padRuns = (dy: Value, runs: readonly Run[]): Value => {
  const turned = runs.filter((r) => r.reversed);
  const upright =
    turned.length === 0
      ? dy
      : Op.slice({
          axes: turned.map((r) => r.axis),
          starts: turned.map(() => -1),
          ends: turned.map(() => -everything),
          steps: turned.map(() => -1),
        })(dy);
  const pads = dy.type.shape.map((_, i) => {
    const run = runs.find((r) => r.axis === i);
    return run === undefined ? [0, 0] : [run.low, run.size - run.low - run.length];
  });
  return Op.pad([0, 1].flatMap((side) => pads.map((p) => p[side] as number)))(upright);
};

export const slice: Rule = (at) => {
  const [dy, x, starts, ends] = [cotangent(at), input(at, 0), input(at, 1), input(at, 2)] as const;
  const number = starts.type.shape[0];
  if (typeof number !== 'number') throw new Op.GraphDefect('Slice with an unknown number of starts');
  const each = Array.from({ length: number }, (_, k) => k);
  const axes = (at.inputs[3] === undefined ? each : knownNumbers(at.inputs[3], 'axes of Slice')).map((a) =>
    Op.axisOf(x, a),
  );
  const steps = at.inputs[4] ?? Op.int64s(each.map(() => 1));
  const [from, to, by] = [numbersOf(starts), numbersOf(ends), numbersOf(steps)];
  const parts = axes.map((axis, k) => ({
    axis,
    k,
    run: runOf(axis, x.type.shape[axis] as Dim, from?.[k], to?.[k], by?.[k]),
  }));
  const gaps = parts.filter((p) => p.run === undefined);
  const runs = parts.flatMap((p) => (p.run === undefined ? [] : [p.run]));
  return [
    () =>
      gaps.reduce(
        (d, { axis, k }) => putBack(d, axis, inverse(x, axis, entry(starts, k), entry(ends, k), entry(steps, k))),
        padRuns(dy, runs),
      ),
  ];
};

/** Negative pads cut. In mode constant the padding's value has a gradient too. */
export const pad: Rule = (at) => {
  if (textOf(at.node, 'mode', 'constant') !== 'constant') return padWithItself(at);
  const [dy, x] = [cotangent(at), input(at, 0)];
  const given = knownNumbers(input(at, 1), 'pads of Pad');
  const axes = at.inputs[3] === undefined ? x.type.shape.map((_, i) => i) : knownNumbers(at.inputs[3], 'axes of Pad');
  const at0 = axes.map((a) => Op.axisOf(x, a));
  const side = (axis: number, after: boolean): number => {
    const k = at0.indexOf(axis);
    return k < 0 ? 0 : (given[after ? k + axes.length : k] as number);
  };
  const added = x.type.shape.flatMap((_, i) => (side(i, false) > 0 || side(i, true) > 0 ? [i] : []));
  const cut = [false, true].flatMap((after) => x.type.shape.map((_, i) => Math.max(0, -side(i, after))));
  const inner =
    added.length === 0
      ? dy
      : Op.slice({
          axes: added,
          starts: added.map((i) => Math.max(0, side(i, false))),
          ends: added.map((i) => (side(i, true) > 0 ? -side(i, true) : everything)),
        })(dy);
  const value = at.inputs[2];
  const ofValue = () => Op.sub(Op.reduceSum()(dy), Op.reduceSum()(inner));
  return [
    () => Op.pad(cut)(inner),
    undefined,
    value === undefined
      ? undefined
      : () => (Op.rank(value) === 0 ? ofValue() : Op.reshape(value.type.shape)(ofValue())),
  ];
};

export const concat: Rule = (at) => {
  const dy = cotangent(at);
  const axis = Op.axisOf(dy, intOf(at.node, 'axis', 0));
  const inputs = at.inputs.map((_, i) => input(at, i));
  const sizes = inputs.map((v) => v.type.shape[axis] as Dim);
  const known = sizes.filter((d) => typeof d === 'number');
  if (known.length === sizes.length)
    return known.map((size, i) => () => {
      const start = known.slice(0, i).reduce((n, d) => n + d, 0);
      return Op.slice({ axes: [axis], starts: [start], ends: [start + size] })(dy);
    });
  const counts = inputs.map((v) => sizeAt(v, axis));
  const start = (i: number) => counts.slice(0, i).reduce((n, d) => Op.add(n, d), Op.int64s([0]));
  return sizes.map((size, i) => () => sliceBetween(dy, axis, start(i), start(i + 1), Op.int64s([1]), size));
};

// -------------------------------------------------------------------------------------
// Gather and Scatter
// -------------------------------------------------------------------------------------

/** Zeros of `x`'s sizes in another order of axes. */
const zerosOf = (x: Value, perm: readonly number[]): Value => {
  const shape = perm.map((p) => x.type.shape[p] as Dim);
  const known = shape.filter((d) => typeof d === 'number');
  const sizes = known.length === shape.length ? Op.int64s(known) : Op.gather(Op.shapeOf(x), Op.int64s(perm));
  return zeros(sizes, valueType(x.type.dtype, shape));
};

const isIdentity = (perm: readonly number[]): boolean => perm.every((p, i) => p === i);

const permute = (perm: readonly number[]) => (x: Value) => (isIdentity(perm) ? x : Op.transpose(perm)(x));

export const inverted = (perm: readonly number[]): readonly number[] => perm.map((_, i) => perm.indexOf(i));

/** The gathered axis goes first, rows add up there, and it goes back to its place. */
export const gather: Rule = (at) => {
  const [dy, x, indices] = [cotangent(at), input(at, 0), input(at, 1)] as const;
  const axis = Op.axisOf(x, intOf(at.node, 'axis', 0));
  const chosen = indices.type.shape.map((_, i) => axis + i);
  const others = dy.type.shape.flatMap((_, i) => (chosen.includes(i) ? [] : [i]));
  const forward = [axis, ...x.type.shape.flatMap((_, i) => (i === axis ? [] : [i]))];
  const rows = Op.unsqueeze([-1])(Op.cast('int64')(indices));
  return [
    () =>
      permute(inverted(forward))(Op.scatterND(zerosOf(x, forward), rows, permute([...chosen, ...others])(dy), 'add')),
  ];
};

export const gatherElements: Rule = (at) => {
  const [x, indices] = [input(at, 0), input(at, 1)];
  const axis = intOf(at.node, 'axis', 0);
  return [() => Op.scatterElements(Op.fillLike(x), indices, cotangent(at), axis, 'add')];
};

export const gatherND: Rule = (at) => {
  if (intOf(at.node, 'batch_dims', 0) !== 0) throw new Op.GraphDefect('GatherND with batch_dims');
  return [() => Op.scatterND(Op.fillLike(input(at, 0)), input(at, 1), cotangent(at), 'add')];
};

const reduction = (at: Parameters<Rule>[0]): 'none' | 'add' => {
  const reduce = textOf(at.node, 'reduction', 'none');
  if (reduce === 'none' || reduce === 'add') return reduce;
  throw new Op.GraphDefect(`${at.node.operator} with reduction ${reduce}: only none and add have a gradient`);
};

/** With reduction none, what was overwritten gets nothing. Indices must differ then, as ONNX demands. */
export const scatterElements: Rule = (at) => {
  const [dy, indices, updates] = [cotangent(at), input(at, 1), input(at, 2)] as const;
  const axis = intOf(at.node, 'axis', 0);
  return [
    reduction(at) === 'add' ? () => dy : () => Op.scatterElements(dy, indices, Op.fillLike(updates), axis),
    undefined,
    () => Op.gatherElements(dy, indices, axis),
  ];
};

export const scatterND: Rule = (at) => {
  const [dy, indices, updates] = [cotangent(at), input(at, 1), input(at, 2)] as const;
  return [
    reduction(at) === 'add' ? () => dy : () => Op.scatterND(dy, indices, Op.fillLike(updates)),
    undefined,
    () => Op.gatherND(dy, indices),
  ];
};
