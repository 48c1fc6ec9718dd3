/** Recurrent and attention layers beside Keras's (spec/golden/README.md). Sequences have the same layout in both. */
import { describe, expect, test } from 'vitest';
import { input, type Value } from '../../src/graph/Graph.ts';
import { lower } from '../../src/interpret/Lower.ts';
import * as L from '../../src/layer/Layer.ts';
import type { Model } from '../../src/model/Model.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { dims, dtypeOf } from '../../src/shape/Shape.ts';
import { transpose } from '../interpret/layouts.ts';
import { inference, resolvedOf } from '../interpret/support.ts';
import { array, type Case, goldens, mismatch, numbers, type Tensor } from '../objective/cases.ts';
import { evaluate } from '../support/evaluate.ts';

// biome-ignore lint/suspicious/noExplicitAny: configurations are read as Keras wrote them
type Any = any;

interface Inputs {
  readonly args: readonly (Tensor | readonly Tensor[])[];
  readonly kwargs: Readonly<Record<string, Any>>;
  readonly weights: readonly { readonly name: string; readonly value: Tensor }[];
}
interface Expected {
  readonly output: Tensor | readonly Tensor[];
}
type Golden = Case<Inputs, Expected>;

const camel = (name: string) => name.replace(/_(.)/g, (_, c: string) => c.toUpperCase());

const recurrent: Readonly<Record<string, Any>> = { SimpleRNN: L.simpleRNN, LSTM: L.lstm, GRU: L.gru };

const recurrentOf = (name: string, h: Any): Any =>
  recurrent[name](h.units, {
    activation: camel(h.activation),
    ...(name === 'SimpleRNN' ? {} : { recurrentActivation: camel(h.recurrent_activation) }),
    ...(name === 'GRU' ? { resetAfter: h.reset_after } : {}),
    useBias: h.use_bias,
    returnSequences: h.return_sequences,
    goBackwards: h.go_backwards,
  });

const isTensor = (x: Any): x is Tensor => x?.shape !== undefined;

const list = (x: Tensor | readonly Tensor[] | undefined): readonly Tensor[] =>
  x === undefined ? [] : isTensor(x) ? [x] : x;

interface Built {
  readonly model: Model<never, unknown>;
  readonly feeds: readonly Tensor[];
  readonly mask?: Tensor;
}

/** Steps [batch, seq, length, channels] with their channels in front. */
const channelsFirst = (t: Tensor): Tensor => {
  const { shape, data } = transpose([0, 1, 3, 2])(array(t));
  return { ...t, shape: shape as number[], data: Array.from(data as Float32Array) } as Tensor;
};

/** A graph of inputs x0, x1, ... of fixed sizes. */
const graphOf = (feeds: readonly Tensor[], wire: (x: Any[]) => Any): Model<never, unknown> =>
  L.graph(
    Object.fromEntries(
      feeds.map((t, i) => [`x${i}`, t.dtype.startsWith('float') ? t.shape.slice(1) : { int: t.shape.slice(1) }]),
    ) as Any,
    (x: Any) => wire(feeds.map((_, i) => x[`x${i}`])),
  ) as Any;

const attentionOf = ({ name, hyperparameters: h, inputs }: Golden): Any => {
  const causal = inputs.kwargs.use_causal_mask ?? false;
  if (name === 'Attention') return L.attention({ useScale: h.use_scale as boolean, causal });
  if (name === 'AdditiveAttention') return L.additiveAttention({ useScale: h.use_scale as boolean, causal });
  return L.multiHeadAttention({
    heads: h.num_heads as number,
    keyDim: h.key_dim as number,
    valueDim: h.value_dim as number,
    useBias: h.use_bias as boolean,
    dropout: h.dropout as number,
    ...(h.output_shape === null ? {} : { outputSize: (h.output_shape as number[])[0] as number }),
    causal,
  });
};

/** With states both directions are layers of their own, as `withState` takes them. */
const inBothDirections = (name: string, config: Any, args: readonly Tensor[], states: readonly Tensor[]): Built => {
  const feeds = [...args, ...states];
  const half = states.length / 2;
  return {
    feeds,
    model: graphOf(feeds, ([x, ...initial]) => {
      const last = [false, true].map((goBackwards, i) => {
        const layer = recurrentOf(name, { ...config, go_backwards: goBackwards });
        const given = initial.length > 0 ? initial.slice(i * half, (i + 1) * half) : undefined;
        const first = L.withState(layer, x, given as Any, `cell${i}`);
        // Stateful layers are called twice: the state goes on.
        return config.stateful === true ? L.withState(layer, x, first.state, `cell${i}`).output : first.output;
      });
      return L.concatenate(last[0] as Any, last[1] as Any);
    }),
  };
};

const convLstmOf = (h: Any): Any =>
  L.convLstm1d({
    filters: h.filters,
    kernel: h.kernel_size,
    strides: h.strides,
    padding: h.padding,
    dilation: h.dilation_rate,
    useBias: h.use_bias,
    returnSequences: h.return_sequences,
    goBackwards: h.go_backwards,
    unitForgetBias: h.unit_forget_bias,
  });

