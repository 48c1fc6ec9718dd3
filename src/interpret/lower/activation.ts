/**
 * Activations to operators, with Keras's numbers where none are given. Each is written so that neither it nor its gradient
 * overflows where it is finite.
 */
import type { Attributes, Value } from '../../graph/Graph.ts';
import { operator } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import type { Activation, ActivationName, Axes, ParametricActivation } from '../../layer/Options.ts';
import type { Mode } from './Site.ts';

type Function = (x: Value) => Value;

/** Any activation, with the numbers that any of them may have. */
interface Numbers {
  readonly name: ActivationName | ParametricActivation['name'];
  readonly maxValue?: number;
  readonly negativeSlope?: number;
  readonly threshold?: number;
  readonly defaultValue?: number;
  readonly alpha?: number;
  readonly b?: number;
  readonly approximate?: boolean;
  readonly axis?: Axes;
}

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

const withNumbers = (name: string, numbers: Readonly<Record<string, number>>) => (x: Value) =>
  operator(
    name,
    [x],
    [x.type],
    Object.fromEntries(Object.entries(numbers).map(([key, value]) => [key, { _tag: 'Float', value }])),
  )[0] as Value;

const clip =
  (low: number, high: number): Function =>
  (x) =>
    Op.min(Op.max(x, low), high);

// -------------------------------------------------------------------------------------
// elementwise
// -------------------------------------------------------------------------------------

const relu = ({ maxValue, negativeSlope = 0, threshold = 0 }: Omit<Numbers, 'name'>): Function => {
  const capped: Function = maxValue === undefined ? (x) => x : (x) => Op.min(x, maxValue);
  if (threshold === 0 && negativeSlope === 0) return (x) => capped(Op.relu(x));
  if (threshold === 0) return (x) => capped(leakyRelu(negativeSlope)(x));
  return (x) => {
    const below = negativeSlope === 0 ? 0 : Op.mul(Op.sub(x, threshold), negativeSlope);
    return Op.where(Op.greater(x, threshold), capped(x), below);
  };
};

const leakyRelu = (slope: number): Function => withNumbers('LeakyRelu', { alpha: slope });

const elu = (alpha: number): Function => withNumbers('Elu', { alpha });

const celu = (alpha: number): Function => (alpha === 1 ? elu(1) : (x) => Op.mul(elu(1)(Op.div(x, alpha)), alpha));

const gelu = (approximate: boolean): Function => {
  const cubic = (x: Value): Value => Op.mul(x, Op.add(Op.mul(Op.mul(x, x), 0.044715), 1));
  const gate: Function = approximate
    ? (x) => Op.tanh(Op.mul(cubic(x), Math.sqrt(2 / Math.PI)))
    : (x) => Op.erf(Op.mul(x, Math.SQRT1_2));
  return (x) => Op.mul(Op.mul(x, 0.5), Op.add(gate(x), 1));
};

const hardSigmoid: Function = withNumbers('HardSigmoid', { alpha: 1 / 6, beta: 0.5 });

const softShrink =
  (threshold: number): Function =>
  (x) =>
    Op.sub(x, clip(-threshold, threshold)(x));

const hardShrink =
  (threshold: number): Function =>
  (x) =>
    Op.where(Op.greater(Op.abs(x), threshold), x, 0);

const sparsePlus: Function = (x) => {
  const bow = Op.add(clip(-1, 1)(x), 1);
  return Op.where(Op.less(x, 1), Op.mul(Op.mul(bow, bow), 0.25), x);
};

// -------------------------------------------------------------------------------------
// along axes
// -------------------------------------------------------------------------------------

/** The class axis by default: channels for images and volumes, otherwise the last axis. */
const classAxes = (x: Value, axis: Axes | undefined): readonly number[] => {
  const axes = typeof axis === 'object' ? axis : [axis ?? (Op.rank(x) >= 4 ? 1 : -1)];
  return axes.map((a) => {
    const i = Op.axisOf(x, a);
    if (Number.isInteger(i) && i >= 0 && i < Op.rank(x)) return i;
    throw new Op.GraphDefect(`softmax: ${a} is not an axis of [${x.type.shape.join(',')}]`);
  });
};

const sums = (axes: readonly number[]): Function => Op.reduceSum({ axes, keepDims: true });

/** Less the largest: nothing overflows. */
const shifted = (x: Value, axes: readonly number[]): Value => Op.sub(x, Op.reduceMax({ axes, keepDims: true })(x));

const softmax =
  (axis: Axes | undefined): Function =>
  (x) => {
    const axes = classAxes(x, axis);
    if (axes.length === 1) return Op.softmax(axes[0])(x);
    const e = Op.exp(shifted(x, axes));
    return Op.div(e, sums(axes)(e));
  };

const logSoftmax =
  (axis: Axes | undefined): Function =>
  (x) => {
    const axes = classAxes(x, axis);
    if (axes.length === 1) return Op.logSoftmax(axes[0])(x);
    const s = shifted(x, axes);
    return Op.sub(s, Op.log(sums(axes)(Op.exp(s))));
  };

