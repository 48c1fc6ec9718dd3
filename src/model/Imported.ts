/**
 * Graphs that somebody else made, as layers: types of their outputs, and their weights as parameters that begin with
 * the values of the file.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Foreign } from '../graph/Foreign.ts';
import type { Initializer } from '../layer/Options.ts';
import type { ImportedSpec, Leaf } from '../layer/Spec.ts';
import { outputTypes } from '../onnx/import/Types.ts';
import type { NdArray } from '../shape/NdArray.ts';
import type { AnyShape } from '../shape/Shape.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type ImportedLeaf = Extract<Leaf, { readonly graph: Foreign }>;

export interface ImportedParameter {
  readonly role: string;
  readonly shape: readonly number[];
  readonly initializer: Initializer;
  readonly trainable: boolean;
}

export const isImported = (spec: Leaf): spec is ImportedLeaf => spec.op === 'imported' || spec.op === 'importedOutput';

// -------------------------------------------------------------------------------------
// shapes
// -------------------------------------------------------------------------------------

export const importedOutput = (spec: ImportedLeaf, inputs: readonly AnyShape[]): E.Either<string, AnyShape> => {
  // Another output stands behind the layer itself, and has the layer's inputs beside it.
  const [own, index] = spec.op === 'imported' ? [inputs, 0] : [inputs.slice(1), spec.output];
  return pipe(
    outputTypes(spec.graph, own),
    E.mapLeft((e) => e.message),
    E.chain((types) => {
      const type = types[index];
      return type === undefined ? E.left(`${spec.graph.name}: there is no output ${index}`) : E.right(type);
    }),
  );
};

// -------------------------------------------------------------------------------------
// parameters
// -------------------------------------------------------------------------------------

const beginning = new WeakMap<NdArray, Initializer>();

/** One value for each array, so that equal layers have equal parameters without a look at their numbers. */
export const beginningWith = (array: NdArray): Initializer => {
  const known = beginning.get(array);
  const made: Initializer = known ?? {
    _tag: 'Values',
    shape: array.shape,
    values: array.data instanceof Float32Array ? array.data : Float32Array.from(array.data, Number),
  };
  beginning.set(array, made);
  return made;
};

/** In the file's order. */
export const importedParameters = ({ graph }: ImportedSpec): readonly ImportedParameter[] =>
  [...graph.roles].flatMap(([role, kind]) => {
    const array = graph.constants.get(role);
    return array === undefined
      ? []
      : [{ role, shape: array.shape, initializer: beginningWith(array), trainable: kind === 'weight' }];
  });
