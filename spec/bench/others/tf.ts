/**
 * The workloads of `../workloads.ts` in TensorFlow.js, whose backend (wasm, cpu) is the last argument. Images have their
 * channels last, the only layout of these backends.
 */
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { integers, noise } from '../Noise.ts';
import { asked, type Opened, serve } from './side.ts';

type Apply = (x: tf.Tensor) => tf.Tensor;
type Three = [tf.Tensor, tf.Tensor, tf.Tensor];

interface Workload {
  readonly model: Apply;
  readonly batch: (seed: number) => readonly [x: tf.Tensor, y: tf.Tensor];
  readonly loss: (y: tf.Tensor, output: tf.Tensor) => tf.Tensor;
  readonly optimizer: tf.Optimizer;
  /** This share of the weights is added to the gradients. */
  readonly coupledDecay?: number;
  /** This share of the weights is taken off them. */
  readonly decay?: number;
}

const n = asked.batchSize;

// -------------------------------------------------------------------------------------
// layers
// -------------------------------------------------------------------------------------

const trained: tf.Variable[] = [];

const weight = (initial: tf.Tensor): tf.Variable => {
  const variable = tf.variable(initial);
  trained.push(variable);
  return variable;
};

const random = (shape: number[], fanIn: number) => weight(tf.randomNormal(shape, 0, Math.sqrt(2 / fanIn)));
const small = (shape: number[]) => weight(tf.randomNormal(shape, 0, 0.02));
const zeros = (size: number) => weight(tf.zeros([size]));
const ones = (size: number) => weight(tf.ones([size]));

const chain =
  (...layers: readonly Apply[]): Apply =>
  (x) =>
    layers.reduce((y, layer) => layer(y), x);

const dense = (inputs: number, outputs: number): Apply => {
  const [kernel, bias] = [random([inputs, outputs], inputs), zeros(outputs)];
  return (x) => tf.add(tf.matMul(x, kernel), bias);
};

/** Weight normalisation, of the outputs: cheaper than of the kernel. */
const normedDense = (inputs: number, outputs: number): Apply => {
  const [kernel, length, bias] = [random([inputs, outputs], inputs), ones(outputs), zeros(outputs)];
  return (x) => {
    const norm = tf.sqrt(tf.sum(tf.square(kernel), 0));
    return tf.add(tf.mul(tf.matMul(x, kernel), tf.div(length, norm)), bias);
  };
};

const dropout =
  (rate: number): Apply =>
  (x) =>
    tf.dropout(x, rate);

const conv = (channels: number, filters: number, stride = 1, pad = 0): Apply => {
  const kernel = random([3, 3, channels, filters], 9 * channels) as tf.Variable<tf.Rank.R4>;
  return (x) => tf.conv2d(x as tf.Tensor4D, kernel, stride, pad);
};

const bias = (size: number): Apply => {
  const variable = zeros(size);
  return (x) => tf.add(x, variable);
};

const batchNorm = (size: number): Apply => {
  const [scale, offset] = [ones(size), zeros(size)] as tf.Variable<tf.Rank.R1>[];
  const running = [tf.variable(tf.zeros([size]), false), tf.variable(tf.ones([size]), false)];
  return (x) => {
    const { mean, variance } = tf.moments(x, [...Array(x.rank - 1).keys()]);
    for (const [i, now] of [mean, variance].entries())
      running[i]?.assign(tf.add(tf.mul(running[i], 0.9), tf.mul(now, 0.1)));
    return tf.batchNorm(x, mean as tf.Tensor1D, variance as tf.Tensor1D, offset, scale, 1e-5);
  };
};

const layerNorm = (size: number): Apply => {
  const [scale, offset] = [ones(size), zeros(size)];
  return (x) => {
    const { mean, variance } = tf.moments(x, -1, true);
    return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), scale), offset);
  };
};

const gelu: Apply = (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));

/** The shortcut takes each second cell and pads channels with zeros. A slice with strides has no gradient here, a mean has. */
const basicBlock = (channels: number, filters: number, stride: number): Apply => {
  const body = chain(
    conv(channels, filters, stride, 1),
    batchNorm(filters),
    tf.relu,
    conv(filters, filters, 1, 1),
    batchNorm(filters),
  );
  const more = (filters - channels) / 2;
  const shortcut: Apply = (x) => {
    if (more === 0) return x;
    const cells = tf.avgPool(x as tf.Tensor4D, 1, stride, 'valid');
    return tf.pad(cells, [
      [0, 0],
      [0, 0],
      [0, 0],
      [more, more],
    ]);
  };
  return (x) => tf.relu(tf.add(body(x), shortcut(x)));
};

/** Rows are tokens of all samples. */
const attention = (length: number, width: number, heads: number): Apply => {
  const [together, out] = [dense(width, 3 * width), dense(width, width)];
  const mask = tf.tensor2d(
    Float32Array.from({ length: length * length }, (_, i) => (i % length > Math.floor(i / length) ? -1e9 : 0)),
    [length, length],
  );
  return (x) => {
    const [q, k, v] = tf
      .split(together(x), 3, 1)
      .map((part) => tf.transpose(tf.reshape(part, [n, length, heads, width / heads]), [0, 2, 1, 3])) as Three;
    const scores = tf.mul(tf.matMul(q, k, false, true), Math.sqrt(heads / width));
    const mixed = tf.matMul(tf.softmax(tf.add(scores, mask)), v);
    return out(tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [n * length, width]));
  };
};

const residual =
  (body: Apply): Apply =>
  (x) =>
    tf.add(x, body(x));

