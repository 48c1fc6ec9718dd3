import type { Attributes, Value } from '../../../src/graph/Graph.ts';
import { operator } from '../../../src/graph/Graph.ts';
import * as Op from '../../../src/graph/Operators.ts';
import { f64, type Random } from '../random.ts';
import { batched, type Case, pick, raw } from './Case.ts';

const float = (value: number) => ({ _tag: 'Float', value }) as const;

const shapeOf = (r: Random): readonly number[] => [r.int(1, 3), r.int(1, 3), r.int(2, 3)];

/** In float32 the step is large, and the curvature of the function limits the accuracy. */
const single = { step: 1e-2, tolerance: 2e-3 } as const;

const smooth = (rule: string, [low, high]: readonly [number, number], attributes: Attributes = {}): Case => {
  const [domain, name] = rule.includes(':') ? rule.split(':') : ['', rule];
  return {
    rule,
    name: `${Object.keys(attributes).length === 0 ? 'defaults' : Object.keys(attributes)}, ${low} to ${high}`,
    sample: (r) => ({
      inputs: { x: batched(r, r.array32(shapeOf(r), low, high)) },
      y: (v) => {
        const x = pick(v, 'x');
        return operator(name as string, [x], [x.type], attributes, domain as '' | 'com.microsoft')[0] as Value;
      },
      ...single,
      ...(rule === 'Gelu' ? { opset: 20 } : {}),
    }),
  };
};

/** Values differ by 0.1 and keep 0.05 from `kink`. */
const kinked = (rule: string, kink: number, attributes: Attributes = {}): Case => ({
  rule,
  name: `${Object.keys(attributes)}, away from the kink at ${kink}`,
  sample: (r) => {
    return {
      inputs: { x: batched(r, r.distinct32(shapeOf(r), kink)) },
      y: (v) => raw(rule, [pick(v, 'x')], pick(v, 'x').type.shape, attributes),
      ...single,
    };
  },
});

const anywhere = [-2, 2] as const;

export const activations: readonly Case[] = [
  ...['Sin', 'Cos', 'Atan', 'Sinh', 'Cosh', 'Asinh', 'Mish'].map((rule) => smooth(rule, anywhere)),
  smooth('Tan', [-1, 1]),
  smooth('Asin', [-0.8, 0.8]),
  smooth('Acos', [-0.8, 0.8]),
  smooth('Acosh', [1.3, 3]),
  smooth('Atanh', [-0.7, 0.7]),
  smooth('Mish', [-6, -2]),
  smooth('Gelu', anywhere),
  smooth('Gelu', [-4, 4], { approximate: { _tag: 'String', value: 'tanh' } }),
  smooth('com.microsoft:Gelu', anywhere),
  smooth('com.microsoft:FastGelu', anywhere),
  smooth('com.microsoft:QuickGelu', anywhere),
  smooth('com.microsoft:QuickGelu', anywhere, { alpha: float(1) }),
  ...['com.microsoft:BiasGelu', 'com.microsoft:FastGelu'].map(
    (rule): Case => ({
      rule,
      name: 'with a bias',
      sample: (r) => ({
        inputs: { x: batched(r, r.array32([2, 2, 3])), b: { array: r.array32([3]) } },
        y: (v) => {
          const x = pick(v, 'x');
          return operator(rule.slice(14), [x, pick(v, 'b')], [x.type], {}, 'com.microsoft')[0] as Value;
        },
        ...single,
      }),
    }),
  ),
  // Its second derivative jumps at 0.
  kinked('Softsign', 0),
  kinked('LeakyRelu', 0),
  kinked('LeakyRelu', 0, { alpha: float(0.3) }),
  kinked('ThresholdedRelu', 1),
  kinked('ThresholdedRelu', 0.5, { alpha: float(0.5) }),
  kinked('Elu', 0),
  kinked('Elu', 0, { alpha: float(0.4) }),
  kinked('Celu', 0),
  kinked('Celu', 0, { alpha: float(0.5) }),
  kinked('Selu', 0),
  kinked('Selu', 0, { alpha: float(1.2), gamma: float(0.7) }),
  kinked('HardSigmoid', 2.5),
  kinked('HardSigmoid', -2.5),
  kinked('HardSigmoid', -1, { alpha: float(0.5), beta: float(0.5) }),
  kinked('HardSwish', 3),
  kinked('HardSwish', -3),
  kinked('HardSwish', 0),
  kinked('Shrink', 0.5),
  kinked('Shrink', -1, { lambd: float(1), bias: float(0.3) }),
  ...[
    { name: 'a slope for each channel', slope: [2, 1] },
    { name: 'one slope', slope: [1] },
    { name: 'a slope for each cell', slope: [2, 3] },
  ].map(
    ({ name, slope }): Case => ({
      rule: 'PRelu',
      name,
      sample: (r) => {
        return {
          inputs: {
            x: batched(r, r.distinct32([2, 2, 3])),
            slope: { array: r.array32(slope) },
          },
          y: (v) => raw('PRelu', [pick(v, 'x'), pick(v, 'slope')], pick(v, 'x').type.shape),
          ...single,
        };
      },
    }),
  ),
  ...[
    { name: 'both bounds', low: -0.2, high: 0.2 },
    { name: 'a lower bound', low: 0, high: undefined },
    { name: 'an upper bound', low: undefined, high: 0.1 },
    { name: 'no bound', low: undefined, high: undefined },
    { name: 'crossed bounds', low: 0.3, high: -0.1 },
  ].map(
    ({ name, low, high }): Case => ({
      rule: 'Clip',
      name,
      sample: (r) => ({
        inputs: {
          x: batched(r, r.distinct([2, 3, 2])),
          ...(low === undefined ? {} : { low: { array: f64([low], []) } }),
          ...(high === undefined ? {} : { high: { array: f64([high], []) } }),
        },
        y: (v) => {
          const x = pick(v, 'x');
          return Op.mul(raw('Clip', [x, v.low, v.high], x.type.shape), x);
        },
      }),
    }),
  ),
  {
    rule: 'Dropout',
    name: 'of inference',
    sample: (r) => ({
      inputs: { x: batched(r, r.array([2, 3])) },
      y: (v) => raw('Dropout', [pick(v, 'x'), Op.scalar(0.5, 'float64'), Op.scalar(0, 'bool')], [2, 3]),
    }),
  },
];
