/**
 * Joins, splits, slices and repeats.
 */
import type { Value } from '../../../graph/Graph.ts';
import * as G from '../../../graph/Graph.ts';
import * as Op from '../../../graph/Operators.ts';
import type { Dim } from '../../../shape/Shape.ts';
import * as C from '../Call.ts';
import { hasBatch, plus, times, total } from '../Sizes.ts';

const clamp = (n: number, low: number, high: number): number => Math.min(high, Math.max(low, n));

// -------------------------------------------------------------------------------------
// parts and joins
// -------------------------------------------------------------------------------------

const concat: C.Importer = (call) => {
  const values = call.inputs.map((_, i) => C.value(call, i));
  const [first] = values;
  if (first === undefined) return C.defect('has no inputs');
  const rank = C.shape(first).length;
  const axis = C.axisIn(rank, C.intOf(call, 'axis', 1));
  if (values.some((v) => C.shape(v).length !== rank)) return C.defect('its inputs are of different ranks');
  for (const v of values) C.separates(call, v, [axis]);
  const to = C.shape(first).map((_, i): Dim => {
    const sizes = values.map((v) => C.shape(v)[i] ?? '?');
    if (i === axis) return sizes.reduce(plus);
    // In a file made for one sample, a constant of one row belongs to every sample.
    if (call.freed && sizes.some(hasBatch) && sizes.includes(1)) return 'batch';
    return sizes.find((d) => typeof d === 'number') ?? sizes.find((d) => d !== '?') ?? '?';
  });
  const rows = values.map((v) => spread(v, to, axis));
  const y = values.length === 1 ? first : C.emit('Concat', rows, C.type(first.type.dtype, to), { axis: C.int(axis) });
  const contents = call.inputs.map(C.contentOf);
  return [C.of(y, rank === 1 && contents.every((c) => c !== undefined) ? contents.flat() : undefined)];
};

/** Repeats a single row for each sample, where the others have a batch. */
const spread = (v: Value, to: readonly Dim[], except: number): Value => {
  const axes = to.flatMap((d, i) => (i !== except && hasBatch(d) && C.shape(v)[i] === 1 ? [i] : []));
  return axes.length === 0 ? v : C.defect('joins rows of a batch with a constant row: it cannot be freed');
};

const split: C.Importer = (call) => {
  const x = C.value(call, 0);
  const from = C.shape(x);
  const axis = C.axisIn(from.length, C.intOf(call, 'axis', 0));
  C.separates(call, x, [axis]);
  const n = call.node.outputs.length;
  const length = from[axis];
  const given = C.intsOf(call, 'split') ?? (call.inputs[1] === undefined ? undefined : C.known(call, 1, 'split'));
  const chunk = typeof length === 'number' ? Math.ceil(length / n) : '?';
  const equal = Array.from(
    { length: n },
    (_, i): Dim =>
      typeof chunk === 'number' && typeof length === 'number' ? Math.max(0, Math.min(chunk, length - i * chunk)) : '?',
  );
  const sizes: readonly Dim[] = given ?? equal;
  if (sizes.length !== n) return C.defect(`has ${n} outputs and ${sizes.length} sizes`);
  const numbers = C.allNumbers(sizes);
  const types = sizes.map((d) =>
    C.type(
      x.type.dtype,
      from.map((f, i) => (i === axis ? d : f)),
    ),
  );
  const inputs = numbers === undefined ? [x] : [x, C.int64s(numbers)];
  const attributes = { axis: C.int(axis), ...(numbers === undefined ? { num_outputs: C.int(n) } : {}) };
  const content = from.length === 1 ? C.contentOf(call.inputs[0]) : undefined;
  let start = 0;
  return G.operator('Split', inputs, types, attributes).map((v, i) => {
    const begin = start;
    start += numbers?.[i] ?? 0;
    return C.of(v, numbers === undefined ? undefined : content?.slice(begin, start));
  });
};

const FAR = Number.MAX_SAFE_INTEGER / 2;

/** Where a slice begins and ends, as Python counts. */
const bounds = (n: number, start: number, end: number, step: number): readonly [number, number] => {
  const at = (i: number): number => (i < 0 ? i + n : i);
  return step > 0
    ? [clamp(at(start), 0, n), clamp(at(end), 0, n)]
    : [clamp(at(start), 0, n - 1), clamp(end < -n ? -1 : at(end), -1, n - 1)];
};

