/**
 * Reductions: axes were attributes before opset 18 (ReduceSum: 13). Also cumulative sums, places of extrema, and the
 * largest.
 */
import * as G from '../../../graph/Graph.ts';
import type { Dim } from '../../../shape/Shape.ts';
import * as C from '../Call.ts';

const reduction =
  (fold?: (numbers: readonly number[]) => number): C.Importer =>
  (call) => {
    const x = C.value(call, 0);
    const from = C.shape(x);
    const given = C.axesOf(call, 1, from.length);
    const nothing = (given === undefined || given.length === 0) && C.intOf(call, 'noop_with_empty_axes', 0) === 1;
    if (nothing) return [C.held(call, 0)];
    const axes = given === undefined || given.length === 0 ? from.map((_, i) => i) : given;
    C.separates(call, x, axes);
    const keep = C.intOf(call, 'keepdims', 1) !== 0;
    const to = from.flatMap((d, i): readonly Dim[] => (!axes.includes(i) ? [d] : keep ? [1] : []));
    const y = C.emit(call.node.operator, from.length === 0 ? [x] : [x, C.int64s(axes)], C.type(x.type.dtype, to), {
      keepdims: C.int(keep ? 1 : 0),
    });
    const numbers = from.length === 1 ? C.allNumbers(C.contentOf(call.inputs[0])) : undefined;
    return [C.of(y, numbers === undefined || fold === undefined ? undefined : [fold(numbers)])];
  };

const place: C.Importer = (call) => {
  const x = C.value(call, 0);
  const from = C.shape(x);
  const axis = C.axisIn(from.length, C.intOf(call, 'axis', 0));
  C.separates(call, x, [axis]);
  const keep = C.intOf(call, 'keepdims', 1) !== 0;
  const to = from.flatMap((d, i): readonly Dim[] => (i !== axis ? [d] : keep ? [1] : []));
  const attributes = { axis: C.int(axis), keepdims: C.int(keep ? 1 : 0), ...C.keep(call, 'select_last_index') };
  return [C.of(C.emit(call.node.operator, [x], C.type('int64', to), attributes))];
};

const cumSum: C.Importer = (call) => {
  const x = C.value(call, 0);
  const [axis = 0] = C.known(call, 1, 'the axis');
  C.separates(call, x, [C.axisIn(C.shape(x).length, axis)]);
  return [C.of(C.emit('CumSum', [x, C.value(call, 1)], x.type, C.keep(call, 'exclusive', 'reverse')))];
};

/** The count was an attribute before opset 10. */
const topK: C.Importer = (call) => {
  const x = C.value(call, 0);
  const from = C.shape(x);
  const axis = C.axisIn(from.length, C.intOf(call, 'axis', -1));
  C.separates(call, x, [axis]);
  const fixed = call.node.version < 10 ? [C.intOf(call, 'k', 1)] : C.contentOf(call.inputs[1]);
  const [k = '?'] = fixed ?? [];
  const to = from.map((d, i): Dim => (i === axis ? k : d));
  const count = typeof k === 'number' ? C.int64s([k]) : C.value(call, 1);
  return G.operator('TopK', [x, count], [C.type(x.type.dtype, to), C.type('int64', to)], {
    axis: C.int(axis),
    ...C.keep(call, 'largest', 'sorted'),
  }).map((v) => C.of(v));
};

export const reductions: Readonly<Record<string, C.Importer>> = {
  ReduceSum: reduction((n) => n.reduce((a, b) => a + b, 0)),
  ReduceProd: reduction((n) => n.reduce((a, b) => a * b, 1)),
  ReduceMax: reduction((n) => Math.max(...n)),
  ReduceMin: reduction((n) => Math.min(...n)),
  ...Object.fromEntries(
    ['Mean', 'L1', 'L2', 'SumSquare', 'LogSum', 'LogSumExp'].map((o) => [`Reduce${o}`, reduction()] as const),
  ),
  ArgMax: place,
  ArgMin: place,
  CumSum: cumSum,
  TopK: topK,
};