/**
 * The nearest point of the simplex, max(x - tau, 0). Which numbers stay above tau is found by sorting; tau is then their sum
 * less 1 over their number, so that the gradient flows through them alone. Martins and Astudillo 2016.
 */
const sparsemax =
  (given: Axes | undefined): Function =>
  (x) => {
    const axis = classAxes(x, given)[0] as number;
    const size = x.type.shape[axis];
    const k = typeof size === 'number' ? Op.int64s([size]) : Op.gather(Op.shapeOf(x), Op.int64s([axis]));
    const attributes = { axis: { _tag: 'Int', value: axis } } as const;
    const sorted = operator('TopK', [x, k], [x.type, { ...x.type, dtype: 'int64' }], attributes)[0] as Value;
    const running = (v: Value) => operator('CumSum', [v, Op.scalar(axis, 'int64')], [v.type])[0] as Value;
    const place = running(Op.fillLike(x, 1));
    const sum = sums([axis]);
    const tau = (values: Value, supported: Value): Value => {
      const mark = Op.cast(x.type.dtype)(supported);
      return Op.div(Op.sub(sum(Op.mul(values, mark)), 1), sum(mark));
    };
    const first = tau(sorted, Op.greater(Op.add(Op.mul(place, sorted), 1), running(sorted)));
    return Op.relu(Op.sub(x, tau(x, Op.greater(x, first))));
  };

// -------------------------------------------------------------------------------------
// the table
// -------------------------------------------------------------------------------------

const byParts = (a: Numbers, features: number | undefined): Function => {
  switch (a.name) {
    case 'linear':
      return (x) => x;
    case 'relu':
      return relu(a);
    case 'relu6':
      return relu({ maxValue: 6 });
    case 'leakyRelu':
      return leakyRelu(a.negativeSlope ?? 0.2);
    case 'elu':
      return elu(a.alpha ?? 1);
    case 'celu':
      return celu(a.alpha ?? 1);
    case 'selu':
      return withNumbers('Selu', { alpha: 1.6732632423543772, gamma: 1.0507009873554805 });
    case 'gelu':
      return gelu(a.approximate ?? false);
    case 'silu':
      return (x) => Op.mul(x, Op.sigmoid(x));
    case 'mish':
      return (x) => Op.mul(x, Op.tanh(Op.softplus(x)));
    case 'sigmoid':
      return Op.sigmoid;
    case 'logSigmoid':
      return (x) => Op.neg(Op.softplus(Op.neg(x)));
    case 'hardSigmoid':
      return hardSigmoid;
    case 'sparseSigmoid':
      return (x) => clip(0, 1)(Op.mul(Op.add(x, 1), 0.5));
    case 'hardSwish':
      return (x) => Op.mul(x, hardSigmoid(x));
    case 'tanh':
      return Op.tanh;
    case 'hardTanh':
      return clip(-1, 1);
    case 'softplus':
      return Op.softplus;
    case 'softsign':
      return withNumbers('Softsign', {});
    case 'squareplus': {
      const b = a.b ?? 4;
      return (x) => Op.mul(Op.add(x, Op.sqrt(Op.add(Op.mul(x, x), b))), 0.5);
    }
    case 'sparsePlus':
      return sparsePlus;
    case 'exponential':
      return Op.exp;
    case 'softShrink':
      return softShrink(a.threshold ?? 0.5);
    case 'hardShrink':
      return hardShrink(a.threshold ?? 0.5);
    case 'tanhShrink':
      return (x) => Op.sub(x, Op.tanh(x));
    case 'threshold':
      return (x) => Op.where(Op.greater(x, a.threshold ?? 0), x, a.defaultValue ?? 0);
    case 'softmax':
      return softmax(a.axis ?? features);
    case 'logSoftmax':
      return logSoftmax(a.axis ?? features);
    case 'sparsemax':
      return sparsemax(a.axis ?? features);
  }
};

/** Those that are one operator of onnxruntime's, whose gradient takes fewer passes than that of its parts. */
const whole = (a: Numbers): Function | undefined => {
  const of =
    (name: string, attributes: Attributes = {}): Function =>
    (x) =>
      operator(name, [x], [x.type], attributes, 'com.microsoft')[0] as Value;
  switch (a.name) {
    case 'gelu':
      return of(a.approximate ? 'FastGelu' : 'Gelu');
    case 'silu':
      return of('QuickGelu', { alpha: { _tag: 'Float', value: 1 } });
    default:
      return undefined;
  }
};

/**
 * What an activation does to a value. Numbers left out are Keras's: those of its functions, not of its layers. `features` is the
 * axis of classes where the activation names none: a layer that activates its own result knows where its features are. In
 * training some are operators of onnxruntime's; in a file for others all are of ONNX.
 */
export const activate = (activation: Activation, features?: number, mode?: Mode): Function => {
  const a: Numbers = typeof activation === 'string' ? { name: activation } : activation;
  return (mode?._tag === 'Training' ? whole(a) : undefined) ?? byParts(a, features);
};
