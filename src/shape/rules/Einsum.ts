/**
 * A product by an equation of letters, such as `abc,cd->abd`: input, kernel, output. The sizes of letters follow from the
 * input, and from the output shape where only kernel and output have them. An ellipsis in front of input and output (`...x,xy->...y`)
 * is any axes, the batch among them, and one behind them (`ab...,bc->ac...`) any axes at the end; the compiler leaves such shapes to
 * run time.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { AnyShape, Dim, Int, Shape, Show } from '../Shape.ts';
import { isInt, show } from '../Shape.ts';
import type { FloatError } from './Elementwise.ts';
import { floatError } from './Elementwise.ts';
import type { Positive } from './Option.ts';
import { positive } from './Option.ts';

type Op = 'einsumDense';

// -------------------------------------------------------------------------------------
// type
// -------------------------------------------------------------------------------------

type Spaceless<T extends string> = T extends `${infer A} ${infer B}` ? Spaceless<`${A}${B}`> : T;
type Letters<T extends string> = T extends `${infer H}${infer R}` ? [H, ...Letters<R>] : [];

export type EinsumOut<S, Eq extends string, P extends readonly unknown[]> = string extends Eq
  ? Shape
  : number extends P['length']
    ? Shape
    : S extends Int<Shape>
      ? FloatError<Op, S>
      : Eq extends `${string}...${string}`
        ? Shape
        : Spaceless<Eq> extends `${infer I},${infer K}->${infer O}`
          ? Parsed<S, Letters<I>, Letters<K>, Letters<O>, I, O, P>
          : `einsumDense: '${Eq}' is not an equation like 'abc,cd->abd'`;

type Parsed<S, I, K, O, In extends string, Out extends string, P extends readonly unknown[]> = S extends Shape
  ? I extends readonly [infer B, ...infer Is]
    ? Is extends { readonly length: infer N }
      ? S extends readonly [infer Batch, ...infer Rest]
        ? Rest['length'] extends N
          ? O extends readonly [B, ...infer Os]
            ? Os extends { readonly length: P['length'] }
              ? SizesOf<Is, Rest> extends infer M
                ? Filled<Os, P, M> extends infer R
                  ? R extends string
                    ? R
                    : KernelError<K, M, Os[number & keyof Os], S> extends infer E extends string
                      ? E
                      : StrayError<Os, Letter<Is> | Letter<K>> extends infer E extends string
                        ? E
                        : [Batch, ...(R & readonly unknown[])]
                  : never
                : never
              : `einsumDense: '${Out}' has ${Os extends { readonly length: infer L extends number } ? L : 0} axes behind the batch, outputShape ${P['length']}`
            : `einsumDense: the output '${Out}' must begin with the batch '${B & string}'`
          : `einsumDense: '${In}' does not fit the input ${Show<S>}`
        : `einsumDense: '${In}' does not fit the input ${Show<S>}`
      : never
    : `einsumDense: '${In}' does not fit the input ${Show<S>}`
  : `einsumDense: '${In}' does not fit the input ${Show<S>}`;

/** The input's sizes by letter. */
type SizesOf<I, S> = I extends readonly [infer H extends string, ...infer T]
  ? S extends readonly [infer D, ...infer R]
    ? { readonly [_ in H]: D } & SizesOf<T, R>
    : unknown
  : unknown;

type Filled<O, P, M, A extends readonly unknown[] = []> = O extends readonly [infer H extends string, ...infer T]
  ? P extends readonly [infer Q, ...infer R]
    ? H extends keyof M
      ? Q extends null
        ? Filled<T, R, M, [...A, M[H]]>
        : M[H] extends number
          ? number extends M[H] | Q
            ? Filled<T, R, M, [...A, M[H]]>
            : M[H] extends Q
              ? Filled<T, R, M, [...A, M[H]]>
              : `einsumDense: '${H}' is ${M[H]} in the input, ${Q & number} in outputShape`
          : Filled<T, R, M, [...A, M[H]]>
      : Q extends number
        ? Positive<Op, 'size', Q> extends infer E extends string
          ? E
          : Filled<T, R, M, [...A, Q]>
        : `einsumDense: the size of '${H}' must be given in outputShape`
    : A
  : A;

type KernelError<K, M, O, S> = K extends readonly [infer H extends string, ...infer T]
  ? H extends keyof M
    ? M[H] extends number
      ? KernelError<T, M, O, S>
      : `einsumDense: '${H}' of ${Show<S>} has no fixed size`
    : H extends O
      ? KernelError<T, M, O, S>
      : `einsumDense: '${H}' of the kernel is in neither input nor output`
  : true;

type Letter<L> = L[number & keyof L];

type StrayError<O, Known> = O extends readonly [infer H extends string, ...infer T]
  ? H extends Known
    ? StrayError<T, Known>
    : `einsumDense: '${H}' of the output is in neither input nor kernel`
  : true;

// -------------------------------------------------------------------------------------
// twin
// -------------------------------------------------------------------------------------

export interface EinsumOptions {
  readonly equation: string;
  readonly outputShape: readonly (number | null)[];
  readonly biasAxes: string | undefined;
}

interface Equation {
  readonly input: string;
  readonly kernel: string;
  readonly output: string;
}

