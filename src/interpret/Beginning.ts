/**
 * Before the first step: parameters that layers set from the first batch (weight normalisation with `dataInit`).
 *
 * One pass in training mode; a layer sees what the layers before it have set.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as O from 'fp-ts/lib/Option.js';
import type { Value } from '../graph/Graph.ts';
import * as G from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import type { Resolved } from '../model/Resolved.ts';
import { type DataTypes, dataInputs } from './Batches.ts';
import { beginning, lower } from './Lower.ts';
import { lowering, weightInputs } from './Lowering.ts';
import { finish, nextOutput, type PlanError } from './Plan.ts';
import type { Provider } from './Random.ts';

export interface BeginningPlan {
  readonly model: Uint8Array;
  readonly inputs: readonly string[];
  /** Parameters that come out as `next/NAME`. */
  readonly set: readonly string[];
}

/** The parameters that wait for data. */
const waiting = ({ layers }: Resolved): readonly string[] =>
  layers.flatMap(({ spec, parameters }) =>
    // Weights that a model carries are there already.
    spec.op === 'weightNormalization' &&
    spec.dataInit &&
    !parameters.some((p) => p.role === 'g' && p.initializer._tag === 'Values')
      ? parameters.filter((p) => p.role === 'g' || p.role === 'bias').map((p) => p.name)
      : [],
  );

/** `none` where no layer waits for data. Inputs are the training graph's; the batch is the first of `indices`. */
export const beginningPlan = (
  resolved: Resolved,
  types: DataTypes,
  provider: Provider,
): E.Either<PlanError, O.Option<BeginningPlan>> => {
  const set = waiting(resolved);
  if (set.length === 0) return E.right(O.none);
  const weights = weightInputs(resolved.parameters);
  const seed = G.input('seed', 'uint32', []);
  return pipe(
    lowering(() => {
      const data = dataInputs(resolved, types);
      const batch = data.batch(Op.scalar(0, 'int64'));
      const mode = beginning({ seed, step: Op.scalar(0, 'uint32'), provider });
      const { updates } = lower(resolved, batch.inputs, weights, mode);
      return {
        inputs: [...Object.values(weights), ...data.all, seed],
        outputs: set.map((name) => ({ name: nextOutput(name), value: updates[name] as Value })),
      };
    }),
    E.chainW(({ inputs, outputs }) => finish('beginning', inputs, outputs)),
    E.map(({ model, inputs }) => O.some({ model, inputs, set })),
  );
};
