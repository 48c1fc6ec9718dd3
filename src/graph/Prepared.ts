/**
 * A graph in two, for who runs it many times with the same weights: what depends on them alone is computed once.
 *
 * Law: the rest, given what the first computes, has the outputs of the whole.
 */
import { capture } from './Captured.ts';
import { type Graph, graph, input, isSame, type Output, readInputs, topological, type Value } from './Graph.ts';
import { unshaped } from './rewrite/Rewrite.ts';
import { isRandom } from './rewrite/Shared.ts';
import { substitute, substitution } from './Substitute.ts';

export interface Prepared {
  /** From the inputs that do not change to what the rest asks for, in its names. */
  readonly first: Graph;
  readonly rest: Graph;
}

const nameOf = ({ node }: Value): string => (node._tag === 'Input' ? node.name : '');

/**
 * Another shape of the same memory costs nothing: it is asked for before that. Sizes and the like are as soon computed as sent, and
 * not all types can be.
 */
const computed = (values: readonly Value[]): readonly Value[] =>
  values
    .map(unshaped)
    .filter((v) => v.node._tag === 'Operator' && v.type.dtype === 'float32')
    .filter((v, i, all) => all.findIndex((other) => isSame(other, v)) === i);

/** Each run draws numbers of its own. */
const isDrawn = (values: readonly Value[]): boolean =>
  topological(values).some((node) => node._tag === 'Operator' && isRandom(node.operator));

/** `changes`: which inputs do, by name. `undefined`: nothing is computed of the others alone. */
export const prepared =
  (changes: (name: string) => boolean) =>
  ({ name, inputs, outputs }: Graph): Prepared | undefined => {
    const [changing, same] = [inputs.filter((v) => changes(nameOf(v))), inputs.filter((v) => !changes(nameOf(v)))];
    const { inside, captured } = capture(graph(name, changing, outputs));
    const values = computed(captured);
    if (values.length === 0 || isDrawn(values) || !outputs.every((o) => inside.has(o.value.node))) return undefined;
    const pairs = values.map((v, i) => [v, input(`prepared/${i}`, v.type.dtype, v.type.shape)] as const);
    const results = substitute(substitution(pairs))(outputs.map((o) => o.value));
    const of = (name: string, inputs: readonly Value[], outputs: readonly Output[]): Graph =>
      graph(name, readInputs(inputs, outputs), outputs);
    return {
      first: of(
        `${name}/prepared`,
        same,
        pairs.map(([value, given]) => ({ name: nameOf(given), value })),
      ),
      rest: of(
        name,
        [...inputs, ...pairs.map(([, given]) => given)],
        outputs.map((o, i) => ({ ...o, value: results[i] as Value })),
      ),
    };
  };
