/**
 * From a foreign graph and the types of its inputs to graph values: each node becomes operators of opset 18 with known
 * types.
 *
 * What cannot be elaborated does not end the walk: its outputs are lost, what reads them is silent, and all faults are
 * reported together.
 *
 * Law: what is elaborated on inputs of known sizes computes what the file computes on arrays of those sizes.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { GraphDefect } from '../../graph/Constants.ts';
import type { Foreign, ForeignBody, ForeignNode, ForeignPort } from '../../graph/Foreign.ts';
import type { Node, Value } from '../../graph/Graph.ts';
import * as G from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import { attempt } from './Attempt.ts';
import { allNumbers, type Call, type Held, type Importer, SMALL } from './Call.ts';
import { type ImportError, malformed, type NodeFault, refuse, unexpected, unsupportedNodes } from './ImportError.ts';
import { readsOf } from './Nodes.ts';
import { importerOf } from './operators/table.ts';
import { times } from './Sizes.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Given {
  /** In the order of the graph's inputs. */
  readonly inputs: readonly Value[];
  /** The values of weights and statistics, by the file's names. */
  readonly weight: (name: string) => Value;
  /** In training: normalisations take the statistics of the batch, if the graph says so. */
  readonly training: boolean;
}

export interface Elaborated {
  readonly outputs: readonly Value[];
  /** New values of statistics, by the file's names. */
  readonly updates: Readonly<Record<string, Value>>;
}

interface Scope {
  readonly around: Scope | undefined;
  readonly values: Map<string, Held | undefined>;
}

const find = (scope: Scope, name: string): Held | undefined =>
  scope.values.has(name) ? scope.values.get(name) : scope.around === undefined ? undefined : find(scope.around, name);

// -------------------------------------------------------------------------------------
// inputs
// -------------------------------------------------------------------------------------

const show = (port: ForeignPort): string => `'${port.name}' [${port.type.shape?.join(',') ?? '...'}]`;

/** Sizes that a name stands for, and ranks and sizes that the file fixes. */
const checkInputs = (foreign: Foreign, inputs: readonly Value[]): void => {
  if (inputs.length !== foreign.inputs.length)
    refuse(
      unexpected(
        `the model has ${foreign.inputs.length} inputs (${foreign.inputs.map(show).join(', ')}), got ${inputs.length}`,
      ),
    );
  const sizes = new Map<string, string | number>();
  foreign.inputs.forEach((port, i) => {
    const got = inputs[i]?.type.shape ?? [];
    const want = port.type.shape;
    const bad = (why: string): never =>
      refuse(unexpected(`the file's input ${show(port)} cannot be [${got.join(',')}]: ${why}`));
    if (want === undefined) return;
    if (want.length !== got.length) bad(`the file's is of rank ${want.length}, the other of rank ${got.length}`);
    want.forEach((d, axis) => {
      const g = got[axis] ?? '?';
      if (d === '?' || g === '?' || d === g) return;
      if (axis === 0 && d === 1 && g === 'batch') {
        if (!foreign.freeBatch)
          bad('the file is made for 1 sample at a time; { freeBatch: true } makes it for any number');
        return;
      }
      if (typeof d === 'number') return bad(`axis ${axis} is fixed to ${d} in the file`);
      const before = sizes.get(d);
      if (before !== undefined && before !== g) bad(`'${d}' is ${before} elsewhere`);
      sizes.set(d, g);
    });
  });
};

// -------------------------------------------------------------------------------------
// values
// -------------------------------------------------------------------------------------

/** What is known before the graph runs need not be computed. */
const settled = (h: Held): Held => {
  const numbers = allNumbers(h.content);
  const { value } = h;
  const { shape, dtype } = value.type;
  const sizes = allNumbers(shape);
  if (numbers === undefined || sizes === undefined || value.node._tag === 'Constant' || numbers.length > SMALL)
    return h;
  if (sizes.reduce((a, b) => a * b, 1) !== numbers.length) return h;
  return { value: Op.tensor(numbers, sizes, dtype), content: numbers };
};

/** The file's names for the values of a node; a node that passes its input on has none of its own. */
const labelled = (outputs: readonly Held[], names: readonly string[]): readonly Held[] => {
  const copies = new Map<Node, Node>();
  return outputs.map((h, i) => {
    const { node } = h.value;
    if (node._tag !== 'Operator' || node.label !== undefined) return h;
    const copy = copies.get(node) ?? { ...node, label: names[i] || names[0] };
    copies.set(node, copy);
    return { ...h, value: { ...h.value, node: copy } };
  });
};

/** float32 or int32, which is what layers pass on. */
const outward = (v: Value): Value =>
  v.type.dtype === 'float32' || v.type.dtype === 'int32'
    ? v
    : Op.cast(v.type.dtype === 'float64' ? 'float32' : 'int32')(v);

// -------------------------------------------------------------------------------------
// nodes
// -------------------------------------------------------------------------------------

