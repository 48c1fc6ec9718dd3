/**
 * Batches in the graph: a data set is an input, and each step gathers its rows by index. Bytes are cast to float32 after
 * they are gathered.
 */

import type { Value } from '../graph/Graph.ts';
import * as G from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import type { Resolved } from '../model/Resolved.ts';
import type { DType } from '../shape/NdArray.ts';
import { type AnyShape, dims, dtypeOf } from '../shape/Shape.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** How the data come: images as bytes are cast to float32 batch by batch. */
export interface DataTypes {
  /** By input name of the model. */
  readonly inputs: Readonly<Record<string, DType>>;
  readonly target: DType;
  /** Shape of a batch of targets. */
  readonly targetShape: AnyShape;
  /** Every sample has a weight in the loss. Default false. */
  readonly weighted?: boolean;
}

export const dataInput = (name: string): string => `data/${name}`;
export const targetInput = 'target';
export const sampleWeightInput = 'sample_weight';

export interface Batch {
  readonly inputs: readonly Value[];
  readonly target: Value;
  /** One for each sample, if the data have any. */
  readonly sampleWeights: Value | undefined;
  /** Number of samples, float32. */
  readonly samples: Value;
}

export interface DataInputs {
  readonly all: readonly Value[];
  /** The batch of a step, by the step's number within the run (int64). */
  readonly batch: (iteration: Value) => Batch;
  /** How many steps the run takes. */
  readonly trips: Value;
}

export const dataInputs = (resolved: Resolved, types: DataTypes): DataInputs => {
  const inputs = resolved.inputs.map(({ name, type }) =>
    G.input(dataInput(name), types.inputs[name] ?? dtypeOf(type), ['samples', ...dims(type).slice(1)]),
  );
  const target = G.input(targetInput, types.target, ['samples', ...dims(types.targetShape).slice(1)]);
  const weights = types.weighted === true ? G.input(sampleWeightInput, 'float32', ['samples']) : undefined;
  const indices = G.input('indices', 'int32', ['visits']);
  const batchSize = G.input('batch_size', 'int64', []);
  const visits = Op.gather(Op.shapeOf(indices), Op.scalar(0, 'int64'));
  return {
    all: [...inputs, target, ...(weights === undefined ? [] : [weights]), indices, batchSize],
    trips: Op.div(Op.add(visits, Op.sub(batchSize, 1)), batchSize),
    batch: (iteration) => {
      const start = Op.mul(iteration, batchSize);
      const rows = Op.sliceRows(indices, start, Op.add(start, batchSize));
      return {
        inputs: inputs.map((x, i) => Op.cast(dtypeOf(resolved.inputs[i]?.type ?? []))(Op.gather(x, rows))),
        target: Op.cast(dtypeOf(types.targetShape))(Op.gather(target, rows)),
        sampleWeights: weights === undefined ? undefined : Op.gather(weights, rows),
        samples: Op.count('float32')(rows),
      };
    },
  };
};
