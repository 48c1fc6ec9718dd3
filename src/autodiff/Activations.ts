/**
 * Rules of activation functions that ONNX has as operators. Kinks: clipped and thresholded functions have at a kink the
 * derivative of their flat side; Clip passes the gradient on at its bounds, as PyTorch's clamp does.
 */
import * as Gates from '../graph/Gates.ts';
import type { OperatorNode, Value } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import {
  type At,
  binary,
  cotangent,
  floatOf,
  indicator,
  input,
  numbersOf,
  output,
  positive,
  type Rule,
  refuse,
  textOf,
  times,
  unary,
  unbroadcast,
} from './Rule.ts';

/** From the derivative. */
const derivative =
  (of: (x: Value, y: Value, node: OperatorNode) => Value): Rule =>
  (at) => [() => times(cotangent(at), of(input(at, 0), output(at), at.node))];

/** `above` where x > 0, `below` elsewhere: onnxruntime's Where takes as long as four other operators. */
const sided = (below: number, above: number, x: Value): Value => {
  if (below === above) return Op.scalar(above, x.type.dtype);
  const step = positive(x);
  return above === 1 && below >= 0 && below < 1 ? Op.max(step, below) : Op.add(Op.mul(step, above - below), below);
};

// -------------------------------------------------------------------------------------
// piecewise linear
// -------------------------------------------------------------------------------------

/** The bounds are values too; where they cross, ONNX returns the upper one. Before opset 11 they were attributes. */
export const clip: Rule = (at) => {
  const [dy, x, low, high] = [cotangent(at), input(at, 0), at.inputs[1], at.inputs[2]] as const;
  const bound = (v: Value | undefined, name: string): Value | undefined =>
    v ?? (at.node.attributes[name] === undefined ? undefined : Op.scalar(floatOf(at.node, name, 0), x.type.dtype));
  const [min, max] = [bound(low, 'min'), bound(high, 'max')];
  const raised = min === undefined ? x : Op.max(x, min);
  const above = max === undefined ? undefined : Op.greater(raised, max);
  const below = min === undefined ? undefined : Op.less(x, min);
  const unless = (condition: Value | undefined, v: Value): Value =>
    condition === undefined ? v : Op.where(condition, 0, v);
  return [
    () => unless(above, unless(below, dy)),
    low === undefined || below === undefined
      ? undefined
      : () => unbroadcast(low)(unless(above, Op.where(below, dy, 0))),
    high === undefined || above === undefined ? undefined : () => unbroadcast(high)(Op.where(above, dy, 0)),
  ];
};

const alphaOf = (node: OperatorNode, fallback: number): number => floatOf(node, 'alpha', fallback);

export const leakyRelu: Rule = derivative((x, _, node) => sided(alphaOf(node, 0.01), 1, x));

/** The slope is broadcast to x. */
export const pRelu: Rule = (at) => {
  const [dy, x, slope] = [cotangent(at), input(at, 0), input(at, 1)] as const;
  return [() => Op.where(Op.greater(x, 0), dy, times(dy, slope)), () => unbroadcast(slope)(times(dy, Op.min(x, 0)))];
};

export const thresholdedRelu: Rule = derivative((x, _, node) => indicator(Op.greater(x, alphaOf(node, 1)), x));

/** ONNX's default alpha and beta are not Keras's and PyTorch's. */
const ramp = (x: Value, alpha: number, beta: number) => {
  const line = Op.add(Op.mul(x, alpha), beta);
  return { value: Op.min(Op.max(line, 0), 1), rises: indicator(Op.and(Op.greater(line, 0), Op.less(line, 1)), x) };
};

export const hardSigmoid: Rule = derivative((x, _, node) => {
  const alpha = alphaOf(node, 0.2);
  return Op.mul(ramp(x, alpha, floatOf(node, 'beta', 0.5)).rises, alpha);
});

export const hardSwish: Rule = derivative((x) => {
  const { value, rises } = ramp(x, 1 / 6, 0.5);
  return Op.add(value, Op.div(Op.mul(x, rises), 6));
});

