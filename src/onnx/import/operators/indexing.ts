/**
 * Gathers, scatters, ranges, fills.
 */
import type { Value } from '../../../graph/Graph.ts';
import * as G from '../../../graph/Graph.ts';
import type { DType, NdArray } from '../../../shape/NdArray.ts';
import type { Dim } from '../../../shape/Shape.ts';
import * as C from '../Call.ts';
import { elementType } from '../Tensors.ts';

// -------------------------------------------------------------------------------------
// gathering
// -------------------------------------------------------------------------------------

const gather: C.Importer = (call) => {
  const [x, at] = [C.value(call, 0), C.value(call, 1)];
  const from = C.shape(x);
  const axis = C.axisIn(from.length, C.intOf(call, 'axis', 0));
  C.separates(call, x, [axis]);
  const to = [...from.slice(0, axis), ...C.shape(at), ...from.slice(axis + 1)];
  const y = C.emit('Gather', [x, at], C.type(x.type.dtype, to), { axis: C.int(axis) });
  const [content, places] = [C.contentOf(call.inputs[0]), C.allNumbers(C.contentOf(call.inputs[1]))];
  if (from.length !== 1 || content === undefined || places === undefined) return [C.of(y)];
  return [
    C.of(
      y,
      places.map((i) => content[i < 0 ? i + content.length : i] ?? C.defect(`index ${i} is not in [${from}]`)),
    ),
  ];
};

const gatherElements: C.Importer = (call) => {
  const [x, at] = [C.value(call, 0), C.value(call, 1)];
  const axis = C.axisIn(C.shape(x).length, C.intOf(call, 'axis', 0));
  C.separates(call, x, [axis]);
  return [C.of(C.emit('GatherElements', [x, at], C.type(x.type.dtype, C.shape(at)), { axis: C.int(axis) }))];
};

const gatherND: C.Importer = (call) => {
  const [x, at] = [C.value(call, 0), C.value(call, 1)];
  const batch = C.intOf(call, 'batch_dims', 0);
  const depth = C.shape(at).at(-1);
  if (typeof depth !== 'number') return C.defect('how many axes it indexes is not known');
  C.separates(
    call,
    x,
    Array.from({ length: depth }, (_, i) => i + batch),
  );
  const to = [...C.shape(at).slice(0, -1), ...C.shape(x).slice(batch + depth)];
  return [C.of(C.emit('GatherND', [x, at], C.type(x.type.dtype, to), batch === 0 ? {} : { batch_dims: C.int(batch) }))];
};

/** `Scatter` was its name before opset 11. */
const scatterElements: C.Importer = (call) => {
  const [x, at, updates] = [C.value(call, 0), C.value(call, 1), C.value(call, 2)];
  const axis = C.axisIn(C.shape(x).length, C.intOf(call, 'axis', 0));
  C.separates(call, x, [axis]);
  return [
    C.of(C.emit('ScatterElements', [x, at, updates], x.type, { axis: C.int(axis), ...C.keep(call, 'reduction') })),
  ];
};

const scatterND: C.Importer = (call) => {
  const [x, at, updates] = [C.value(call, 0), C.value(call, 1), C.value(call, 2)];
  C.separates(call, x, [0]);
  return [C.of(C.emit('ScatterND', [x, at, updates], x.type, C.keep(call, 'reduction')))];
};

const oneHot: C.Importer = (call) => {
  const [at, depth, values] = [C.value(call, 0), C.value(call, 1), C.value(call, 2)];
  const rank = C.shape(at).length + 1;
  const axis = C.axisIn(rank, C.intOf(call, 'axis', -1));
  const to = [...C.shape(at)];
  to.splice(axis, 0, C.contentOf(call.inputs[1])?.[0] ?? '?');
  return [C.of(C.emit('OneHot', [at, depth, values], C.type(values.type.dtype, to), { axis: C.int(axis) }))];
};

// -------------------------------------------------------------------------------------
// filling
// -------------------------------------------------------------------------------------

