/**
 * Operators on shapes: sizes read off, reshapes, transposes. What they make of known contents is followed, so that
 * computed shapes become known.
 */
import type { Value } from '../../../graph/Graph.ts';
import type { Dim } from '../../../shape/Shape.ts';
import * as C from '../Call.ts';
import { hasBatch, over, times, total } from '../Sizes.ts';

// -------------------------------------------------------------------------------------
// reading sizes
// -------------------------------------------------------------------------------------

const clamp = (n: number, low: number, high: number): number => Math.min(high, Math.max(low, n));

const shapeOf: C.Importer = (call) => {
  const x = C.value(call, 0);
  const rank = C.shape(x).length;
  const at = (n: number): number => clamp(n < 0 ? n + rank : n, 0, rank);
  const [start, end] = [at(C.intOf(call, 'start', 0)), at(C.intOf(call, 'end', rank))];
  const content = C.shape(x).slice(start, end);
  const y = C.emit(
    'Shape',
    [x],
    C.type('int64', [content.length]),
    start === 0 && end === rank ? {} : { start: C.int(start), end: C.int(end) },
  );
  return [C.of(y, content)];
};

const size: C.Importer = (call) => {
  const x = C.value(call, 0);
  return [C.of(C.emit('Size', [x], C.type('int64', [])), [total(C.shape(x))])];
};

// -------------------------------------------------------------------------------------
// the same elements in another shape
// -------------------------------------------------------------------------------------

/**
 * What a target means for an input whose size is known: 0 copies a size, -1 is the rest. In a file made for one sample
 * a leading 1 stands for the batch.
 */
const resolved = (
  call: C.Call,
  x: Value,
  target: readonly Dim[],
): { readonly shape: readonly Dim[]; readonly target: readonly Dim[] } => {
  const from = C.shape(x);
  const allowZero = C.intOf(call, 'allowzero', 0) === 1;
  const copied = target.map(
    (d, i): Dim => (d === 0 && !allowZero ? (from[i] ?? C.defect(`copies axis ${i} of [${from}]`)) : d),
  );
  const open = copied.indexOf(-1);
  const rest = over(total(from), total(copied.filter((d) => d !== -1)));
  const filled = copied.map((d, i): Dim => (i === open ? rest : d));
  if (!call.freed || !from.some(hasBatch)) return { shape: filled, target };
  if (total(from) === '?') {
    if (hasBatch(copied[0]) || copied[0] === -1) return { shape: filled, target };
    if (copied[0] === 1 && from[0] === 'batch' && !allowZero)
      return { shape: ['batch', ...filled.slice(1)], target: [0, ...target.slice(1)] };
    return C.defect(`turns [${from}] into [${target}], where the place of the batch is not known: it cannot be freed`);
  }
  if (open < 0 ? hasBatch(total(copied)) : !hasBatch(rest)) return { shape: filled, target };
  // The target leaves the batch no room of its own: [1, -1] or [1, 96], where it should be [batch, 96].
  const first = copied[0];
  const others = copied.slice(1);
  const inner = open > 0 ? over(total(from), times('batch', total(others.filter((d) => d !== -1)))) : undefined;
  if (first === 1 && open > 0 && !hasBatch(inner)) {
    const shape = ['batch', ...others.map((d) => (d === -1 ? (inner ?? '?') : d))];
    return { shape, target: from[0] === 'batch' && !allowZero ? [0, ...target.slice(1)] : shape };
  }
  if (open < 0 && first !== undefined) {
    const rows = over(total(from), total(others));
    // [16, 96] for one sample is [16 batch, 96] for all of them.
    if (hasBatch(rows) && over(rows, 'batch') === first)
      return { shape: [rows, ...others], target: [-1, ...target.slice(1)] };
  }
  // -1 at the front takes the batch in.
  if (open === 0) return { shape: filled, target };
  return C.defect(`turns [${from}] into [${target}], which has no room for a batch: it cannot be freed`);
};