const built = (golden: Golden): Built => {
  const { name, hyperparameters: h, inputs } = golden;
  const args = inputs.args.flatMap((a) => list(a));
  if (name in recurrent) {
    const feeds = [...args, ...list(inputs.kwargs.initial_state)];
    const layer = recurrentOf(name, h);
    return {
      feeds,
      ...(inputs.kwargs.mask === undefined ? {} : { mask: inputs.kwargs.mask }),
      model: graphOf(feeds, ([x, ...initial]) => {
        const first = L.withState(layer, x, initial.length > 0 ? (initial as Any) : undefined, 'cell');
        // Stateful layers are called twice: the state goes on.
        const { output, state } = h.stateful === true ? L.withState(layer, x, first.state, 'cell') : first;
        return h.return_state === true
          ? { output, ...Object.fromEntries(state.map((s: Any, i: number) => [`state${i}`, s])) }
          : output;
      }),
    };
  }
  if (name === 'Bidirectional') {
    const { class_name, config } = h.layer as Any;
    const states = list(inputs.kwargs.initial_state);
    if (states.length > 0 || config.stateful === true) return inBothDirections(class_name, config, args, states);
    // Keras's null leaves the two directions apart: the halves of what `concat` gives.
    const apart = h.merge_mode === null;
    const mergeMode = apart ? 'concat' : (h.merge_mode as 'concat');
    const layer: Any = L.bidirectional(recurrentOf(class_name, config), { mergeMode });
    return {
      feeds: args,
      model: graphOf(args, ([x]) => {
        const y = layer(x);
        if (!apart) return y;
        const [forward, backward] = (L.split as Any)(y, 2, -1);
        return { forward, backward };
      }),
    };
  }
  if (name === 'ConvLSTM1D') {
    const feeds = args.map(channelsFirst);
    return { feeds, model: graphOf(feeds, ([x]) => (convLstmOf(h) as Any)(x)) };
  }
  if (name === 'TimeDistributed') {
    const { config } = h.layer as Any;
    const layer = L.timeDistributed(L.dense(config.units, { useBias: config.use_bias }));
    return { feeds: args, model: graphOf(args, ([x]) => (layer as Any)(x)) };
  }
  const named = [inputs.kwargs.query, inputs.kwargs.value].filter((t) => t !== undefined);
  const sources = [...args, ...named];
  const mask = inputs.kwargs.attention_mask as Tensor | undefined;
  const feeds = [...sources, ...(mask === undefined ? [] : [mask])];
  return {
    feeds,
    model: graphOf(feeds, ([query, value, third]) => {
      const to = { query, value, ...(mask === undefined ? {} : { mask: third }) } as Any;
      return inputs.kwargs.return_attention_scores === true
        ? L.attendWithScores(attentionOf(golden), to)
        : L.attend(attentionOf(golden), to);
    }),
  };
};

const names = [...Object.keys(recurrent), 'Bidirectional', 'TimeDistributed', 'ConvLSTM1D'];
const attentions = ['Attention', 'AdditiveAttention', 'MultiHeadAttention'];
const all = goldens<Inputs, Expected>('layer', [...names, ...attentions]);

test('all of them', () => expect(all.length).toBe(62));

describe('as Keras', () => {
  test.each(all)('$id', async (golden) => {
    const { model, feeds, mask } = built(golden);
    const resolved = resolvedOf(model);
    const isConv = golden.name.startsWith('Conv');
    const weights = golden.inputs.weights.map((w) =>
      isConv && w.value.shape.length === 3 ? transpose([2, 1, 0])(array(w.value)) : array(w.value),
    );
    expect(resolved.parameters.map((p) => p.shape)).toEqual(weights.map((w) => w.shape));
    const x = resolved.inputs.map(({ name, type }) => input(name, dtypeOf(type), dims(type)));
    const w = Object.fromEntries(resolved.parameters.map((p) => [p.name, input(p.name, 'float32', p.shape)]));
    const m = mask === undefined ? undefined : input('mask', 'bool', mask.shape);
    const { outputs } = lower(resolved, x, w, inference, [m]);
    const values = Object.fromEntries(resolved.outputs.map(({ name }, i) => [name, outputs[i] as Value]));
    const got = await evaluate(values, {
      ...Object.fromEntries(
        feeds.map((t, i) => [`x${i}`, array(t, t.dtype.startsWith('float') ? 'float32' : 'int32')]),
      ),
      ...Object.fromEntries(resolved.parameters.map((p, i) => [p.name, weights[i] as NdArray])),
      ...(mask === undefined
        ? {}
        : { mask: { dtype: 'bool', shape: mask.shape, data: Uint8Array.from(mask.data, Number) } as NdArray }),
    });
    list(golden.expected.output).forEach((expected, i) => {
      const { name } = resolved.outputs[i] as { readonly name: string };
      const value = isConv ? transpose([0, 2, 1])(got[name] as NdArray) : got[name];
      expect(value?.shape).toEqual(expected.shape);
      expect(mismatch(value?.data as Float32Array, numbers(expected), golden.tolerance)).toBeUndefined();
    });
  });
});
