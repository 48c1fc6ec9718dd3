/**
 * A model in inference mode, as graphs: with its weights as inputs, to predict while training, or as constants, to ship.
 */
import type * as E from 'fp-ts/lib/Either.js';
import * as RR from 'fp-ts/lib/ReadonlyRecord.js';
import type { Graph, Value } from '../graph/Graph.ts';
import * as G from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import type { Resolved } from '../model/Resolved.ts';
import type { DType, NdArray } from '../shape/NdArray.ts';
import { dims, dtypeOf } from '../shape/Shape.ts';
import { dataInput } from './Batches.ts';
import { inference, lower } from './Lower.ts';
import { type LoweringError, lowering, weightInputs } from './Lowering.ts';

/** The model's outputs for a batch, with the weights as inputs. */
export const predictionGraph = (
  resolved: Resolved,
  inputTypes: Readonly<Record<string, DType>>,
): E.Either<LoweringError, Graph> =>
  lowering(() => {
    const weights = weightInputs(resolved.parameters);
    const inputs = resolved.inputs.map(({ name, type }) =>
      G.input(dataInput(name), inputTypes[name] ?? dtypeOf(type), dims(type)),
    );
    const cast = inputs.map((x, i) => Op.cast(dtypeOf(resolved.inputs[i]?.type ?? []))(x));
    const { outputs } = lower(resolved, cast, weights, inference);
    const named = resolved.outputs.map(({ name }, i) => ({ name, value: outputs[i] as Value }));
    return G.graph('prediction', G.readInputs([...Object.values(weights), ...inputs], named), named);
  });

/** The model as it is shipped: weights are constants, inputs and outputs have the model's own names. */
export const inferenceGraph = (
  resolved: Resolved,
  weights: Readonly<Record<string, NdArray>>,
  name: string,
): E.Either<LoweringError, Graph> =>
  lowering(() => {
    const constants = RR.mapWithIndex((label: string, data: NdArray) => G.constant(data, label))(weights);
    const inputs = resolved.inputs.map((input) => G.input(input.name, dtypeOf(input.type), dims(input.type)));
    const { outputs } = lower(resolved, inputs, constants, inference);
    return G.graph(
      name,
      inputs,
      resolved.outputs.map((o, i) => ({ name: o.name, value: outputs[i] as Value })),
    );
  });
