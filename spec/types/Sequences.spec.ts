/**
 * Recurrent and attention layers: exact types, messages of what must not compile, and types against values on random inputs.
 * One run of tsc for all. `SEED=n` draws others.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import * as L from '../../src/layer/Layer.ts';
import type { Leaf } from '../../src/layer/Spec.ts';
import { outputOf } from '../../src/model/Parameter.ts';
import { foldTime } from '../../src/shape/rules/Recurrent.ts';
import { type AnyShape, dims, isInt } from '../../src/shape/Shape.ts';
import { compile, root } from './Compiler.ts';

// ----- values as types

const dimType = (d: string | number): string => (d === '?' ? 'number' : JSON.stringify(d));
const shapeType = (s: AnyShape): string => {
  const tuple = `[${dims(s).map(dimType).join(', ')}]`;
  return isInt(s) ? `Int<${tuple}>` : tuple;
};
const resultType = (r: E.Either<string, AnyShape>): string =>
  E.isLeft(r) ? JSON.stringify(r.left) : shapeType(r.right);

interface Case {
  readonly type: string;
  readonly expected: string;
}

// ----- inputs

const dim = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 6 }) },
  { weight: 1, arbitrary: fc.constantFrom('seq', 'out') },
  fc.constant('?'),
);
const float = (min: number, max: number) =>
  fc.array(dim, { minLength: min, maxLength: max }).map((s): AnyShape => ['batch', ...s]);
const ints = float(0, 3).map((s): AnyShape => ({ int: dims(s) }));
const sequence = fc.oneof({ weight: 8, arbitrary: float(2, 2) }, { weight: 2, arbitrary: float(0, 4) }, ints);
const positive = fc.oneof({ weight: 12, arbitrary: fc.integer({ min: 1, max: 6 }) }, fc.constantFrom(0, -1, 2.5));
const rate = fc.constantFrom(0, 0.5, 1, 1.5, -1);

// ----- cases

const leaf = (type: string, spec: unknown, inputs: readonly AnyShape[]): Case => ({
  type,
  expected: resultType(outputOf(spec as Leaf, inputs)),
});

const recurrentOptions = fc.record(
  { returnSequences: fc.boolean(), dropout: rate, recurrentDropout: rate, truncate: positive },
  { requiredKeys: [] },
);
const headOptions = fc.record(
  {
    heads: positive,
    keyValueHeads: positive,
    keyDim: positive,
    valueDim: positive,
    outputSize: positive,
    dropout: rate,
    rotary: fc.boolean(),
    slidingWindow: positive,
  },
  { requiredKeys: ['heads', 'keyValueHeads', 'keyDim'] },
);
const threes = fc
  .tuple(sequence, sequence, sequence, fc.boolean(), fc.boolean())
  .map(([q, v, k, sameValue, sameKey]) => (sameValue ? [q, q, sameKey ? q : k] : [q, v, sameKey ? v : k]));
const attendedAxes = fc.oneof(
  fc.integer({ min: -4, max: 4 }),
  fc.array(fc.integer({ min: -3, max: 3 }), { maxLength: 2 }),
);
/** Alike, but for what changes in one or the other. */
const along = fc
  .tuple(float(1, 4), fc.array(fc.constantFrom(0, 0, 0, 1, 2), { minLength: 4, maxLength: 4 }), ints, fc.nat(9))
  .map(([s, change, int, n]): readonly AnyShape[] => {
    const other = (k: number): AnyShape => dims(s).map((d, i) => (i > 0 && change[i - 1] === k ? 5 : d));
    return n === 0 ? [s, int, s] : [s, other(1), n === 1 ? other(2) : [...dims(other(1)).slice(0, -1), 3]];
  });
const sourcesType = (s: readonly AnyShape[]) => `Sources<${s.map(shapeType).join(', ')}>`;
// biome-ignore lint/suspicious/noExplicitAny: options that the types would refuse
const any = (x: unknown): any => x;

const convLstm = { 1: L.convLstm1d, 2: L.convLstm2d, 3: L.convLstm3d } as const;

/** Sequences of images, mostly. */
const steps = (rank: number) =>
  fc.oneof(
    { weight: 8, arbitrary: float(rank + 2, rank + 2) },
    {
      weight: 8,
      arbitrary: fc
        .tuple(dim, fc.array(fc.integer({ min: 1, max: 6 }), { minLength: rank + 1, maxLength: rank + 1 }))
        .map(([t, rest]): AnyShape => ['batch', t, ...rest]),
    },
    { weight: 2, arbitrary: float(0, 5) },
    { weight: 1, arbitrary: ints },
  );

const convOptions = (rank: number) => {
  const sizes = fc.oneof(positive, fc.array(positive, { minLength: rank, maxLength: rank }));
  return fc.record(
    {
      filters: positive,
      kernel: sizes,
      strides: sizes,
      padding: fc.constantFrom('same', 'valid'),
      dilation: sizes,
      returnSequences: fc.boolean(),
      dropout: rate,
      recurrentDropout: rate,
      truncate: positive,
    },
    { requiredKeys: ['filters', 'kernel'] },
  );
};