const constantOfShape: C.Importer = (call) => {
  const sizes = C.value(call, 0);
  const array: NdArray = C.tensorOf(call, 'value') ?? { dtype: 'float32', shape: [1], data: new Float32Array(1) };
  const rank = C.shape(sizes)[0];
  if (typeof rank !== 'number' || rank > 64) return C.defect('the rank of its output is not known');
  const to = C.contentOf(call.inputs[0]) ?? Array.from({ length: rank }, (): Dim => '?');
  const y = C.emit('ConstantOfShape', [sizes], C.type(array.dtype, to), { value: { _tag: 'Tensor', value: array } });
  const n = C.allNumbers(to)?.reduce((a, b) => a * b, 1);
  return [
    C.of(y, n !== undefined && n <= C.SMALL ? Array.from({ length: n }, () => Number(array.data[0])) : undefined),
  ];
};

const range: C.Importer = (call) => {
  const [start, limit, delta] = [C.value(call, 0), C.value(call, 1), C.value(call, 2)];
  const [s, l, d] = [0, 1, 2].map((i) => C.contentOf(call.inputs[i])?.[0]);
  const numbers = C.allNumbers([s ?? '?', l ?? '?', d ?? '?']);
  const [from = 0, to = 0, by = 1] = numbers ?? [];
  if (by === 0) return C.defect('a step of 0');
  const n = numbers === undefined ? undefined : Math.max(0, Math.ceil((to - from) / by));
  const length: Dim = n ?? (s === 0 && d === 1 ? (l ?? '?') : '?');
  const y = C.emit('Range', [start, limit, delta], C.type(start.type.dtype, [length]));
  return [C.of(y, n !== undefined && n <= C.SMALL ? Array.from({ length: n }, (_, i) => from + i * by) : undefined)];
};

const eyeLike: C.Importer = (call) => {
  const x = C.value(call, 0);
  const to = C.intOf(call, 'dtype', 0);
  const dtype: DType = to === 0 ? x.type.dtype : elementType(call.node.outputs[0] ?? '', to);
  return [C.of(C.emit('EyeLike', [x], C.type(dtype, C.shape(x)), C.keep(call, 'dtype', 'k')))];
};

const trilu: C.Importer = (call) => {
  const x = C.value(call, 0);
  const k = C.optional(call, 1);
  return [C.of(C.emit('Trilu', k === undefined ? [x] : [x, k], x.type, C.keep(call, 'upper')))];
};

const nonZero: C.Importer = (call) => {
  const x = C.value(call, 0);
  C.separates(
    call,
    x,
    C.shape(x).map((_, i) => i),
  );
  return [C.of(C.emit('NonZero', [x], C.type('int64', [C.shape(x).length, '?'])))];
};

const compress: C.Importer = (call) => {
  const [x, condition] = [C.value(call, 0), C.value(call, 1)];
  const from = C.shape(x);
  const given = call.node.attributes.axis === undefined ? undefined : C.axisIn(from.length, C.intOf(call, 'axis', 0));
  C.separates(call, x, given === undefined ? from.map((_, i) => i) : [given]);
  const to = given === undefined ? ['?'] : from.map((d, i): Dim => (i === given ? '?' : d));
  return [
    C.of(
      C.emit('Compress', [x, condition], C.type(x.type.dtype, to), given === undefined ? {} : { axis: C.int(given) }),
    ),
  ];
};

const reverseSequence: C.Importer = (call) => {
  const [x, lengths] = [C.value(call, 0), C.value(call, 1)];
  C.separates(call, x, [C.intOf(call, 'time_axis', 0)]);
  return [C.of(C.emit('ReverseSequence', [x, lengths], x.type, C.keep(call, 'batch_axis', 'time_axis')))];
};

/** No gradient: it chooses. */
const nonMaxSuppression: C.Importer = (call) => {
  const inputs = call.inputs.map((h): Value | undefined => h?.value);
  return G.operator('NonMaxSuppression', inputs, [C.type('int64', ['?', 3])], C.keep(call, 'center_point_box')).map(
    (v) => C.of(v),
  );
};

export const indexing: Readonly<Record<string, C.Importer>> = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  Scatter: scatterElements,
  ScatterElements: scatterElements,
  ScatterND: scatterND,
  OneHot: oneHot,
  ConstantOfShape: constantOfShape,
  Range: range,
  EyeLike: eyeLike,
  Trilu: trilu,
  NonZero: nonZero,
  Compress: compress,
  ReverseSequence: reverseSequence,
  NonMaxSuppression: nonMaxSuppression,
};
