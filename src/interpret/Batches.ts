/**
 * Batches in the graph: a data set is an input, and each step gathers its rows by index. Bytes are cast to float32 after
 * they are gathered.
 */

import * as RR from 'fp-ts/lib/ReadonlyRecord.js';
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
  /** By output; `''` is the one of a model whose output is no record. Of outputs without a loss, none. */
  readonly targets: Readonly<Record<string, TargetType>>;
}

export interface TargetType {
  readonly dtype: DType;
  /** Of a batch. */
  readonly shape: AnyShape;
  /** Every sample has a weight in this output's loss. Default false. */
  readonly weighted?: boolean;
}

const ofOutput = (input: string, output: string): string => (output === '' ? input : `${input}/${output}`);

export const dataInput = (name: string): string => `data/${name}`;
/** `target`, or `target/OUTPUT`. */
export const targetInput = (output: string): string => ofOutput('target', output);
/** `sample_weight`, or `sample_weight/OUTPUT`. */
export const sampleWeightInput = (output: string): string => ofOutput('sample_weight', output);

export interface Batch {
  readonly inputs: readonly Value[];
  /** By output. */
  readonly targets: Readonly<Record<string, Value>>;
  /** By output: one for each sample, if there are any. */
  readonly sampleWeights: Readonly<Record<string, Value>>;
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
  const targets = RR.mapWithIndex((output: string, { dtype, shape }: TargetType) =>
    G.input(targetInput(output), dtype, ['samples', ...dims(shape).slice(1)]),
  )(types.targets);
  const weights = RR.mapWithIndex((output: string) => G.input(sampleWeightInput(output), 'float32', ['samples']))(
    RR.filter(({ weighted }: TargetType) => weighted === true)(types.targets),
  );
  const indices = G.input('indices', 'int32', ['visits']);
  const batchSize = G.input('batch_size', 'int64', []);
  const visits = Op.gather(Op.shapeOf(indices), Op.scalar(0, 'int64'));
  return {
    all: [...inputs, ...Object.values(targets), ...Object.values(weights), indices, batchSize],
    trips: Op.div(Op.add(visits, Op.sub(batchSize, 1)), batchSize),
    batch: (iteration) => {
      const start = Op.mul(iteration, batchSize);
      const rows = Op.sliceRows(indices, start, Op.add(start, batchSize));
      return {
        inputs: inputs.map((x, i) => Op.cast(dtypeOf(resolved.inputs[i]?.type ?? []))(Op.gather(x, rows))),
        targets: RR.mapWithIndex((output: string, target: Value) =>
          Op.cast(dtypeOf(types.targets[output]?.shape ?? []))(Op.gather(target, rows)),
        )(targets),
        sampleWeights: RR.map((all: Value) => Op.gather(all, rows))(weights),
        samples: Op.count('float32')(rows),
      };
    },
  };
};
