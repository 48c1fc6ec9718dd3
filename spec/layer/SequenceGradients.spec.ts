/**
 * Recurrent layers and their wrappers, attention, positions, transformer blocks, and noise at a fixed seed, in random
 * configurations, with and without masks: gradients beside finite differences, in the inputs and in every parameter.
 *
 * Truncated recurrence is not here: it leaves a part of the gradient out (see spec/golden/sequence.py).
 */
import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import * as L from '../../src/layer/Layer.ts';
import type { Model } from '../../src/model/Model.ts';
import { resolve } from '../../src/model/Resolve.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { type Random, randomFrom } from '../autodiff/random.ts';
import { trainingMode } from '../interpret/support.ts';
import type { Any } from './coreModels.ts';
import { anywhere, compare } from './directional.ts';

/** What becomes of the inputs, and the shapes of their samples: a name is of a length that the graph does not know. */
interface Drawn {
  readonly title: string;
  readonly samples: readonly (readonly (number | string)[])[];
  readonly wire: (x: readonly Any[]) => Any;
  /** Whether a mask may go in. */
  readonly maskable: boolean;
}

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

const small = fc.integer({ min: 1, max: 3 });
const rate = fc.constantFrom(0, 0, 0.4);
/** Without kinks: finite differences see them. */
const smooth = fc.constantFrom('tanh', 'sigmoid', 'silu', 'gelu', 'linear');
const steps = fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant('seq'));
const bound: Readonly<Record<string, number>> = { seq: 3, keys: 4 };

const drawn = (
  title: string,
  options: unknown,
  samples: Drawn['samples'],
  wire: Drawn['wire'],
  maskable = true,
): Drawn => ({
  title: `${title}(${JSON.stringify(options)}) of ${JSON.stringify(samples)}`,
  samples,
  wire,
  maskable,
});

// -------------------------------------------------------------------------------------
// recurrent
// -------------------------------------------------------------------------------------

const cells = { simpleRNN: L.simpleRNN, lstm: L.lstm, gru: L.gru } as const;

const recurrentOptions = {
  activation: smooth,
  useBias: fc.boolean(),
  returnSequences: fc.boolean(),
  goBackwards: fc.boolean(),
  dropout: rate,
  recurrentDropout: rate,
};

const recurrentLayer = fc
  .tuple(
    fc.constantFrom('simpleRNN', 'lstm', 'gru'),
    small,
    fc.record(recurrentOptions),
    fc.constantFrom('sigmoid', 'softplus', 'tanh'),
    fc.boolean(),
  )
  .map(([name, units, o, recurrentActivation, resetAfter]) => {
    const options = {
      ...o,
      ...(name === 'simpleRNN' ? {} : { recurrentActivation }),
      ...(name === 'gru' ? { resetAfter } : {}),
    };
    return { name, units, options, layer: (cells[name as keyof typeof cells] as Any)(units, options) as Any };
  });

const recurrent = fc
  .tuple(recurrentLayer, steps, small)
  .map(([{ name, units, options, layer }, seq, features]) =>
    drawn(name, [units, options], [[seq, features]], ([x]) => layer(x)),
  );

const convolutional = fc
  .tuple(
    fc.constantFrom(1, 2),
    fc.record({
      filters: fc.constantFrom(1, 2),
      kernel: fc.constantFrom(1, 2, 3),
      strides: fc.constantFrom(1, 2),
      padding: fc.constantFrom('same', 'valid'),
      ...recurrentOptions,
    }),
    steps,
    fc.constantFrom(1, 2),
    fc.constantFrom(3, 4),
  )
  .map(([rank, options, seq, channels, size]) => {
    const name = `convLstm${rank}d`;
    const layer = ((rank === 1 ? L.convLstm1d : L.convLstm2d) as Any)(options);
    return drawn(name, options, [[seq, channels, ...Array.from({ length: rank }, () => size)]], ([x]) => layer(x));
  });

const withStates = fc.tuple(recurrentLayer, steps, small).map(([{ name, units, options, layer }, seq, features]) =>
  drawn(
    `withState ${name}`,
    [units, options],
    [[seq, features], [units], ...(name === 'lstm' ? [[units]] : [])],
    ([x, ...initial]) => {
      const { output, state } = L.withState(layer, x, initial as Any) as Any;
      const last = state[state.length - 1];
      return options.returnSequences ? L.multiply(output, L.expandDims(1)(last) as Any) : L.add(output, last);
    },
  ),
);

const bidirectional = fc
  .tuple(
    recurrentLayer,
    fc.constantFrom('sum', 'mul', 'ave', 'concat'),
    steps,
    small,
    fc.constantFrom(undefined, ...Object.keys(cells)),
  )
  .map(([{ name, units, options, layer }, mergeMode, seq, features, other]) => {
    const { returnSequences } = options;
    const backwardLayer = other === undefined ? undefined : (cells as Any)[other](units, { returnSequences });
    const both = { mergeMode: mergeMode as 'sum', ...(backwardLayer === undefined ? {} : { backwardLayer }) };
    return drawn(`bidirectional ${name} ${other}`, [units, options, mergeMode], [[seq, features]], ([x]) =>
      (L.bidirectional(layer, both) as Any)(x),
    );
  });