export const shrink: Rule = derivative((x, _, node) =>
  indicator(Op.greater(Op.abs(x), floatOf(node, 'lambd', 0.5)), x),
);

// -------------------------------------------------------------------------------------
// exponential on the negative side: written with y, which cannot overflow there
// -------------------------------------------------------------------------------------

/** `slope` on the positive side, y + `below` on the negative one. */
const exponential = (below: number, slope: number, x: Value, y: Value): Value =>
  Op.add(Op.min(y, 0), sided(below, slope, x));

export const elu: Rule = derivative((x, y, node) => exponential(alphaOf(node, 1), 1, x, y));

export const celu: Rule = derivative((_, y, node) => Op.add(Op.div(Op.min(y, 0), alphaOf(node, 1)), 1));

const gammaOf = (node: OperatorNode): number => floatOf(node, 'gamma', 1.0507010221481323);

export const selu: Rule = derivative((x, y, node) => {
  const gamma = gammaOf(node);
  return exponential(gamma * alphaOf(node, 1.6732631921768188), gamma, x, y);
});

// -------------------------------------------------------------------------------------
// smooth
// -------------------------------------------------------------------------------------

export const softsign: Rule = derivative((_, y) => {
  const rest = Op.sub(1, Op.abs(y));
  return Op.mul(rest, rest);
});

export const mish: Rule = derivative((x) => {
  const t = Op.tanh(Op.softplus(x));
  return Op.add(t, Op.mul(Op.mul(x, Op.sigmoid(x)), Op.sub(1, Op.mul(t, t))));
});

/** Phi(x) + x phi(x), of the normal distribution. */
const exactGelu = (x: Value): Value => {
  const { t, gate } = Gates.normal(x);
  const density = Op.mul(Op.mul(x, Op.exp(Op.neg(Op.mul(t, t)))), 1 / Math.sqrt(2 * Math.PI));
  return Op.add(gate, density);
};

/** Of x times a gate that is a sigmoid. */
const throughSigmoid = (x: Value, gate: Value, inner: (v: Value) => Value): Value =>
  Op.add(gate, inner(Op.mul(Op.mul(x, gate), Op.sub(1, gate))));

const tanhGelu = (x: Value): Value => {
  const { gate, inner } = Gates.nearlyNormal(x);
  return throughSigmoid(x, gate, (v) => Op.mul(v, inner()));
};

export const gelu: Rule = (at) => {
  const approximate = textOf(at.node, 'approximate', 'none');
  if (approximate !== 'none' && approximate !== 'tanh') refuse(at.node, `approximate ${approximate}`);
  return derivative(approximate === 'tanh' ? tanhGelu : exactGelu)(at);
};

/** onnxruntime's BiasGelu, exact, and FastGelu, whose bias may be left out. */
export const biasGelu: Rule = binary(
  (dy, x, b) => times(dy, exactGelu(Op.add(x, b))),
  (dy, x, b) => times(dy, exactGelu(Op.add(x, b))),
);

export const fastGelu: Rule = (at) => {
  const [x, bias] = [input(at, 0), at.inputs[1]];
  const dx = times(cotangent(at), tanhGelu(bias === undefined ? x : Op.add(x, bias)));
  return [() => dx, bias === undefined ? undefined : () => unbroadcast(bias)(dx)];
};

/** x sigmoid(alpha x). */
export const quickGelu: Rule = derivative((x, _, node) => {
  const alpha = alphaOf(node, 1.702);
  return throughSigmoid(x, Gates.logistic(alpha, x), (v) => Gates.multiple(alpha, v));
});

// -------------------------------------------------------------------------------------
// dropout
// -------------------------------------------------------------------------------------

const trains = (at: At): boolean => {
  const mode = at.inputs[2];
  return mode !== undefined && numbersOf(mode)?.[0] !== 0;
};

/** In inference the identity. In training its mask is drawn anew by every node and is not at hand. */
export const dropout: Rule = (at) =>
  trains(at) ? refuse(at.node, 'training_mode (use a dropout layer)') : unary((dy) => dy)(at);
