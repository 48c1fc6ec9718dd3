/**
 * Networks of the zoo with weights by the formula of spec/golden/zoo.py, and what torchvision's or PyTorch's make of
 * the same weights.
 */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { vjp } from '../../src/autodiff/Grad.ts';
import { input, type Value } from '../../src/graph/Graph.ts';
import { lower, type Mode } from '../../src/interpret/Lower.ts';
import * as L from '../../src/layer/Layer.ts';
import type { Model } from '../../src/model/Model.ts';
import type { ParameterSpec } from '../../src/model/Resolved.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { dims, dtypeOf } from '../../src/shape/Shape.ts';
import * as Zoo from '../../src/zoo/Zoo.ts';
import { inference, resolvedOf, right, trainingMode } from '../interpret/support.ts';
import { evaluate } from '../support/evaluate.ts';

interface Numbers {
  readonly shape: readonly number[];
  /** Each so manieth number of the output is kept. */
  readonly step: number;
  readonly output: readonly number[];
  /** Of the input unless it is tokens, then of the parameters: projection and norm. */
  readonly gradients: readonly (readonly [number, number])[];
}

export interface Case {
  readonly name: string;
  readonly input: readonly number[];
  readonly tokens?: readonly number[];
  readonly inference: Numbers;
  /** Of networks with batch normalisation. */
  readonly training?: Numbers;
  /** How many parameters there are, statistics included. */
  readonly atoms: number;
}

export const cases: readonly Case[] = JSON.parse(readFileSync(new URL('../golden/zoo.json', import.meta.url), 'utf8'));

const ten = { classes: 10 } as const;
const plain = { ...ten, dropout: 0 } as const;

/** A network for a case's input. */
const networks: Readonly<Record<string, L.Layer<L.Fn>>> = {
  lenet: Zoo.lenet(),
  alexnet: Zoo.alexnet({ ...plain, hidden: 64 }),
  vgg11: Zoo.vgg11({ ...plain, width: 8, hidden: 32 }),
  vgg13: Zoo.vgg13({ ...plain, width: 8, hidden: 32 }),
  'vgg16 batchNorm': Zoo.vgg16({ ...plain, width: 8, hidden: 32, batchNorm: true }),
  vgg19: Zoo.vgg19({ ...plain, width: 8, hidden: 32 }),
  resnet18: Zoo.resnet18(ten),
  resnet34: Zoo.resnet34({ ...ten, width: 8 }),
  resnet50: Zoo.resnet50(ten),
  resnet101: Zoo.resnet101({ ...ten, width: 8 }),
  resnet152: Zoo.resnet152({ ...ten, width: 8 }),
  wideResnet50: Zoo.wideResnet50({ ...ten, width: 8 }),
  resnet50V2: Zoo.resnet50V2({ ...ten, width: 8 }),
  resnet101V2: Zoo.resnet101V2({ ...ten, width: 8 }),
  resnet152V2: Zoo.resnet152V2({ ...ten, width: 8 }),
  cifarResnet20: Zoo.cifarResnet20({ width: 8 }),
  cifarResnet56: Zoo.cifarResnet56({ width: 4 }),
  wideResnet: Zoo.wideResnet({ depth: 16, widen: 2 }),
  mobilenet: Zoo.mobilenet({ ...plain, width: 0.25 }),
  mobilenetV2: Zoo.mobilenetV2({ ...plain, width: 0.35 }),
  mobilenetV3Small: Zoo.mobilenetV3Small({ ...plain, width: 0.5 }),
  mobilenetV3Large: Zoo.mobilenetV3Large({ ...plain, width: 0.35 }),
  efficientnetB0: Zoo.efficientnetB0({ ...plain, width: 0.5, stochasticDepth: 0 }),
  densenet121: Zoo.densenet121({ ...ten, growth: 8, stem: 16 }),
  densenet169: Zoo.densenet169({ ...ten, growth: 8, stem: 16 }),
  densenet201: Zoo.densenet201({ ...ten, growth: 8, stem: 16 }),
  squeezenet: Zoo.squeezenet(plain),
  squeezenet11: Zoo.squeezenet11(plain),
  googlenet: Zoo.googlenet(plain),
  inceptionV3: Zoo.inceptionV3(plain),
  'unet batchNorm': Zoo.unet({ classes: 2, width: 4, batchNorm: true }),
  unetValid: Zoo.unetValid({ classes: 2, width: 2 }),
  convnextTiny: Zoo.convnextTiny({ ...ten, width: 12, blocks: [2, 1, 3, 1], stochasticDepth: 0 }),
  vitB16: Zoo.vitB16({ ...ten, imageSize: 32, layers: 1 }),
  vitTi16: Zoo.vitTi16({ ...ten, imageSize: 32, layers: 2 }),
  mixerS16: Zoo.mixerS16({ ...ten, imageSize: 48, layers: 1 }),
  gpt: Zoo.gpt({ vocabulary: 50, context: 12, features: 32, heads: 4, layers: 2, dropout: 0 }),
  textCnn: Zoo.textCnn({ vocabulary: 40, features: 12, filters: 6, classes: 3, dropout: 0 }),
  lstmClassifier: Zoo.lstmClassifier({ vocabulary: 9, features: 6, units: 5, classes: 3, dropout: 0 }),
  transformerClassifier: Zoo.transformerClassifier({ vocabulary: 40, features: 16, classes: 3, dropout: 0 }),
  resnetMlp: Zoo.resnetMlp({ units: 3, features: 16, dropout: 0 }),
  autoencoder: Zoo.autoencoder({ features: 12, hidden: 9, code: 4 }),
  vae: Zoo.vae({ features: 12, hidden: 9, latent: 4 }),
};