// -------------------------------------------------------------------------------------
// workloads
// -------------------------------------------------------------------------------------

const uniform = (shape: number[], seed: number) =>
  tf.tensor(
    noise(
      shape.reduce((a, b) => a * b),
      seed,
    ),
    shape,
  );
/** Cast afterwards: of another type than integers `oneHot` of the wasm backend has the bits of integers. */
const classes = (size: number, of: number, seed: number) =>
  tf.cast(tf.oneHot(tf.tensor1d(integers(size, of, seed), 'int32'), of), 'float32');
const logits = (y: tf.Tensor, output: tf.Tensor) => tf.losses.softmaxCrossEntropy(y, output);
const adam = () => tf.train.adam(1e-3, 0.9, 0.999, 1e-8);

const workloads: Record<string, () => Workload> = {
  W1: () => ({
    model: chain(dense(784, 512), tf.relu, dense(512, 256), tf.relu, dense(256, 10)),
    batch: (seed) => [uniform([n, 784], seed), classes(n, 10, seed)],
    loss: logits,
    optimizer: adam(),
  }),
  W2: () => {
    const widths = [875, 2048, 1024, 512];
    const hidden = widths
      .slice(1)
      .map((width, i) => chain(normedDense(widths[i] ?? 0, width), tf.relu, batchNorm(width), dropout(0.2)));
    return {
      model: chain(batchNorm(875), dropout(0.2), ...hidden, normedDense(512, 206), tf.sigmoid),
      batch: (seed) => [uniform([n, 875], seed), tf.cast(tf.less(uniform([n, 206], seed), 0.0035), 'float32')],
      loss: (y, output) => tf.losses.logLoss(y, output),
      optimizer: adam(),
    };
  },
  W3: () => ({
    model: chain(
      chain(conv(1, 32), bias(32), tf.relu),
      chain(conv(32, 64), bias(64), tf.relu),
      (x) => tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid'),
      dropout(0.25),
      (x) => tf.reshape(x, [n, 9216]),
      chain(dense(9216, 128), tf.relu, dense(128, 10)),
    ),
    batch: (seed) => [uniform([n, 28, 28, 1], seed), classes(n, 10, seed)],
    loss: logits,
    optimizer: adam(),
  }),
  W4: () => {
    const blocks = [16, 32, 64].flatMap((filters, stage) =>
      [0, 1, 2].map((i) =>
        i === 0 && stage > 0 ? basicBlock(filters / 2, filters, 2) : basicBlock(filters, filters, 1),
      ),
    );
    return {
      model: chain(conv(3, 16, 1, 1), batchNorm(16), tf.relu, ...blocks, (x) => tf.mean(x, [1, 2]), dense(64, 10)),
      batch: (seed) => [uniform([n, 32, 32, 3], seed), classes(n, 10, seed)],
      loss: logits,
      optimizer: tf.train.momentum(0.1, 0.9),
      coupledDecay: 1e-4,
    };
  },
  W5: () => {
    const [length, width, words] = [64, 128, 256];
    const [embedding, places, head] = [small([words, width]), small([length, width]), small([width, words])];
    const block = () =>
      chain(
        residual(chain(layerNorm(width), attention(length, width, 4))),
        residual(chain(layerNorm(width), dense(width, 4 * width), gelu, dense(4 * width, width))),
      );
    return {
      model: chain(
        // The gradient of `gather` has no kernel in the wasm backend: a product with rows of zeros and a one is the same.
        (x) => tf.reshape(tf.matMul(x, embedding), [n, length, width]),
        (x) => tf.reshape(tf.add(x, places), [n * length, width]),
        ...[0, 1, 2, 3].map(block),
        layerNorm(width),
        (x) => tf.matMul(x, head),
      ),
      batch: (seed) => [classes(n * length, words, seed), classes(n * length, words, seed + asked.steps)],
      loss: logits,
      optimizer: tf.train.adam(3e-4, 0.9, 0.999, 1e-8),
      decay: 3e-4 * 0.01,
    };
  },
};

// -------------------------------------------------------------------------------------
// steps
// -------------------------------------------------------------------------------------

const open = async (): Promise<Opened> => {
  tf.enableProdMode();
  if (!(await tf.setBackend(asked.backend))) throw new Error(`no backend ${asked.backend}`);
  const workload = workloads[asked.name];
  if (workload === undefined) throw new Error(`no workload ${asked.name}`);
  const { model, batch, loss, optimizer, coupledDecay, decay } = workload();
  const batches = Array.from({ length: asked.steps }, (_, i) => batch(i + 1));

  const step = (x: tf.Tensor, y: tf.Tensor): tf.Tensor => {
    const { value, grads } = tf.variableGrads(() => loss(y, model(x)) as tf.Scalar, trained);
    for (const variable of trained) {
      const gradient = grads[variable.name];
      if (coupledDecay !== undefined && gradient !== undefined)
        grads[variable.name] = tf.add(gradient, tf.mul(variable, coupledDecay));
      if (decay !== undefined) variable.assign(tf.mul(variable, 1 - decay));
    }
    optimizer.applyGradients(grads);
    return value;
  };

  return {
    parameters: trained.reduce((sum, { size }) => sum + size, 0),
    version: `TensorFlow.js ${tf.version.tfjs}`,
    step: async (index) => {
      const [x, y] = batches[index % batches.length] ?? batch(1);
      const value = tf.tidy(() => step(x, y));
      const [lost = Number.NaN] = await value.data();
      value.dispose();
      return lost;
    },
  };
};

await serve(open);
