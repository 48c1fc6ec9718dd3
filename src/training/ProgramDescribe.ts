/** What a program will do: in words, and as a diagram. Part of `Program.ts`. */
import { lengthInWords, type Modifier, modifierInWords, type Node, type Program } from './ProgramModel.ts';

const indent = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`);

const numbered = (all: readonly (readonly string[])[]): readonly string[] =>
  all.flatMap(([first = '', ...rest], i) => [`${i + 1}. ${first}`, ...rest.map((line) => `   ${line}`)]);

/** Modifiers one around the other, the outermost first, and what is inside. */
const around = (
  node: Node,
  outside: readonly Modifier[] = [],
): { readonly modifiers: readonly Modifier[]; readonly inside: Node } =>
  node._tag === 'With' ? around(node.node, [...outside, node.modifier]) : { modifiers: outside, inside: node };

const lines = (node: Node): readonly string[] => {
  const { modifiers, inside } = around(node);
  const said = modifiers.map(modifierInWords).join('; ');
  switch (inside._tag) {
    case 'With':
    case 'Part':
      return [[inside._tag === 'Part' ? lengthInWords(inside.length) : '', said].filter((s) => s !== '').join('; ')];
    case 'Sequence': {
      const all = numbered(inside.nodes.map(lines));
      if (inside.nodes.length === 0) return ['nothing'];
      return said === '' ? all : [`with ${said}:`, ...indent(all)];
    }
    case 'Repeat':
      return [`${inside.times} times${said === '' ? '' : `, with ${said}`}:`, ...indent(lines(inside.node))];
  }
};

/**
 * The program in words, a line for each part, as it was written.
 *
 * @example
 * P.describe(P.sequence(pipe(P.epochs(5), P.freeze('backbone')), pipe(P.epochs(20), P.withLearningRate(1e-5))))
 * // 1. 5 epochs; backbone frozen
 * // 2. 20 epochs; learning rate 0.00001
 */
export const describe = <U, R, M extends string>({ node }: Program<U, R, M>): string => lines(node).join('\n');

// -------------------------------------------------------------------------------------
// diagram
// -------------------------------------------------------------------------------------

/** What Mermaid would take for markup. */
const escaped = (text: string): string => text.replace(/["<>#&]/g, (c) => `#${c.charCodeAt(0)};`);

interface Drawn {
  readonly lines: readonly string[];
  /** The first and the last box; `undefined` if there is none. */
  readonly ends: readonly [string, string] | undefined;
}

const joined = (all: readonly Drawn[]): Drawn => {
  const ends = all.flatMap((d) => (d.ends === undefined ? [] : [d.ends]));
  const arrows = ends.slice(1).map(([to], i) => `${ends[i]?.[1]} --> ${to}`);
  const [first, last] = [ends[0], ends.at(-1)];
  return {
    lines: [...all.flatMap((d) => d.lines), ...arrows],
    ends: first === undefined || last === undefined ? undefined : [first[0], last[1]],
  };
};

/** `path` makes names of boxes. */
const draw = (node: Node, path: string): Drawn => {
  const { modifiers, inside } = around(node);
  const said = modifiers.map(modifierInWords);
  const framed = (title: string, drawn: Drawn): Drawn =>
    drawn.ends === undefined
      ? drawn
      : { ends: drawn.ends, lines: [`subgraph ${path}["${escaped(title)}"]`, ...indent(drawn.lines), 'end'] };
  switch (inside._tag) {
    case 'With':
    case 'Part': {
      const text = [...(inside._tag === 'Part' ? [lengthInWords(inside.length)] : []), ...said].map(escaped);
      return { lines: [`${path}["${text.join('<br/>')}"]`], ends: [path, path] };
    }
    case 'Sequence': {
      const all = joined(inside.nodes.map((one, i) => draw(one, `${path}_${i + 1}`)));
      return said.length === 0 ? all : framed(said.join('; '), all);
    }
    case 'Repeat':
      return framed([`${inside.times} times`, ...said].join('; '), draw(inside.node, `${path}_0`));
  }
};

/** The program as a Mermaid flow chart: boxes are parts, frames are repetitions and modifiers of several parts. */
export const diagram = <U, R, M extends string>({ node }: Program<U, R, M>): string =>
  ['flowchart TD', ...indent(draw(node, 'p').lines)].join('\n');