/** The nodes that the names need, in order. */
export const neededFor = (nodes: readonly ForeignNode[], names: readonly string[]): readonly ForeignNode[] => {
  const wanted = new Set(names);
  return [...nodes]
    .reverse()
    .filter((node) => {
      const needed = node.outputs.some((o) => wanted.has(o));
      if (needed) for (const name of readsOf(node)) wanted.add(name);
      return needed;
    })
    .reverse();
};

const nameOf = (node: ForeignNode): string => (node.domain === '' ? node.operator : `${node.domain}:${node.operator}`);

const walk = (foreign: Foreign, given: Given): Elaborated => {
  const faults: NodeFault[] = [];
  const updates: Record<string, Value> = {};
  const constants = new Map<string, Held>();

  const tensor = (name: string): Held | undefined => {
    const array = foreign.constants.get(name);
    if (array === undefined) return undefined;
    const known = constants.get(name);
    if (known !== undefined) return known;
    const h: Held = foreign.roles.has(name)
      ? { value: given.weight(name), isWeight: true }
      : { value: G.constant(array, array.data.length > 16 ? name : undefined) };
    constants.set(name, h);
    return h;
  };
  const read = (scope: Scope, name: string): Held | undefined => find(scope, name) ?? tensor(name);

  const inline = (scope: Scope, { nodes, outputs }: ForeignBody): readonly Held[] => {
    const inner: Scope = { around: scope, values: new Map() };
    run(inner, nodes, outputs);
    return outputs.map((name) => {
      const h = read(inner, name);
      if (h === undefined) throw new Lost();
      return h;
    });
  };

  const apply = (scope: Scope, node: ForeignNode, importer: Importer, wanted: ReadonlySet<string>): readonly Held[] => {
    const inputs = node.inputs.map((name) => (name === '' ? undefined : read(scope, name)));
    if (node.inputs.some((name, i) => name !== '' && inputs[i] === undefined)) throw new Lost();
    const call: Call = {
      node,
      inputs,
      wants: (i) => wanted.has(node.outputs[i] ?? ''),
      inline: (body) => inline(scope, body),
      update: (i, value) => {
        const name = node.inputs[i] ?? '';
        if (foreign.roles.get(name) === 'statistic') updates[name] = value;
      },
      freed: foreign.freeBatch,
      batchStatistics: given.training && foreign.trainStatistics,
    };
    const outputs = importer(call);
    for (const { value } of outputs) {
      if (value.type.shape.length > 64)
        refuse(malformed(`node '${node.name}' gives a tensor of ${value.type.shape.length} axes`));
      // A size that no machine has: the numbers are wrong, or meant to do harm.
      value.type.shape.reduce(times, 1);
    }
    return labelled(outputs.map(settled), node.outputs);
  };

  const run = (scope: Scope, nodes: readonly ForeignNode[], names: readonly string[]): void => {
    const needed = neededFor(nodes, names);
    const wanted = new Set([...names, ...needed.flatMap(readsOf)]);
    for (const node of needed) {
      const importer = importerOf(node);
      const lost = (reason: string): void => {
        faults.push({ operator: nameOf(node), node: node.name, reason });
      };
      for (const o of node.outputs) scope.values.set(o, undefined);
      if (importer === undefined) {
        lost('the operator is not known');
        continue;
      }
      try {
        const outputs = apply(scope, node, importer, wanted);
        node.outputs.forEach((name, i) => {
          const h = outputs[i];
          if (name === '') return;
          if (h !== undefined) scope.values.set(name, h);
          else if (wanted.has(name)) lost(`its output ${i} '${name}' is not supported`);
        });
      } catch (thrown) {
        if (thrown instanceof GraphDefect) lost(thrown.message);
        else if (!(thrown instanceof Lost)) throw thrown;
      }
    }
  };

  checkInputs(foreign, given.inputs);
  const scope: Scope = { around: undefined, values: new Map() };
  foreign.inputs.forEach((port, i) => {
    const x = given.inputs[i];
    if (x !== undefined) scope.values.set(port.name, { value: Op.cast(port.type.dtype)(x) });
  });
  const names = foreign.outputs.map((o) => o.name);
  run(scope, foreign.nodes, names);
  const outputs = names.flatMap((name) => read(scope, name) ?? []);
  if (faults.length > 0) refuse(unsupportedNodes(faults));
  if (outputs.length < names.length)
    refuse(malformed(`nothing gives the outputs ${names.filter((n) => read(scope, n) === undefined).join(', ')}`));
  return { outputs: outputs.map((h) => outward(h.value)), updates };
};

/** A node that reads what was lost before it. */
class Lost extends Error {
  override readonly name = 'Lost';
}

// -------------------------------------------------------------------------------------
// interpreter
// -------------------------------------------------------------------------------------

export const elaborate = (foreign: Foreign, given: Given): E.Either<ImportError, Elaborated> =>
  pipe(
    attempt(() => walk(foreign, given)),
    // The name says which of several files it was.
    E.mapLeft((e) => ({ ...e, message: `${foreign.name}: ${e.message}` })),
  );