export const networkNames = Object.keys(networks);

// -------------------------------------------------------------------------------------
// numbers by formula
// -------------------------------------------------------------------------------------

const inputSite = 1_000_000;
const cotangentSite = 1_000_001;
const projectionSite = 2_000_000;

/** Numbers in [-1, 1) of an atom and an index: `hashes` of the script. */
const hashes = (k: number, n: number): Float64Array => {
  const base = Math.imul(k + 1, 0x9e3779b1);
  const out = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let x = Math.imul(i + 1 + base, 0x85ebca6b);
    x ^= x >>> 13;
    x = Math.imul(x, 0xc2b2ae35);
    x ^= x >>> 16;
    out[i] = (x >>> 0) / 2 ** 31 - 1;
  }
  return out;
};

const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/**
 * A matrix here is the other's transpose: `[in, out]` here, where `out` may be several axes, and so may `in` of a last
 * product.
 */
interface Transposed {
  readonly rows: number;
  readonly columns: number;
}

const isKernel = ({ role }: ParameterSpec): boolean => role.endsWith('kernel');

const transposed = ({ role, shape }: ParameterSpec): Transposed | undefined => {
  if (role === 'output_kernel') return { rows: elements(shape.slice(0, -1)), columns: shape.at(-1) ?? 1 };
  const isProjection = /^(query|key|value)_kernel$/.test(role);
  return isProjection || (/^(recurrent_)?kernel$/.test(role) && shape.length === 2)
    ? { rows: shape[0] ?? 1, columns: elements(shape.slice(1)) }
    : undefined;
};

/** PyTorch's numbers in this library's order; `back`: the other way. */
const laidOut = (p: ParameterSpec, data: Float32Array, back = false): Float32Array => {
  const t = transposed(p);
  if (t === undefined) return data;
  const [r, c] = back ? [t.columns, t.rows] : [t.rows, t.columns];
  const out = new Float32Array(data.length);
  for (let i = 0; i < r; i++) for (let j = 0; j < c; j++) out[i * c + j] = data[j * r + i] ?? 0;
  return out;
};

const fanIn = (p: ParameterSpec): number => {
  const t = transposed(p);
  return t === undefined ? elements(p.shape.slice(1)) : t.rows;
};

const scaleOf = (p: ParameterSpec): readonly [number, number] => {
  if (isKernel(p)) return [0, Math.sqrt(4.5 / fanIn(p))];
  switch (p.role) {
    case 'gamma':
      return [1, 0.2];
    case 'moving_variance':
      return [1, 0.4];
    case 'token':
    case 'embeddings':
      return [0, 0.5];
    default:
      return [0, 0.1];
  }
};

const weight = (p: ParameterSpec, k: number): NdArray => {
  const [centre, scale] = scaleOf(p);
  const h = hashes(k, elements(p.shape));
  const data = new Float32Array(h.length);
  for (let i = 0; i < data.length; i++) data[i] = centre + scale * (h[i] ?? 0);
  return { dtype: 'float32', shape: p.shape, data: laidOut(p, data) };
};

const array = (k: number, shape: readonly number[]): NdArray => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(hashes(k, elements(shape))),
});

// -------------------------------------------------------------------------------------
// comparison
// -------------------------------------------------------------------------------------

