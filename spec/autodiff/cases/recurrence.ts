import { type Attributes, operator, type Value, valueType } from '../../../src/graph/Graph.ts';
import * as Op from '../../../src/graph/Operators.ts';
import type { Dim } from '../../../src/shape/Shape.ts';
import type { Argument } from '../finiteDifferences.ts';
import { batched, type Case, pick } from './Case.ts';

interface Layout {
  readonly rule: 'RNN' | 'GRU' | 'LSTM';
  readonly name: string;
  readonly direction?: 'forward' | 'reverse' | 'bidirectional';
  readonly bias?: boolean;
  readonly start?: boolean;
  readonly peepholes?: boolean;
  readonly attributes?: Attributes;
  /** Which outputs are looked at; default: all. */
  readonly seen?: readonly number[];
}

const gates = { RNN: 1, GRU: 3, LSTM: 4 } as const;
const [length, batch, features, hidden] = [3, 2, 2, 2];

const recurrent = (l: Layout): Case => ({
  rule: l.rule,
  name: l.name,
  sample: (r) => {
    const directions = l.direction === 'bidirectional' ? 2 : 1;
    const rows = gates[l.rule] * hidden;
    const state: Argument = { array: r.array32([directions, batch, hidden]) };
    return {
      inputs: {
        // The batch is the second axis.
        x: {
          ...batched(r, r.array32([length, batch, features])),
          dims: [length, r.bool() ? 'batch' : batch, features],
        },
        w: { array: r.array32([directions, rows, features]) },
        r: { array: r.array32([directions, rows, hidden]) },
        ...(l.bias ? { b: { array: r.array32([directions, 2 * rows]) } } : {}),
        ...(l.start ? { h: state } : {}),
        ...(l.start && l.rule === 'LSTM' ? { c: { array: r.array32([directions, batch, hidden]) } } : {}),
        ...(l.peepholes ? { p: { array: r.array32([directions, 3 * hidden]) } } : {}),
      },
      y: (v) => {
        const x = pick(v, 'x');
        const names = x.type.shape[1] as Dim;
        const last = valueType('float32', [directions, names, hidden]);
        const outputs = operator(
          l.rule,
          [x, pick(v, 'w'), pick(v, 'r'), v.b, undefined, v.h, ...(l.rule === 'LSTM' ? [v.c, v.p] : [])],
          [valueType('float32', [length, directions, names, hidden]), last, ...(l.rule === 'LSTM' ? [last] : [])],
          {
            hidden_size: { _tag: 'Int', value: hidden },
            direction: { _tag: 'String', value: l.direction ?? 'forward' },
            ...l.attributes,
          },
        );
        const rowsOf = (y: Value) => Op.reshape(['?', hidden])(y);
        return Op.concat(0)(outputs.filter((_, i) => l.seen?.includes(i) ?? true).map(rowsOf));
      },
      step: 2e-2,
      // What is left of the third derivative at so large a step.
      tolerance: 1e-2,
    };
  },
});

const layouts = (rule: Layout['rule']): readonly Layout[] => [
  { rule, name: 'weights alone', seen: [0] },
  { rule, name: 'bias and first state', bias: true, start: true },
  { rule, name: 'reverse, last state', direction: 'reverse', bias: true, seen: [1] },
  { rule, name: 'bidirectional', direction: 'bidirectional', bias: true, start: true },
];

const reset = { linear_before_reset: { _tag: 'Int', value: 1 } } as const;

export const recurrence: readonly Case[] = [
  ...layouts('RNN'),
  ...layouts('LSTM'),
  ...layouts('GRU'),
  { rule: 'LSTM', name: 'peepholes', bias: true, start: true, peepholes: true } as const,
  { rule: 'LSTM', name: 'the last cell', seen: [2] } as const,
  { rule: 'GRU', name: 'linear before reset', bias: true, start: true, attributes: reset } as const,
  { rule: 'GRU', name: 'linear before reset, no bias', direction: 'reverse', attributes: reset } as const,
].map(recurrent);
