/** A model as nodes with edges, for tools that draw graphs. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { ShapeError } from './Resolve.ts';
import { resolve } from './Resolve.ts';
import type { Resolved, Source } from './Resolved.ts';
import { className } from './Summary.ts';
import type { Model } from './Wiring.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface ModelNode {
  /** Unique; slashes make groups: `backbone/conv2d`. Later uses of a shared layer are `encoder_use_1`, ... */
  readonly name: string;
  /** Keras's name of the class: `InputLayer`, `Conv2D`, ... */
  readonly op: string;
  /** Names of the nodes it reads, in their order. */
  readonly inputs: readonly string[];
}

// -------------------------------------------------------------------------------------
// interpreter
// -------------------------------------------------------------------------------------

/** Inputs and layers in their order; each names what it reads. */
export const nodesOf = ({ inputs, layers }: Resolved): readonly ModelNode[] => {
  const taken = new Set(inputs.map(({ name }) => name));
  const unique = (name: string): string => {
    const free = [name, ...Array.from({ length: taken.size }, (_, i) => `${name}_use_${i + 1}`)].find(
      (n) => !taken.has(n),
    );
    const chosen = free ?? `${name}_use_${taken.size + 1}`;
    taken.add(chosen);
    return chosen;
  };
  const names = layers.map(({ name }) => unique(name.replaceAll('.', '/')));
  const nameOf = ({ _tag, index }: Source): string => (_tag === 'Input' ? inputs[index]?.name : names[index]) ?? '';
  return [
    ...inputs.map(({ name }) => ({ name, op: 'InputLayer', inputs: [] })),
    ...layers.map(({ spec, from }, i) => ({ name: names[i] ?? '', op: className(spec), inputs: from.map(nameOf) })),
  ];
};

/**
 * Inputs and layers in topological order, each with what it reads: for `C.tensorBoard('logs', { graph })`, or another drawing. All
 * errors of a model that does not fit together at once.
 *
 * @example
 * pipe(Model.nodes(model), E.map((graph) => C.tensorBoard('logs', { graph })))
 */
export const nodes = <I, O>(model: Model<I, O>): E.Either<readonly ShapeError[], readonly ModelNode[]> =>
  pipe(resolve(model), E.map(nodesOf));
