/**
 * Convolutions and pooling. Padding that is said by a word becomes numbers as soon as the sizes are known.
 */
import type { Attributes, Value } from '../../../graph/Graph.ts';
import * as G from '../../../graph/Graph.ts';
import type { Dim } from '../../../shape/Shape.ts';
import * as C from '../Call.ts';
import { times } from '../Sizes.ts';

// -------------------------------------------------------------------------------------
// windows
// -------------------------------------------------------------------------------------

interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Undefined: by `autoPad`, as the sizes are not known. */
  readonly pads: readonly number[] | undefined;
  readonly autoPad: string;
  readonly ceil: boolean;
}

const samePad = (n: Dim, k: number, s: number, d: number): number | undefined => {
  const reach = (k - 1) * d;
  if (s === 1) return reach;
  return typeof n === 'number' ? Math.max(0, (Math.ceil(n / s) - 1) * s + reach + 1 - n) : undefined;
};

const padsOf = (call: C.Call, spatial: readonly Dim[], w: Omit<Window, 'pads'>): readonly number[] | undefined => {
  if (w.autoPad === 'NOTSET') return C.intsOf(call, 'pads') ?? [...spatial, ...spatial].map(() => 0);
  if (w.autoPad === 'VALID') return [...spatial, ...spatial].map(() => 0);
  const totals = spatial.map((n, i) => samePad(n, w.kernel[i] ?? 1, w.strides[i] ?? 1, w.dilations[i] ?? 1));
  if (totals.includes(undefined)) return undefined;
  const small = totals.map((t) => Math.floor((t ?? 0) / 2));
  const large = totals.map((t) => Math.ceil((t ?? 0) / 2));
  return w.autoPad === 'SAME_LOWER' ? [...large, ...small] : [...small, ...large];
};

const windowOf = (call: C.Call, x: Value, kernel: readonly number[] | undefined): Window => {
  const spatial = C.shape(x).slice(2);
  const size = C.intsOf(call, 'kernel_shape') ?? kernel ?? C.defect('kernel_shape is missing');
  const w = {
    kernel: size,
    strides: C.intsOf(call, 'strides') ?? size.map(() => 1),
    dilations: C.intsOf(call, 'dilations') ?? size.map(() => 1),
    autoPad: C.textOf(call, 'auto_pad', 'NOTSET'),
    ceil: C.intOf(call, 'ceil_mode', 0) !== 0,
  };
  const fits = [w.kernel, w.strides, w.dilations].every((l) => l.length === spatial.length && l.every((n) => n > 0));
  if (spatial.length === 0 || !fits) return C.defect(`a window of [${w.kernel}] does not fit [${C.shape(x)}]`);
  const pads = padsOf(call, spatial, w);
  return pads !== undefined && pads.length !== 2 * spatial.length
    ? C.defect(`pads [${pads}] do not fit [${C.shape(x)}]`)
    : { ...w, pads };
};

const lengthOf = (n: Dim, i: number, w: Window, axes: number): Dim => {
  const [k = 1, s = 1, d = 1] = [w.kernel[i], w.strides[i], w.dilations[i]];
  if (w.pads === undefined) return typeof n === 'number' ? Math.ceil(n / s) : '?';
  const pads = (w.pads[i] ?? 0) + (w.pads[i + axes] ?? 0);
  if (typeof n !== 'number') return s === 1 && pads === d * (k - 1) ? n : '?';
  const room = n + pads - d * (k - 1) - 1;
  if (room < 0) return C.defect(`a window of ${k} (dilated by ${d}) is larger than ${n} with pads of ${pads}`);
  if (!w.ceil) return Math.floor(room / s) + 1;
  const out = Math.ceil(room / s) + 1;
  // A window that would begin in the padding behind is left out.
  return (out - 1) * s >= n + (w.pads[i] ?? 0) ? out - 1 : out;
};

const spatialOf = (x: Value, w: Window): readonly Dim[] =>
  C.shape(x)
    .slice(2)
    .map((n, i, all) => lengthOf(n, i, w, all.length));

const attributesOf = (w: Window): Attributes => ({
  kernel_shape: C.ints(w.kernel),
  strides: C.ints(w.strides),
  dilations: C.ints(w.dilations),
  ...(w.pads === undefined ? { auto_pad: C.text(w.autoPad) } : { pads: C.ints(w.pads) }),
});

const without = (attributes: Attributes, name: string): Attributes =>
  Object.fromEntries(Object.entries(attributes).filter(([key]) => key !== name));

// -------------------------------------------------------------------------------------
// convolution
// -------------------------------------------------------------------------------------

const kernelOf = (w: Value): readonly number[] | undefined => C.allNumbers(C.shape(w).slice(2));

const conv: C.Importer = (call) => {
  const [x, k, b] = [C.value(call, 0), C.value(call, 1), C.optional(call, 2)];
  const [n = '?', channels = '?'] = C.shape(x);
  const w = windowOf(call, x, kernelOf(k));
  const group = C.intOf(call, 'group', 1);
  const [filters = '?', depth = '?'] = C.shape(k);
  const wanted = times(depth, group);
  if (typeof channels === 'number' && typeof wanted === 'number' && channels !== wanted)
    return C.defect(
      `its kernel [${C.shape(k)}] with ${group} group(s) is for ${wanted} channels, the input [${C.shape(x)}] has ${channels}`,
    );
  const y = C.emit(
    'Conv',
    b === undefined ? [x, k] : [x, k, b],
    C.type(x.type.dtype, [n, filters, ...spatialOf(x, w)]),
    {
      ...attributesOf(w),
      group: C.int(group),
    },
  );
  return [C.of(y)];
};

