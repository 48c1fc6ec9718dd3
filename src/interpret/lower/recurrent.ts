/**
 * Recurrent layers: one loop over time. What of a step does not depend on the state, the input's product, is one product
 * for all steps before the loop.
 *
 * In training each step saves its state and gates for the gradient, which runs the loop backwards without computing the
 * products again (see `autodiff/Loops`).
 */
import { stopGradient } from '../../autodiff/Grad.ts';
import type { Value } from '../../graph/Graph.ts';
import { operator, valueType } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import { recur } from '../../graph/Recur.ts';
import type { ConvLstmSpec, RecurrentSpec } from '../../layer/SequenceSpec.ts';
import type { Dim } from '../../shape/Shape.ts';
import { keepMask } from '../Random.ts';
import { activate } from './activation.ts';
import type { Inputs, Result, Site } from './Site.ts';
import { flipTime, sizeOf, timeFirst, zerosOf } from './sequences.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** One step: the state after it, and what is worth saving besides the state before it. `x`: the input's product. */
interface Stepped {
  readonly next: readonly Value[];
  readonly saved: readonly Value[];
}

export type Cell = (x: Value, state: readonly Value[]) => Stepped;

/** Times a matrix with one column block for each gate, of which `from` to `to` are taken. */
type Recurrent = (h: Value, from: number, to: number) => Value;

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

const gatesOf: Readonly<Record<RecurrentSpec['op'], number>> = { simpleRNN: 1, lstm: 4, gru: 3 };

/** The gates' blocks of an axis, by default the last one. */
export const blocks = (x: Value, count: number, units: number, axis = Op.rank(x) - 1): readonly Value[] => {
  if (count === 1) return [x];
  const part = valueType(
    x.type.dtype,
    x.type.shape.map((d, i) => (i === axis ? units : d)),
  );
  const sizes = Array.from({ length: count }, () => units);
  return operator(
    'Split',
    [x, Op.int64s(sizes)],
    sizes.map(() => part),
    { axis: { _tag: 'Int', value: axis } },
  );
};

const columns = (x: Value, from: number, to: number): Value =>
  x.type.shape.at(-1) === to - from ? x : Op.slice({ axes: [-1], starts: [from], ends: [to] })(x);

/** The product with the recurrent kernel; with recurrent dropout each gate sees the state with a mask of its own. */
const recurrentProduct = (spec: RecurrentSpec, kernel: Value, keep: Value | undefined): Recurrent => {
  const u = spec.units;
  const part = (from: number, to: number) => columns(kernel, from * u, to * u);
  if (keep === undefined) return (h, from, to) => Op.matMul(h, part(from, to));
  return (h, from, to) =>
    Op.concat(-1)(
      Array.from({ length: to - from }, (_, i) => {
        const gate = from + i;
        return Op.matMul(Op.mul(h, columns(keep, gate * u, gate * u + u)), part(gate, gate + 1));
      }),
    );
};

// -------------------------------------------------------------------------------------
// cells
// -------------------------------------------------------------------------------------

const simpleRnn =
  (spec: RecurrentSpec, recurrent: Recurrent): Cell =>
  (x, [h]) => {
    const next = activate(spec.activation)(Op.add(x, recurrent(h as Value, 0, 1)));
    return { next: [next], saved: [] };
  };

/** `parts`: what goes into the gates i, f, c, o. `features`: the axis of units. */
export const lstmStep = (
  spec: RecurrentSpec | ConvLstmSpec,
  parts: readonly Value[],
  c: Value,
  features: number,
): Stepped => {
  const [act, gate] = [activate(spec.activation, features), activate(spec.recurrentActivation, features)];
  const [i, f, o] = [parts[0], parts[1], parts[3]].map((v) => gate(v as Value)) as [Value, Value, Value];
  const candidate = act(parts[2] as Value);
  const cell = Op.add(Op.mul(f, c), Op.mul(i, candidate));
  const shown = act(cell);
  return { next: [Op.mul(o, shown), cell], saved: [i, f, candidate, o, shown] };
};

const lstm =
  (spec: RecurrentSpec, recurrent: Recurrent): Cell =>
  (x, [h, c]) =>
    lstmStep(spec, blocks(Op.add(x, recurrent(h as Value, 0, 4)), 4, spec.units), c as Value, -1);

const gru =
  (spec: RecurrentSpec, recurrent: Recurrent, bias: Value | undefined): Cell =>
  (x, [h]) => {
    const state = h as Value;
    const [act, gate] = [activate(spec.activation), activate(spec.recurrentActivation)];
    const [xz, xr, xh] = blocks(x, 3, spec.units) as [Value, Value, Value];
    const biased = (v: Value): Value => (bias === undefined ? v : Op.add(v, bias));
    const whole = spec.resetAfter ? biased(recurrent(state, 0, 3)) : recurrent(state, 0, 2);
    const parts = blocks(whole, spec.resetAfter ? 3 : 2, spec.units);
    const z = gate(Op.add(xz, parts[0] as Value));
    const r = gate(Op.add(xr, parts[1] as Value));
    const candidate = act(
      Op.add(xh, spec.resetAfter ? Op.mul(r, parts[2] as Value) : recurrent(Op.mul(r, state), 2, 3)),
    );
    const next = Op.add(Op.mul(z, state), Op.mul(Op.sub(1, z), candidate));
    return { next: [next], saved: [z, r, candidate, ...(spec.resetAfter ? [parts[2] as Value] : [])] };
  };

