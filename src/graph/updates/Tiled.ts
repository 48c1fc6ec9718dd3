/**
 * Updates of large weights, some rows at a time. Each of an optimizer's ten operators is a pass over the weight; in pieces that
 * stay in the processor's cache, the weight and its slots cross from memory and back once a step, not ten times.
 *
 * The loop carries the weight in pieces along a new first axis, which is only another shape of the same memory, and a Scan computes
 * piece by piece.
 *
 * Law: the outputs are exactly those of the given graph.
 */
import type { Graph, OperatorNode, Value } from '../Graph.ts';
import { graph as graphOf, input } from '../Graph.ts';
import { type LoopBody, loopBody } from '../LoopBody.ts';
import * as Op from '../Operators.ts';
import { type Carriage, recarried, withLoop } from './Carriage.ts';
import { computed, type Island, islands, isRow, isWhole } from './Island.ts';

/** Elements of the smallest weight that is worth it: of less, all that an update reads stays in cache anyway. */
const smallest = 2 ** 19;

/**
 * Elements of a piece: at most what leaves room in cache for the four to six arrays of an update, at least what repays a round of
 * Scan.
 */
const most = 2 ** 18;
const least = 2 ** 16;

/** Rows of a piece, so that all pieces are equal; `undefined`: in pieces nothing is won. */
export const rowsOfPiece = ([rows = 1, ...rest]: readonly number[]): number | undefined => {
  const width = rest.reduce((n, d) => n * d, 1);
  if (rows * width < smallest) return undefined;
  for (let r = Math.floor(most / width); r * width >= least; r--) if (rows % r === 0) return r;
  return undefined;
};

interface Tiling {
  readonly island: Island;
  /** Of one piece. */
  readonly piece: readonly number[];
  /** Of all pieces. */
  readonly whole: readonly number[];
}

const tilingsOf = (body: LoopBody): readonly Tiling[] =>
  islands(body, isRow).flatMap((island) => {
    const { shape } = island;
    const rows = island.nodes.length > 1 && isWhole(body, island) ? rowsOfPiece(shape) : undefined;
    if (rows === undefined) return [];
    const piece = [rows, ...shape.slice(1)];
    return [{ island, piece, whole: [(shape[0] as number) / rows, ...piece] }];
  });

const cut =
  ({ whole }: Tiling) =>
  (v: Value): Value =>
    Op.reshape(whole)(v);

const carriagesOf = (tiling: Tiling, initial: readonly (Value | undefined)[]): readonly Carriage[] =>
  tiling.island.places.map((place) => ({
    places: [place],
    initial: cut(tiling)(initial[place] as Value),
    formal: input(`carried/pieces${place}`, 'float32', tiling.whole),
    apart: (pieces) => [Op.reshape(tiling.island.shape)(pieces)],
  }));

/** Whether there is a weight that is worth it at all. */
const isLarge = ({ type }: Value): boolean =>
  type.shape.reduce<number>((n, d) => (typeof d === 'number' ? n * d : 0), 1) >= smallest;

const tiled = (node: OperatorNode): readonly Value[] | undefined => {
  const body = loopBody(node);
  if (!body.before.some(isLarge)) return undefined;
  const tilings = tilingsOf(body);
  if (tilings.length === 0) return undefined;
  const carriages = tilings.map((tiling) => carriagesOf(tiling, node.inputs.slice(2)));
  const reads = tilings.map(({ island }) => [...island.arrays, ...island.levels]);
  return recarried(node, body, carriages.flat(), reads.flat(), (values) => {
    let at = 0;
    return tilings.flatMap((tiling, t) => {
      const { island, piece } = tiling;
      const given = values.slice(at, at + (reads[t]?.length ?? 0));
      at += given.length;
      const arrays = given.slice(0, island.arrays.length);
      const carried = (carriages[t] ?? []).map((c) => c.formal);
      const formal = (name: string, { type }: Value): Value => input(name, type.dtype, piece);
      const formals = {
        carried: carried.map((v, i) => formal(`piece/${i}`, v)),
        arrays: arrays.map((v, i) => formal(`piece/array${i}`, v)),
      };
      const results = computed(body, island, piece, { ...formals, levels: given.slice(arrays.length) });
      const scan = graphOf(
        'pieces',
        [...formals.carried, ...formals.arrays],
        results.map((value, i) => ({ name: `piece/next${i}`, value })),
      );
      return Op.scan([...carried, ...arrays.map(cut(tiling))], scan);
    });
  });
};

/** The graph with the large updates of its loops in pieces: for processors with caches. */
export const inPieces: (graph: Graph) => Graph = withLoop(tiled);
