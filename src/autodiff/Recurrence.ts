/**
 * Rules of ONNX's recurrent operators: each is written out step by step, and differentiated as that. The length of the
 * sequence must be known; the graph of the gradient grows with it.
 *
 * The input's product is one for all steps. Only the default activations are covered (sigmoid and tanh).
 */
import type { Value } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import { type At, composed, input, intOf, numbersOf, type Rule, refuse, textOf } from './Rule.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Weights of one direction. */
interface Cell {
  /** [gates hidden, hidden] */
  readonly recurrent: Value;
  /** [gates hidden] each; zero if left out. */
  readonly inputBias: Value | undefined;
  readonly recurrentBias: Value | undefined;
  /** [3 hidden], of LSTM. */
  readonly peepholes: Value | undefined;
  readonly hidden: number;
}

interface State {
  readonly h: Value;
  readonly c: Value;
}

/** `x` is the input's product with its weights, without bias: [batch, gates hidden]. */
type Step = (x: Value, state: State, cell: Cell) => State;

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

const columns = (v: Value, start: number, count: number): Value =>
  Op.slice({ axes: [-1], starts: [start], ends: [start + count] })(v);

const gate = (v: Value, k: number, hidden: number): Value => columns(v, k * hidden, hidden);

const entry = (v: Value, i: number): Value => Op.squeeze([0])(Op.slice({ axes: [0], starts: [i], ends: [i + 1] })(v));

const plusBias = (v: Value, bias: Value | undefined): Value => (bias === undefined ? v : Op.add(v, bias));

const recurrentPart = (h: Value, { recurrent, recurrentBias }: Cell): Value =>
  plusBias(Op.multiply(h, recurrent, { transB: true }), recurrentBias);

// -------------------------------------------------------------------------------------
// steps
// -------------------------------------------------------------------------------------

const rnnStep: Step = (x, { h, c }, cell) => ({
  h: Op.tanh(Op.add(plusBias(x, cell.inputBias), recurrentPart(h, cell))),
  c,
});

/** Gates i, o, f and cell; peepholes in the same order. */
const lstmStep: Step = (x, { h, c }, cell) => {
  const { hidden, peepholes } = cell;
  const all = Op.add(plusBias(x, cell.inputBias), recurrentPart(h, cell));
  const opened = (k: number, seen: Value): Value => {
    const part = gate(all, k, hidden);
    return Op.sigmoid(peepholes === undefined ? part : Op.add(part, Op.mul(gate(peepholes, k, hidden), seen)));
  };
  const next = Op.add(Op.mul(opened(2, c), c), Op.mul(opened(0, c), Op.tanh(gate(all, 3, hidden))));
  return { h: Op.mul(opened(1, next), Op.tanh(next)), c: next };
};

/** Gates z, r and candidate; `linearBeforeReset` is Keras's reset_after. */
const gruStep =
  (linearBeforeReset: boolean): Step =>
  (x, { h, c }, cell) => {
    const { hidden, recurrent, recurrentBias } = cell;
    const own = plusBias(x, cell.inputBias);
    const candidate: Cell = {
      ...cell,
      recurrent: Op.slice({ axes: [0], starts: [2 * hidden], ends: [3 * hidden] })(recurrent),
      recurrentBias: recurrentBias && gate(recurrentBias, 2, hidden),
    };
    const gates: Cell = {
      ...cell,
      recurrent: Op.slice({ axes: [0], starts: [0], ends: [2 * hidden] })(recurrent),
      recurrentBias: recurrentBias && columns(recurrentBias, 0, 2 * hidden),
    };
    const opened = Op.sigmoid(Op.add(columns(own, 0, 2 * hidden), recurrentPart(h, gates)));
    const [z, r] = [gate(opened, 0, hidden), gate(opened, 1, hidden)];
    const past = linearBeforeReset ? Op.mul(r, recurrentPart(h, candidate)) : recurrentPart(Op.mul(r, h), candidate);
    const proposed = Op.tanh(Op.add(gate(own, 2, hidden), past));
    return { h: Op.add(Op.mul(Op.sub(1, z), proposed), Op.mul(z, h)), c };
  };

// -------------------------------------------------------------------------------------
// over a sequence
// -------------------------------------------------------------------------------------

const checked = (at: At, length: number): void => {
  const { node } = at;
  for (const name of ['clip', 'activations', 'activation_alpha', 'activation_beta'])
    if (node.attributes[name] !== undefined) refuse(node, name);
  if (intOf(node, 'layout', 0) !== 0) refuse(node, 'layout 1');
  if (intOf(node, 'input_forget', 0) !== 0) refuse(node, 'input_forget');
  const lengths = at.inputs[4];
  if (lengths !== undefined && !(numbersOf(lengths)?.every((n) => n === length) ?? false))
    refuse(node, 'sequence_lens of less than the whole length');
};

interface Track {
  /** Hidden states in the order of the sequence. */
  readonly states: readonly Value[];
  readonly last: State;
}

const recurrence = (gates: number, stepOf: (at: At) => Step): Rule =>
  composed((at) => {
    const [x, w, r] = [input(at, 0), input(at, 1), input(at, 2)] as const;
    const length = x.type.shape[0];
    const hidden = r.type.shape[2];
    if (typeof length !== 'number' || typeof hidden !== 'number')
      throw new Op.GraphDefect(
        `the gradient of ${at.node.operator} needs a known length (axis 0) and hidden size, got [${x.type.shape.join(',')}]`,
      );
    checked(at, length);
    const step = stepOf(at);
    const direction = textOf(at.node, 'direction', 'forward');
    const backwards = direction === 'bidirectional' ? [false, true] : [direction === 'reverse'];
    const order = Array.from({ length }, (_, t) => t);

    const track = (reversed: boolean, d: number): Track => {
      const part = (v: Value | undefined): Value | undefined => v && entry(v, d);
      const bias = part(at.inputs[3]);
      const cell: Cell = {
        recurrent: entry(r, d),
        inputBias: bias && columns(bias, 0, gates * hidden),
        recurrentBias: bias && columns(bias, gates * hidden, gates * hidden),
        peepholes: part(at.inputs[7]),
        hidden,
      };
      const inputs = Op.multiply(x, entry(w, d), { transB: true });
      const none = Op.fillLike(columns(entry(inputs, 0), 0, hidden));
      const start: State = { h: part(at.inputs[5]) ?? none, c: part(at.inputs[6]) ?? none };
      const visited: State[] = [];
      for (const t of reversed ? [...order].reverse() : order)
        visited.push(step(entry(inputs, t), visited[visited.length - 1] ?? start, cell));
      const states = visited.map((s) => s.h);
      return { states: reversed ? [...states].reverse() : states, last: visited[visited.length - 1] ?? start };
    };

    const tracks = backwards.map(track);
    const along = (axis: number, all: readonly Value[]): Value => Op.concat(axis)(all.map(Op.unsqueeze([axis])));
    return [
      along(
        1,
        tracks.map((t) => along(0, t.states)),
      ),
      along(
        0,
        tracks.map((t) => t.last.h),
      ),
      along(
        0,
        tracks.map((t) => t.last.c),
      ),
    ];
  });

export const rnn: Rule = recurrence(1, () => rnnStep);
export const lstm: Rule = recurrence(4, () => lstmStep);
export const gru: Rule = recurrence(3, (at) => gruStep(intOf(at.node, 'linear_before_reset', 0) !== 0));
