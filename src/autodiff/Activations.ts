/**
 * Rules of activation functions that ONNX has as operators. Kinks: clipped and thresholded functions have at a kink the
 * derivative of their flat side; Clip passes the gradient on at its bounds, as PyTorch's clamp does.
 */
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

/** One derivative where x > 0, another elsewhere. */
const sided =
  (
    positive: (dy: Value, node: OperatorNode) => Value,
    elsewhere: (dy: Value, x: Value, y: Value, node: OperatorNode) => Value,
  ): Rule =>
  (at) => {
    const [dy, x, y] = [cotangent(at), input(at, 0), output(at)] as const;
    return [() => Op.where(Op.greater(x, 0), positive(dy, at.node), elsewhere(dy, x, y, at.node))];
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

export const leakyRelu: Rule = sided(
  (dy) => dy,
  (dy, _x, _y, node) => Op.mul(dy, alphaOf(node, 0.01)),
);

/** The slope is broadcast to x. */
export const pRelu: Rule = (at) => {
  const [dy, x, slope] = [cotangent(at), input(at, 0), input(at, 1)] as const;
  const positive = Op.greater(x, 0);
  return [
    () => Op.where(positive, dy, times(dy, slope)),
    () => unbroadcast(slope)(Op.where(positive, 0, times(dy, x))),
  ];
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

export const elu: Rule = sided(
  (dy) => dy,
  (dy, _, y, node) => times(dy, Op.add(y, alphaOf(node, 1))),
);

export const celu: Rule = sided(
  (dy) => dy,
  (dy, _, y, node) => times(dy, Op.add(Op.div(y, alphaOf(node, 1)), 1)),
);

const gammaOf = (node: OperatorNode): number => floatOf(node, 'gamma', 1.0507010221481323);

export const selu: Rule = sided(
  (dy, node) => Op.mul(dy, gammaOf(node)),
  (dy, _, y, node) => times(dy, Op.add(y, gammaOf(node) * alphaOf(node, 1.6732631921768188))),
);

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
  const distribution = Op.mul(Op.add(Op.erf(Op.mul(x, Math.SQRT1_2)), 1), 0.5);
  const density = Op.mul(Op.exp(Op.mul(Op.mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return Op.add(distribution, Op.mul(x, density));
};

const tanhGelu = (x: Value): Value => {
  const [scale, cubic] = [Math.sqrt(2 / Math.PI), 0.044715];
  const square = Op.mul(x, x);
  const t = Op.tanh(Op.mul(x, Op.add(Op.mul(square, scale * cubic), scale)));
  const inner = Op.add(Op.mul(square, 3 * scale * cubic), scale);
  return Op.mul(Op.add(Op.add(t, 1), Op.mul(Op.mul(x, inner), Op.sub(1, Op.mul(t, t)))), 0.5);
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
  const scaled = Op.mul(x, alphaOf(node, 1.702));
  const s = Op.sigmoid(scaled);
  return Op.mul(s, Op.add(Op.mul(scaled, Op.sub(1, s)), 1));
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