const cases: readonly fc.Arbitrary<Case>[] = [
  fc
    .tuple(sequence, positive, recurrentOptions)
    .map(([s, n, c]) =>
      leaf(`RecurrentOut<'lstm', ${shapeType(s)}, ${n}, ${JSON.stringify(c)}>`, L.lstm(n, any(c)).spec, [s]),
    ),
  ...([1, 2, 3] as const).map((rank) =>
    fc
      .tuple(steps(rank), convOptions(rank))
      .map(([s, c]) =>
        leaf(`ConvLstmOut<${rank}, ${shapeType(s)}, ${JSON.stringify(c)}>`, any(convLstm[rank])(c).spec, [s]),
      ),
  ),
  fc.tuple(threes, headOptions).map(([s, c]) => {
    const spec = L.groupedQueryAttention(any(c)).spec;
    const all = { ...any(spec), valueDim: c.valueDim ?? c.keyDim, outputSize: c.outputSize };
    return leaf(`MultiHeadOut<'groupedQueryAttention', ${sourcesType(s)}, ${JSON.stringify(c)}>`, all, s);
  }),
  fc
    .tuple(sequence, headOptions)
    .map(([s, c]) =>
      leaf(
        `MultiHeadOut<'groupedQueryAttention', ${shapeType(s)}, ${JSON.stringify(c)}>`,
        { ...any(L.groupedQueryAttention(any(c)).spec), valueDim: c.valueDim ?? c.keyDim, outputSize: c.outputSize },
        [s],
      ),
    ),
  fc
    .tuple(along, headOptions, attendedAxes, fc.boolean())
    .map(([s, { keyValueHeads, ...o }, attentionAxes, causal]) => {
      const axes = typeof attentionAxes === 'number' && attentionAxes === 0 ? {} : { attentionAxes };
      const c = { ...o, heads: 2, keyDim: 2, ...axes, causal };
      const layer = L.multiHeadAttention(any(c));
      return leaf(`MultiHeadOut<'multiHeadAttention', ${sourcesType(s)}, ${JSON.stringify(c)}>`, layer.spec, s);
    }),
  fc
    .tuple(threes, rate)
    .map(([s, dropout]) =>
      leaf(`AttentionOut<'attention', ${sourcesType(s)}, { dropout: ${dropout} }>`, L.attention({ dropout }).spec, s),
    ),
  fc
    .tuple(float(1, 2), float(1, 2), fc.boolean(), fc.constantFrom('concat', 'sum', 'mul', 'ave', 'max'))
    .map(([s, other, same, mode]) =>
      leaf(
        `DirectionsOut<${shapeType(s)}, '${mode}', ${shapeType(same ? s : other)}>`,
        { op: 'mergeDirections', mode, sequences: true },
        [s, same ? s : other],
      ),
    ),
  sequence.map((s) => leaf(`SinusoidalOut<${shapeType(s)}>`, L.sinusoidalPositions().spec, [s])),
  fc
    .tuple(sequence, positive)
    .map(([s, n]) => leaf(`LearnedOut<${shapeType(s)}, ${n}>`, L.learnedPositions(n).spec, [s])),
  fc.oneof(sequence, float(1, 4)).map((s) => leaf(`RotaryOut<${shapeType(s)}>`, L.rotaryPositions().spec, [s])),
  fc.oneof(float(0, 3), ints).map((s) => ({ type: `FoldTime<${shapeType(s)}>`, expected: resultType(foldTime(s)) })),
];

/** A size unknown to the compiler may be known at run time, so it lets pass what the function on values must refuse. */
const leftToRunTime = ({ type, expected }: Case): boolean =>
  type.includes('number') && /no fixed size|must have fixed sizes/.test(expected);

const header = `
import type { Eq } from '../../spec/types/Eq.ts';
import type { AttentionOut, LearnedOut, MultiHeadOut, RotaryOut, SinusoidalOut, Sources } from '#src/shape/rules/Attention.ts';
import type { ConvLstmOut } from '#src/shape/rules/ConvRecurrent.ts';
import type { DirectionsOut, FoldTime, RecurrentOut } from '#src/shape/rules/Recurrent.ts';
import type { Int } from '#src/shape/Shape.ts';
type Same<A, B> = Eq<A, B> extends true ? true : { got: A; want: B };
declare const same: <_ extends true>() => void;
`;
const seed = Number(process.env.SEED ?? 20170612);
const drawn = cases.flatMap((c, i) => fc.sample(c, { seed: seed + i, numRuns: 60 })).filter((c) => !leftToRunTime(c));
const text = `${header}${drawn.map((c) => `same<Same<${c.type}, ${c.expected}>>();`).join('\n')}\n`;

const errors = 'spec/types/fixtures/sequenceErrors.ts';
const printed = await compile(['spec/types/fixtures/sequences.ts', errors, { text }]);

it('types give what values give', () => {
  const first = header.split('\n').length;
  const wrong = [...printed.matchAll(/fixture2\.ts\((\d+),\d+\): error (.*)/g)].map(([, line, message]) => ({
    case: drawn[Number(line) - first] ?? line,
    message,
  }));
  expect({ seed, wrong }).toEqual({ seed, wrong: [] });
});

it('models have exact types', () => {
  expect(printed.split('\n').filter((l) => l.includes('error TS') && !/sequenceErrors|fixture2/.test(l))).toEqual([]);
});

const source = await readFile(join(root, errors), 'utf8');
const wanted = source.split('\n').flatMap((line, i) => {
  const [, message] = /^\s*\/\/ error: (.*)$/.exec(line) ?? [];
  return message === undefined ? [] : [{ line: i + 2, message }];
});
const found = new Map<number, readonly string[]>();
for (const [, line, message] of printed.matchAll(/^\S*sequenceErrors\.ts\((\d+),\d+\): error (TS\d+: .*(?:\n .*)*)/gm))
  found.set(Number(line), [...(found.get(Number(line)) ?? []), message ?? '']);

describe('compile-time errors', () => {
  it.each(wanted)('line $line: $message', ({ line, message }) => {
    const messages = found.get(line) ?? [];
    expect(messages).toHaveLength(1);
    expect(messages[0]).toContain(message);
  });

  it('are nowhere else', () => {
    const lines = new Set(wanted.map((w) => w.line));
    expect([...found].filter(([line]) => !lines.has(line))).toEqual([]);
  });
});
