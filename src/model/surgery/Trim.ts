/**
 * Without what no output needs: layers, and the insides of imported graphs.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Foreign } from '../../graph/Foreign.ts';
import { cut } from '../../onnx/import/Cut.ts';
import type { ImportError } from '../../onnx/import/ImportError.ts';
import type { Source } from '../Resolved.ts';
import type { Part, Wired } from './Part.ts';

/** Which layers the outputs need. */
const neededBy = ({ parts, outputs }: Wired): ReadonlySet<number> => {
  const needed = new Set<number>();
  const open = outputs.map((o) => o.from);
  for (let s = open.pop(); s !== undefined; s = open.pop()) {
    if (s._tag === 'Input' || needed.has(s.index)) continue;
    needed.add(s.index);
    open.push(...(parts[s.index]?.from ?? []));
  }
  return needed;
};

/** Only the parts that stay, in their order. */
const selected = (w: Wired, stays: (index: number) => boolean): Wired => {
  const place = new Map<number, number>();
  w.parts.forEach((_, i) => {
    if (stays(i)) place.set(i, place.size);
  });
  const moved = (s: Source): Source => (s._tag === 'Input' ? s : { ...s, index: place.get(s.index) ?? s.index });
  return {
    ...w,
    parts: w.parts.flatMap((p, i) => (stays(i) ? [{ ...p, from: p.from.map(moved) }] : [])),
    outputs: w.outputs.map((o) => ({ ...o, from: moved(o.from) })),
  };
};

/** Imported layers that are needed only for another of their outputs give that one first. */
const narrowed = (w: Wired): E.Either<ImportError, Wired> => {
  const needed = neededBy(w);
  let result = w;
  for (const [base, part] of w.parts.entries()) {
    if (part.spec.op !== 'imported' || !needed.has(base)) continue;
    const { graph } = part.spec;
    const apart = w.parts.flatMap((p, i) =>
      p.spec.op === 'importedOutput' && needed.has(i) && isLayer(p.from[0], base)
        ? [{ index: i, output: p.spec.output }]
        : [],
    );
    const direct =
      w.outputs.some((o) => isLayer(o.from, base)) ||
      w.parts.some((p, i) => needed.has(i) && p.spec.op !== 'importedOutput' && p.from.some((s) => isLayer(s, base)));
    const used = [...new Set([...(direct ? [0] : []), ...apart.map((a) => a.output)])].sort((a, b) => a - b);
    if (used.length === graph.outputs.length) continue;
    const smaller = cut({
      inputs: graph.inputs.map((i) => i.name),
      outputs: used.flatMap((k) => graph.outputs[k]?.name ?? []),
    })(graph);
    if (E.isLeft(smaller)) return smaller;
    result = regraphed(result, base, smaller.right, (k) => used.indexOf(k));
  }
  return E.right(result);
};

export const isLayer = (s: Source | undefined, index: number): boolean => s?._tag === 'Layer' && s.index === index;

/**
 * An imported layer with another graph; `place` says where its outputs are now. What is the first output is the layer
 * itself.
 */
export const regraphed = (w: Wired, base: number, graph: Foreign, place: (output: number) => number): Wired => {
  const first = new Set<number>();
  const parts = w.parts.map((p, i): Part => {
    if (i === base) return { ...p, spec: { op: 'imported', graph } };
    if (p.spec.op !== 'importedOutput' || !isLayer(p.from[0], base)) return p;
    const output = place(p.spec.output);
    if (output === 0) first.add(i);
    return { ...p, spec: { ...p.spec, graph, output: Math.max(1, output) } };
  });
  const led = (s: Source): Source => (s._tag === 'Layer' && first.has(s.index) ? { _tag: 'Layer', index: base } : s);
  return {
    ...w,
    parts: parts.map((p) => ({ ...p, from: p.from.map(led) })),
    outputs: w.outputs.map((o) => ({ ...o, from: led(o.from) })),
  };
};

export const trimmed = (w: Wired): E.Either<ImportError, Wired> =>
  pipe(
    narrowed(w),
    E.map((n) => {
      const needed = neededBy(n);
      return selected(n, (i) => needed.has(i));
    }),
  );
