/**
 * How many samples a batch has, and what is faster where that number is known: nearly all batches are whole ones. A graph that may be
 * given fewer samples has both forms, and chooses.
 */
import type { Dim } from '../../shape/Shape.ts';
import { graph, input, type Value } from '../Graph.ts';
import * as Op from '../Operators.ts';

/** What brought the batch in: the same for all layers, so that they share what follows from its size. */
const source = (x: Value): Value => {
  const [batch] = x.type.shape;
  const { node } = x;
  const before =
    node._tag === 'Operator' && batch !== '?' ? node.inputs.find((v) => v?.type.shape[0] === batch) : undefined;
  return before === undefined ? x : source(before);
};

/** Samples of the batch that `x` is computed of, int64. */
export const samples = (x: Value): Value => Op.gather(Op.shapeOf(source(x)), Op.scalar(0, 'int64'));

/** What is computed of values that have a sample on each place of their first axis, and of others. */
export type OfSamples<
  Values extends readonly Value[],
  Others extends readonly Value[] = readonly [],
  Result = Value,
> = (values: Values, others: Others) => Result;

/**
 * By `fast` where the values have `batch` samples, by `other` else. `fast` is given them with that number in their types. What is
 * computed of neither the values nor the others is computed in any case.
 */
export const allOfWholeBatch = <
  Values extends readonly [Value, ...Value[]],
  Others extends readonly Value[] = readonly [],
>(
  batch: number,
  values: Values,
  fast: OfSamples<Values, Others, readonly Value[]>,
  other: OfSamples<Values, Others, readonly Value[]>,
  others: Others = [] as readonly Value[] as Others,
): readonly Value[] => {
  const [first] = values;
  const [size = '?'] = first.type.shape;
  if (size === batch) return fast(values, others);
  const branch = (name: string, samples: Dim, of: OfSamples<Values, Others, readonly Value[]>) => {
    const inputs = [
      ...values.map((v, i) => input(`${name}/${i}`, v.type.dtype, v.type.shape.with(0, samples))),
      ...others.map((v, i) => input(`${name}/other${i}`, v.type.dtype, v.type.shape)),
    ] as readonly Value[];
    const n = values.length;
    const results = of(inputs.slice(0, n) as readonly Value[] as Values, inputs.slice(n) as readonly Value[] as Others);
    return graph(
      name,
      inputs,
      results.map((value, i) => ({ name: i === 0 ? `${name}/result` : `${name}/result${i}`, value })),
    );
  };
  const isWhole = Op.equal(samples(first), Op.scalar(batch, 'int64'));
  const operands = [...values, ...others];
  return Op.either(isWhole, operands, branch('whole', batch, fast), branch('part', size, other));
};

/** The same of a single result. */
export const ofWholeBatch = <
  Values extends readonly [Value, ...Value[]],
  Others extends readonly Value[] = readonly [],
>(
  batch: number,
  values: Values,
  fast: OfSamples<Values, Others>,
  other: OfSamples<Values, Others>,
  others?: Others,
): Value => {
  const only =
    (of: OfSamples<Values, Others>): OfSamples<Values, Others, readonly Value[]> =>
    (v, o) => [of(v, o)];
  return allOfWholeBatch(batch, values, only(fast), only(other), others)[0] as Value;
};
