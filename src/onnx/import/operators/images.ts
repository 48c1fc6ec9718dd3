/**
 * Operators on pictures: pads, resizing, blocks. `Upsample` and the resizing of opset 10 become that of 18.
 */
import type { Attributes, Value } from '../../../graph/Graph.ts';
import * as Op from '../../../graph/Operators.ts';
import type { Dim } from '../../../shape/Shape.ts';
import * as C from '../Call.ts';
import { hasBatch } from '../Sizes.ts';

// -------------------------------------------------------------------------------------
// pads
// -------------------------------------------------------------------------------------

/** Pads and the value were attributes before opset 11. */
const pad: C.Importer = (call) => {
  const x = C.value(call, 0);
  const from = C.shape(x);
  const { version } = call.node;
  const mode = C.textOf(call, 'mode', 'constant');
  if (mode === 'wrap') return C.defect("mode 'wrap', which came with opset 19");
  const given = C.intsOf(call, 'pads') ?? C.allNumbers(C.contentOf(call.inputs[1]));
  const axes =
    call.inputs[3] === undefined
      ? from.map((_, i) => i)
      : C.known(call, 3, 'axes').map((a) => C.axisIn(from.length, a));
  const filling = version < 11 ? Op.scalar(C.floatOf(call, 'value', 0), x.type.dtype) : C.optional(call, 2);
  if (given !== undefined && given.length !== 2 * axes.length) return C.defect(`pads [${given}] do not fit [${from}]`);
  const before = from.map((_, i) => given?.[axes.indexOf(i)] ?? 0);
  const after = from.map((_, i) => (axes.includes(i) ? (given?.[axes.indexOf(i) + axes.length] ?? 0) : 0));
  C.separates(
    call,
    x,
    from.flatMap((_, i) => (before[i] === 0 && after[i] === 0 ? [] : [i])),
  );
  const to = from.map((d, i): Dim => {
    const more = (before[i] ?? 0) + (after[i] ?? 0);
    if (given === undefined) return axes.includes(i) ? '?' : d;
    return more === 0 ? d : typeof d === 'number' ? d + more : '?';
  });
  const pads = given === undefined ? C.value(call, 1) : C.int64s([...before, ...after]);
  const inputs = filling === undefined ? [x, pads] : [x, pads, filling];
  return [
    C.of(
      C.emit(
        'Pad',
        given === undefined && call.inputs[3] !== undefined ? [x, pads, filling, C.int64s(axes)] : inputs,
        C.type(x.type.dtype, to),
        { mode: C.text(mode) },
      ),
    ),
  ];
};

// -------------------------------------------------------------------------------------
// resizing
// -------------------------------------------------------------------------------------

interface Goal {
  readonly scales?: readonly number[];
  readonly sizes?: readonly number[];
  readonly axes: readonly number[];
  readonly to: readonly Dim[];
}

const byScales = (from: readonly Dim[], axes: readonly number[], scales: readonly number[]): Goal => {
  if (scales.length !== axes.length || !scales.every((s) => s > 0))
    return C.defect(`scales [${scales}] do not fit [${from}]`);
  const changed = axes.flatMap((a, i) => (scales[i] === 1 ? [] : [[a, scales[i] ?? 1] as const]));
  const scale = new Map(changed);
  const to = from.map((d, i): Dim => {
    const s = scale.get(i);
    return s === undefined ? d : typeof d === 'number' ? Math.floor(d * s) : '?';
  });
  return { axes: changed.map(([a]) => a), scales: changed.map(([, s]) => s), to };
};

/** Sizes that stay (a batch's, or in a file for one sample a 1 that stands for it) are left out. */
const bySizes = (call: C.Call, from: readonly Dim[], axes: readonly number[], sizes: readonly Dim[]): Goal => {
  if (sizes.length !== axes.length) return C.defect(`sizes [${sizes}] do not fit [${from}]`);
  const stays = (a: number, s: Dim): boolean => s === from[a] || (call.freed && s === 1 && hasBatch(from[a]));
  const changed = axes.flatMap((a, i) => (stays(a, sizes[i] ?? '?') ? [] : [[a, sizes[i] ?? '?'] as const]));
  const numbers = C.allNumbers(changed.map(([, s]) => s)) ?? C.defect(`sizes [${sizes}] of which some are not known`);
  const size = new Map(changed);
  return { axes: changed.map(([a]) => a), sizes: numbers, to: from.map((d, i) => size.get(i) ?? d) };
};