/** Letters for the axes that an ellipsis stands for. */
const spare = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** Where a term has its ellipsis; undefined for dots that are none. */
const ellipsis = (term: string): 'none' | 'front' | 'end' | undefined =>
  /^[a-zA-Z]*$/.test(term)
    ? 'none'
    : /^\.{3}[a-zA-Z]*$/.test(term)
      ? 'front'
      : /^[a-zA-Z]+\.{3}$/.test(term)
        ? 'end'
        : undefined;

/** The equation without spaces and ellipsis, for an input of that rank. */
const parsed = (equation: string, rank: number): Equation | undefined => {
  const match = /^([.a-zA-Z]*),([a-zA-Z]+)->([.a-zA-Z]*)$/.exec(equation.replaceAll(' ', ''));
  const [, input = '', kernel = '', output = ''] = match ?? [];
  const place = ellipsis(input);
  if (match === null || place === undefined || place !== ellipsis(output)) return undefined;
  if (place === 'none') return { input, kernel, output };
  const free = [...spare].filter((c) => !equation.includes(c)).slice(0, Math.max(0, rank - input.length + 3));
  return { input: input.replace('...', free.join('')), kernel, output: output.replace('...', free.join('')) };
};

/** As ONNX wants it: letters only. */
export const concrete = (equation: string, rank: number): string => {
  const e = parsed(equation, rank);
  return e === undefined ? equation : `${e.input},${e.kernel}->${e.output}`;
};

interface Analysed {
  readonly output: Shape;
  readonly kernel: readonly number[];
  readonly bias: readonly number[];
  readonly letters: Equation;
}

const sizesOf = (letters: string, shape: Shape): ReadonlyMap<string, Dim> =>
  new Map([...letters].map((c, i) => [c, shape[i] ?? 0] as const));

/** The sizes of everything, or what is wrong. */
export const einsum =
  ({ equation, outputShape, biasAxes }: EinsumOptions) =>
  (x: AnyShape): E.Either<string, Analysed> => {
    if (isInt(x)) return E.left(floatError('einsumDense', x));
    const e = parsed(equation, x.length);
    if (e === undefined) return E.left(`einsumDense: '${equation}' is not an equation like 'abc,cd->abd'`);
    if (e.input.length !== x.length || x.length === 0)
      return E.left(`einsumDense: '${e.input}' does not fit the input ${show(x)}`);
    const [batch = ''] = e.input;
    if (!e.output.startsWith(batch))
      return E.left(`einsumDense: the output '${e.output}' must begin with the batch '${batch}'`);
    // The axes of an ellipsis are the input's.
    const [term = ''] = equation.replaceAll(' ', '').split(',');
    const elided = x.length - term.replaceAll('.', '').length;
    const [front, end] = term.startsWith('...') ? [elided, 0] : [1, elided];
    const own = (n: number) => Array.from({ length: n }, () => null);
    const given = [...own(front), ...outputShape, ...own(end)];
    if (given.length !== e.output.length)
      return E.left(
        `einsumDense: '${e.output}' has ${e.output.length - front - end} axes behind the batch, outputShape ${outputShape.length}`,
      );
    const sizes = sizesOf(e.input, x);
    const output: Dim[] = [];
    for (const [i, c] of [...e.output].entries()) {
      const [known, wanted = null] = [sizes.get(c), given[i]];
      if (known === undefined && wanted === null)
        return E.left(`einsumDense: the size of '${c}' must be given in outputShape`);
      if (known === undefined && wanted !== null) {
        const bad = positive('einsumDense', 'size', wanted);
        if (bad !== undefined) return E.left(bad);
      }
      if (typeof known === 'number' && wanted !== null && known !== wanted)
        return E.left(`einsumDense: '${c}' is ${known} in the input, ${wanted} in outputShape`);
      output.push(known ?? wanted ?? 0);
    }
    const made = sizesOf(e.output, output);
    const kernel: number[] = [];
    for (const c of e.kernel) {
      const n = sizes.get(c) ?? made.get(c);
      if (n === undefined) return E.left(`einsumDense: '${c}' of the kernel is in neither input nor output`);
      if (typeof n !== 'number') return E.left(`einsumDense: '${c}' of ${show(x)} has no fixed size`);
      kernel.push(n);
    }
    const stray = [...e.output].find((c) => !e.input.includes(c) && !e.kernel.includes(c));
    if (stray !== undefined) return E.left(`einsumDense: '${stray}' of the output is in neither input nor kernel`);
    const bias = biasShape(biasAxes, e.output, made);
    return E.isLeft(bias) ? bias : E.right({ output, kernel, bias: bias.right, letters: e });
  };

/** Sizes of the bias' axes from its first one on, 1 in between. */
const biasShape = (
  axes: string | undefined,
  output: string,
  sizes: ReadonlyMap<string, Dim>,
): E.Either<string, readonly number[]> => {
  if (axes === undefined) return E.right([]);
  const bad = [...axes].find((c) => !output.includes(c) || typeof sizes.get(c) !== 'number');
  if (bad !== undefined || axes === '')
    return E.left(`einsumDense: biasAxes '${axes}' must be letters of the output '${output}' with a fixed size`);
  const from = Math.min(...[...axes].map((c) => output.indexOf(c)));
  return E.right([...output.slice(from)].map((c) => (axes.includes(c) ? Number(sizes.get(c)) : 1)));
};
