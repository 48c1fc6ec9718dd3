/**
 * Parts of a foreign graph, as foreign graphs: what lies between some of its values. Weights keep their names and
 * values.
 *
 * Laws: cutting at a graph's own inputs and outputs computes the same; cutting twice at the same values is cutting
 * once; what goes through `cut` up to a value and from it on is the whole, if every path goes through that value.
 */
import type * as E from 'fp-ts/lib/Either.js';
import type { Foreign, ForeignPort } from '../../graph/Foreign.ts';
import type { NdArray } from '../../shape/NdArray.ts';
import { attempt } from './Attempt.ts';
import { neededFor } from './Elaborate.ts';
import { type ImportError, malformed, refuse, unexpected, unknownName } from './ImportError.ts';
import { readsOf, repeated } from './Nodes.ts';
import { everyNode } from './Weights.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Names of values. */
export interface Cut {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

// -------------------------------------------------------------------------------------
// values
// -------------------------------------------------------------------------------------

/** Names of all values outside of branches: inputs, then in order of computation. */
export const valuesOf = (f: Foreign): readonly string[] => [
  ...f.inputs.map((i) => i.name),
  ...f.nodes.flatMap((n) => n.outputs.filter((o) => o !== '')),
];

const portOf = (f: Foreign, name: string): ForeignPort =>
  [...f.inputs, ...f.outputs].find((p) => p.name === name) ?? {
    name,
    type: f.types.get(name) ?? { dtype: 'float32', shape: undefined },
  };

/** Tensors that the nodes, or the outputs, read. */
const kept = (f: Foreign, names: ReadonlySet<string>): Pick<Foreign, 'constants' | 'roles'> => ({
  constants: new Map([...f.constants].filter(([name]) => names.has(name))),
  roles: new Map([...f.roles].filter(([name]) => names.has(name))),
});

// -------------------------------------------------------------------------------------
// cutting
// -------------------------------------------------------------------------------------

const part = (f: Foreign, { inputs, outputs }: Cut): Foreign => {
  const values = new Set(valuesOf(f));
  for (const name of [...inputs, ...outputs]) if (!values.has(name)) refuse(unknownName('value', name, [...values]));
  const twice = repeated(inputs) ?? repeated(outputs);
  if (twice !== undefined) refuse(malformed(`'${twice}' is named twice`));
  if (outputs.length === 0) refuse(unexpected('a graph needs at least one output'));
  // What gives an input is not a part of it, but other outputs of the same node may be.
  const given = new Set(inputs);
  const without = f.nodes.map((n) => ({ ...n, outputs: n.outputs.map((o) => (given.has(o) ? '' : o)) }));
  const nodes = neededFor(without, outputs);
  const read = new Set([...everyNode(nodes).flatMap((n) => n.inputs), ...nodes.flatMap(readsOf), ...outputs]);
  const open = f.inputs.map((i) => i.name).filter((name) => read.has(name) && !given.has(name));
  if (open.length > 0)
    refuse(
      unexpected(
        `what lies between ${inputs.map((n) => `'${n}'`).join(', ') || 'nothing'} and ${outputs.map((n) => `'${n}'`).join(', ')} also ` +
          `depends on the input${open.length === 1 ? '' : 's'} ${open.map((n) => `'${n}'`).join(', ')}: cut at a value that every path goes ` +
          'through, or take it as an input as well',
      ),
    );
  return {
    ...f,
    ...kept(f, read),
    nodes,
    inputs: inputs.map((n) => portOf(f, n)),
    outputs: outputs.map((n) => portOf(f, n)),
  };
};

const isWhole = (f: Foreign, { inputs, outputs }: Cut): boolean =>
  JSON.stringify([f.inputs.map((p) => p.name), f.outputs.map((p) => p.name)]) === JSON.stringify([inputs, outputs]);

export const cut =
  (ends: Cut) =>
  (f: Foreign): E.Either<ImportError, Foreign> =>
    attempt(() => (isWhole(f, ends) ? { ...f, ...pruned(f) } : part(f, ends)));

/** Without what no output needs. */
const pruned = (f: Foreign): Pick<Foreign, 'nodes' | 'constants' | 'roles'> => {
  const names = f.outputs.map((o) => o.name);
  const nodes = neededFor(f.nodes, names);
  return {
    nodes,
    ...kept(f, new Set([...everyNode(nodes).flatMap((n) => n.inputs), ...nodes.flatMap(readsOf), ...names])),
  };
};

// -------------------------------------------------------------------------------------
// weights
// -------------------------------------------------------------------------------------

/**
 * With other values in place of some weights, by the file's names. Names that the graph does not have, and shapes that
 * differ, are refused.
 */
export const withValues =
  (values: Readonly<Record<string, NdArray>>) =>
  (f: Foreign): E.Either<ImportError, Foreign> =>
    attempt(() => {
      const constants = new Map(f.constants);
      for (const [name, array] of Object.entries(values)) {
        const before = f.constants.get(name);
        if (before === undefined || !f.roles.has(name)) return refuse(unknownName('weight', name, [...f.roles.keys()]));
        if (`${before.shape}` !== `${array.shape}`)
          return refuse(unexpected(`the weight '${name}' is [${before.shape}], got [${array.shape}]`));
        constants.set(name, array);
      }
      return { ...f, constants };
    });
