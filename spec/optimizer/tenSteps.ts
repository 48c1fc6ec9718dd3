/**
 * Golden values of ten steps: initial parameters, a gradient for each step, and the parameters after it.
 */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type * as Optimizer from '../../src/optimizer/Optimizer.ts';
import { f32 } from '../support/evaluate.ts';
import { type Arrays, runSteps } from './steps.ts';

interface Tensor {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

type Tensors = Readonly<Record<string, Tensor>>;

export interface TenSteps<Options> {
  readonly initial: Tensors;
  readonly gradients: readonly Tensors[];
  readonly optimizers: readonly {
    readonly optimizer: string;
    readonly options: Options;
    readonly values: readonly Tensors[];
  }[];
}

export const read = <A>(file: string): A =>
  JSON.parse(readFileSync(new URL(`../golden/${file}`, import.meta.url), 'utf8')) as A;

const arrays = (tensors: Tensors): Arrays =>
  Object.fromEntries(Object.entries(tensors).map(([name, { data, shape }]) => [name, f32(data, shape)]));

/** The parameters after each step, to 1e-5 of each; `absolute`: what weights near 0 may be off. */
export const expectSteps = async (
  { initial, gradients }: Pick<TenSteps<unknown>, 'initial' | 'gradients'>,
  optimizer: Optimizer.Optimizer,
  values: readonly Tensors[],
  absolute: number,
): Promise<void> => {
  expect(optimizer.problems).toEqual([]);
  const history = await runSteps(
    optimizer.transformation,
    arrays(initial),
    gradients.map((g) => ({ gradients: arrays(g), rate: optimizer.learningRate })),
  );
  values.forEach((expected, step) => {
    for (const [parameter, { data }] of Object.entries(expected))
      data.forEach((x, i) => {
        const got = history[step]?.[parameter]?.data[i] as number;
        expect(Math.abs(got - x), `step ${step} ${parameter}[${i}]: ${got}, not ${x}`).toBeLessThan(
          1e-5 * Math.abs(x) + absolute,
        );
      });
  });
};
