import { graph, input, type Value } from '../../../src/graph/Graph.ts';
import * as Op from '../../../src/graph/Operators.ts';
import type { Sample } from '../finiteDifferences.ts';
import { batched, type Case, pick } from './Case.ts';

interface Built {
  readonly next: readonly Value[];
  readonly scans?: readonly Value[];
  readonly goOn?: Value;
}

let names = 0;

/** A Loop whose body is a function of the iteration and of the carried values. */
const loop = (
  trips: number | Value,
  carried: readonly Value[],
  step: (t: Value, state: readonly Value[]) => Built,
): readonly Value[] => {
  const name = `body${names++}`;
  const t = input('t', 'int64', []);
  const condition = input('condition', 'bool', []);
  const formal = carried.map((v, i) => input(`state${i}`, v.type.dtype, v.type.shape));
  const { next, scans = [], goOn = Op.identity(condition) } = step(t, formal);
  const body = graph(
    name,
    [t, condition, ...formal],
    [
      { name: 'continue', value: goOn },
      ...next.map((value, i) => ({ name: `next${i}`, value })),
      ...scans.map((value, i) => ({ name: `scan${i}`, value })),
    ],
  );
  return Op.loop(typeof trips === 'number' ? Op.scalar(trips, 'int64') : trips, carried, body);
};

const at = (values: readonly Value[], i: number): Value => values[i] as Value;

const total = (...values: readonly Value[]): Value =>
  values.map((v) => Op.reduceSum()(Op.mul(v, v))).reduce((a, b) => Op.add(a, b));

const loopCase = (name: string, sample: Case['sample']): Case => ({ rule: 'Loop', name, sample });

/** h' = tanh(x_t + h w), over the first axis of x. */
const recurrent =
  (saved: boolean): Case['sample'] =>
  (r) => {
    const [steps, batch, units] = [r.int(1, 4), r.int(1, 2), r.int(1, 3)];
    return {
      inputs: {
        x: { array: r.array([steps, batch, units]), dims: r.bool() ? ['seq', 'batch', units] : [steps, batch, units] },
        h: batched(r, r.array([batch, units])),
        w: { array: r.array([units, units]) },
      },
      y: (v) => {
        const x = pick(v, 'x');
        const length = Op.gather(Op.shapeOf(x), Op.scalar(0, 'int64'));
        const out = loop(length, [pick(v, 'h')], (t, [h]) => {
          const next = Op.tanh(Op.add(Op.gather(x, t), Op.matMul(h as Value, pick(v, 'w'))));
          return { next: [next], scans: saved ? [next, h as Value] : [next] };
        });
        return Op.add(Op.reduceSum({ axes: [0] })(at(out, 1)), at(out, 0));
      },
    };
  };

const scalarInputs = (r: Parameters<Case['sample']>[0]): Sample['inputs'] => ({
  a: { array: r.array([2], 0.5, 0.9) },
  b: { array: r.array([2], 0.5, 0.9) },
});

export const loops: readonly Case[] = [
  loopCase('recurrent, carried values computed again', recurrent(false)),
  loopCase('recurrent, carried values scanned', recurrent(true)),
  loopCase('several carried values, one an integer, one that changes nothing', (r) => ({
    inputs: scalarInputs(r),
    y: (v) => {
      const out = loop(3, [pick(v, 'a'), Op.scalar(1, 'int64'), pick(v, 'b')], (t, [x, n, same]) => ({
        next: [
          Op.mul(x as Value, Op.add(Op.cast('float64')(n as Value), same as Value)),
          Op.add(n as Value, t),
          Op.identity(same as Value),
        ],
        scans: [Op.mul(x as Value, same as Value)],
      }));
      return total(at(out, 0), at(out, 2), at(out, 3));
    },
  })),
  loopCase('ended early by its condition', (r) => ({
    inputs: scalarInputs(r),
    y: (v) => {
      const out = loop(10, [pick(v, 'a'), Op.scalar(0, 'int64')], (_, [x, n]) => ({
        next: [Op.mul(x as Value, pick(v, 'b')), Op.add(n as Value, 1)],
        scans: [Op.sin(x as Value)],
        goOn: Op.less(n as Value, 2),
      }));
      return total(at(out, 0), at(out, 2));
    },
  })),
  loopCase('without a step', (r) => ({
    inputs: scalarInputs(r),
    y: (v) => {
      const out = loop(0, [pick(v, 'a')], (_, [x]) => ({
        next: [Op.mul(x as Value, pick(v, 'b'))],
        scans: [x as Value],
      }));
      return Op.add(total(at(out, 0)), Op.mul(total(at(out, 1)), 2));
    },
  })),
  loopCase('rows read by number, and the whole besides', (r) => ({
    inputs: { x: { array: r.array([4, 2]) } },
    y: (v) => {
      const x = pick(v, 'x');
      // Three of four rows; the last one only through the sum.
      const out = loop(3, [Op.tensor([0, 0], [2], 'float64')], (t, [s]) => ({
        next: [Op.add(s as Value, Op.mul(Op.gather(x, t), Op.reduceSum({ axes: [0] })(Op.mul(x, s as Value))))],
        scans: [Op.mul(Op.gather(x, t), Op.gather(x, t))],
      }));
      return total(at(out, 0), at(out, 1));
    },
  })),
  loopCase('a loop in a loop', (r) => ({
    inputs: { ...scalarInputs(r), x: { array: r.array([2, 2]) } },
    y: (v) => {
      const out = loop(2, [pick(v, 'a')], (t, [outer]) => {
        const inner = loop(3, [outer as Value], (_, [x]) => ({
          next: [Op.tanh(Op.add(Op.mul(x as Value, pick(v, 'b')), Op.mul(outer as Value, Op.gather(pick(v, 'x'), t))))],
          scans: [x as Value],
        }));
        return { next: [at(inner, 0)], scans: [Op.reduceSum({ axes: [0] })(at(inner, 1))] };
      });
      return total(at(out, 0), at(out, 1));
    },
  })),
  loopCase('captured values of which one depends on the other', (r) => ({
    inputs: scalarInputs(r),
    y: (v) => {
      const b2 = Op.mul(pick(v, 'b'), pick(v, 'b'));
      const out = loop(3, [pick(v, 'a')], (_, [x]) => ({
        next: [Op.add(Op.mul(x as Value, b2), Op.mul(pick(v, 'b'), pick(v, 'a')))],
      }));
      return total(at(out, 0));
    },
  })),
];
