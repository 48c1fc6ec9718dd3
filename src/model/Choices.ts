/**
 * Names and numbers among a layer's options that fit whatever its input is: activations and their numbers, paddings,
 * interpolations, the layers inside wrappers. The compiler refuses most of them; this is for callers whose options come from
 * elsewhere.
 */
import type { KernelSpec } from '../layer/CoreSpec.ts';
import type { Activation, ActivationName } from '../layer/Options.ts';
import type { Leaf } from '../layer/Spec.ts';

/** What is wrong with an option, if anything. */
type Check = (value: unknown) => string | undefined;

// -------------------------------------------------------------------------------------
// activations
// -------------------------------------------------------------------------------------

const finite: Check = (x) => (Number.isFinite(x) ? undefined : 'is not a number');

const atLeast0: Check = (x) => (Number.isFinite(x) && Number(x) >= 0 ? undefined : 'is not a number of 0 or more');

const not0: Check = (x) => (Number.isFinite(x) && x !== 0 ? undefined : 'is not a number other than 0');

/** Checked where the axes are known, see `Parameter.ts`. */
const anything: Check = () => undefined;

/** The numbers that each takes. */
const activations: Readonly<Record<ActivationName | 'threshold', Readonly<Record<string, Check>>>> = {
  linear: {},
  relu: { maxValue: atLeast0, negativeSlope: finite, threshold: finite },
  relu6: {},
  leakyRelu: { negativeSlope: finite },
  elu: { alpha: finite },
  selu: {},
  celu: { alpha: not0 },
  gelu: { approximate: anything },
  silu: {},
  mish: {},
  sigmoid: {},
  logSigmoid: {},
  hardSigmoid: {},
  sparseSigmoid: {},
  hardSwish: {},
  tanh: {},
  hardTanh: {},
  softplus: {},
  softsign: {},
  squareplus: { b: atLeast0 },
  sparsePlus: {},
  exponential: {},
  softShrink: { threshold: atLeast0 },
  hardShrink: { threshold: atLeast0 },
  tanhShrink: {},
  softmax: { axis: anything },
  logSoftmax: { axis: anything },
  sparsemax: { axis: anything },
  threshold: { threshold: finite, defaultValue: finite },
};

const activationFault = (activation: Activation): string | undefined => {
  const { name, ...numbers }: { readonly name: string } =
    typeof activation === 'string' ? { name: activation } : activation;
  if (!Object.hasOwn(activations, name))
    return `activation '${name}' is not one of ${Object.keys(activations).join(', ')}`;
  const checks = activations[name as ActivationName];
  for (const [key, value] of Object.entries(numbers)) {
    if (value === undefined) continue;
    if (checks[key] === undefined) return `activation ${name} has no option '${key}'`;
    const bad = checks[key](value);
    if (bad !== undefined) return `activation ${name}: ${key} ${value} ${bad}`;
  }
  return undefined;
};

// -------------------------------------------------------------------------------------
// names
// -------------------------------------------------------------------------------------

const oneOf = (what: string, allowed: readonly string[], given: unknown): string | undefined =>
  typeof given !== 'string' || allowed.includes(given)
    ? undefined
    : `${what} '${given}' is not one of ${allowed.join(', ')}`;

const above0 = (what: string, n: number): string | undefined =>
  Number.isFinite(n) && n > 0 ? undefined : `${what} ${n} is not a number above 0`;

const causal: readonly Leaf['op'][] = ['conv1d', 'depthwiseConv1d', 'separableConv1d'];

const paddingsOf = (op: Leaf['op']): readonly string[] => ['same', 'valid', ...(causal.includes(op) ? ['causal'] : [])];

const kernels: Readonly<Record<KernelSpec['op'], true>> = {
  dense: true,
  einsumDense: true,
  conv1d: true,
  conv2d: true,
  conv3d: true,
  conv1dTranspose: true,
  conv2dTranspose: true,
  conv3dTranspose: true,
  depthwiseConv1d: true,
  depthwiseConv2d: true,
};

/** What is wrong with the layer's choices, if anything. */
export const choiceError = (spec: Leaf): string | undefined => {
  if (spec.op === 'weightNormalization' || spec.op === 'spectralNormalization')
    return Object.hasOwn(kernels, spec.layer.op)
      ? choiceError(spec.layer)
      : `expects a layer with a kernel (dense, einsumDense, a convolution), got ${spec.layer.op}`;
  return (
    ('activation' in spec ? activationFault(spec.activation) : undefined) ??
    ('recurrentActivation' in spec ? activationFault(spec.recurrentActivation) : undefined) ??
    ('padding' in spec ? oneOf('padding', paddingsOf(spec.op), spec.padding) : undefined) ??
    ('interpolation' in spec
      ? oneOf('interpolation', ['nearest', 'bilinear', 'bicubic'], spec.interpolation)
      : undefined) ??
    ('scoreMode' in spec ? oneOf('scoreMode', ['dot', 'concat'], spec.scoreMode) : undefined) ??
    ('maxWavelength' in spec ? above0('maxWavelength', spec.maxWavelength) : undefined) ??
    ('rotary' in spec && spec.rotary !== undefined ? above0('rotary', spec.rotary) : undefined)
  );
};
