/**
 * Graphs in which what depends on no input is computed already: weight normalisation's kernels, slices of kernels, sizes that
 * are known.
 *
 * Law: the outputs are those of the given graph up to rounding.
 */
import { type DType, isFloating } from '../../shape/NdArray.ts';
import type { Value } from '../Graph.ts';
import { constant } from '../Graph.ts';
import { evaluate } from './Evaluate.ts';
import { fromArray, type Numbers, sizeOf, toArray } from './Numbers.ts';
import { constantOf, labelOf, type Rule, rewrite, siblingLabel } from './Rewrite.ts';

/** A constant may have so many elements more than what it is made of: an Expand is better done at run time. */
const growth = 4096;

const isStatic = (shape: Value['type']['shape']): shape is readonly number[] =>
  shape.every((d) => typeof d === 'number');

const agrees = (shape: readonly number[], { shape: said }: Value['type']): boolean =>
  shape.length === said.length && said.every((d, i) => typeof d !== 'number' || d === shape[i]);

const sizesOf: Rule = (node) => {
  const [x] = node.inputs;
  if (node.operator !== 'Shape' || node.domain !== '' || x === undefined || !isStatic(x.type.shape)) return undefined;
  // An empty tensor has sizes and no elements: only these are read.
  const found = evaluate(node, [{ shape: x.type.shape, data: new Float64Array(0) }])?.[0];
  return found === undefined ? undefined : [constant(toArray('int64')(found))];
};

const known: Rule = (node) => {
  const inputs = node.inputs.map(constantOf);
  if (inputs.length === 0 || inputs.some((a, i) => a === undefined && node.inputs[i] !== undefined)) return undefined;
  const most = inputs.reduce((n, a) => n + (a === undefined ? 0 : sizeOf(a.shape)), growth);
  const expected = node.outputs.reduce((n, { shape }) => n + (isStatic(shape) ? sizeOf(shape) : 0), 0);
  if (expected > most) return undefined;
  const results = evaluate(
    node,
    inputs.map((a) => (a === undefined ? undefined : fromArray(a))),
  );
  const holds = (x: Numbers, dtype: DType = 'float32') => isFloating(dtype) || x.data.every(Number.isSafeInteger);
  const fits =
    results?.every((x, i) => holds(x, node.outputs[i]?.dtype)) &&
    results.length === node.outputs.length &&
    results.every(({ shape }, i) => agrees(shape, node.outputs[i] as Value['type'])) &&
    results.reduce((n, { shape }) => n + sizeOf(shape), 0) <= most;
  if (results === undefined || !fits) return undefined;
  const from = node.inputs.map(labelOf).find((label) => label !== undefined);
  return results.map((x, i) => constant(toArray(node.outputs[i]?.dtype ?? 'float32')(x), siblingLabel(from, 'folded')));
};

/** What only hands a value on is not needed; an operator that makes the type another one is. */
const handedOn: Rule = (node) => {
  const [x] = node.inputs;
  const isCopy = node.operator === 'Identity' || (node.operator === 'Dropout' && node.inputs[2] === undefined);
  return node.domain === '' && isCopy && node.outputs.length === 1 && x !== undefined ? [x] : undefined;
};

/** Everything that depends on no input, computed. */
export const fold = rewrite((node, around) => sizesOf(node, around) ?? known(node, around) ?? handedOn(node, around));