const reshape: C.Importer = (call) => {
  const x = C.held(call, 0);
  const content = C.contentOf(call.inputs[1]);
  const goal = C.value(call, 1);
  const rank = C.shape(goal)[0];
  if (content === undefined) {
    if (typeof rank !== 'number' || rank > 64) return C.defect('the rank of its output is not known');
    return [
      C.of(
        C.emit(
          'Reshape',
          [x.value, goal],
          C.type(
            x.value.type.dtype,
            Array.from({ length: rank }, () => '?'),
          ),
          C.keep(call, 'allowzero'),
        ),
      ),
    ];
  }
  const { shape, target } = resolved(call, x.value, content);
  const sizes = C.allNumbers(shape);
  if (sizes !== undefined) {
    const n = total(C.shape(x.value));
    if (typeof n === 'number' && n !== sizes.reduce((a, b) => a * b, 1))
      return C.defect(`cannot turn [${C.shape(x.value)}] into [${sizes}]`);
  }
  const numbers = C.allNumbers(target) ?? sizes ?? oneOpen(C.shape(x.value), shape);
  const y = C.emit(
    'Reshape',
    [x.value, numbers === undefined ? goal : C.int64s(numbers)],
    C.type(x.value.type.dtype, shape),
    C.intOf(call, 'allowzero', 0) === 1 ? { allowzero: C.int(1) } : {},
  );
  return [C.of(y, C.contentOf(x))];
};

/** A target with a single size that follows from the others, or is copied from its axis. */
const oneOpen = (from: readonly Dim[], to: readonly Dim[]): readonly number[] | undefined => {
  const target = to.map((d, i) => (typeof d === 'number' ? d : d !== '?' && from[i] === d ? 0 : -1));
  return target.filter((d) => d === -1).length <= 1 && !to.some((d) => d === 0) ? target : undefined;
};

const flatten: C.Importer = (call) => {
  const x = C.value(call, 0);
  const from = C.shape(x);
  const given = C.intOf(call, 'axis', 1);
  const axis = given === from.length ? given : C.axisIn(from.length, given);
  if (axis === 0)
    C.separates(
      call,
      x,
      from.map((_, i) => i),
    );
  const y = C.emit('Flatten', [x], C.type(x.type.dtype, [total(from.slice(0, axis)), total(from.slice(axis))]), {
    axis: C.int(axis),
  });
  return [C.of(y)];
};

const squeeze: C.Importer = (call) => {
  const x = C.held(call, 0);
  const from = C.shape(x.value);
  const given = C.axesOf(call, 1, from.length);
  if (given === undefined && from.some((d) => d === '?'))
    return C.defect(`drops the sizes of 1 of [${from}], which are not known`);
  const axes = given ?? from.flatMap((d, i) => (d === 1 ? [i] : []));
  C.separates(call, x.value, axes);
  const bad = axes.find((a) => typeof from[a] === 'number' && from[a] !== 1);
  if (bad !== undefined) return C.defect(`axis ${bad} of [${from}] is not 1`);
  const to = from.filter((_, i) => !axes.includes(i));
  const y = axes.length === 0 ? x.value : C.emit('Squeeze', [x.value, C.int64s(axes)], C.type(x.value.type.dtype, to));
  return [C.of(y, C.contentOf(x))];
};

const unsqueeze: C.Importer = (call) => {
  const x = C.held(call, 0);
  const from = [...C.shape(x.value)];
  const given = C.intsOf(call, 'axes') ?? C.known(call, 1, 'axes');
  const axes = given.map((a) => C.axisIn(from.length + given.length, a)).sort((a, b) => a - b);
  for (const a of axes) from.splice(a, 0, 1);
  const y = C.emit('Unsqueeze', [x.value, C.int64s(axes)], C.type(x.value.type.dtype, from));
  return [C.of(y, C.contentOf(x))];
};

const transpose: C.Importer = (call) => {
  const x = C.value(call, 0);
  const from = C.shape(x);
  const perm = C.intsOf(call, 'perm') ?? from.map((_, i) => from.length - 1 - i);
  if (new Set(perm).size !== from.length || perm.some((p) => from[p] === undefined))
    return C.defect(`perm [${perm}] does not order the axes of [${from}]`);
  const y = C.emit(
    'Transpose',
    [x],
    C.type(
      x.type.dtype,
      perm.map((p) => from[p] as Dim),
    ),
    { perm: C.ints(perm) },
  );
  return [C.of(y, from.length < 2 ? C.contentOf(call.inputs[0]) : undefined)];
};

// -------------------------------------------------------------------------------------
// the table
// -------------------------------------------------------------------------------------

export const shapes: Readonly<Record<string, C.Importer>> = {
  Shape: shapeOf,
  Size: size,
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
};
