/**
 * The gradient of a Loop: a Loop that runs the steps in reverse, each step the body's vector-Jacobian product.
 *
 * Backwards through step t goes the cotangent of the carried values, and what comes out is the cotangent of the carried
 * values before the step, and the step's part in the cotangent of what the body captures (weights), which is summed up.
 * A captured value of which the body reads row t only (`Gather` by the iteration's number) is not summed up: its rows'
 * cotangents are stacked.
 *
 * Whatever the loop stacks (its scan outputs) is read back in the reverse loop instead of being computed again; the rest
 * of a step is computed again from the carried values before it. Those must be stacked for that: if the loop does not
 * stack them, it is run a second time, so that it does. A body that is to be differentiated cheaply scans its carried
 * inputs, and what is dear to compute. Number of steps: as many as ran, also when the condition ended the loop early.
 */
import type { Node, Value } from '../graph/Graph.ts';
import { input as formalInput, graph, operator, topological, valueType } from '../graph/Graph.ts';
import { type LoopBody, loopBody } from '../graph/LoopBody.ts';
import * as Op from '../graph/Operators.ts';
import { substitute, substitution } from '../graph/Substitute.ts';
import { isFloating } from '../shape/NdArray.ts';
import { type At, intOf, plus, type Rule, zeros } from './Rule.ts';

const isFloat = (v: Value): boolean => isFloating(v.type.dtype);

const same = (a: Value, b: Value): boolean => a.node === b.node && a.index === b.index;

/** `copy` has the type of `original`: dimensions that an operator lost get their names back. */
const typed = (original: Value, copy: Value): Value => ({ ...copy, type: original.type });

// -------------------------------------------------------------------------------------
// the loop with its carried values stacked
// -------------------------------------------------------------------------------------

/** Whether a value is one that every step has for itself: then a scan output of it is worth reading back. */
const stackable = (body: LoopBody, v: Value): boolean =>
  v.node._tag === 'Operator' || body.before.some((b) => same(b, v));

/** Each scanned value of the body with its stack; `wanted` carried values are scanned additionally if they are not yet. */
const stacks = (at: At, body: LoopBody, wanted: readonly Value[]): readonly (readonly [Value, Value])[] => {
  const n = body.before.length;
  const outputs = at.node.outputs.map((type, index): Value => ({ type, node: at.node, index }));
  const there = body.scanned.map((v, j) => [v, outputs[n + j] as Value] as const);
  const missing = wanted.filter((w) => !body.scanned.some((v) => same(v, w)));
  const kept = there.filter(([v]) => stackable(body, v));
  if (missing.length === 0) return kept;
  const extended = graph(body.graph.name, body.graph.inputs, [
    ...body.graph.outputs,
    ...missing.map((value, i) => ({ name: `before/${i}`, value })),
  ]);
  const more = missing.map((v) => valueType(v.type.dtype, ['?', ...v.type.shape]));
  const results = operator(
    'Loop',
    at.node.inputs,
    [...at.node.outputs, ...more],
    { ...at.node.attributes, body: { _tag: 'Graph', value: extended } },
    at.node.domain,
  );
  return [
    ...there.map(([v], j) => [v, results[n + j] as Value] as const).filter(([v]) => stackable(body, v)),
    ...missing.map((v, j) => [v, results[at.node.outputs.length + j] as Value] as const),
  ];
};

/** How many steps ran. */
const stepsOf = (at: At, stacked: readonly (readonly [Value, Value])[]): Value => {
  const stack = stacked[0]?.[1] ?? at.outputs[loopBody(at.node).before.length];
  if (stack === undefined) throw new Op.GraphDefect('a Loop that carries and scans nothing');
  return Op.gather(Op.shapeOf(stack), Op.scalar(0, 'int64'));
};

// -------------------------------------------------------------------------------------
// one step backwards
// -------------------------------------------------------------------------------------

