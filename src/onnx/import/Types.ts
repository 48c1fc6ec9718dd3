/**
 * The types of a foreign graph's outputs, from those of its inputs: its rule for shapes, as other layers have one.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Foreign } from '../../graph/Foreign.ts';
import * as G from '../../graph/Graph.ts';
import type { AnyShape } from '../../shape/Shape.ts';
import { dims, dtypeOf, int, show } from '../../shape/Shape.ts';
import { elaborate } from './Elaborate.ts';
import { type ImportError, unexpected } from './ImportError.ts';

type Types = E.Either<ImportError, readonly AnyShape[]>;

const typesOf = (foreign: Foreign, inputs: readonly AnyShape[]): Types =>
  pipe(
    elaborate(foreign, {
      inputs: inputs.map((type, i) => G.input(foreign.inputs[i]?.name ?? `${i}`, dtypeOf(type), dims(type))),
      weight: (name) => {
        const shape = foreign.constants.get(name)?.shape ?? [];
        return G.input(`weight/${name}`, 'float32', shape);
      },
      training: false,
    }),
    E.map(({ outputs }) =>
      outputs.map(({ type }): AnyShape => (type.dtype === 'int32' ? int(type.shape) : type.shape)),
    ),
    E.chain((types) => {
      const lost = types.findIndex((t) => dims(t)[0] !== 'batch');
      return lost < 0
        ? E.right(types)
        : E.left(
            unexpected(
              `${foreign.name}: the output '${foreign.outputs[lost]?.name}' is ${show(types[lost] ?? [])}: expected the batch as its first ` +
                'axis, one row for each sample; take another value of the graph as output',
            ),
          );
    }),
  );

const cache = new WeakMap<Foreign, Map<string, Types>>();

/** Of all outputs, the batch included. Computed once for each graph and types of inputs. */
export const outputTypes = (foreign: Foreign, inputs: readonly AnyShape[]): Types => {
  const known = cache.get(foreign) ?? new Map<string, Types>();
  cache.set(foreign, known);
  const key = JSON.stringify(inputs);
  const result = known.get(key) ?? typesOf(foreign, inputs);
  known.set(key, result);
  return result;
};