const resized = (call: C.Call, x: Value, goal: Goal, attributes: Attributes): readonly C.Held[] => {
  C.separates(call, x, goal.axes);
  if (goal.axes.length === 0) return [C.of(x)];
  const scales = goal.scales === undefined ? undefined : Op.tensor(goal.scales, [goal.scales.length], 'float32');
  const sizes = goal.sizes === undefined ? undefined : C.int64s(goal.sizes);
  const y = C.emit(
    'Resize',
    sizes === undefined ? [x, undefined, scales] : [x, undefined, undefined, sizes],
    C.type(x.type.dtype, goal.to),
    {
      ...attributes,
      axes: C.ints(goal.axes),
    },
  );
  return [C.of(y)];
};

/** As it was before opset 11. */
const older = (mode: string): Attributes => ({
  mode: C.text(mode === 'bilinear' ? 'linear' : mode),
  coordinate_transformation_mode: C.text('asymmetric'),
  nearest_mode: C.text('floor'),
});

const upsample: C.Importer = (call) => {
  const x = C.value(call, 0);
  const scales = C.floatsOf(call, 'scales') ?? C.known(call, 1, 'scales');
  const axes = C.shape(x).map((_, i) => i);
  return resized(call, x, byScales(C.shape(x), axes, scales), older(C.textOf(call, 'mode', 'nearest')));
};

const modes = ['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric'];

const resize: C.Importer = (call) => {
  const x = C.value(call, 0);
  const from = C.shape(x);
  const all = from.map((_, i) => i);
  if (call.node.version < 11)
    return resized(call, x, byScales(from, all, C.known(call, 1, 'scales')), older(C.textOf(call, 'mode', 'nearest')));
  const place = C.textOf(call, 'coordinate_transformation_mode', 'half_pixel');
  if (!modes.includes(place)) return C.defect(`coordinate_transformation_mode '${place}'`);
  if (C.textOf(call, 'keep_aspect_ratio_policy', 'stretch') !== 'stretch')
    return C.defect('with keep_aspect_ratio_policy');
  const axes = C.intsOf(call, 'axes')?.map((a) => C.axisIn(from.length, a)) ?? all;
  const attributes = {
    coordinate_transformation_mode: C.text(place),
    ...C.keep(call, 'mode', 'nearest_mode', 'cubic_coeff_a', 'exclude_outside', 'extrapolation_value', 'antialias'),
  };
  const isGiven = (i: number): boolean => call.inputs[i] !== undefined && C.shape(C.value(call, i))[0] !== 0;
  if (isGiven(2)) return resized(call, x, byScales(from, axes, C.known(call, 2, 'scales')), attributes);
  const sizes = C.contentOf(C.held(call, 3)) ?? C.defect('its sizes are not known before the graph runs');
  return resized(call, x, bySizes(call, from, axes, sizes), attributes);
};

// -------------------------------------------------------------------------------------
// blocks
// -------------------------------------------------------------------------------------

const divided = (d: Dim, by: number): Dim =>
  typeof d !== 'number' ? '?' : d % by === 0 ? d / by : C.defect(`${d} is not a multiple of ${by}`);
const multiplied = (d: Dim, by: number): Dim => (typeof d === 'number' ? d * by : '?');

const blocks =
  (toSpace: boolean): C.Importer =>
  (call) => {
    const x = C.value(call, 0);
    const size = C.intOf(call, 'blocksize', 1);
    const [n = '?', c = '?', h = '?', w = '?'] = C.shape(x);
    const [area, side] = toSpace ? [divided, multiplied] : [multiplied, divided];
    const to = [n, area(c, size * size), side(h, size), side(w, size)];
    return [
      C.of(
        C.emit(
          call.node.operator,
          [x],
          C.type(x.type.dtype, to),
          C.keep(call, 'blocksize', ...(toSpace ? ['mode'] : [])),
        ),
      ),
    ];
  };

/** `linear` and `cubic` were `bilinear` and `bicubic` before opset 20. */
const gridSample: C.Importer = (call) => {
  const [x, grid] = [C.value(call, 0), C.value(call, 1)];
  const mode = C.textOf(call, 'mode', 'bilinear');
  const to = [...C.shape(x).slice(0, 2), ...C.shape(grid).slice(1, -1)];
  const attributes = {
    mode: C.text(mode === 'linear' ? 'bilinear' : mode === 'cubic' ? 'bicubic' : mode),
    ...C.keep(call, 'align_corners', 'padding_mode'),
  };
  return [C.of(C.emit('GridSample', [x, grid], C.type(x.type.dtype, to), attributes))];
};

export const images: Readonly<Record<string, C.Importer>> = {
  Pad: pad,
  Resize: resize,
  Upsample: upsample,
  DepthToSpace: blocks(true),
  SpaceToDepth: blocks(false),
  GridSample: gridSample,
};
