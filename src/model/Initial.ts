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
import { normals } from './Normal.ts';
import { orthogonalMatrix } from './Orthogonal.ts';
import { keyed, type Random, uniforms } from './Random.ts';
import type { ParameterSpec, Resolved } from './Resolved.ts';

// -------------------------------------------------------------------------------------
// distributions
// -------------------------------------------------------------------------------------

/** Truncated normals are cut at so many standard deviations. */
const cut = 2;

/** The standard deviation that this leaves of a standard normal's 1. */
const truncatedStddev = 0.87962566103423978;

type Drawn = Exclude<
  Initializer,
  { readonly _tag: 'NormOf' | 'RootOf' | 'Parts' | 'Orthogonal' | 'Identity' | 'Stft' | 'Values' }
>;

const drawn = (
  initializer: Drawn,
  [fanIn, fanOut]: readonly [number, number],
  r: Random,
  size: number,
): Float32Array => {
  switch (initializer._tag) {
    case 'Zeros':
      return new Float32Array(size);
    case 'Ones':
      return new Float32Array(size).fill(1);
    case 'Constant':
      return new Float32Array(size).fill(initializer.value);
    case 'RandomNormal':
      return normals(r, size, initializer.mean, initializer.stddev);
    case 'TruncatedNormal':
      return normals(r, size, initializer.mean, initializer.stddev, cut);
    case 'RandomUniform':
      return uniforms(r, size, initializer.minval, initializer.maxval);
    case 'VarianceScaling': {
      const fan = { fanIn, fanOut, fanAvg: (fanIn + fanOut) / 2 }[initializer.mode];
      const variance = initializer.scale / Math.max(1, fan);
      const limit = Math.sqrt(3 * variance);
      switch (initializer.distribution) {
        case 'truncatedNormal':
          return normals(r, size, 0, Math.sqrt(variance) / truncatedStddev, cut);
        case 'untruncatedNormal':
          return normals(r, size, 0, Math.sqrt(variance));
        case 'uniform':
          return uniforms(r, size, -limit, limit);
      }
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

const orthogonal = (p: ParameterSpec, gain: number, seed: number): Float32Array => {
  const columns = kerasShape(p).at(-1) ?? 1;
  const rows = elements(p) / columns;
  return fromKeras(
    p,
    orthogonalMatrix(rows, columns, normals(keyed(seed, p.name), elements(p), 0, 1)).map((x) => gain * x),
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
  if (initializer._tag === 'Orthogonal') return values(orthogonal(p, initializer.gain, seed));
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
  return values(drawn(initializer, p.fans, keyed(seed, p.name), elements(p)));
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
