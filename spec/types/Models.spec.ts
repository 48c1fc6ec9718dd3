/** The exact types in `Models.ts`, and whole random models: what the compiler says of them is what `resolve` gives. */

import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { expect, it } from 'vitest';
import * as L from '../../src/layer/Layer.ts';
import { resolve } from '../../src/model/Resolve.ts';
import { type AnyShape, dims } from '../../src/shape/Shape.ts';
import { compile } from './Compiler.ts';

it('exact types', async () => {
  expect(await compile(['spec/types/Models.ts'])).toBe('');
});

// ----- models as text: run as JavaScript, and compiled as TypeScript

const size = fc.constantFrom(1, 2, 3, 4, 6, 8);
const simple = fc.oneof(
  fc.tuple(size, size).map(([f, k]) => `L.conv2d({ filters: ${f}, kernel: ${k} })`),
  size.map((f) => `L.conv2d({ filters: ${f}, kernel: 3, padding: 'same' })`),
  fc.tuple(size, size).map(([k, s]) => `L.maxPool2d({ kernel: ${k}, strides: ${s} })`),
  size.map((n) => `L.dense(${n})`),
  fc.constantFrom(
    'L.averagePool2d()',
    'L.globalAveragePool2d()',
    'L.flatten()',
    'L.reshape([-1, 4])',
    'L.reshape([2, 2, 2])',
    'L.batchNormalization()',
    'L.dropout(0.5)',
    'L.relu()',
    'L.tanh()',
    'L.identity()',
    'L.weightNormalization(L.dense(4))',
  ),
);
const { layer } = fc.letrec<{ layer: string }>((tie) => ({
  layer: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    { weight: 4, arbitrary: simple },
    { weight: 1, arbitrary: fc.array(tie('layer'), { maxLength: 3 }).map((ls) => `L.sequential(${ls.join(', ')})`) },
    { weight: 1, arbitrary: tie('layer').map((l) => `L.residual(${l})`) },
    { weight: 1, arbitrary: fc.tuple(tie('layer'), tie('layer')).map(([a, b]) => `L.concat(${a}, ${b})`) },
    { weight: 1, arbitrary: tie('layer').map((l) => `L.repeat(2, ${l})`) },
  ),
}));
const input = fc.constantFrom('[8]', '[2, 8, 8]', '[4, 4]', "['seq', 8]", "[3, 'h', 'w']");
const model = fc
  .tuple(input, fc.array(layer, { minLength: 1, maxLength: 4 }))
  .map(([shape, layers]) => `L.model(L.input(${shape}), ${layers.join(', ')})`);

const shapeType = (s: AnyShape): string =>
  `[${dims(s)
    .map((d) => (d === '?' ? 'number' : JSON.stringify(d)))
    .join(', ')}]`;

it('what the compiler says of a model is what resolve gives', async () => {
  const seed = Number(process.env.SEED ?? 1948);
  const cases = fc.sample(model, { seed, numRuns: 500 }).map((text) => {
    const result = resolve(new Function('L', `return ${text}`)(L));
    return E.isRight(result)
      ? { text, output: shapeType(result.right.outputs[0]?.type ?? []), message: undefined }
      : { text, output: undefined, message: result.left[0].message };
  });
  // A size that is unknown to the compiler may be known at run time: it lets pass what resolve refuses.
  const checked = cases.filter((c) => c.message?.includes('no fixed size') !== true);
  const right = checked.filter((c) => c.output !== undefined).length;
  expect(Math.min(right, checked.length - right)).toBeGreaterThan(50);

  const header = [
    "import * as L from '#src/layer/Layer.ts';",
    "import { same, type Eq } from '../../spec/types/Eq.ts';",
    'type Out<M> = M extends L.Model<never, infer O> ? O : never;',
  ];
  const lines = checked.map(({ text, output }, i) =>
    output === undefined ? `${text};` : `const m${i} = ${text}; same<Eq<Out<typeof m${i}>, ${output}>>();`,
  );
  const printed = await compile([{ text: [...header, ...lines, 'export {};'].join('\n') }]);
  const errors = new Map<number, readonly string[]>();
  for (const [, line, message] of printed.matchAll(/fixture0\.ts\((\d+),\d+\): error (.*)/g)) {
    const i = Number(line) - 1 - header.length;
    errors.set(i, [...(errors.get(i) ?? []), message ?? '']);
  }
  const wrong = checked.flatMap((c, i) => {
    const got = errors.get(i) ?? [];
    const holds = c.message === undefined ? got.length === 0 : got.length === 1 && got[0]?.includes(c.message);
    return holds ? [] : [{ ...c, got }];
  });
  expect({ seed, wrong }).toEqual({ seed, wrong: [] });
});
