/**
 * What is asked of parameters: regularizers, constraints and initializers put to the parameters they are meant for, and
 * whether they fit.
 */
import type { Constraint, Governed, Initializer, Regularizer } from '../layer/Options.ts';
import type { Leaf } from '../layer/Spec.ts';
import { kerasShape } from './Layout.ts';
import type { ParameterSpec } from './Resolved.ts';

type Parameter = Omit<ParameterSpec, 'name'>;

// -------------------------------------------------------------------------------------
// assignment
// -------------------------------------------------------------------------------------

/** The words that a parameter answers to: `depthwise_kernel` to `depthwise`, the `v` of weight normalisation to `kernel`. */
const wordsOf = (role: string): readonly string[] => [
  role,
  role.replace(/_kernel$/, ''),
  ...(role === 'kernel' ? ['depthwise'] : []),
];

const lookUp = <A>(record: Readonly<Record<string, A>> | undefined, role: string): A | undefined => {
  const word = wordsOf(role).find((w) => record?.[w] !== undefined);
  return word === undefined ? undefined : record?.[word];
};

/** The layer's parameters with what its options ask of them. */
export const governed = (spec: Leaf, parameters: readonly Parameter[]): readonly Parameter[] => {
  const { regularizers, constraints } = spec as Governed;
  if (regularizers === undefined && constraints === undefined) return parameters;
  return parameters.map((p) => {
    const regularizer = lookUp(regularizers, p.role);
    const constraint = lookUp(constraints, p.role);
    return {
      ...p,
      ...(regularizer === undefined ? {} : { regularizer }),
      ...(constraint === undefined ? {} : { constraint }),
    };
  });
};

/** The penalty on a layer's output; a wrapper has that of the layer inside. */
export const activityOf = (spec: Leaf): Regularizer | undefined =>
  (spec as Governed).activityRegularizer ??
  (spec.op === 'weightNormalization' || spec.op === 'spectralNormalization' ? activityOf(spec.layer) : undefined);

// -------------------------------------------------------------------------------------
// checks
// -------------------------------------------------------------------------------------

const show = (shape: readonly number[]): string => `[${shape.join(',')}]`;

/** A number that cannot be drawn with, and why. */
const numberError = (initializer: Initializer): string | undefined => {
  const numbers = Object.entries(initializer).flatMap(([name, n]) =>
    typeof n === 'number' ? [[name, n] as const] : [],
  );
  const endless = numbers.find(([, n]) => !Number.isFinite(n));
  if (endless !== undefined) return `${endless[0]} ${endless[1]} is not a number`;
  switch (initializer._tag) {
    case 'RandomNormal':
    case 'TruncatedNormal':
      return initializer.stddev < 0 ? `stddev ${initializer.stddev} is not a number of 0 or more` : undefined;
    case 'RandomUniform':
      return initializer.minval > initializer.maxval
        ? `minval ${initializer.minval} is more than maxval ${initializer.maxval}`
        : undefined;
    case 'VarianceScaling':
      return initializer.scale > 0 ? undefined : `scale ${initializer.scale} is not a number above 0`;
    default:
      return undefined;
  }
};

/** As its constructor is called. */
const nameOf = (initializer: Initializer): string =>
  `${initializer._tag[0]?.toLowerCase()}${initializer._tag.slice(1)}`;

const initializerError = (initializer: Initializer, { role, shape }: Parameter): string | undefined => {
  const size = shape.reduce((a, b) => a * b, 1);
  const bad = numberError(initializer);
  if (bad !== undefined) return `initializer ${nameOf(initializer)}: ${bad}`;
  switch (initializer._tag) {
    case 'Values':
      return show(initializer.shape) === show(shape) && initializer.values.length === size
        ? undefined
        : `initializer constant: its numbers are ${show(initializer.shape)}, ${role} is ${show(shape)}`;
    case 'Identity':
      return shape.length === 2 ? undefined : `initializer identity: ${role} ${show(shape)} is not a matrix`;
    case 'Stft': {
      const { window } = initializer;
      const [bands = 0, channels, length] = shape;
      if (shape.length !== 3 || channels !== 1 || bands < 2)
        return `initializer stft: ${role} ${show(shape)} is not [bands,1,length] with 2 bands or more`;
      return typeof window === 'object' && window.length !== length
        ? `initializer stft: its window has ${window.length} values, ${role} ${show(shape)} is ${length} long`
        : undefined;
    }
    case 'Orthogonal':
      return shape.length >= 2 ? undefined : `initializer orthogonal: ${role} ${show(shape)} is not a matrix`;
    default:
      return undefined;
  }
};

/** Of a penalty by itself. */
const regularizerError = (r: Regularizer): string | undefined => {
  const factors = r._tag === 'L1L2' ? [r.l1, r.l2] : [r.factor];
  const bad = factors.find((f) => !(f >= 0 && f < Number.POSITIVE_INFINITY));
  return bad === undefined ? undefined : `regularizer: its factor ${bad} is not a number of 0 or more`;
};

const misfitting = (r: Regularizer, { role, shape }: Parameter): string | undefined =>
  regularizerError(r) ??
  (r._tag === 'Orthogonal' && shape.length !== 2
    ? `regularizer orthogonal: ${role} ${show(shape)} is not a matrix`
    : undefined);

const constraintError = (c: Constraint, p: Parameter): string | undefined => {
  if (c._tag === 'NonNeg') return undefined;
  const keras = kerasShape(p);
  const bad = c.axis.find((a) => !Number.isInteger(a) || a < -keras.length || a >= keras.length);
  if (bad !== undefined)
    return `constraint: ${bad} is not an axis of ${p.role}, which is ${show(keras)} in the layout that axes are meant in`;
  const bounds = c._tag === 'MaxNorm' ? [c.maxValue] : c._tag === 'MinMaxNorm' ? [c.minValue, c.maxValue, c.rate] : [];
  const negative = bounds.find((b) => !(b >= 0 && b < Number.POSITIVE_INFINITY));
  return negative === undefined ? undefined : `constraint: ${negative} is not a number of 0 or more`;
};

/** What is wrong with the penalty on a layer's output. */
export const activityError = (spec: Leaf): string | undefined => {
  const r = activityOf(spec);
  if (r === undefined) return undefined;
  return r._tag === 'Orthogonal' ? 'regularizer orthogonal: for weights only, not for activities' : regularizerError(r);
};

/** What does not fit a parameter. */
export const parameterError = (p: Parameter): string | undefined =>
  initializerError(p.initializer, p) ??
  (p.regularizer === undefined ? undefined : misfitting(p.regularizer, p)) ??
  (p.constraint === undefined ? undefined : constraintError(p.constraint, p));
