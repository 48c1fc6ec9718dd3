/**
 * Which module of a file is which part of a model.
 *
 * By names, if they are given or are the model's own; else by order. The file's tree of modules is put into the order of the model's
 * layers, each module with all that is in it (see `arranged`). If that cannot be, the parts of each kind take the modules of that
 * kind one after the other, each the first whose shapes are its own; and what is left over is paired in order too, so that its
 * shapes are reported.
 */
import { arranged } from './Arrange.ts';
import { formOf, type Module, type Part, targetIn } from './Part.ts';

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

const runsOf = (name: string): readonly string[] => name.match(/[./]|\d+|[^./\d]+/g) ?? [];

const isNumber = (text: string): boolean => /^\d/.test(text);

/** `a.10` after `a.9`, and `block10_conv` after `block9_conv`. */
const natural = (a: string, b: string): number => {
  // Separators stand before everything, so that what is inside of a module stays together.
  const [xs, ys] = [runsOf(a), runsOf(b)];
  for (let i = 0; i < Math.min(xs.length, ys.length); i++) {
    const [x = '', y = ''] = [xs[i], ys[i]];
    if (x === y) continue;
    if (/[./]/.test(x) || /[./]/.test(y)) return /[./]/.test(x) ? -1 : 1;
    if (isNumber(x) && isNumber(y)) return Number(x) - Number(y) || x.length - y.length;
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

/** Each part of a kind takes the first module of that kind whose shapes are its own; what is left over, any. */
const byKind = (parts: readonly Part[], modules: readonly Module[]): ReadonlyMap<Part, string> => {
  const left = new Set(modules);
  const found = new Map<Part, string>();
  const take = (part: Part, suits: (module: Module) => string | undefined): void => {
    if (found.has(part)) return;
    for (const module of left) {
      const target = suits(module);
      if (target === undefined) continue;
      found.set(part, target);
      left.delete(module);
      return;
    }
  };
  for (const part of parts) take(part, (module) => targetIn(part, module));
  for (const part of parts) take(part, ({ kind, target }) => (kind === part.kind ? target : undefined));
  return found;
};

// -------------------------------------------------------------------------------------
// pairing
// -------------------------------------------------------------------------------------

/** All parts of a model, each with its module, in the form that it has there. */
export const pair = (parts: readonly Part[], modules: readonly Module[], names: Names | undefined): readonly Pair[] => {
  const found =
    names === undefined
      ? (arranged(parts, modules) ?? byKind(parts, modules))
      : new Map(parts.map((part) => [part, nameIn(names, part)]));
  return parts.map((part) => {
    const target = found.get(part);
    return { part: target === undefined ? part : formOf(part, target), target };
  });
};