export const modelOf = ({ name, input: shape, tokens }: Case): Model<never, unknown> => {
  const sample = shape.slice(1);
  const x = tokens === undefined ? L.input(sample) : L.tokens(sample);
  return L.model(x as never, networks[name] as never) as unknown as Model<never, unknown>;
};

/** Relative, of the output, and of the gradients' projections and norms. */
interface Distances {
  readonly output: number;
  readonly median: number;
  readonly worst: number;
}

/** The product with a row, and with itself. */
const products = (row: Float64Array, data: Float32Array): readonly [number, number] => {
  let sum = 0;
  let square = 0;
  for (let i = 0; i < data.length; i++) {
    const d = data[i] ?? 0;
    sum += (row[i] ?? 0) * d;
    square += d * d;
  }
  return [sum, square];
};

/**
 * Output and all gradients, in inference or training, beside the script's; the largest distances, of what they should
 * be.
 */
const distances = async (golden: Case, mode: Mode, expected: Numbers): Promise<Distances> => {
  const resolved = resolvedOf(modelOf(golden));
  expect(resolved.parameters.length).toBe(golden.atoms);
  const x = resolved.inputs.map(({ name, type }) => input(name, dtypeOf(type), dims(type)));
  const w = resolved.parameters.map((p) => input(p.name, 'float32', p.shape));
  const trained = resolved.parameters.map((p, i) => ({ p, w: w[i] as Value })).filter(({ p }) => p.trainable);
  const y = lower(resolved, x, Object.fromEntries(resolved.parameters.map((p, i) => [p.name, w[i] as Value])), mode)
    .outputs[0] as Value;
  const cotangent = input('cotangent', 'float32', y.type.shape);
  const wanted = [...(golden.tokens === undefined ? x : []), ...trained.map((t) => t.w)];
  const gradients = right(vjp([y], [cotangent], wanted));
  const got = await evaluate(
    { y, ...Object.fromEntries(gradients.map((g, i) => [`d${i}`, g])) },
    {
      input:
        golden.tokens === undefined
          ? array(inputSite, golden.input)
          : { dtype: 'int32', shape: golden.input, data: Int32Array.from(golden.tokens) },
      ...Object.fromEntries(resolved.parameters.map((p, i) => [p.name, weight(p, i)])),
      cotangent: array(cotangentSite, expected.shape),
    },
  );
  expect(got.y?.shape).toEqual(expected.shape);
  const size = Math.max(...expected.output.map(Math.abs));
  const output = Math.max(
    ...expected.output.map((e, i) => Math.abs(Number(got.y?.data[i * expected.step]) - e) / size),
  );
  const parameters = golden.tokens === undefined ? [undefined, ...trained] : trained;
  expect(gradients.length).toBe(expected.gradients.length);
  // A parameter that does not matter at all has no gradient but rounding: measured by the largest.
  const largest = Math.max(...expected.gradients.map(([, norm]) => norm));
  const apart = expected.gradients.map(([projection, norm], j) => {
    const raw = got[`d${j}`]?.data as Float32Array;
    const owner = parameters[j];
    const data = owner === undefined ? raw : laidOut(owner.p, raw, true);
    const row = hashes(projectionSite + j, data.length);
    const [sum, square] = products(row, data);
    return Math.max(Math.abs(sum - projection), Math.abs(Math.sqrt(square) - norm)) / Math.max(norm, 1e-4 * largest);
  });
  const sorted = apart.toSorted((a, b) => a - b);
  const found = { output, median: sorted[sorted.length >> 1] ?? NaN, worst: sorted.at(-1) ?? NaN };
  if (process.env.ZOO_DISTANCES !== undefined) console.log(golden.name, mode._tag, found);
  return found;
};

/**
 * What is left between float32 here and float64 there. Where rounding lets a relu or a maximum decide otherwise, the
 * gradients before it differ by that one unit's part; training normalises by few samples, which makes all of it larger.
 */
export const agrees = async (golden: Case): Promise<void> => {
  const inferred = await distances(golden, inference, golden.inference);
  expect(inferred.output, 'output').toBeLessThan(1e-5);
  expect(inferred.median, 'gradients').toBeLessThan(1e-5);
  expect(inferred.worst, 'worst gradient').toBeLessThan(1e-3);
  if (golden.training === undefined) return;
  const trained = await distances(golden, trainingMode(), golden.training);
  expect(trained.output, 'output in training').toBeLessThan(1e-3);
  expect(trained.median, 'gradients in training').toBeLessThan(0.02);
  expect(trained.worst, 'worst gradient in training').toBeLessThan(0.1);
};
