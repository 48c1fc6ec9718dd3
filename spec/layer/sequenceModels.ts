/**
 * The layers of spec/golden/sequence.json by the names of its cases: each as what it makes of the inputs, of the constructors that
 * are handed in.
 */
import type { Any, Constructors, Wire } from './coreModels.ts';

const layer =
  (l: () => Any): Wire =>
  ([x]) =>
    l()(x);

const sequences = { returnSequences: true } as const;

const heads = (L: Constructors, keyDim: number, more = {}) => L.multiHeadAttention({ heads: 2, keyDim, ...more });

const pre = { features: 4, heads: 2, intermediate: 6, normalizeFirst: true } as const;

export const sequenceModels = (L: Constructors): Readonly<Record<string, Wire>> => {
  const sources =
    (l: () => Any): Wire =>
    ([query, value, key]) =>
      L.attend(l(), { query, value, ...(key === undefined ? {} : { key }) });

  return {
    'simpleRNN sequences': layer(() => L.simpleRNN(3, sequences)),
    'simpleRNN relu, no bias, masked': layer(() => L.simpleRNN(4, { activation: 'relu', useBias: false })),
    'simpleRNN truncate 2': layer(() => L.simpleRNN(2, { returnSequences: true, truncate: 2 })),
    'lstm last': layer(() => L.lstm(3)),
    'lstm one step': layer(() => L.lstm(1, sequences)),
    'lstm sequences backwards masked': layer(() => L.lstm(3, { returnSequences: true, goBackwards: true })),
    'lstm with states': ([x, h, c]) => {
      const { output, state } = L.withState(L.lstm(3) as Any, x, [h, c] as Any) as Any;
      return L.concatenate(L.concatenate(output, state[0]) as Any, state[1]);
    },
    'lstm truncate 3': layer(() => L.lstm(2, { truncate: 3 })),
    'gru sequences': layer(() => L.gru(3, sequences)),
    'gru reset before': layer(() => L.gru(2, { resetAfter: false })),
    'gru masked': layer(() => L.gru(3)),
    'bidirectional lstm concat sequences masked': layer(() => L.bidirectional(L.lstm(3, sequences))),
    'bidirectional gru mul': layer(() => L.bidirectional(L.gru(2), { mergeMode: 'mul' })),
    'stacked lstm and gru': layer(() => L.sequential(L.lstm(4, sequences), L.gru(2))),
    'timeDistributed dense': layer(() => L.timeDistributed(L.dense(4, { activation: 'tanh' }))),
    attention: sources(() => L.attention()),
    'attention scale causal': layer(() => L.attention({ useScale: true, causal: true })),
    'attention concat': sources(() => L.attention({ useScale: true, scoreMode: 'concat' })),
    additive: sources(() => L.additiveAttention()),
    'additive masked, no scale': layer(() => L.additiveAttention({ useScale: false })),
    'heads self': layer(() => heads(L, 2)),
    'heads cross': sources(() => L.multiHeadAttention({ heads: 3, keyDim: 2, valueDim: 4, outputSize: 6 })),
    'heads causal, no bias': layer(() => heads(L, 3, { causal: true, useBias: false })),
    'heads masked': layer(() => heads(L, 3)),
    'heads rotary causal': layer(() => heads(L, 4, { causal: true, rotary: true })),
    grouped: layer(() => L.groupedQueryAttention({ heads: 4, keyValueHeads: 2, keyDim: 2 })),
    'grouped, one key head, causal rotary': layer(() =>
      L.groupedQueryAttention({ heads: 3, keyValueHeads: 1, keyDim: 2, causal: true, rotary: true }),
    ),
    'heads in a window': layer(() => heads(L, 3, { slidingWindow: 2 })),
    'heads cross in a causal window, masked': ([query, value]) =>
      L.attend(L.multiHeadAttention({ heads: 2, keyDim: 3, slidingWindow: 3, causal: true }), { query, value }),
    'heads cross in a window behind all keys': ([query, value]) =>
      L.attend(L.multiHeadAttention({ heads: 2, keyDim: 3, slidingWindow: 2 }), { query, value }),
    'heads gated': layer(() => L.multiHeadAttention({ heads: 2, keyDim: 3, valueDim: 2, useGate: true })),
    'grouped gated in a window, no bias': layer(() =>
      L.groupedQueryAttention({
        heads: 4,
        keyValueHeads: 2,
        keyDim: 2,
        useGate: true,
        slidingWindow: 2,
        useBias: false,
      }),
    ),
    'heads along axis 1': layer(() => L.multiHeadAttention({ heads: 2, keyDim: 3, attentionAxes: 1 })),
    'heads along axis 2, causal rotary': layer(() =>
      L.multiHeadAttention({ heads: 2, keyDim: 4, attentionAxes: -2, causal: true, rotary: true, outputSize: 5 }),
    ),
    'heads along two axes': ([query, value, key]) =>
      L.attend(L.multiHeadAttention({ heads: 2, keyDim: 2, attentionAxes: [1, 3] }), { query, value, key }),
    'heads along axis 1, masked': layer(() =>
      L.multiHeadAttention({ heads: 2, keyDim: 3, attentionAxes: 1, useGate: true }),
    ),
    'scores of heads and the output': ([query, value]) => {
      const { output, scores } = L.attendWithScores(heads(L, 3), { query, value });
      const first = L.squeeze(1)(L.slice(1, 0, 1)(scores as Any) as Any);
      return L.concatenate(output, L.matmul(first as Any, value) as Any);
    },
    'scores of groups, masked causal': ([x]) =>
      L.attendWithScores(L.groupedQueryAttention({ heads: 4, keyValueHeads: 2, keyDim: 2, causal: true }), {
        query: x,
        value: x,
      }).scores,
    'scores without heads': ([query, value]) =>
      L.attendWithScores(L.attention({ useScale: true }), { query, value }).scores,
    'sinusoidal even': layer(() => L.sinusoidalPositions()),
    'sinusoidal odd': layer(() => L.sinusoidalPositions()),
    learned: layer(() => L.learnedPositions(6)),
    rotary: layer(() => L.rotaryPositions()),
    'rotary rank 3': layer(() => L.rotaryPositions()),
    'encoder post': layer(() => L.transformerEncoder({ features: 4, heads: 2, intermediate: 6 })),
    'encoder pre causal': layer(() =>
      L.transformerEncoder({ features: 4, heads: 2, intermediate: 6, normalizeFirst: true, causal: true }),
    ),
    'decoder post': ([x, memory]) => L.transformerDecoder({ features: 4, heads: 2, intermediate: 6 })(x, memory),
    'simpleRNN softmax, no bias': layer(() =>
      L.simpleRNN(3, { activation: 'softmax', useBias: false, returnSequences: true }),
    ),
    'simpleRNN with a state masked': ([x, h]) => {
      const { output, state } = L.withState(L.simpleRNN(3, sequences) as Any, x, [h] as Any) as Any;
      return L.multiply(output, L.expandDims(1)(state[0]) as Any);
    },
    'gru encoder and decoder': ([x, y]) => {
      const encoder = L.withState(L.gru(3) as Any, x) as Any;
      return (L.withState(L.gru(3, sequences) as Any, y, encoder.state) as Any).output;
    },
    'bidirectional simpleRNN sum, no bias': layer(() =>
      L.bidirectional(L.simpleRNN(3, { returnSequences: true, useBias: false }), { mergeMode: 'sum' }),
    ),
    'bidirectional lstm and gru': layer(() => L.bidirectional(L.lstm(3), { backwardLayer: L.gru(2) })),
    'bidirectional lstm and simpleRNN mul sequences masked': layer(() =>
      L.bidirectional(L.lstm(3, sequences), {
        mergeMode: 'mul',
        backwardLayer: L.simpleRNN(3, { returnSequences: true, goBackwards: true }),
      }),
    ),
    'bidirectional lstm ave': layer(() => L.bidirectional(L.lstm(2), { mergeMode: 'ave' })),
    'timeDistributed conv2d': layer(() => L.timeDistributed(L.conv2d({ filters: 3, kernel: 2, padding: 'same' }))),
    'timeDistributed normalised block': layer(() =>
      L.timeDistributed(L.sequential(L.layerNormalization(), L.dense(2, { useBias: false }))),
    ),
    masking: layer(() => L.masking()),
    'masking 0.5 before lstm': layer(() => L.sequential(L.masking({ maskValue: 0.5 }), L.lstm(3))),
    'masking rank 4': layer(() => L.masking({ maskValue: -1 })),
    'additive causal': layer(() => L.additiveAttention({ causal: true })),
    'grouped cross, no bias': sources(() =>
      L.groupedQueryAttention({ heads: 4, keyValueHeads: 2, keyDim: 3, useBias: false }),
    ),
    'sinusoidal wavelength 50': layer(() => L.sinusoidalPositions({ maxWavelength: 50 })),
    'learned as long as the sequence': layer(() => L.learnedPositions(4)),
    'learned twice': layer(() => L.sequential(L.learnedPositions(5), L.tanh(), L.learnedPositions(9))),
    'rotary wavelength 20': layer(() => L.rotaryPositions({ maxWavelength: 20 })),
    'encoder pre gelu rotary': layer(() =>
      L.transformerEncoder({ ...pre, heads: 1, activation: 'gelu', rotary: 100, epsilon: 1e-3 }),
    ),
    'encoder post masked': layer(() => L.transformerEncoder({ features: 4, heads: 2, intermediate: 5 })),
    'decoder pre': ([x, memory]) => L.transformerDecoder(pre)(x, memory),
    'decoder post gelu rotary, one head': ([x, memory]) =>
      L.transformerDecoder({ features: 4, heads: 1, intermediate: 3, activation: 'gelu', rotary: true })(x, memory),
  };
};