/** Nodes of the body that read row t of a captured value: t is the iteration's number. */
const rowReads = (body: LoopBody, captured: readonly Value[], nodes: readonly Node[]): readonly Value[] =>
  nodes.flatMap((node) => {
    if (node._tag !== 'Operator' || node.operator !== 'Gather' || node.domain !== '') return [];
    const [from, row] = node.inputs;
    const [type] = node.outputs;
    const direct =
      from !== undefined && row !== undefined && type !== undefined && intOf(node, 'axis', 0) === 0
        ? same(row, body.iteration) && captured.some((c) => same(c, from))
        : false;
    return direct && type !== undefined ? [{ type, node, index: 0 }] : [];
  });

interface Step {
  /** The places of the cotangents of `after`, of the scanned values' rows, and of what the step reads. */
  readonly cotangents: readonly (Value | undefined)[];
  readonly rowCotangents: readonly (Value | undefined)[];
  readonly toBefore: readonly (Value | undefined)[];
  readonly toCaptured: readonly (Value | undefined)[];
  readonly toRows: readonly { readonly read: Value; readonly cotangent: Value }[];
}

const place = (name: string, v: Value): Value => formalInput(name, v.type.dtype, v.type.shape);

/** The vector-Jacobian product of the body, as values over its formal inputs and over places for the cotangents. */
const stepBack = (at: At, body: LoopBody): Step => {
  const outputs = [...body.after, ...body.scanned];
  const rows = rowReads(body, at.captured, topological(outputs));
  const captured = at.captured.filter(isFloat);
  // Places instead of what is differentiated in, so that nothing behind it is reached.
  const wrt = [...body.before.filter(isFloat), ...rows.filter(isFloat), ...captured];
  const places = wrt.map((v, i) => place(`place/${i}`, v));
  const opened = substitute(substitution(wrt.map((v, i) => [v, places[i] as Value])))(outputs);
  const reached = new Set(topological(opened));
  const cotangents = body.after.map((v, i) => (isFloat(v) ? place(`cotangent/${i}`, v) : undefined));
  const rowCotangents = body.scanned.map((v, j) =>
    isFloat(v) && at.dy[body.before.length + j] !== undefined ? place(`row/${j}`, v) : undefined,
  );
  const seeded = [...cotangents, ...rowCotangents].flatMap((c, i) =>
    c === undefined ? [] : [[opened[i] as Value, c] as const],
  );
  const wanted = places.filter((p) => reached.has(p.node));
  const parts = at.pullback(
    seeded.map(([y]) => y),
    seeded.map(([, c]) => c),
    wanted,
  );
  // Back to the body's own values: places to what they stand for, and what is stacked to what is scanned.
  const closed = substitute(
    substitution([
      ...places.map((p, i) => [p, wrt[i] as Value] as const),
      ...body.scanned.flatMap((v, j) => {
        const copy = opened[body.after.length + j];
        return copy === undefined || copy.node._tag !== 'Operator' ? [] : [[copy, v] as const];
      }),
    ]),
  )(parts);
  const partOf = (v: Value): Value | undefined => {
    const k = wrt.findIndex((w) => same(w, v));
    const i = wanted.indexOf(places[k] as Value);
    return i < 0 ? undefined : closed[i];
  };
  return {
    cotangents,
    rowCotangents,
    toBefore: body.before.map((v) => (isFloat(v) ? partOf(v) : undefined)),
    toCaptured: at.captured.map((v) => (isFloat(v) ? partOf(v) : undefined)),
    toRows: rows.flatMap((read) => {
      const cotangent = isFloat(read) ? partOf(read) : undefined;
      return cotangent === undefined ? [] : [{ read, cotangent }];
    }),
  };
};

// -------------------------------------------------------------------------------------
// the reverse loop
// -------------------------------------------------------------------------------------

interface Reverse {
  readonly toBefore: readonly (Value | undefined)[];
  readonly toCaptured: readonly (Value | undefined)[];
}

