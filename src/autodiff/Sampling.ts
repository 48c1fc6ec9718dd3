/**
 * The rule of GridSample: an image, or a volume, read between its cells at places that are computed. It is written out as a sum
 * over the cells next to each place, and differentiated as that, in the image and in the places.
 *
 * Numbers of cells must be known; the batch may be a name. Reading the nearest cell is a step in the places: their gradient is 0.
 */
import type { Value } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import { composed, indicator, input, intOf, product, type Rule, refuse, staticSizes, textOf } from './Rule.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

interface Style {
  readonly mode: 'nearest' | 'linear' | 'cubic';
  readonly padding: 'zeros' | 'border' | 'reflection';
  /** Whether -1 and 1 are the middles of the outermost cells, and not their outer edges. */
  readonly corners: boolean;
}

/** Cells along one axis next to each place, and how much of each: all `[batch, 1, places]`. */
interface Tap {
  /** A whole number, perhaps outside. */
  readonly cell: Value;
  readonly weight: Value | undefined;
}

// -------------------------------------------------------------------------------------
// along one axis
// -------------------------------------------------------------------------------------

const coordinate =
  (size: number, { corners }: Style) =>
  (g: Value): Value =>
    corners ? Op.mul(Op.add(g, 1), (size - 1) / 2) : Op.sub(Op.mul(Op.add(g, 1), size / 2), 0.5);

/** Keys' cubic convolution with a = -0.75, at the distances 0 to 1 and 1 to 2. */
const near = (d: Value): Value => Op.add(Op.mul(Op.mul(Op.sub(Op.mul(d, 1.25), 2.25), d), d), 1);
const far = (d: Value): Value => Op.add(Op.mul(Op.sub(Op.mul(Op.add(Op.mul(d, -0.75), 3.75), d), 6), d), 3);

const tapsOf =
  ({ mode }: Style) =>
  (x: Value): readonly Tap[] => {
    if (mode === 'nearest') return [{ cell: rounded(x), weight: undefined }];
    const low = Op.floor(x);
    const part = Op.sub(x, low);
    const rest = Op.sub(1, part);
    if (mode === 'linear')
      return [
        { cell: low, weight: rest },
        { cell: Op.add(low, 1), weight: part },
      ];
    return [
      { cell: Op.sub(low, 1), weight: far(Op.add(part, 1)) },
      { cell: low, weight: near(part) },
      { cell: Op.add(low, 1), weight: near(rest) },
      { cell: Op.add(low, 2), weight: far(Op.add(rest, 1)) },
    ];
  };

/** Halves to the even number, as onnxruntime does. */
const rounded = (x: Value): Value => {
  const up = Op.floor(Op.add(x, 0.5));
  const isHalf = indicator(Op.equal(Op.sub(up, x), 0.5), x);
  const isOdd = Op.sub(up, Op.mul(Op.floor(Op.mul(up, 0.5)), 2));
  return Op.sub(up, Op.mul(isHalf, isOdd));
};

const clamped = (cell: Value, size: number): Value => Op.min(Op.max(cell, 0), size - 1);

/** There and back again, turning at the middles of the outermost cells or at their edges. */
const reflected = (cell: Value, size: number, corners: boolean): Value => {
  const [edge, period] = corners ? [0, 2 * (size - 1)] : [0.5, 2 * size];
  if (period === 0) return Op.mul(cell, 0);
  const from = Op.add(cell, edge);
  const along = Op.sub(from, Op.mul(Op.floor(Op.div(from, period)), period));
  return clamped(Op.sub(Op.min(along, Op.sub(period, along)), edge), size);
};

/** The cell that is read; with zeros outside, whether it is one. */
const inside = (cell: Value, size: number, style: Style): { readonly cell: Value; readonly counts?: Value } => {
  if (style.padding === 'reflection') return { cell: reflected(cell, size, style.corners) };
  const near = clamped(cell, size);
  return style.padding === 'border' ? { cell: near } : { cell: near, counts: indicator(Op.equal(cell, near), cell) };
};

// -------------------------------------------------------------------------------------
// the rule
// -------------------------------------------------------------------------------------

const modes: Readonly<Record<string, Style['mode']>> = {
  nearest: 'nearest',
  bilinear: 'linear',
  linear: 'linear',
  bicubic: 'cubic',
  cubic: 'cubic',
};

const paddings: Readonly<Record<string, Style['padding']>> = {
  zeros: 'zeros',
  border: 'border',
  reflection: 'reflection',
};

/** Both, where both are there. */
const both = (a: Value | undefined, b: Value | undefined): Value | undefined =>
  a === undefined ? b : b === undefined ? a : Op.mul(a, b);

/** One cell of the image for each place: its number in row-major order, and how much of it. */
interface Cell {
  readonly number: Value;
  readonly weight: Value | undefined;
}

const sampled = (x: Value, grid: Value, style: Style): Value => {
  const sizes = staticSizes(x, 2, 'the gradient of GridSample');
  const places = product(staticSizes(grid, 1, 'the gradient of GridSample').slice(0, -1));
  const batch = grid.type.shape[0] ?? '?';
  const channels = x.type.shape[1] ?? '?';
  // The grid has the last axis first.
  const cells = sizes.reduce<readonly Cell[]>((found, size, axis) => {
    const at = sizes.length - 1 - axis;
    const g = Op.reshape([batch, 1, places])(Op.slice({ axes: [-1], starts: [at], ends: [at + 1] })(grid));
    const along = tapsOf(style)(coordinate(size, style)(g)).map(({ cell, weight }): Cell => {
      const there = inside(cell, size, style);
      return { number: there.cell, weight: both(weight, there.counts) };
    });
    if (axis === 0) return along;
    return found.flatMap((before) =>
      along.map((tap) => ({
        number: Op.add(Op.mul(before.number, size), tap.number),
        weight: both(before.weight, tap.weight),
      })),
    );
  }, []);
  // All cells are read in one go.
  const numbers = Op.cast('int64')(Op.concat(2)(cells.map((c) => c.number)));
  const flat = Op.reshape([x.type.shape[0] ?? '?', channels, product(sizes)])(x);
  const wide = Op.expand([1, Number(channels), 1])(numbers);
  const read = Op.reshape([batch, channels, cells.length, places])(Op.gatherElements(flat, wide, 2));
  const weights = cells.flatMap((c) => (c.weight === undefined ? [] : [c.weight]));
  const weighted = weights.length === 0 ? read : Op.mul(read, Op.concat(2)(weights.map(Op.unsqueeze([2]))));
  return Op.reduceSum({ axes: [2] })(weighted);
};

export const gridSample: Rule = composed((at) => {
  const [x, grid] = [input(at, 0), input(at, 1)];
  const [mode, padding] = [textOf(at.node, 'mode', 'bilinear'), textOf(at.node, 'padding_mode', 'zeros')];
  const style: Style = {
    mode: modes[mode] ?? refuse(at.node, `mode ${mode}`),
    padding: paddings[padding] ?? refuse(at.node, `padding_mode ${padding}`),
    corners: intOf(at.node, 'align_corners', 0) !== 0,
  };
  if (typeof x.type.shape[1] !== 'number')
    throw new Op.GraphDefect(
      `the gradient of GridSample needs a known number of channels, got [${x.type.shape.join(',')}]`,
    );
  const y = sampled(x, grid, style);
  return [Op.reshape([...x.type.shape.slice(0, 2), ...grid.type.shape.slice(1, -1)])(y)];
});
