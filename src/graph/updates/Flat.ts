/**
 * Updates of many small weights as one update of a long array. An optimizer's ten operators on each of two hundred weights are two
 * thousand calls, most of them on a few numbers; put behind each other, the weights of a model take ten.
 *
 * The loop carries the long arrays; what else reads a weight reads its part of one.
 *
 * Law: the outputs are exactly those of the given graph.
 */
import type { Graph, OperatorNode, Value } from '../Graph.ts';
import { input, label } from '../Graph.ts';
import { type LoopBody, loopBody } from '../LoopBody.ts';
import * as Op from '../Operators.ts';
import { unshaped } from '../rewrite/Rewrite.ts';
import { type Carriage, recarried, withLoop } from './Carriage.ts';
import { computed, type Island, islands, isNumber, isWhole } from './Island.ts';

/**
 * Elements of the largest arrays that are put together, for each operator of their update: a gradient is copied there and a weight back, on
 * one thread, and of more that costs more than the calls that it saves.
 */
const perOperator = 5500;

/** Islands that compute the same, of different weights. */
type Group = readonly [Island, ...Island[]];

const groupsOf = (body: LoopBody): readonly Group[] => {
  const alike = new Map<string, [Island, ...Island[]]>();
  for (const island of islands(body, isNumber)) {
    if (island.size > perOperator * island.nodes.length || !isWhole(body, island)) continue;
    const of = alike.get(island.signature);
    if (of === undefined) alike.set(island.signature, [island]);
    else of.push(island);
  }
  return [...alike.values()].filter((of) => of.length > 1);
};

/** What the update of a weight is called, and so what its gradient is named after. */
const nameOf = ({ nodes }: Island): string | undefined => nodes.findLast((n) => n.label !== undefined)?.label;

/** Arrays behind each other. */
const together = (arrays: readonly Value[], size: number, names: readonly (string | undefined)[] = []): Value => {
  const all = Op.int64s([-1]);
  const lines = arrays.map((v, i) => {
    const name = names[i];
    const line = v.type.shape.length === 1 ? v : Op.reshapeTo(all, ['?'])(unshaped(v));
    return name === undefined || line === v ? line : label(name)(line);
  });
  const whole = Op.concat(0)(lines);
  return { ...whole, type: { ...whole.type, shape: [size] } };
};

const apart =
  (group: Group) =>
  (whole: Value): readonly Value[] =>
    Op.split(
      0,
      group.map((island) => island.size),
    )(whole).map((part, i) => Op.reshape(group[i]?.shape ?? [])(part));

const sizeOf = (group: Group): number => group.reduce((n, island) => n + island.size, 0);

const carriagesOf = (group: Group, initial: readonly (Value | undefined)[], name: string): readonly Carriage[] =>
  group[0].places.map((_, role) => {
    const places = group.map((island) => island.places[role] as number);
    return {
      places,
      initial: together(
        places.map((p) => initial[p] as Value),
        sizeOf(group),
      ),
      formal: input(`carried/${name}.${role}`, 'float32', [sizeOf(group)]),
      apart: apart(group),
    };
  });

const flat = (node: OperatorNode): readonly Value[] | undefined => {
  const body = loopBody(node);
  const groups = groupsOf(body);
  if (groups.length === 0) return undefined;
  const carriages = groups.map((group, i) => carriagesOf(group, node.inputs.slice(2), `update${i}`));
  // Of each group: the arrays of its islands, one island after the other, then what all of them read.
  const reads = groups.map((group) => [...group.flatMap((island) => island.arrays), ...group[0].levels]);
  return recarried(node, body, carriages.flat(), reads.flat(), (values) => {
    let at = 0;
    return groups.flatMap((group, g) => {
      const [first] = group;
      const given = values.slice(at, at + (reads[g]?.length ?? 0));
      at += given.length;
      const n = first.arrays.length;
      const size = sizeOf(group);
      return computed(body, first, [size], {
        carried: (carriages[g] ?? []).map((c) => c.formal),
        arrays: first.arrays.map((_, k) =>
          together(
            group.map((_, i) => given[i * n + k] as Value),
            size,
            group.map(nameOf),
          ),
        ),
        levels: given.slice(group.length * n),
        label: `update${g}`,
      });
    });
  });
};

/** The graph with the small updates of its loops put together. */
export const flattened: (graph: Graph) => Graph = withLoop(flat);
