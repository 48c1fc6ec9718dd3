/**
 * Losses and their gradients against PyTorch's in float64 (spec/golden/losses.py), extreme logits included.
 */
import { readFileSync } from 'node:fs';
import * as E from 'fp-ts/lib/Either.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { grad } from '../../src/autodiff/Grad.ts';
import { graph, input, type Value } from '../../src/graph/Graph.ts';
import { missingKernels } from '../../src/graph/Kernels.ts';
import * as Loss from '../../src/objective/Loss.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { evaluate } from '../support/evaluate.ts';
import { kernelTables } from '../support/kernelTables.ts';

interface Numbers {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

type Options = Readonly<Record<string, unknown>>;

interface Golden {
  readonly name: string;
  readonly options: Options;
  readonly output: Numbers;
  readonly target: Numbers & { readonly dtype: 'float32' | 'int32' };
  readonly loss: number;
  readonly gradient: Numbers;
}

const cases: readonly Golden[] = JSON.parse(
  readFileSync(new URL('../golden/losses.json', import.meta.url), 'utf8'),
) as Golden[];

const make = ({ name, options }: Golden): Loss.AnyLoss => {
  if (name === 'quantile') return Loss.quantile(Number(options.quantile));
  const constructors = Loss as unknown as Readonly<Record<string, (options: Options) => Loss.AnyLoss>>;
  return (constructors[name] as (options: Options) => Loss.AnyLoss)(options);
};

const array = ({ shape, data }: Numbers, dtype: 'float32' | 'int32' = 'float32'): NdArray => ({
  dtype,
  shape,
  data: dtype === 'int32' ? Int32Array.from(data) : Float32Array.from(data),
});

/** Loss and gradient of each case, for a batch of unknown size. */
const built = cases.map((c, i) => {
  const loss = make(c);
  const [, ...rest] = c.output.shape;
  const [, ...others] = c.target.shape;
  const output = input(`output/${i}`, 'float32', [`batch${i}`, ...rest]);
  const target = input(`target/${i}`, c.target.dtype, [`batch${i}`, ...others]);
  const value = Loss.scalar(loss)(output, target);
  const gradient = grad(value, [output]);
  if (E.isLeft(gradient)) throw new Error(gradient.left.message);
  return { loss, output, target, value, gradient: gradient.right[0] as Value };
});

const label = ({ name, options }: Golden, i: number): string => `${i} ${name} ${JSON.stringify(options)}`;

/** Logarithms as large as the loss have passed through float32 (CTC with logits of 100: 400). */
const close = (got: number, expected: number, scale: number, loss: number): boolean =>
  Math.abs(got - expected) <= 2e-6 * Math.max(1, scale) + 2e-5 * Math.abs(expected) + 1e-7 * Math.abs(loss);

describe('losses and gradients are PyTorch’s', () => {
  let results: Readonly<Record<string, NdArray>> = {};

  beforeAll(async () => {
    results = await evaluate(
      Object.fromEntries(
        built.flatMap(({ value, gradient }, i) => [
          [`loss/${i}`, value],
          [`gradient/${i}`, gradient],
        ]),
      ),
      Object.fromEntries(
        cases.flatMap((c, i) => [
          [`output/${i}`, array(c.output)],
          [`target/${i}`, array(c.target, c.target.dtype)],
        ]),
      ),
    );
  }, 60_000);

  for (const name of new Set(cases.map((c) => c.name)))
    it(name, () => {
      const wrong = cases.flatMap((c, i) => {
        if (c.name !== name) return [];
        const loss = Number(results[`loss/${i}`]?.data[0]);
        const gradient = Array.from(results[`gradient/${i}`]?.data as Float32Array);
        const scale = Math.max(...c.gradient.data.map(Math.abs));
        const at = c.gradient.data.findIndex((e, k) => !close(gradient[k] as number, e, scale, c.loss));
        return [
          ...(close(loss, c.loss, 1, c.loss) ? [] : [`${label(c, i)}: loss ${loss} instead of ${c.loss}`]),
          ...(at < 0 ? [] : [`${label(c, i)}: gradient [${at}] ${gradient[at]} instead of ${c.gradient.data[at]}`]),
        ];
      });
      expect(wrong).toEqual([]);
    });

  it('targets have the shape that the loss says', () => {
    cases.forEach((c, i) => {
      const { loss } = built[i] as (typeof built)[number];
      const [, ...rest] = c.output.shape;
      const [, ...others] = c.target.shape;
      const wanted = E.toUnion(loss.targetShape(['batch', ...rest]));
      expect([label(c, i), wanted]).toEqual([
        label(c, i),
        c.target.dtype === 'int32' ? { int: ['batch', ...others] } : ['batch', ...others],
      ]);
      expect([label(c, i), loss.target]).toEqual([label(c, i), c.target.dtype]);
    });
  });

  it('both providers have the kernels, forward and backward', () => {
    const outputs = built.flatMap(({ value, gradient }, i) => [
      { name: `loss/${i}`, value },
      { name: `gradient/${i}`, value: gradient },
    ]);
    const whole = graph('losses', [], outputs);
    expect(missingKernels(whole, kernelTables, 'cpu', 18)).toEqual([]);
    expect(missingKernels(whole, kernelTables, 'cuda', 18)).toEqual([]);
  });
});
