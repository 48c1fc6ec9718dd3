/**
 * A file's modules in the order of a model's parts.
 *
 * Files of the package safetensors have their tensors sorted by name, so nothing tells in which order the modules of a module
 * stand: `denseblock2` before `transition1`, `branch3x3` before `branch5x5`. But each is a piece of the whole: the parts that belong
 * to it are consecutive in the model. So the children of each module are tried in all orders, the file's first, until every
 * part stands at a module of its kind and shapes. Children that are built alike stay in the file's order.
 */
import { type Module, type Part, targetIn } from './Part.ts';

// -------------------------------------------------------------------------------------
// trees
// -------------------------------------------------------------------------------------

interface Tree {
  /** Undefined: a module of modules. */
  readonly module?: Module;
  readonly children: readonly Tree[];
  /** How many modules are in it. */
  readonly size: number;
  /** Equal for what is built alike. */
  readonly form: string;
}

const leaf = (module: Module): Tree => ({
  module,
  children: [],
  size: 1,
  form: `${module.kind} ${JSON.stringify(module.shapes)}`,
});

/** `#` and what follows is of the module itself: a layer of an LSTM. */
const pathOf = ({ target }: Module): readonly string[] =>
  target
    .replace(/#.*$/, '')
    .split(/[./]/)
    .filter((name) => name !== '');

const node = (children: readonly Tree[]): Tree => {
  const [only] = children;
  return children.length === 1 && only !== undefined
    ? only
    : {
        children,
        size: children.reduce((n, c) => n + c.size, 0),
        form: `(${children.map((c) => c.form).join()})`,
      };
};

interface Placed {
  readonly path: readonly string[];
  readonly module: Module;
}

const treeOf = (placed: readonly Placed[], depth = 0): Tree => {
  const groups = new Map<string, Placed[]>();
  placed.forEach((p, i) => {
    const name = p.path[depth];
    const key = name === undefined ? `${i}` : `.${name}`;
    const group = groups.get(key) ?? [];
    group.push(p);
    groups.set(key, group);
  });
  return node(
    [...groups].map(([key, group]) =>
      key.startsWith('.') ? treeOf(group, depth + 1) : node(group.map(({ module }) => leaf(module))),
    ),
  );
};

// -------------------------------------------------------------------------------------
// order
// -------------------------------------------------------------------------------------

/** Most places that are tried: far more than a file of a known architecture takes, and a moment. */
const TRIALS = 200_000;

/** The target of each part, if the modules can be put into the parts' order. */
export const arranged = (parts: readonly Part[], modules: readonly Module[]): ReadonlyMap<Part, string> | undefined => {
  if (parts.length !== modules.length) return undefined;
  const results = new Map<Tree, Map<number, readonly string[] | undefined>>();
  let trials = 0;

  const place = (tree: Tree, at: number): readonly string[] | undefined => {
    const known = results.get(tree) ?? new Map<number, readonly string[] | undefined>();
    results.set(tree, known);
    if (known.has(at)) return known.get(at);
    const result = tree.module === undefined ? order(tree.children, at) : single(tree.module, at);
    known.set(at, result);
    return result;
  };

  const single = (module: Module, at: number): readonly string[] | undefined => {
    const part = parts[at];
    const target = part === undefined || ++trials > TRIALS ? undefined : targetIn(part, module);
    return target === undefined ? undefined : [target];
  };

  /** A search with the places so far on a stack: there may be thousands of children. */
  const order = (children: readonly Tree[], start: number): readonly string[] | undefined => {
    const free = children.map(() => true);
    const taken: { readonly child: number; readonly targets: readonly string[]; readonly at: number }[] = [];
    let at = start;
    let from = 0;
    const tried: Set<string>[] = [new Set()];
    while (taken.length < children.length) {
      const seen = tried[taken.length] ?? new Set<string>();
      tried[taken.length] = seen;
      let next: { readonly child: number; readonly targets: readonly string[] } | undefined;
      for (let i = from; i < children.length && next === undefined; i++) {
        const child = children[i];
        if (child === undefined || free[i] !== true || seen.has(child.form)) continue;
        seen.add(child.form);
        const targets = place(child, at);
        if (targets !== undefined) next = { child: i, targets };
      }
      if (next !== undefined) {
        taken.push({ ...next, at });
        free[next.child] = false;
        at += children[next.child]?.size ?? 0;
        from = 0;
        tried[taken.length] = new Set();
        continue;
      }
      const last = taken.pop();
      if (last === undefined || trials > TRIALS) return undefined;
      free[last.child] = true;
      at = last.at;
      from = 0;
    }
    return taken.flatMap(({ targets }) => targets);
  };

  const targets = place(treeOf(modules.map((module) => ({ path: pathOf(module), module }))), 0);
  return targets === undefined
    ? undefined
    : new Map(parts.flatMap((part, i) => (targets[i] === undefined ? [] : [[part, targets[i]] as const])));
};