const sliceLength = (d: Dim, start: number, end: number, step: number): Dim => {
  if (step === 1 && start === 0 && end >= FAR) return d;
  if (typeof d !== 'number') return '?';
  const [from, to] = bounds(d, start, end, step);
  return Math.max(0, Math.ceil((to - from) / step));
};

/** Attributes before opset 10. */
const slice: C.Importer = (call) => {
  const x = C.value(call, 0);
  const from = C.shape(x);
  const part = (name: string, i: number) =>
    C.intsOf(call, name) ?? (call.inputs[i] === undefined ? undefined : C.allNumbers(C.contentOf(call.inputs[i])));
  const count = (name: string, i: number): number =>
    C.intsOf(call, name)?.length ?? Number(C.shape(C.value(call, i))[0]);
  const n = count('starts', 1);
  const axesGiven = part('axes', 3) ?? Array.from({ length: n }, (_, i) => i);
  const axes = axesGiven.map((a) => C.axisIn(from.length, a));
  const [starts, ends] = [part('starts', 1), part('ends', 2)];
  const steps = part('steps', 4) ?? axes.map(() => 1);
  if (steps.includes(0)) return C.defect('a step of 0');
  const to = from.map((d, i): Dim => {
    const at = axes.indexOf(i);
    if (at < 0) return d;
    const [s, e] = [starts?.[at], ends?.[at]];
    return s === undefined || e === undefined ? '?' : sliceLength(d, s, e, steps[at] ?? 1);
  });
  C.separates(
    call,
    x,
    axes.filter((a) => to[a] !== from[a]),
  );
  const vector = (values: readonly number[] | undefined, i: number): Value =>
    values === undefined ? C.value(call, i) : C.int64s(values);
  const y = C.emit(
    'Slice',
    [x, vector(starts, 1), vector(ends, 2), C.int64s(axes), C.int64s(steps)],
    C.type(x.type.dtype, to),
  );
  const content =
    from.length === 1 && starts !== undefined && ends !== undefined ? C.contentOf(call.inputs[0]) : undefined;
  return [
    C.of(y, content === undefined ? undefined : sliced(content, starts?.[0] ?? 0, ends?.[0] ?? 0, steps[0] ?? 1)),
  ];
};

const sliced = (content: readonly Dim[], start: number, end: number, step: number): readonly Dim[] => {
  const [from, to] = bounds(content.length, start, end, step);
  const out: Dim[] = [];
  for (let i = from; step > 0 ? i < to : i > to; i += step) out.push(content[i] ?? '?');
  return out;
};

// -------------------------------------------------------------------------------------
// repeats
// -------------------------------------------------------------------------------------

const expand: C.Importer = (call) => {
  const x = C.held(call, 0);
  const content = C.contentOf(call.inputs[1]);
  const goal = C.value(call, 1);
  const rank = C.shape(goal)[0];
  if (content === undefined && typeof rank !== 'number') return C.defect('the rank of its output is not known');
  const target = content ?? Array.from({ length: Math.min(64, Number(rank)) }, (): Dim => '?');
  const to = Op.broadcast(C.shape(x.value), target);
  const numbers = C.allNumbers(target);
  const y = C.emit(
    'Expand',
    [x.value, numbers === undefined ? goal : C.int64s(numbers)],
    C.type(x.value.type.dtype, to),
  );
  const one = C.contentOf(x);
  const n = total(to);
  const repeated =
    one?.length === 1 && typeof n === 'number' && n <= C.SMALL
      ? Array.from({ length: n }, () => one[0] ?? '?')
      : undefined;
  return [C.of(y, repeated)];
};

const tile: C.Importer = (call) => {
  const x = C.value(call, 0);
  const content = C.contentOf(call.inputs[1]);
  const from = C.shape(x);
  const to = from.map((d, i): Dim => (content === undefined ? '?' : times(d, content[i] ?? '?')));
  C.separates(
    call,
    x,
    from.flatMap((_, i) => (content?.[i] === 1 ? [] : [i])),
  );
  return [C.of(C.emit('Tile', [x, C.value(call, 1)], C.type(x.type.dtype, to)))];
};

// -------------------------------------------------------------------------------------
// the table
// -------------------------------------------------------------------------------------

export const parts: Readonly<Record<string, C.Importer>> = {
  Concat: concat,
  Split: split,
  Slice: slice,
  Expand: expand,
  Tile: tile,
};
