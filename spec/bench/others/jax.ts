/**
 * The workloads of `../workloads.ts` in jax-js, on its wasm backend: in Node the only one but an interpreter in JavaScript. A
 * whole step is compiled into one function. What an array is given to owns it, and `ref` keeps it for another use.
 */
import {
  type Array as Arr,
  blockUntilReady,
  defaultDevice,
  init,
  jit,
  lax,
  nn,
  numpy as np,
  random,
  tree,
  valueAndGrad,
} from '@jax-js/jax';
import { integers, noise } from '../Noise.ts';
import own from './package.json' with { type: 'json' };
import { asked, type Opened, serve } from './side.ts';

/** What a layer needs besides its input while a step is traced. */
interface Trace {
  readonly weights: readonly Arr[];
  readonly keys: readonly Arr[];
  /** Running means and variances before the step, in the order of the layers; after it they are in `next`. */
  readonly running: readonly Arr[];
  readonly next: Arr[];
}

type Apply = (x: Arr, trace: Trace) => Arr;

/** Weights, their gradient, the optimizer's slots and rates of the step: the new weights and slots. */
type Update = (weight: Arr, gradient: Arr, slots: readonly Arr[], rates: readonly Arr[]) => readonly [Arr, ...Arr[]];

type Two = readonly [Arr, Arr];

interface Optimizer {
  readonly slots: number;
  readonly rates: (step: number) => readonly number[];
  readonly update: Update;
}

interface Workload {
  readonly model: Apply;
  readonly batch: (seed: number) => readonly [x: Arr, y: Arr];
  readonly loss: (y: Arr, output: Arr) => Arr;
  readonly optimizer: Optimizer;
}

const n = asked.batchSize;

// -------------------------------------------------------------------------------------
// layers
// -------------------------------------------------------------------------------------

const initial = { weights: [] as Arr[], running: [] as Arr[], keys: 0 };

const at = (arrays: readonly Arr[], index: number): Arr => {
  const found = arrays[index];
  if (found === undefined) throw new Error(`no array ${index}`);
  return found;
};

const weight = (value: Arr): ((trace: Trace) => Arr) => {
  const index = initial.weights.push(value) - 1;
  return ({ weights }) => at(weights, index);
};

const normal = (shape: number[], deviation: number) =>
  weight(random.normal(random.key(initial.weights.length), shape).mul(deviation));
const kernel = (shape: number[], fanIn: number) => normal(shape, Math.sqrt(2 / fanIn));
const zeros = (...shape: number[]) => weight(np.zeros(shape));
const ones = (...shape: number[]) => weight(np.ones(shape));

const chain =
  (...layers: readonly Apply[]): Apply =>
  (x, trace) =>
    layers.reduce((y, layer) => layer(y, trace), x);

const relu: Apply = (x) => nn.relu(x);

const dense = (inputs: number, outputs: number): Apply => {
  const [w, b] = [kernel([inputs, outputs], inputs), zeros(outputs)];
  return (x, t) => np.matmul(x, w(t)).add(b(t));
};

/** Weight normalisation, of the outputs: cheaper than of the kernel. */
const normedDense = (inputs: number, outputs: number): Apply => {
  const [w, length, b] = [kernel([inputs, outputs], inputs), ones(outputs), zeros(outputs)];
  return (x, t) => {
    const norm = np.sqrt(np.sum(np.square(w(t).ref), 0));
    return np.matmul(x, w(t)).mul(length(t).div(norm)).add(b(t));
  };
};

const dropout = (rate: number): Apply => {
  const index = initial.keys++;
  return (x, { keys }) => {
    const kept = random.bernoulli(at(keys, index), 1 - rate, x.shape);
    return np.where(kept, x.mul(1 / (1 - rate)), 0);
  };
};

const conv = (channels: number, filters: number, stride = 1, pad = 0): Apply => {
  const w = kernel([filters, channels, 3, 3], 9 * channels);
  return (x, t) =>
    lax.conv(
      x,
      w(t),
      [stride, stride],
      [
        [pad, pad],
        [pad, pad],
      ],
    );
};

const bias = (channels: number): Apply => {
  const b = zeros(channels, 1, 1);
  return (x, t) => x.add(b(t));
};

/** The second axis is that of the channels. */
const batchNorm = (size: number, ...places: readonly 1[]): Apply => {
  const [scale, offset] = [ones(size, ...places), zeros(size, ...places)];
  const index = initial.running.push(np.zeros([size, ...places]), np.ones([size, ...places])) - 2;
  return (x, t) => {
    const axes = [0, ...places.map((_, i) => i + 2)];
    const mean = np.mean(x.ref, axes, { keepdims: true });
    const centred = x.sub(mean.ref);
    const variance = np.mean(np.square(centred.ref), axes, { keepdims: true });
    for (const [i, now] of [mean, variance.ref].entries())
      t.next.push(
        at(t.running, index + i)
          .mul(0.9)
          .add(
            lax
              .stopGradient(now)
              .reshape([size, ...places])
              .mul(0.1),
          ),
      );
    return centred
      .mul(np.reciprocal(np.sqrt(variance.add(1e-5))))
      .mul(scale(t))
      .add(offset(t));
  };
};