const reverse = (at: At): Reverse => {
  const body = loopBody(at.node);
  const step = stepBack(at, body);
  const results = [...step.toBefore, ...step.toCaptured, ...step.toRows.map((r) => r.cotangent)].filter(
    (v) => v !== undefined,
  );
  // What is scanned need not be computed again: only what lies before it counts as read.
  const scanned = new Set(
    body.scanned.filter((v) => stackable(body, v) && v.node.outputs.length === 1).map((v) => v.node),
  );
  const read = new Set(topological(results, scanned));
  const stacked = stacks(
    at,
    body,
    body.before.filter((v) => read.has(v.node)),
  );

  const steps = stepsOf(at, stacked);
  const k = formalInput('iteration', 'int64', []);
  const condition = formalInput('condition', 'bool', []);
  const t = Op.sub(Op.sub(steps, 1), k);
  const row = (stack: Value, like: Value): Value => typed(like, Op.gather(stack, t));

  const inTime = substitute(
    substitution([
      [body.iteration, t],
      [body.condition, Op.scalar(1, 'bool')],
      ...stacked.map(([v, stack]) => [v, row(stack, v)] as const),
      ...step.rowCotangents.flatMap((place, j) => {
        const dy = at.dy[body.before.length + j];
        return place === undefined || dy === undefined ? [] : [[place, row(dy, place)] as const];
      }),
    ]),
  );
  const carried = step.cotangents.flatMap((c) => (c === undefined ? [] : [c]));
  const initial = body.after.flatMap((v, i) => {
    const final = at.outputs[i];
    return step.cotangents[i] === undefined || final === undefined ? [] : [typed(v, at.dy[i] ?? Op.fillLike(final))];
  });
  const before = body.before.flatMap((_, i) =>
    step.cotangents[i] === undefined ? [] : [step.toBefore[i] ?? Op.fillLike(step.cotangents[i] as Value)],
  );
  const summed = at.captured.flatMap((v, i) => {
    const part = step.toCaptured[i];
    return part === undefined ? [] : [{ v, part, sum: place(`sum/${i}`, v) }];
  });
  const next = inTime([
    ...before,
    ...summed.map(({ part, sum }) => plus(sum, part)),
    ...step.toRows.map((r) => r.cotangent),
  ]);
  const n = carried.length + summed.length;
  const backward = graph(
    `${body.graph.name}/gradient`,
    [k, condition, ...carried, ...summed.map((s) => s.sum)],
    [
      { name: 'continue', value: Op.identity(condition) },
      ...next.map((value, i) => ({ name: i < n ? `carried/${i}` : `row/${i}`, value })),
    ],
  );
  const out = Op.loop(steps, [...initial, ...summed.map(({ v }) => Op.fillLike(v))], backward);

  const places = Op.unsqueeze([-1])(Op.sub(Op.sub(steps, 1), Op.range(steps)));
  const scattered = (v: Value): readonly Value[] =>
    step.toRows.flatMap(({ read }, j) => {
      const from = read.node._tag === 'Operator' ? read.node.inputs[0] : undefined;
      if (from === undefined || !same(from, v)) return [];
      return [Op.scatterND(zeros(Op.shapeOf(v), v.type), places, out[n + j] as Value)];
    });
  const rest = out[Symbol.iterator]();
  const toBefore = body.before.map((v, i) =>
    step.cotangents[i] === undefined ? undefined : typed(v, rest.next().value as Value),
  );
  const sums = new Map(summed.map(({ v }) => [v, typed(v, rest.next().value as Value)] as const));
  return {
    toBefore,
    toCaptured: at.captured.map((v) => {
      const parts = [...(sums.has(v) ? [sums.get(v) as Value] : []), ...scattered(v)];
      return parts.length === 0 ? undefined : parts.reduce(plus);
    }),
  };
};

// -------------------------------------------------------------------------------------
// the rule
// -------------------------------------------------------------------------------------

export const loop: Rule = (at) => {
  const { toBefore, toCaptured } = reverse(at);
  return [undefined, undefined, ...toBefore, ...toCaptured].map((v) => (v === undefined ? undefined : () => v));
};
