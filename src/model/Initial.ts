/**
 * The first values of a model's parameters, drawn as their initializers say.
 *
 * Laws: the values are a function of the seed and of the parameter's name, shape and initializer: the same on every machine,
 * and adding or removing a layer changes no other's (as long as its name stays).
 */
import type { Initializer } from '../layer/Options.ts';
import type { NdArray } from '../shape/NdArray.ts';
import type { Shape } from '../shape/Shape.ts';
import { fourierKernel } from './Fourier.ts';
import { kerasOrder, kerasShape } from './Layout.ts';
import { orthogonalMatrix } from './Orthogonal.ts';
import type { Random } from './Random.ts';
import { keyed, normal, truncatedNormal, uniform } from './Random.ts';
import type { ParameterSpec, Resolved } from './Resolved.ts';

// -------------------------------------------------------------------------------------
// distributions
// -------------------------------------------------------------------------------------

/** The standard deviation of a standard normal that is cut at two standard deviations. */
const truncatedStddev = 0.87962566103423978;

type Draw = (r: Random) => number;

const scaled =
  (draw: Draw, mean: number, stddev: number): Draw =>
  (r) =>
    mean + stddev * draw(r);

const uniformIn =
  (least: number, most: number): Draw =>
  (r) =>
    least + (most - least) * uniform(r);

const drawOf = (
  initializer: Exclude<
    Initializer,
    { readonly _tag: 'NormOf' | 'RootOf' | 'Parts' | 'Orthogonal' | 'Identity' | 'Stft' | 'Values' }
  >,
  fans: readonly [number, number],
): Draw => {
  switch (initializer._tag) {
    case 'Zeros':
      return () => 0;
    case 'Ones':
      return () => 1;
    case 'Constant':
      return () => initializer.value;
    case 'RandomNormal':
      return scaled(normal, initializer.mean, initializer.stddev);
    case 'TruncatedNormal':
      return scaled(truncatedNormal, initializer.mean, initializer.stddev);
    case 'RandomUniform':
      return uniformIn(initializer.minval, initializer.maxval);
    case 'VarianceScaling': {
      const [fanIn, fanOut] = fans;
      const fan = { fanIn, fanOut, fanAvg: (fanIn + fanOut) / 2 }[initializer.mode];
      const variance = initializer.scale / Math.max(1, fan);
      const limit = Math.sqrt(3 * variance);
      return {
        truncatedNormal: scaled(truncatedNormal, 0, Math.sqrt(variance) / truncatedStddev),
        untruncatedNormal: scaled(normal, 0, Math.sqrt(variance)),
        uniform: uniformIn(-limit, limit),
      }[initializer.distribution];
    }
  }
};

// -------------------------------------------------------------------------------------
// norms
// -------------------------------------------------------------------------------------

const elements = (p: ParameterSpec): number => p.shape.reduce((a, b) => a * b, 1);

/** One norm for each index of an axis: by default the last one of a dense kernel, the first of a convolution's. */
const norms = (v: NdArray, axis = v.shape.length === 2 ? -1 : 0): Float32Array => {
  const at = axis < 0 ? axis + v.shape.length : axis;
  const units = v.shape[at] ?? 1;
  const inner = v.shape.slice(at + 1).reduce((a, b) => a * b, 1);
  const squares = new Float64Array(units);
  for (let i = 0; i < v.data.length; i++) {
    const x = Number(v.data[i]);
    const u = Math.floor(i / inner) % units;
    squares[u] = (squares[u] ?? 0) + x * x;
  }
  return Float32Array.from(squares, Math.sqrt);
};

// -------------------------------------------------------------------------------------
// matrices
// -------------------------------------------------------------------------------------

/** Numbers in Keras's order, put in the parameter's own. */
const fromKeras = (p: ParameterSpec, values: ArrayLike<number>): Float32Array => {
  const data = new Float32Array(values.length);
  kerasOrder(p).forEach((own, keras) => {
    data[own] = values[keras] ?? 0;
  });
  return data;
};

const orthogonal = (p: ParameterSpec, gain: number, random: Random): Float32Array => {
  const columns = kerasShape(p).at(-1) ?? 1;
  const rows = elements(p) / columns;
  return fromKeras(
    p,
    orthogonalMatrix(rows, columns, () => normal(random)).map((x) => gain * x),
  );
};

const identity = (p: ParameterSpec, gain: number): Float32Array => {
  const columns = p.shape.at(-1) ?? 1;
  return Float32Array.from({ length: elements(p) }, (_, i) => (Math.floor(i / columns) === i % columns ? gain : 0));
};

// -------------------------------------------------------------------------------------
// interpreter
// -------------------------------------------------------------------------------------

/** The values of one parameter. `NormOf` and `RootOf` need the other parameter's values, `initialValues` has them. */
export const initialValue = (p: ParameterSpec, seed: number, sibling?: NdArray): NdArray<Shape> => {
  const { initializer } = p;
  if (initializer._tag === 'NormOf')
    return {
      dtype: 'float32',
      shape: p.shape,
      data: sibling === undefined ? new Float32Array(elements(p)).fill(1) : norms(sibling, initializer.axis),
    };
  const values = (data: Float32Array): NdArray<Shape> => ({ dtype: 'float32', shape: p.shape, data });
  if (initializer._tag === 'RootOf')
    return values(
      sibling === undefined
        ? new Float32Array(elements(p)).fill(1)
        : Float32Array.from(Array.from<number | bigint>(sibling.data), (x) => Math.sqrt(Number(x))),
    );
  if (initializer._tag === 'Values')
    return values(
      initializer.values instanceof Float32Array ? initializer.values : Float32Array.from(initializer.values),
    );
  if (initializer._tag === 'Identity') return values(identity(p, initializer.gain));
  if (initializer._tag === 'Stft') return values(fourierKernel(initializer, p.shape[0] ?? 0, p.shape[2] ?? 0));
  if (initializer._tag === 'Orthogonal') return values(orthogonal(p, initializer.gain, keyed(seed, p.name)));
  if (initializer._tag === 'Parts') {
    const shape = [elements(p) / initializer.parts.length];
    const parts = initializer.parts.map((part, i) =>
      initialValue(
        { ...p, name: `${p.name}/${i}`, shape, fans: [shape[0] ?? 1, shape[0] ?? 1], initializer: part },
        seed,
      ),
    );
    return { dtype: 'float32', shape: p.shape, data: Float32Array.from(parts.flatMap((x) => [...x.data].map(Number))) };
  }
  const draw = drawOf(initializer, p.fans);
  const random = keyed(seed, p.name);
  const data = new Float32Array(elements(p));
  for (let i = 0; i < data.length; i++) data[i] = draw(random);
  return { dtype: 'float32', shape: p.shape, data };
};

/**
 * The first values of all parameters by name, float32. The seed is any integer.
 *
 * Keras draws from an unseeded generator unless told otherwise; here equal seeds always mean equal values.
 */
export const initialValues = (resolved: Resolved, seed: number): Readonly<Record<string, NdArray<Shape>>> => {
  const values: Record<string, NdArray<Shape>> = {};
  for (const p of resolved.parameters) {
    const role = 'role' in p.initializer ? p.initializer.role : undefined;
    const sibling = role === undefined ? undefined : values[`${p.name.slice(0, -p.role.length)}${role}`];
    values[p.name] = initialValue(p, seed, sibling);
  }
  return values;
};
