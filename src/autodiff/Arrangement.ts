/**
 * Rules of operators that repeat, split, sort and rearrange elements: the element an output was read from gets its
 * cotangent, and those read several times get the sum.
 */
import { operator, type Value, valueType } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import type { Dim } from '../shape/Shape.ts';
import {
  type At,
  again,
  composed,
  cotangent,
  input,
  intOf,
  knownNumbers,
  numbersOf,
  output,
  type Rule,
  shapedAs,
  textOf,
} from './Rule.ts';

// -------------------------------------------------------------------------------------
// splitting and repeating
// -------------------------------------------------------------------------------------

/** Parts that nothing depends on are zero. */
export const split: Rule = (at) => {
  const parts = at.outputs.map((y, i) => at.dy[i] ?? Op.fillLike(y));
  return [() => Op.concat(intOf(at.node, 'axis', 0))(parts)];
};

/** Every axis becomes two, its copies and its cells, and the copies are summed. */
export const tile: Rule = (at) => {
  const [dy, x, repeats] = [cotangent(at), input(at, 0), input(at, 1)] as const;
  const known = numbersOf(repeats);
  const dims = x.type.shape.flatMap((d, i): readonly Dim[] => [known?.[i] ?? '?', d]);
  const pairs = Op.concat(1)([Op.unsqueeze([1])(repeats), Op.unsqueeze([1])(Op.shapeOf(x))]);
  const folded = dims.every((d) => typeof d === 'number')
    ? Op.reshape(dims)(dy)
    : Op.reshapeTo(Op.reshape([dims.length])(pairs), dims)(dy);
  return [() => Op.reduceSum({ axes: x.type.shape.map((_, i) => 2 * i) })(folded)];
};

// -------------------------------------------------------------------------------------
// padding with the input's own cells
// -------------------------------------------------------------------------------------

const modulo = (a: number, n: number): number => ((a % n) + n) % n;

/** Where the cell at `i` of an axis of `n` cells comes from; `i` may lie outside. */
const sources: Readonly<Record<string, (i: number, n: number) => number>> = {
  edge: (i, n) => Math.min(Math.max(i, 0), n - 1),
  wrap: modulo,
  reflect: (i, n) => {
    if (n === 1) return 0;
    const place = modulo(i, 2 * (n - 1));
    return place < n ? place : 2 * (n - 1) - place;
  },
};

/** Pad of mode reflect, edge or wrap is a Gather along each padded axis. Negative pads cut first. */
export const padWithItself: Rule = composed((at) => {
  const x = input(at, 0);
  const mode = textOf(at.node, 'mode', 'constant');
  const source = sources[mode];
  if (source === undefined) throw new Op.GraphDefect(`Pad of mode ${mode} has no gradient here`);
  const pads = knownNumbers(input(at, 1), 'pads of Pad');
  const axes = at.inputs[3] === undefined ? x.type.shape.map((_, i) => i) : knownNumbers(at.inputs[3], 'axes of Pad');
  return [
    axes.reduce((v, a, k) => {
      const [before, after] = [pads[k] as number, pads[k + axes.length] as number];
      if (before === 0 && after === 0) return v;
      const axis = Op.axisOf(x, a);
      const size = x.type.shape[axis];
      if (typeof size !== 'number')
        throw new Op.GraphDefect(`Pad of mode ${mode} needs the size of axis ${axis}, got [${x.type.shape.join(',')}]`);
      const low = Math.max(0, -before);
      const inner = size - low - Math.max(0, -after);
      const length = inner + Math.max(0, before) + Math.max(0, after);
      const places = Array.from({ length }, (_, i) => low + source(i - Math.max(0, before), inner));
      return Op.gather(v, Op.int64s(places), axis);
    }, x),
  ];
});

// -------------------------------------------------------------------------------------
// sums and triangles
// -------------------------------------------------------------------------------------