const layerNorm = (size: number): Apply => {
  const [scale, offset] = [ones(size), zeros(size)];
  return (x, t) => nn.standardize(x, -1, { epsilon: 1e-5 }).mul(scale(t)).add(offset(t));
};

const gelu: Apply = (x) => nn.gelu(x, { approximate: false });

const maxPool: Apply = (x) => {
  const [, channels = 0, height = 0, width = 0] = x.shape;
  return np.max(x.reshape([n, channels, height / 2, 2, width / 2, 2]), [3, 5]);
};

/** The shortcut takes each second cell and pads channels with zeros. */
const basicBlock = (channels: number, filters: number, stride: number): Apply => {
  const body = chain(
    chain(conv(channels, filters, stride, 1), batchNorm(filters, 1, 1), relu),
    chain(conv(filters, filters, 1, 1), batchNorm(filters, 1, 1)),
  );
  const more = (filters - channels) / 2;
  const shortcut: Apply = (x) => {
    if (more === 0) return x;
    const [, , height = 0, width = 0] = x.shape;
    const cells = x.reshape([n, channels, height / 2, 2, width / 2, 2]).slice([], [], [], 0, [], 0);
    return np.pad(cells, [
      [0, 0],
      [more, more],
      [0, 0],
      [0, 0],
    ]);
  };
  return (x, t) => nn.relu(body(x.ref, t).add(shortcut(x, t)));
};

/** Not `nn.dotProductAttention`: its `einsum` needs a later Node than 20. */
const attention = (length: number, width: number, heads: number): Apply => {
  const [together, out] = [dense(width, 3 * width), dense(width, width)];
  return (x, t) => {
    const [q, k, v] = np
      .split(together(x, t), 3, -1)
      .map((part) => part.reshape([n, length, heads, width / heads]).transpose([0, 2, 1, 3])) as [Arr, Arr, Arr];
    const mask = np.triu(np.full([length, length], -1e9), 1);
    const scores = np.matmul(q, np.matrixTranspose(k)).mul(Math.sqrt(heads / width));
    const mixed = np.matmul(nn.softmax(scores.add(mask), -1), v);
    return out(mixed.transpose([0, 2, 1, 3]).reshape([n, length, width]), t);
  };
};

const residual =
  (body: Apply): Apply =>
  (x, t) =>
    x.ref.add(body(x, t));

// -------------------------------------------------------------------------------------
// optimizers
// -------------------------------------------------------------------------------------

/** With decay it is AdamW. */
const adam = (learningRate: number, decay = 0): Optimizer => ({
  slots: 2,
  rates: (step) => [learningRate / (1 - 0.9 ** step), 1 / (1 - 0.999 ** step)],
  update: (w, g, slots, rates) => {
    const [[m, v], [rate, correction]] = [slots as Two, rates as Two];
    const first = m.mul(0.9).add(g.ref.mul(0.1));
    const second = v.mul(0.999).add(np.square(g).mul(0.001));
    const move = first.ref.mul(rate).div(np.sqrt(second.ref.mul(correction)).add(1e-8));
    return [(decay === 0 ? w : w.mul(1 - learningRate * decay)).sub(move), first, second];
  },
});

const momentum = (learningRate: number, factor: number, decay: number): Optimizer => ({
  slots: 1,
  rates: () => [],
  update: (w, g, slots) => {
    const next = at(slots, 0)
      .mul(factor)
      .add(g.add(w.ref.mul(decay)));
    return [w.sub(next.ref.mul(learningRate)), next];
  },
});

// -------------------------------------------------------------------------------------
// workloads
// -------------------------------------------------------------------------------------

const uniform = (shape: number[], seed: number) =>
  np
    .array(
      noise(
        shape.reduce((a, b) => a * b),
        seed,
      ),
    )
    .reshape(shape);
const classes = (size: number, of: number, seed: number) => nn.oneHot(np.array(integers(size, of, seed)), of);

const logits = (y: Arr, output: Arr) => np.sum(nn.logSoftmax(output, -1).mul(y), -1).mean().neg();

/** Of probabilities. */
const binary = (y: Arr, p: Arr) => {
  const clipped = np.clip(p, 1e-7, 1 - 1e-7);
  const of = y.ref.mul(np.log(clipped.ref));
  return of
    .add(np.log(np.subtract(1, clipped)).mul(np.subtract(1, y)))
    .mean()
    .neg();
};

