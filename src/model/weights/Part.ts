/**
 * A model's parameters as tensors of another library: which tensors there are, and where each of their numbers lies in ours.
 */
import { sizeOf, stridesOf } from '../../shape/Strided.ts';
import type { ParameterSpec, PlacedLayer } from '../Resolved.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Consecutive numbers of a tensor of theirs, and where they lie in a parameter of ours. */
export interface Piece {
  /** Full name of our parameter. */
  readonly parameter: string;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly start: number;
}

/** A tensor of theirs. What several entries say of one parameter is added up when it is read. */
export interface Entry {
  /** Within the module; the first is written, any of them is read. */
  readonly names: readonly [string, ...string[]];
  readonly shape: readonly number[];
  readonly pieces: readonly Piece[];
  /** Written as zeros: another entry has it all. */
  readonly zeros?: boolean;
  /** Need not be there, and says nothing about ours: a counter, in int64. */
  readonly counter?: boolean;
}

/** What is one module there. Only modules of the same kind are paired. */
export interface Part {
  /** The layer's name in the model, or of what it is a part of: the key of a map of names. */
  readonly id: string;
  readonly kind: string;
  readonly entries: readonly Entry[];
  /**
   * What else it may be there: of another kind, and with a first tensor whose shape differs from the entry's by axes of
   * size 1. A target says so by that shape: `fc1#64x32`.
   */
  readonly otherwise?: { readonly kind: string; readonly entries: readonly Entry[] };
  /** Why the other library has no such thing. */
  readonly fault?: string;
}

/** A module of theirs, found in a file. */
export interface Module {
  readonly target: string;
  readonly kind: string;
  /** By the names within the module. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}

// -------------------------------------------------------------------------------------
// forms
// -------------------------------------------------------------------------------------

/** The part as a target says that the other library has it. */
export const formOf = (part: Part, target: string): Part => {
  const { otherwise } = part;
  const said = /#(\d+(?:x\d+)*)$/.exec(target)?.[1]?.split('x').map(Number);
  const [first, ...rest] = otherwise?.entries ?? [];
  if (otherwise === undefined || said === undefined || first === undefined) return part;
  const shape = sizeOf(said) === sizeOf(first.shape) ? said : first.shape;
  return { ...part, kind: otherwise.kind, entries: [{ ...first, shape }, ...rest] };
};

/** The target under which a module is this part, if its shapes are. */
export const targetIn = (part: Part, { target, kind, shapes }: Module): string | undefined => {
  const has = (entries: readonly Entry[], equal: (a: readonly number[], b: readonly number[], i: number) => boolean) =>
    entries.every(({ names, shape, counter }, i) =>
      counter === true ? true : names.some((name) => shapes[name] !== undefined && equal(shapes[name], shape, i)),
    );
  const { otherwise } = part;
  if (kind === part.kind && has(part.entries, isSame)) return target;
  if (otherwise?.kind !== kind || !has(otherwise.entries, (a, b, i) => (i === 0 ? isNearly : isSame)(a, b)))
    return undefined;
  const own = otherwise.entries[0]?.names.find((name) => shapes[name] !== undefined);
  return `${target}#${(shapes[own ?? ''] ?? []).join('x')}`;
};

const isSame = (a: readonly number[], b: readonly number[]): boolean => a.join() === b.join();

/** But for axes of size 1. */
const isNearly = (a: readonly number[], b: readonly number[]): boolean =>
  isSame(
    a.filter((d) => d !== 1),
    b.filter((d) => d !== 1),
  );

// -------------------------------------------------------------------------------------
// entries
// -------------------------------------------------------------------------------------

export const find = ({ parameters }: PlacedLayer, role: string): ParameterSpec | undefined =>
  parameters.find((p) => p.role === role);

/** The numbers in the order of ours. */
export const whole = (p: ParameterSpec): Piece => ({
  parameter: p.name,
  shape: p.shape,
  strides: stridesOf(p.shape),
  start: 0,
});

/** First seen in the shape `view`, then with its axes in another order. */
export const arranged = (p: ParameterSpec, view: readonly number[], axes: readonly number[]): Piece => {
  const strides = stridesOf(view);
  return {
    parameter: p.name,
    shape: axes.map((a) => view[a] ?? 1),
    strides: axes.map((a) => strides[a] ?? 0),
    start: 0,
  };
};

export const entry = (
  name: string | readonly [string, ...string[]],
  shape: readonly number[],
  ...pieces: readonly Piece[]
): Entry => ({ names: typeof name === 'string' ? [name] : name, shape, pieces });

/** As ours. */
export const same = (name: string, p: ParameterSpec | undefined, shape = p?.shape ?? []): readonly Entry[] =>
  p === undefined ? [] : [entry(name, shape, whole(p))];

/** A matrix with rows and columns exchanged; ours may have more axes than two, of which the first `rows` are its rows. */
export const turned = (p: ParameterSpec, rows: number): Piece => {
  const view = [sizeOf(p.shape.slice(0, rows)), sizeOf(p.shape.slice(rows))];
  return arranged(p, view, [1, 0]);
};
