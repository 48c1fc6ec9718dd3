/** Operators of imported models beside PyTorch's outputs and gradients in float64 (see spec/golden/operators.py). */
import { readFileSync } from 'node:fs';
import * as E from 'fp-ts/lib/Either.js';
import { expect, test } from 'vitest';
import { vjp } from '../../src/autodiff/Grad.ts';
import { flat } from '../../src/autodiff/Rule.ts';
import { rules } from '../../src/autodiff/Vjp.ts';
import { type Attributes, type Domain, input, operator, type Value, valueType } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import type { DType, NdArray } from '../../src/shape/NdArray.ts';
import { evaluate } from '../support/evaluate.ts';

interface Flat {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface Constant extends Flat {
  readonly dtype: DType;
}

type Given =
  | Flat
  | { readonly integers: readonly number[] }
  | { readonly scalar: number }
  | { readonly constant: Constant }
  | null;

interface Golden {
  readonly name: string;
  readonly operator: string;
  readonly domain: Domain;
  readonly opset: number;
  readonly attributes: Attributes;
  readonly outputs: number;
  readonly inputs: readonly Given[];
  readonly output: Flat;
  readonly cotangent: Flat;
  readonly gradients: readonly (Flat | null)[];
  /** Of the output; float32 by default. */
  readonly dtype?: 'float64';
  /** Shapes of the further outputs, where the rule looks at them. */
  readonly others?: readonly (readonly number[])[];
}

const goldens: readonly Golden[] = JSON.parse(
  readFileSync(new URL('../golden/operators.json', import.meta.url), 'utf8'),
);

const float32 = ({ shape, data }: Flat): NdArray => ({ dtype: 'float32', shape, data: Float32Array.from(data) });
const float64 = ({ shape, data }: Flat): NdArray => ({ dtype: 'float64', shape, data: Float64Array.from(data) });

const argumentOf = (given: Given, i: number): Value | undefined => {
  if (given === null) return undefined;
  if ('integers' in given) return Op.int64s(given.integers);
  if ('constant' in given) return Op.tensor(given.constant.data, given.constant.shape, given.constant.dtype);
  return 'scalar' in given ? Op.scalar(given.scalar, 'int64') : input(`x${i}`, 'float32', given.shape);
};

/** Further outputs are there for their number only; TopK's is of places. */
const outputsOf = ({ outputs, operator: name, output, dtype, others }: Golden) =>
  Array.from({ length: outputs }, (_, i) =>
    i === 0
      ? valueType(dtype ?? 'float32', output.shape)
      : others !== undefined
        ? valueType('float32', others[i - 1] as readonly number[])
        : name === 'TopK'
          ? valueType('int64', output.shape)
          : valueType('float32', output.shape.slice(1)),
  );

const close = (actual: NdArray | undefined, expected: Flat, what: string): void => {
  expect(actual?.shape, what).toEqual(expected.shape);
  const worst = expected.data.reduce(
    (w, e, i) => Math.max(w, Math.abs(Number(actual?.data[i]) - e) / (1 + Math.abs(e))),
    0,
  );
  expect(worst, what).toBeLessThan(1e-5);
};

test.each(goldens)('$name', async (golden) => {
  // Bounds of Clip were attributes before opset 11; what is written now has them as inputs.
  const clip = golden.operator === 'Clip' && golden.inputs.length === 1;
  const given = golden.inputs.map(argumentOf);
  const inputs = clip ? [...given, Op.scalar(0, 'float32')] : given;
  const attributes = clip ? {} : golden.attributes;
  const y = operator(golden.operator, inputs, outputsOf(golden), attributes, golden.domain)[0] as Value;
  const wrt = given.flatMap((v, i) => (v?.node._tag === 'Input' ? [{ v, name: `x${i}`, i }] : []));
  const cotangent = input('cotangent', y.type.dtype, y.type.shape);
  const gradients = vjp(
    [y],
    [cotangent],
    wrt.map((w) => w.v),
  );
  if (E.isLeft(gradients)) throw new Error(gradients.left.message);
  const feeds = Object.fromEntries([
    ...wrt.map(({ name, i }) => [name, float32(golden.inputs[i] as Flat)] as const),
    ['cotangent', (golden.dtype === 'float64' ? float64 : float32)(golden.cotangent)] as const,
  ]);
  // The gradient is written for opset 18 alone, whatever the operator came with; it may read the operator's output.
  const forward = await evaluate({ y }, feeds, { opset: golden.opset });
  close(forward.y, golden.output, 'output');
  const results = await evaluate(
    Object.fromEntries(wrt.map(({ name }, k) => [`d_${name}`, gradients.right[k] as Value])),
    feeds,
    { opset: Math.max(golden.opset, 18) },
  );
  for (const { name, i } of wrt) close(results[`d_${name}`], golden.gradients[i] as Flat, `gradient of ${name}`);
});

/** Rules whose numbers stand elsewhere. */
const elsewhere: Readonly<Record<string, string>> = {
  Loop: 'recurrent layers over time: spec/golden/sequence.py',
};

test('every rule but those of zero has a case, or a reason', () => {
  const named = new Set(goldens.map((g) => (g.domain === '' ? g.operator : `${g.domain}:${g.operator}`)));
  const lacking = Object.entries(rules).flatMap(([name, rule]) => (rule === flat || named.has(name) ? [] : [name]));
  expect(lacking).toEqual(Object.keys(elsewhere));
});