const inner: Readonly<Record<string, () => Any>> = {
  dense: () => L.dense(2, { activation: 'tanh' }),
  layerNormalization: () => L.layerNormalization({ epsilon: 0.5 }),
  conv1d: () => L.conv1d({ filters: 2, kernel: 2, padding: 'same' }),
  globalAveragePool1d: () => L.globalAveragePool1d(),
  flatten: () => L.flatten(),
  gru: () => L.gru(2),
  batchNormalization: () => L.batchNormalization({ epsilon: 0.5 }),
};

const timeDistributed = fc
  .tuple(fc.constantFrom(...Object.keys(inner)), steps, fc.array(small, { minLength: 1, maxLength: 2 }))
  .map(([name, seq, rest]) =>
    drawn(
      `timeDistributed ${name}`,
      [],
      [[seq, ...rest]],
      ([x]) => (L.timeDistributed(inner[name]?.()) as Any)(x),
      false,
    ),
  );

// -------------------------------------------------------------------------------------
// attention, positions
// -------------------------------------------------------------------------------------

/** Of one sequence to itself, or to another one of another length and other features. */
const attending = (title: string, options: unknown, layer: Any, cross: boolean, sizes: readonly number[]) => {
  const [features, values] = sizes as readonly [number, number];
  return cross
    ? drawn(
        title,
        options,
        [
          ['seq', features],
          ['keys', values],
          ['keys', features],
        ],
        ([query, value, key]) => L.attend(layer, { query, value, key } as Any),
        false,
      )
    : drawn(title, options, [['seq', features]], ([x]) => layer(x));
};

const attention = fc
  .tuple(
    fc.constantFrom('attention', 'additiveAttention'),
    fc.record({ useScale: fc.boolean(), causal: fc.boolean(), dropout: rate }),
    fc.constantFrom('dot', 'concat'),
    fc.boolean(),
    fc.tuple(small, small),
  )
  .map(([name, o, scoreMode, cross, sizes]) => {
    const options = name === 'attention' ? { ...o, scoreMode } : o;
    const layer = name === 'attention' ? L.attention(options as Any) : L.additiveAttention(o as Any);
    return attending(name, options, layer, cross && !o.causal, sizes);
  });

const heads = fc
  .tuple(
    fc.record({
      keyValueHeads: fc.constantFrom(1, 2),
      each: fc.constantFrom(1, 2),
      keyDim: fc.constantFrom(1, 2, 4),
      useBias: fc.boolean(),
      causal: fc.boolean(),
      dropout: rate,
      rotary: fc.constantFrom(false, true, 30),
      useGate: fc.boolean(),
      slidingWindow: fc.constantFrom(1, 2, 9),
    }),
    fc.option(fc.record({ valueDim: small, outputSize: small }), { nil: undefined }),
    fc.boolean(),
    fc.tuple(small, small),
  )
  .map(([{ keyValueHeads, each, rotary, ...o }, multi, cross, sizes]) => {
    const options = { ...o, rotary: o.keyDim === 1 ? false : rotary, heads: keyValueHeads * each };
    const layer =
      multi === undefined
        ? L.groupedQueryAttention({ ...options, keyValueHeads } as Any)
        : L.multiHeadAttention({ ...options, ...multi } as Any);
    return attending(
      multi === undefined ? 'groupedQueryAttention' : 'multiHeadAttention',
      { ...options, ...(multi ?? { keyValueHeads }) },
      layer,
      cross && !o.causal,
      sizes,
    );
  });

const headsAlong = fc
  .tuple(
    fc.record({
      heads: fc.constantFrom(1, 2),
      keyDim: fc.constantFrom(1, 2),
      useGate: fc.boolean(),
      causal: fc.boolean(),
      attentionAxes: fc.constantFrom<number | readonly number[]>(1, 2, -2, [1, 2], [2, 1], [3, 1]),
    }),
    fc.tuple(steps, small, small),
    fc.boolean(),
  )
  .map(([options, [seq, ...rest], five]) =>
    drawn('multiHeadAttention along', options, [[seq, ...rest, ...(five ? [2] : [])]], ([x]) =>
      (L.multiHeadAttention(options as Any) as Any)(x),
    ),
  );

const positions = fc
  .tuple(
    fc.constantFrom('sinusoidalPositions', 'rotaryPositions', 'learnedPositions'),
    steps,
    fc.constantFrom(2, 4, 3),
    fc.constantFrom(10000, 20),
    fc.boolean(),
  )
  .map(([name, seq, features, maxWavelength, ranked]) => {
    const layer: Any =
      name === 'learnedPositions'
        ? L.learnedPositions(4)
        : (name === 'rotaryPositions' ? L.rotaryPositions : L.sinusoidalPositions)({ maxWavelength });
    const shape = name === 'rotaryPositions' && ranked ? [seq, 2, features] : [seq, features];
    return drawn(name, { maxWavelength }, [shape], ([x]) => layer(x));
  });