// -------------------------------------------------------------------------------------
// over time
// -------------------------------------------------------------------------------------

interface Course {
  readonly spec: RecurrentSpec | ConvLstmSpec;
  readonly given: Value;
  /** The input's product at each step, time first and in the order of the steps. */
  readonly xs: Value;
  /** What the state is before the first step, where nothing else is given. */
  readonly zeros: Value;
  /** How many values of that shape are carried. */
  readonly carried: number;
  /** Their given values. */
  readonly initial: readonly Value[];
  readonly cell: Cell;
}

/** The steps in the order in which the layer takes them. */
export const inOrder = (spec: Course['spec'], x: Value): Value => (spec.goBackwards ? flipTime(x) : x);

/** What a dropout keeps of `[batch, ...sizes]`, for all steps alike; undefined where nothing is dropped. */
export const keeper =
  (given: Value, at: Site) =>
  (rate: number, sizes: readonly Dim[], site: number): Value | undefined => {
    if (at.mode._tag === 'Inference' || rate === 0) return undefined;
    const zeros = zerosOf(given, [given.type.shape[0] ?? '?', ...sizes]);
    return rate === 1 ? zeros : keepMask(at.mode.random, at.site + site * 2 ** 20, rate)(zeros);
  };

/** The loop: masks, truncation, and what is returned. */
export const overTime = ({ spec, given, xs, zeros, carried: count, initial, cell }: Course, at: Site): Result => {
  const isTraining = at.mode._tag === 'Training';
  const mask = at.masks[0];
  const behind = zeros.type.shape.slice(1).map((_, i) => i + 2);
  const steps = mask === undefined ? undefined : Op.unsqueeze(behind)(timeFirst(inOrder(spec, mask)));
  const states = Array.from({ length: count }, (_, i) => initial[i] ?? zeros);
  // Where the state before the first step is not zero, a masked first step shows zeros all the same: one more to carry.
  const shownApart = steps !== undefined && initial.length > 0 && !spec.zeroOutputForMask;
  const { truncate } = spec;

  const { final, stacked } = recur(
    spec.op,
    sizeOf(given, 1),
    shownApart ? [...states, zeros] : states,
    (t, carried) => {
      const before = carried.slice(0, states.length);
      const cut =
        truncate === undefined || !isTraining
          ? before
          : before.map((v) => Op.where(Op.equal(Op.mod(t, truncate), 0), stopGradient(v), v));
      const { next, saved } = cell(Op.gather(xs, t), cut);
      const counts = steps === undefined ? undefined : Op.gather(steps, t);
      const after = counts === undefined ? next : next.map((v, i) => Op.where(counts, v, before[i] as Value));
      const fresh = next[0] as Value;
      const shown =
        counts === undefined
          ? fresh
          : spec.zeroOutputForMask
            ? Op.where(counts, fresh, 0)
            : shownApart
              ? Op.where(counts, fresh, carried[states.length] as Value)
              : (after[0] as Value);
      return {
        next: shownApart ? [...after, shown] : after,
        outputs: spec.returnSequences ? [shown] : [],
        saved: isTraining ? [...before, ...next, ...saved] : [],
      };
    },
  );
  // A node of its own for the output's name: the loop has several outputs.
  const last = Op.identity((shownApart ? final[states.length] : final[0]) as Value);
  const sequence = stacked[0];
  const [batch = '?', time = '?'] = given.type.shape;
  return {
    output:
      sequence === undefined
        ? last
        : timeFirst({
            ...sequence,
            type: valueType(sequence.type.dtype, [time, batch, ...zeros.type.shape.slice(1)]),
          }),
    states: final.slice(0, states.length),
    mask: spec.returnSequences ? mask : undefined,
  };
};

// -------------------------------------------------------------------------------------
// layers
// -------------------------------------------------------------------------------------

/** Row `i` of a matrix of two, as a vector. */
const row = (v: Value, i: number): Value => Op.squeeze([0])(Op.slice({ axes: [0], starts: [i], ends: [i + 1] })(v));

export const recurrent = (spec: RecurrentSpec, [given, ...initial]: Inputs, at: Site): Result => {
  const { units } = spec;
  const [batch = '?', , features = '?'] = given.type.shape;
  const keep = keeper(given, at);

  const inputKeep = keep(spec.dropout, [features], 1);
  const dropped = inputKeep === undefined ? given : Op.mul(given, Op.unsqueeze([1])(inputKeep));
  const bias = spec.useBias ? at.parameter('bias') : undefined;
  const inputBias = bias !== undefined && spec.resetAfter ? row(bias, 0) : bias;
  const product = Op.matMul(dropped, at.parameter('kernel'));
  const projected = inputBias === undefined ? product : Op.add(product, inputBias);

  const stateKeep = keep(spec.recurrentDropout, [gatesOf[spec.op] * units], 2);
  const stateProduct = recurrentProduct(spec, at.parameter('recurrent_kernel'), stateKeep);
  const stateBias = bias !== undefined && spec.resetAfter ? row(bias, 1) : undefined;
  const cell = {
    simpleRNN: simpleRnn(spec, stateProduct),
    lstm: lstm(spec, stateProduct),
    gru: gru(spec, stateProduct, stateBias),
  }[spec.op];
  return overTime(
    {
      spec,
      given,
      xs: timeFirst(inOrder(spec, projected)),
      zeros: zerosOf(given, [batch, units]),
      carried: spec.op === 'lstm' ? 2 : 1,
      initial,
      cell,
    },
    at,
  );
};