/** What an element was added to lies on its other side. */
export const cumSum: Rule = (at) => {
  const [dy, axis] = [cotangent(at), input(at, 1)];
  const reverse = 1 - intOf(at.node, 'reverse', 0);
  const attributes = { ...at.node.attributes, reverse: { _tag: 'Int', value: reverse } } as const;
  return [() => operator('CumSum', [dy, axis], [dy.type], attributes)[0] as Value];
};

/** Of operators that are their own transpose, given the same other inputs: Trilu, ReverseSequence. */
export const itself: Rule = (at) => [() => again(at, [cotangent(at), ...at.inputs.slice(1)], input(at, 0).type)];

// -------------------------------------------------------------------------------------
// choosing
// -------------------------------------------------------------------------------------

/** The cotangent of the values goes to where they were found. */
export const topK: Rule = (at) => {
  const [dy, x, places] = [at.dy[0], input(at, 0), output(at, 1)] as const;
  return dy === undefined ? [] : [() => Op.scatterElements(Op.fillLike(x), places, dy, intOf(at.node, 'axis', -1))];
};

/** A Gather of the places where the condition holds; without an axis, of the flattened input. */
export const compress: Rule = composed((at) => {
  const [x, condition] = [input(at, 0), input(at, 1)];
  const places = operator('NonZero', [condition], [valueType('int64', [1, '?'])])[0] as Value;
  const chosen = Op.squeeze([0])(places);
  const flat = at.node.attributes.axis === undefined;
  return [Op.gather(flat ? Op.reshape(['?'])(x) : x, chosen, flat ? 0 : intOf(at.node, 'axis', 0))];
});

/** Its values (off, on) are the only input it depends on smoothly. */
export const oneHot: Rule = (at) => {
  const [dy, values] = [cotangent(at), input(at, 2)];
  const hot = again(at, [input(at, 0), input(at, 1), Op.tensor([0, 1], [2], values.type.dtype)], output(at).type);
  const on = Op.reduceSum()(Op.mul(dy, hot));
  const off = Op.sub(Op.reduceSum()(dy), on);
  return [undefined, undefined, () => Op.concat(0)([off, on].map(Op.unsqueeze([0])))];
};

/** start + i delta; where it ends has no influence on its values. */
export const range: Rule = (at) => {
  const [dy, start, delta] = [cotangent(at), input(at, 0), input(at, 2)] as const;
  const steps = () => Op.cast(dy.type.dtype)(Op.range(Op.count('int64')(dy)));
  return [
    () => shapedAs(start)(Op.reduceSum()(dy)),
    undefined,
    () => shapedAs(delta)(Op.reduceSum()(Op.mul(dy, steps()))),
  ];
};

// -------------------------------------------------------------------------------------
// blocks of pixels
// -------------------------------------------------------------------------------------

const blocks = (at: At, name: 'SpaceToDepth' | 'DepthToSpace', v: Value, type: Value['type']): Value =>
  operator(name, [v], [type], { blocksize: { _tag: 'Int', value: intOf(at.node, 'blocksize', 1) } })[0] as Value;

/** Mode DCR is SpaceToDepth's inverse; CRD is spelled out. */
export const depthToSpace: Rule = (at) => {
  const [dy, x, size] = [cotangent(at), input(at, 0), intOf(at.node, 'blocksize', 1)] as const;
  if (textOf(at.node, 'mode', 'DCR') === 'DCR') return [() => blocks(at, 'SpaceToDepth', dy, x.type)];
  const [batch, channels, height, width] = x.type.shape as readonly [Dim, Dim, Dim, Dim];
  const depth = typeof channels === 'number' ? channels / (size * size) : '?';
  return [
    () => {
      const apart = Op.reshape([batch, depth, height, size, width, size])(dy);
      return Op.reshape(x.type.shape)(Op.transpose([0, 1, 3, 5, 2, 4])(apart));
    },
  ];
};

export const spaceToDepth: Rule = (at) => [() => blocks(at, 'DepthToSpace', cotangent(at), input(at, 0).type)];
