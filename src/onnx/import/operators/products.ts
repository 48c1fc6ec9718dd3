/**
 * Matrix products.
 */
import * as Op from '../../../graph/Operators.ts';
import type { Dim } from '../../../shape/Shape.ts';
import * as C from '../Call.ts';

const contracts = (a: Dim | undefined, b: Dim | undefined): void => {
  if (typeof a === 'number' && typeof b === 'number' && a !== b)
    C.defect(`multiplies along axes of sizes ${a} and ${b}`);
};

/** The shape of a product of matrices; vectors lose their axis. */
const productShape = (a: readonly Dim[], b: readonly Dim[]): readonly Dim[] => {
  if (a.length === 0 || b.length === 0) return C.defect('multiplies a scalar');
  contracts(a.at(-1), b.length === 1 ? b[0] : b.at(-2));
  const rows = a.length === 1 ? [] : [a.at(-2) as Dim];
  const columns = b.length === 1 ? [] : [b.at(-1) as Dim];
  return [...Op.broadcast(a.slice(0, -2), b.slice(0, -2)), ...rows, ...columns];
};

const matMul: C.Importer = (call) => {
  const [a, b] = [C.value(call, 0), C.value(call, 1)];
  C.separates(call, a, [C.shape(a).length - 1]);
  C.separates(call, b, [Math.max(0, C.shape(b).length - 2)]);
  return [C.of(C.emit('MatMul', [a, b], C.type(a.type.dtype, productShape(C.shape(a), C.shape(b)))))];
};

const turned = (s: readonly Dim[], by: number): readonly Dim[] =>
  by !== 0 ? [...s.slice(0, -2), s.at(-1) as Dim, s.at(-2) as Dim] : s;

const fusedMatMul: C.Importer = (call) => {
  const [a, b] = [C.value(call, 0), C.value(call, 1)];
  const [ta, tb] = [C.intOf(call, 'transA', 0), C.intOf(call, 'transB', 0)];
  if (C.intOf(call, 'transBatchA', 0) !== 0 || C.intOf(call, 'transBatchB', 0) !== 0)
    return C.defect('with transBatch');
  const to = productShape(turned(C.shape(a), ta), turned(C.shape(b), tb));
  return [
    C.of(
      C.emit(
        'FusedMatMul',
        [a, b],
        C.type(a.type.dtype, to),
        C.keep(call, 'alpha', 'transA', 'transB'),
        'com.microsoft',
      ),
    ),
  ];
};

const gemm: C.Importer = (call) => {
  const [a, b, c] = [C.value(call, 0), C.value(call, 1), C.optional(call, 2)];
  if (C.shape(a).length !== 2 || C.shape(b).length !== 2) return C.defect('its inputs are no matrices');
  const transposes = C.intOf(call, 'transA', 0) !== 0;
  const x = turned(C.shape(a), Number(transposes));
  const y = turned(C.shape(b), C.intOf(call, 'transB', 0));
  contracts(x[1], y[0]);
  C.separates(call, a, [transposes ? 0 : 1]);
  const out = C.emit(
    'Gemm',
    c === undefined ? [a, b] : [a, b, c],
    C.type(a.type.dtype, [x[0] ?? '?', y[1] ?? '?']),
    C.keep(call, 'alpha', 'beta', 'transA', 'transB'),
  );
  return [C.of(out)];
};

/** Sizes by letter; an ellipsis stands for axes that broadcast. */
const einsum: C.Importer = (call) => {
  const equation = C.textOf(call, 'equation', '').replace(/\s/g, '');
  const values = call.inputs.map((_, i) => C.value(call, i));
  const [left = '', right] = equation.split('->');
  const terms = left.split(',');
  if (terms.length !== values.length) return C.defect(`'${equation}' is not for ${values.length} inputs`);
  const sizes = new Map<string, Dim>();
  let around: readonly Dim[] = [];
  terms.forEach((term, i) => {
    const dims = C.shape(values[i] ?? C.value(call, i));
    const [front = '', back] = term.split('...');
    const letters = [...front, ...(back ?? '')];
    const extra = dims.length - letters.length;
    if (extra < 0 || (back === undefined && extra > 0)) C.defect(`'${term}' does not name the axes of [${dims}]`);
    around = Op.broadcast(around, dims.slice(front.length, front.length + extra));
    const named = [...dims.slice(0, front.length), ...dims.slice(front.length + extra)];
    letters.forEach((letter, k) => {
      const before = sizes.get(letter);
      const now = named[k] ?? '?';
      sizes.set(letter, before === undefined || before === '?' || before === 1 ? now : before);
    });
  });
  const once = [...sizes.keys()].filter((l) => left.split(l).length === 2).sort();
  const output = right ?? `${left.includes('...') ? '...' : ''}${once.join('')}`;
  const [front = '', back] = output.split('...');
  const size = (letter: string): Dim => sizes.get(letter) ?? C.defect(`'${equation}' has no size for ${letter}`);
  const to = [...[...front].map(size), ...(back === undefined ? [] : around), ...[...(back ?? '')].map(size)];
  if (call.freed && values.some((v) => C.shape(v).includes('batch')) && !to.includes('batch'))
    return C.defect('sums over the samples of a batch: it cannot be freed');
  const [first] = values;
  return [
    C.of(
      C.emit('Einsum', values, C.type(first?.type.dtype ?? 'float32', to), { equation: C.text(`${left}->${output}`) }),
    ),
  ];
};

export const products: Readonly<Record<string, C.Importer>> = {
  MatMul: matMul,
  Gemm: gemm,
  Einsum: einsum,
  'com.microsoft:FusedMatMul': fusedMatMul,
};
