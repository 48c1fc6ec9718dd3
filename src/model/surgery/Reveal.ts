/**
 * Finding a value of a model by name: the output of a layer, or a value inside an imported graph, which then becomes an
 * output of its layer.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Foreign } from '../../graph/Foreign.ts';
import { cut, valuesOf, withValues } from '../../onnx/import/Cut.ts';
import type { Source } from '../Resolved.ts';
import { isLayer, regraphed } from './Trim.ts';
import { type Part, type SurgeryError, surgeryError, unknown, type Wired } from './Wired.ts';

// -------------------------------------------------------------------------------------
// names
// -------------------------------------------------------------------------------------

interface Inside {
  readonly base: number;
  readonly layer: string;
  readonly graph: Foreign;
  readonly name: string;
}

/** Values inside imported graphs. */
const insides = (w: Wired): readonly Inside[] =>
  w.parts.flatMap(({ name, spec }, base) =>
    spec.op === 'imported'
      ? valuesOf(spec.graph).map((value) => ({ base, layer: name ?? spec.graph.name, graph: spec.graph, name: value }))
      : [],
  );

const layerNames = (w: Wired): readonly string[] => w.parts.flatMap((p) => (p.name === undefined ? [] : [p.name]));

/** Every name that surgery understands: inputs, layers, then values inside imported graphs. */
export const namesOf = (w: Wired): readonly string[] => [
  ...w.inputs.map((i) => i.name),
  ...new Set(layerNames(w)),
  ...insides(w).map((i) => i.name),
];

// -------------------------------------------------------------------------------------
// revealing
// -------------------------------------------------------------------------------------

export interface Revealed {
  readonly wired: Wired;
  readonly at: Source;
}

const inGraph = (w: Wired, name: string): E.Either<SurgeryError, Inside> => {
  const all = insides(w);
  const named = all.filter((i) => i.name === name || `${i.layer}:${i.name}` === name);
  // What is an input of one part is made by the part before it.
  const made = named.filter((i) => !i.graph.inputs.some((p) => p.name === i.name));
  const found = made.length > 0 ? made : named;
  const [first, second] = found;
  if (first === undefined) return E.left(unknown('layer or value', name, namesOf(w)));
  return second === undefined
    ? E.right(first)
    : E.left(
        surgeryError(
          `'${name}' is a value of ${found.map((i) => `'${i.layer}'`).join(' and ')}: say '${first.layer}:${first.name}' for the first`,
          found.map((i) => `${i.layer}:${i.name}`),
        ),
      );
};

/** The value of that name, as something that other layers can read. */
export const reveal = (w: Wired, name: string): E.Either<SurgeryError, Revealed> => {
  const layer = w.parts.findIndex((p) => p.name === name);
  if (layer >= 0) return E.right({ wired: w, at: { _tag: 'Layer', index: layer } });
  const input = w.inputs.findIndex((i) => i.name === name);
  if (input >= 0) return E.right({ wired: w, at: { _tag: 'Input', index: input } });
  return pipe(
    inGraph(w, name),
    E.chain(({ base, graph, name: value }) => {
      const output = graph.outputs.findIndex((o) => o.name === value);
      const fed = graph.inputs.findIndex((i) => i.name === value);
      const from = w.parts[base]?.from ?? [];
      const source = from[fed];
      if (source !== undefined) return E.right({ wired: w, at: source });
      if (output === 0) return E.right({ wired: w, at: { _tag: 'Layer', index: base } as const });
      const known = w.parts.findIndex(
        (p) => p.spec.op === 'importedOutput' && p.spec.output === output && isLayer(p.from[0], base),
      );
      if (known >= 0) return E.right({ wired: w, at: { _tag: 'Layer', index: known } as const });
      return pipe(
        cut({ inputs: graph.inputs.map((i) => i.name), outputs: [...graph.outputs.map((o) => o.name), value] })(graph),
        E.mapLeft((e) => surgeryError(e.message)),
        E.map((wider) => {
          const spec = { op: 'importedOutput', graph: wider, output: graph.outputs.length } as const;
          const part: Part = { name: undefined, spec, from: [{ _tag: 'Layer', index: base }, ...from] };
          const widened = regraphed(w, base, wider, (k) => k);
          const at = { _tag: 'Layer', index: w.parts.length } as const;
          return { wired: { ...widened, parts: [...widened.parts, part] }, at };
        }),
      );
    }),
  );
};

// -------------------------------------------------------------------------------------
// splitting
// -------------------------------------------------------------------------------------

/** The weights of an imported layer as values of its graph, so that its parts have them whatever they are called. */
const baked = (w: Wired, layer: string, graph: Foreign): E.Either<SurgeryError, Foreign> => {
  const own = Object.entries(w.carried).flatMap(([name, array]) => {
    const role = name.slice(layer.length + 1);
    return name.startsWith(`${layer}.`) && graph.roles.has(role) ? [[role, array] as const] : [];
  });
  return pipe(
    withValues(Object.fromEntries(own))(graph),
    E.mapLeft((e) => surgeryError(e.message)),
  );
};

/**
 * The value of that name, after an imported layer that has it inside is split there: the part before it keeps the
 * layer's name, the part behind it is called `NAME_after`.
 */
export const split = (w: Wired, name: string): E.Either<SurgeryError, Revealed> => {
  if (w.parts.some((p) => p.name === name) || w.inputs.some((i) => i.name === name)) return reveal(w, name);
  return pipe(
    inGraph(w, name),
    E.chain(({ base, layer, graph, name: value }): E.Either<SurgeryError, Revealed> => {
      const ends = graph.outputs.map((o) => o.name);
      if (ends.includes(value) || graph.inputs.some((i) => i.name === value)) return reveal(w, name);
      return pipe(
        E.Do,
        E.bind('whole', () => baked(w, layer, graph)),
        E.bindW('before', ({ whole }) => cut({ inputs: whole.inputs.map((i) => i.name), outputs: [value] })(whole)),
        E.bindW('after', ({ whole }) => cut({ inputs: [value], outputs: ends })(whole)),
        E.mapLeft((e) => surgeryError(e.message)),
        E.map(({ before, after }) => {
          const place = w.parts.length;
          const behind: Part = {
            name: `${layer}_after`,
            spec: { op: 'imported', graph: after },
            from: [{ _tag: 'Layer', index: base }],
          };
          // What read the layer reads the part behind.
          const led = (s: Source): Source => (isLayer(s, base) ? { _tag: 'Layer', index: place } : s);
          const parts = w.parts.map((p, i): Part => {
            if (i === base) return { ...p, spec: { op: 'imported', graph: before } };
            if (p.spec.op !== 'importedOutput' || !isLayer(p.from[0], base)) return { ...p, from: p.from.map(led) };
            const inputs: readonly Source[] = [
              { _tag: 'Layer', index: place },
              { _tag: 'Layer', index: base },
            ];
            return { ...p, spec: { ...p.spec, graph: after }, from: inputs };
          });
          const wired: Wired = {
            ...w,
            parts: [...parts, behind],
            outputs: w.outputs.map((o) => ({ ...o, from: led(o.from) })),
            carried: Object.fromEntries(Object.entries(w.carried).filter(([n]) => !n.startsWith(`${layer}.`))),
            frozen: w.frozen.flatMap((path) => (path === layer ? [path, `${layer}_after`] : [path])),
          };
          return { wired, at: { _tag: 'Layer', index: base } as const };
        }),
      );
    }),
  );
};