const blockOptions = fc.record({
  heads: fc.constantFrom(1, 2),
  intermediate: small,
  activation: fc.constantFrom('gelu', 'tanh', 'silu'),
  dropout: rate,
  normalizeFirst: fc.boolean(),
  // Small variances are steep.
  epsilon: fc.constant(0.5),
  rotary: fc.boolean(),
});

const blocks = fc.tuple(blockOptions, fc.boolean(), fc.boolean()).map(([o, causal, decoder]) => {
  const options = { ...o, features: 4, ...(decoder ? {} : { causal }) };
  return decoder
    ? drawn(
        'transformerDecoder',
        options,
        [
          ['seq', 4],
          ['keys', 3],
        ],
        ([x, memory]) => (L.transformerDecoder(options as Any) as Any)(x, memory),
        false,
      )
    : drawn('transformerEncoder', options, [['seq', 4]], ([x]) => (L.transformerEncoder(options as Any) as Any)(x));
});

// -------------------------------------------------------------------------------------
// noise
// -------------------------------------------------------------------------------------

const noises = {
  dropout: L.dropout,
  alphaDropout: L.alphaDropout,
  gaussianDropout: L.gaussianDropout,
  gaussianNoise: L.gaussianNoise,
  spatialDropout1d: L.spatialDropout1d,
  spatialDropout2d: L.spatialDropout2d,
  spatialDropout3d: L.spatialDropout3d,
} as const;

const noise = fc
  .tuple(fc.constantFrom(...Object.keys(noises)), fc.constantFrom(0, 0.3, 0.8), small, small)
  .map(([name, share, a, b]) => {
    const layer = (noises[name as keyof typeof noises] as Any)(share);
    const rank = Number(/(\d)d$/.exec(name)?.[1] ?? 1);
    return drawn(
      name,
      share,
      [[a, ...Array.from({ length: rank }, () => b)]],
      ([x]) => L.tanh()(layer(x) as Any),
      false,
    );
  });

// -------------------------------------------------------------------------------------
// cases
// -------------------------------------------------------------------------------------

const modelOf = ({ samples, wire }: Drawn): Model<never, unknown> =>
  L.graph(Object.fromEntries(samples.map((s, i) => [`x${i}`, s])) as Any, (x: Any) =>
    wire(samples.map((_, i) => x[`x${i}`])),
  ) as Any;

const maskOf = (random: Random, shape: readonly number[]): NdArray => ({
  dtype: 'bool',
  shape,
  data: Uint8Array.from({ length: (shape[0] as number) * (shape[1] as number) }, () => (random.bool() ? 1 : 0)),
});

const families = {
  recurrent: [recurrent, 30],
  'recurrent with convolutions': [convolutional, 15],
  'recurrent with states': [withStates, 15],
  bidirectional: [bidirectional, 15],
  timeDistributed: [timeDistributed, 20],
  attention: [attention, 25],
  'several heads': [heads, 30],
  'several heads along axes': [headsAlong, 15],
  positions: [positions, 20],
  'transformer blocks': [blocks, 15],
  'noise at a fixed seed': [noise, 20],
} as const;

describe.each(Object.entries(families))('%s', (_, [family, numRuns]) => {
  it('have the gradients of finite differences', async () => {
    const configurations = fc
      .tuple(family as fc.Arbitrary<Drawn>, fc.integer({ min: 1, max: 3 }), fc.boolean())
      .filter(([d]) => E.isRight(resolve(modelOf(d))));
    const alive: number[] = [];
    await fc.assert(
      fc.asyncProperty(configurations, fc.noShrink(fc.integer()), async ([d, batch, masked], seed) => {
        const random = randomFrom(seed);
        const shapes = d.samples.map((s) => [
          batch,
          ...s.map((n) => (typeof n === 'number' ? n : (bound[n] as number))),
        ]);
        const inputs = Object.fromEntries(shapes.map((shape, i) => [`x${i}`, anywhere(random, shape)]));
        const mask = d.maskable && masked ? { mask: maskOf(random, (shapes[0] as number[]).slice(0, 2)) } : {};
        const title = `${d.title}${'mask' in mask ? ', masked' : ''}`;
        const found = await compare({ title, model: modelOf(d), inputs, ...mask }, random, trainingMode());
        alive.push(found.alive);
        expect(found.error, found.worst).toBeLessThan(1e-3);
      }),
      { numRuns, seed: 20240703 },
    );
    // Most say something: not all gradients are 0.
    expect(alive.filter((n) => n > 0).length).toBeGreaterThan(numRuns * 0.7);
  });
});
