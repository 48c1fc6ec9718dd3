/**
 * Which module of a file is which part of a model.
 *
 * By names, if they are given or are the model's own; else by order: the parts of each kind take the modules of that kind one
 * after the other, each the first whose shapes are its own. What is left over is paired in order too, so that its shapes are
 * reported.
 */
import type { Module, Part } from './Part.ts';

/** Of layers, by their names in the model: the prefix of their tensors in the file. */
export type Names = Readonly<Record<string, string>> | ((layer: string) => string);

export interface Pair {
  readonly part: Part;
  /** `undefined`: none is left. */
  readonly target: string | undefined;
}

const own = (part: Part): string => part.id;

export const nameIn = (names: Names | undefined, part: Part, otherwise: (part: Part) => string = own): string => {
  if (names === undefined) return otherwise(part);
  if (typeof names === 'function') return names(part.id);
  return Object.hasOwn(names, part.id) ? (names[part.id] ?? otherwise(part)) : otherwise(part);
};

// -------------------------------------------------------------------------------------
// order
// -------------------------------------------------------------------------------------

/** `a.10` after `a.9`. */
const natural = (a: string, b: string): number => {
  const [xs, ys] = [a.split(/[./]/), b.split(/[./]/)];
  for (let i = 0; i < Math.min(xs.length, ys.length); i++) {
    const [x = '', y = ''] = [xs[i], ys[i]];
    if (x === y) continue;
    const [m, n] = [/^(.*?)(\d*)$/.exec(x), /^(.*?)(\d*)$/.exec(y)];
    if (m?.[1] === n?.[1]) return Number(m?.[2] || -1) - Number(n?.[2] || -1);
    return x < y ? -1 : 1;
  }
  return xs.length - ys.length;
};

/**
 * The order that the file has them in, which is that of the modules' creation; files whose names are sorted tell nothing, and
 * get them sorted with numbers as numbers.
 */
export const inOrder = (names: readonly string[]): readonly string[] => {
  const isSorted = names.every((name, i) => i === 0 || (names[i - 1] ?? '') <= name);
  return isSorted ? [...names].sort(natural) : names;
};

const fits = ({ entries }: Part, { shapes }: Module): boolean =>
  entries.every(({ names, shape, counter }) =>
    counter === true ? true : names.some((name) => shapes[name]?.join() === shape.join()),
  );

/** Each once. */
const byOrder = (parts: readonly Part[], modules: readonly Module[]): ReadonlyMap<Part, string> => {
  const left = new Set(modules);
  const found = new Map<Part, string>();
  const take = (part: Part, suits: (module: Module) => boolean): void => {
    if (found.has(part)) return;
    for (const module of left) {
      if (module.kind !== part.kind || !suits(module)) continue;
      found.set(part, module.target);
      left.delete(module);
      return;
    }
  };
  for (const part of parts) take(part, (module) => fits(part, module));
  for (const part of parts) take(part, () => true);
  return found;
};

/** All parts of a model, each with its module. */
export const pair = (parts: readonly Part[], modules: readonly Module[], names: Names | undefined): readonly Pair[] => {
  const there = new Set(modules.map(({ target }) => target));
  if (names !== undefined || parts.every((part) => there.has(part.id)))
    return parts.map((part) => ({ part, target: nameIn(names, part) }));
  const found = byOrder(parts, modules);
  return parts.map((part) => ({ part, target: found.get(part) }));
};