/** Sizes wanted of the output become pads, as the operator's text says. */
const convTranspose: C.Importer = (call) => {
  const [x, k, b] = [C.value(call, 0), C.value(call, 1), C.optional(call, 2)];
  const [n = '?', ...rest] = C.shape(x);
  const spatial = rest.slice(1);
  const kernel = C.intsOf(call, 'kernel_shape') ?? kernelOf(k) ?? C.defect('kernel_shape is missing');
  const strides = C.intsOf(call, 'strides') ?? kernel.map(() => 1);
  const dilations = C.intsOf(call, 'dilations') ?? kernel.map(() => 1);
  const extra = C.intsOf(call, 'output_padding') ?? kernel.map(() => 0);
  const autoPad = C.textOf(call, 'auto_pad', 'NOTSET');
  const goal = C.intsOf(call, 'output_shape')?.slice(-spatial.length);
  if ([kernel, strides, dilations, extra].some((l) => l.length !== spatial.length))
    return C.defect(`a window of [${kernel}] does not fit [${C.shape(x)}]`);
  const reach = (i: number): number => ((kernel[i] ?? 1) - 1) * (dilations[i] ?? 1) + 1 + (extra[i] ?? 0);
  const full = (d: Dim, i: number): Dim => (typeof d === 'number' ? (d - 1) * (strides[i] ?? 1) + reach(i) : '?');
  const pads = (): readonly number[] => {
    if (autoPad === 'VALID') return [...spatial, ...spatial].map(() => 0);
    if (autoPad === 'NOTSET' && goal === undefined)
      return C.intsOf(call, 'pads') ?? [...spatial, ...spatial].map(() => 0);
    const totals = spatial.map((d, i) => {
      const wanted = goal?.[i] ?? (typeof d === 'number' ? d * (strides[i] ?? 1) : undefined);
      const f = full(d, i);
      // In general what is cut off is the reach less the stride, whatever the size.
      if (goal === undefined) return Math.max(0, reach(i) - (strides[i] ?? 1));
      return typeof f === 'number' && wanted !== undefined ? f - wanted : C.defect('output_shape needs a known input');
    });
    const upper = autoPad === 'SAME_UPPER';
    const begin = totals.map((t) => (upper ? Math.floor(t / 2) : t - Math.floor(t / 2)));
    return [...begin, ...totals.map((t, i) => t - (begin[i] ?? 0))];
  };
  const cut = pads();
  const group = C.intOf(call, 'group', 1);
  const to = spatial.map((d, i): Dim => {
    const f = full(d, i);
    return typeof f === 'number' ? f - (cut[i] ?? 0) - (cut[i + spatial.length] ?? 0) : '?';
  });
  const shape = [n, times(C.shape(k)[1] ?? '?', group), ...to];
  const y = C.emit('ConvTranspose', b === undefined ? [x, k] : [x, k, b], C.type(x.type.dtype, shape), {
    kernel_shape: C.ints(kernel),
    strides: C.ints(strides),
    dilations: C.ints(dilations),
    output_padding: C.ints(extra),
    pads: C.ints(cut),
    group: C.int(group),
  });
  return [C.of(y)];
};

// -------------------------------------------------------------------------------------
// pooling
// -------------------------------------------------------------------------------------

const ceilOf = (w: Window): Attributes => (w.ceil ? { ceil_mode: C.int(1) } : {});

const maxPool: C.Importer = (call) => {
  const x = C.value(call, 0);
  const w = windowOf(call, x, undefined);
  const to = [...C.shape(x).slice(0, 2), ...spatialOf(x, w)];
  const attributes = { ...attributesOf(w), ...ceilOf(w), ...C.keep(call, 'storage_order') };
  return G.operator('MaxPool', [x], [C.type(x.type.dtype, to), C.type('int64', to)], attributes).map((v) => C.of(v));
};

const averagePool: C.Importer = (call) => {
  const x = C.value(call, 0);
  const w = windowOf(call, x, undefined);
  if (w.dilations.some((d) => d !== 1)) return C.defect('with dilations, which came with opset 19');
  const to = [...C.shape(x).slice(0, 2), ...spatialOf(x, w)];
  const attributes = { ...without(attributesOf(w), 'dilations'), ...ceilOf(w), ...C.keep(call, 'count_include_pad') };
  return [C.of(C.emit('AveragePool', [x], C.type(x.type.dtype, to), attributes))];
};

const lpPool: C.Importer = (call) => {
  const x = C.value(call, 0);
  const w = windowOf(call, x, undefined);
  const to = [...C.shape(x).slice(0, 2), ...spatialOf(x, w)];
  return [
    C.of(C.emit('LpPool', [x], C.type(x.type.dtype, to), { ...attributesOf(w), ...ceilOf(w), ...C.keep(call, 'p') })),
  ];
};

const globalPool: C.Importer = (call) => {
  const x = C.value(call, 0);
  const to = C.shape(x).map((d, i): Dim => (i < 2 ? d : 1));
  return [C.of(C.emit(call.node.operator, [x], C.type(x.type.dtype, to), C.keep(call, 'p')))];
};

export const windows: Readonly<Record<string, C.Importer>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: maxPool,
  AveragePool: averagePool,
  LpPool: lpPool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
};
