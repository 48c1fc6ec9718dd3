/**
 * Recurrences and branches.
 */
import type { Attributes, Value } from '../../../graph/Graph.ts';
import * as G from '../../../graph/Graph.ts';
import * as Op from '../../../graph/Operators.ts';
import type { Dim } from '../../../shape/Shape.ts';
import * as C from '../Call.ts';

// -------------------------------------------------------------------------------------
// recurrences
// -------------------------------------------------------------------------------------

const usual: Readonly<Record<string, readonly string[]>> = {
  LSTM: ['Sigmoid', 'Tanh', 'Tanh'],
  GRU: ['Sigmoid', 'Tanh'],
  RNN: ['Tanh'],
};

/** A state of one row for every sample: given once, it is repeated. */
const forAll = (state: Value, x: Value, batch: Dim): Value => {
  const [directions, rows, hidden] = C.shape(state);
  if (rows !== 1 || batch === 1 || typeof directions !== 'number' || typeof hidden !== 'number') return state;
  const samples = Op.gather(Op.shapeOf(x), C.int64s([1]));
  const target = Op.concat(0)([C.int64s([directions]), samples, C.int64s([hidden])]);
  return C.emit('Expand', [state, target], C.type(state.type.dtype, [directions, batch, hidden]));
};

const recurrence: C.Importer = (call) => {
  const { operator } = call.node;
  const x = C.value(call, 0);
  const w = C.value(call, 1);
  if (C.intOf(call, 'layout', 0) !== 0) return C.defect('with layout 1 (samples first)');
  const activations = C.stringsOf(call, 'activations');
  const normal = usual[operator] ?? [];
  const ordinary = activations?.every((a, i) => a.toLowerCase() === normal[i % normal.length]?.toLowerCase()) ?? true;
  if (!ordinary) return C.defect(`with the activations ${activations?.join(', ')}`);
  const [steps = '?', batch = '?'] = C.shape(x);
  C.separates(call, x, [0]);
  const [directions = 1] = C.shape(w);
  const hidden = C.intOf(call, 'hidden_size', Number(C.shape(C.value(call, 2)).at(-1)));
  const state = (i: number): Value | undefined => {
    const given = C.optional(call, i);
    return given === undefined ? undefined : forAll(given, x, batch);
  };
  const lengths = call.freed ? undefined : C.optional(call, 4);
  if (call.freed && call.inputs[4] !== undefined) return C.defect('with lengths of sequences: it cannot be freed');
  const inputs = [x, w, C.value(call, 2), C.optional(call, 3), lengths, state(5)];
  const all = operator === 'LSTM' ? [...inputs, state(6), C.optional(call, 7)] : inputs;
  const last = C.type(x.type.dtype, [directions, batch, hidden]);
  const outputs = [
    C.type(x.type.dtype, [steps, directions, batch, hidden]),
    last,
    ...(operator === 'LSTM' ? [last] : []),
  ];
  const attributes: Attributes = {
    ...C.keep(call, 'direction', 'clip', 'input_forget', 'linear_before_reset'),
    hidden_size: C.int(hidden),
  };
  return G.operator(operator, all, outputs, attributes).map((v) => C.of(v));
};

// -------------------------------------------------------------------------------------
// branches
// -------------------------------------------------------------------------------------

/** Whether one truth value, or one for each sample, can choose between two values place by place. */
const chooses = (condition: Value, a: Value): Value => {
  const dims = C.shape(condition);
  if (dims.length === 0) return condition;
  if (dims.every((d) => d === 1)) return Op.reshape([])(condition);
  const each = dims[0] === 'batch' && dims.slice(1).every((d) => d === 1) && C.shape(a)[0] === 'batch';
  if (!each) return C.defect(`its condition is [${dims}]: expected one truth value, or one for each sample`);
  return Op.reshape([
    'batch',
    ...C.shape(a)
      .slice(1)
      .map(() => 1),
  ])(condition);
};

const alike = (a: Value, b: Value): boolean =>
  a.type.dtype === b.type.dtype &&
  C.shape(a).length === C.shape(b).length &&
  C.shape(a).every((d, i) => d === C.shape(b)[i] || d === '?' || C.shape(b)[i] === '?');

/**
 * A condition that is known chooses its branch, and the other is gone. Otherwise both are computed and one is taken,
 * place by place, which needs values of equal shapes.
 */
const branch: C.Importer = (call) => {
  const condition = C.held(call, 0);
  const known = C.contentOf(condition);
  if (known?.length === 1 && typeof known[0] === 'number')
    return call.inline(C.bodyOf(call, known[0] !== 0 ? 'then_branch' : 'else_branch'));
  const yes = call.inline(C.bodyOf(call, 'then_branch'));
  const no = call.inline(C.bodyOf(call, 'else_branch'));
  return yes.map((a, i) => {
    const b = no[i]?.value ?? C.defect('its branches have different numbers of outputs');
    if (!alike(a.value, b))
      return C.defect(
        `its condition is not known before the graph runs, and its branches give [${C.shape(a.value)}] and [${C.shape(b)}]`,
      );
    return C.of(C.emit('Where', [chooses(condition.value, a.value), a.value, b], a.value.type));
  });
};

export const control: Readonly<Record<string, C.Importer>> = {
  LSTM: recurrence,
  GRU: recurrence,
  RNN: recurrence,
  If: branch,
};
