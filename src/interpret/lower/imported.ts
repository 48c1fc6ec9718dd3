/**
 * Graphs that somebody else made.
 */
import * as E from 'fp-ts/lib/Either.js';
import * as Op from '../../graph/Operators.ts';
import type { ImportedLeaf } from '../../model/Imported.ts';
import { elaborate } from '../../onnx/import/Elaborate.ts';
import type { Inputs, Result, Site } from './Site.ts';

/** Outputs besides the first travel as states, which the layers for them read. */
export const lowerImported = (spec: ImportedLeaf, inputs: Inputs, at: Site): Result => {
  if (spec.op === 'importedOutput') {
    const output = at.states[spec.output - 1];
    if (output === undefined) throw new Op.GraphDefect(`${spec.graph.name}: there is no output ${spec.output}`);
    return { output, mask: undefined };
  }
  const training = at.mode._tag === 'Training';
  const result = elaborate(spec.graph, { inputs, weight: at.parameter, training });
  if (E.isLeft(result)) throw new Op.GraphDefect(result.left.message);
  const [output, ...states] = result.right.outputs;
  if (output === undefined) throw new Op.GraphDefect(`${spec.graph.name}: the graph has no output`);
  return { output, states, mask: undefined, updates: training ? result.right.updates : {} };
};