const workloads: Record<string, () => Workload> = {
  W1: () => ({
    model: chain(dense(784, 512), relu, dense(512, 256), relu, dense(256, 10)),
    batch: (seed) => [uniform([n, 784], seed), classes(n, 10, seed)],
    loss: logits,
    optimizer: adam(1e-3),
  }),
  W2: () => {
    const widths = [875, 2048, 1024, 512];
    const first = chain(batchNorm(875), dropout(0.2));
    const hidden = widths
      .slice(1)
      .map((width, i) => chain(normedDense(widths[i] ?? 0, width), relu, batchNorm(width), dropout(0.2)));
    return {
      model: chain(first, ...hidden, normedDense(512, 206), (x) => nn.sigmoid(x)),
      batch: (seed) => [uniform([n, 875], seed), uniform([n, 206], seed).less(0.0035).astype(np.float32)],
      loss: binary,
      optimizer: adam(1e-3),
    };
  },
  W3: () => ({
    model: chain(
      chain(conv(1, 32), bias(32), relu, conv(32, 64), bias(64), relu),
      chain(maxPool, dropout(0.25), (x) => x.reshape([n, 9216])),
      chain(dense(9216, 128), relu, dense(128, 10)),
    ),
    batch: (seed) => [uniform([n, 1, 28, 28], seed), classes(n, 10, seed)],
    loss: logits,
    optimizer: adam(1e-3),
  }),
  W4: () => {
    const stem = chain(conv(3, 16, 1, 1), batchNorm(16, 1, 1), relu);
    const blocks = [16, 32, 64].flatMap((filters, stage) =>
      [0, 1, 2].map((i) =>
        i === 0 && stage > 0 ? basicBlock(filters / 2, filters, 2) : basicBlock(filters, filters, 1),
      ),
    );
    return {
      model: chain(stem, ...blocks, (x) => np.mean(x, [2, 3]), dense(64, 10)),
      batch: (seed) => [uniform([n, 3, 32, 32], seed), classes(n, 10, seed)],
      loss: logits,
      optimizer: momentum(0.1, 0.9, 1e-4),
    };
  },
  W5: () => {
    const [length, width, words] = [64, 128, 256];
    const [embedding, places, head] = [
      normal([words, width], 0.02),
      normal([length, width], 0.02),
      normal([width, words], 0.02),
    ];
    const block = () =>
      chain(
        residual(chain(layerNorm(width), attention(length, width, 4))),
        residual(chain(layerNorm(width), dense(width, 4 * width), gelu, dense(4 * width, width))),
      );
    return {
      model: chain(
        (x, t) => np.take(embedding(t), x, 0).add(places(t)),
        ...[0, 1, 2, 3].map(block),
        layerNorm(width),
        (x, t) => np.matmul(x, head(t)),
      ),
      batch: (seed) => [
        np.array(integers(n * length, words, seed)).reshape([n, length]),
        classes(n * length, words, seed + asked.steps).reshape([n, length, words]),
      ],
      loss: logits,
      optimizer: adam(3e-4, 0.01),
    };
  },
};

// -------------------------------------------------------------------------------------
// steps
// -------------------------------------------------------------------------------------

interface State extends Record<string, Arr[] | Arr[][]> {
  readonly weights: Arr[];
  readonly slots: Arr[][];
  readonly running: Arr[];
}

const open = async (): Promise<Opened> => {
  await init('wasm');
  defaultDevice('wasm');
  const workload = workloads[asked.name];
  if (workload === undefined) throw new Error(`no workload ${asked.name}`);
  const { model, batch, loss, optimizer } = workload();
  const batches = Array.from({ length: asked.steps }, (_, i) => batch(i + 1));

  const gradients = valueAndGrad(
    (weights: Arr[], running: Arr[], keys: Arr[], x: Arr, y: Arr): [Arr, Arr[]] => {
      const next: Arr[] = [];
      return [loss(y, model(x, { weights, running, keys, next })), next];
    },
    { hasAux: true },
  );
  const step = jit(({ weights, slots, running }: State, keys: Arr[], rates: Arr[], x: Arr, y: Arr): [Arr, State] => {
    const [[value, next], grads] = gradients(tree.ref(weights), running, keys, x, y);
    const updated = weights.map((w, i) => optimizer.update(w, at(grads, i), slots[i] ?? [], tree.ref(rates)));
    tree.dispose(rates);
    return [value, { weights: updated.map(([w]) => w), slots: updated.map(([, ...rest]) => rest), running: next }];
  });

  const parameters = initial.weights.reduce((sum, { size }) => sum + size, 0);
  let state: State = {
    weights: initial.weights,
    slots: initial.weights.map(({ shape }) => Array.from({ length: optimizer.slots }, () => np.zeros(shape))),
    running: initial.running,
  };
  let count = 0;
  return {
    parameters,
    version: `jax-js ${own.dependencies['@jax-js/jax']}`,
    step: async (index) => {
      const [x, y] = batches[index % batches.length] ?? batch(1);
      count += 1;
      const keys = Array.from({ length: initial.keys }, (_, i) => random.key(count * initial.keys + i));
      const rates = optimizer.rates(count).map((rate) => np.array(rate));
      const [value, next] = step(state, keys, rates, x.ref, y.ref);
      state = next;
      await blockUntilReady(next);
      const [lost = Number.NaN] = await value.data();
      return lost;
    },
  };
};

await serve(open);
