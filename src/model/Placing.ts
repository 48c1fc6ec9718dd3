/**
 * Where layers come to stand: the state of the walk through a model, the names that layers get, and single layers with their shapes and
 * parameters.
 */
import * as E from 'fp-ts/lib/Either.js';
import { activationName } from '../layer/Options.ts';
import type { Composite, Leaf, Spec } from '../layer/Spec.ts';
import type { NdArray } from '../shape/NdArray.ts';
import type { AnyShape } from '../shape/Shape.ts';
import { choiceError } from './Choices.ts';
import { activityError, parameterError } from './Governed.ts';
import { optionsError, outputOf, parametersOf, settled } from './Parameter.ts';
import type { ParameterSpec, PlacedLayer, Source } from './Resolved.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface ShapeError {
  readonly _tag: 'ShapeError';
  /** The layer's full name, or the input's: `backbone.conv2d_1`. */
  readonly path: string;
  /** What was expected and what came: `conv2d: kernel 5x5 is larger than input 3x3`. */
  readonly message: string;
}

/** What flows between layers; the type is undefined behind an error. */
export interface Flow {
  readonly type: AnyShape | undefined;
  readonly source: Source;
}

/** One entry into a scope of names. A scope that is entered again counts from the start: its names mean the same. */
export interface Scope {
  readonly prefix: string;
  readonly counts: Map<string, number>;
  /** Names given so far: by `named`, or automatically. */
  readonly given: Map<string, 'named' | 'automatic'>;
}

/** What the walk has gathered. It never leaves `resolve`. */
export interface Context {
  readonly layers: PlacedLayer[];
  readonly errors: ShapeError[];
  readonly first: Map<string, PlacedLayer>;
  /** The automatic names of the layer values used so far, by scope. */
  readonly instances: Map<string, Map<Spec, string>>;
  /** Values that models carry, by the parameter's full name: the outermost model's count. */
  readonly carried: Map<string, NdArray>;
  readonly frozen: Set<string>;
}

/** Layers made of others, which have no place of their own. */
export const isComposite = (spec: Spec): spec is Composite =>
  [
    'sequential',
    'residual',
    'concat',
    'merge',
    'named',
    'repeat',
    'model',
    'bidirectional',
    'timeDistributed',
  ].includes(spec.op);

// -------------------------------------------------------------------------------------
// names
// -------------------------------------------------------------------------------------

export const scope = (prefix: string): Scope => ({ prefix, counts: new Map(), given: new Map() });

const snake = (name: string): string => name.replace(/(?!^)[A-Z]/g, (c) => `_${c}`).toLowerCase();

export const baseName = (spec: Leaf): string => {
  switch (spec.op) {
    case 'activation':
      return snake(activationName(spec.activation));
    case 'custom':
      return snake(spec.layer.name);
    case 'imported':
      return spec.graph.name;
    case 'importedOutput':
      return `${spec.graph.name}_output`;
    default:
      return spec.op
        .replace('Pool', 'Pooling')
        .replace('RNN', 'Rnn')
        .replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
  }
};

export const automatic = (s: Scope, base: string): string => {
  const count = s.counts.get(base) ?? 0;
  s.counts.set(base, count + 1);
  const name = count === 0 ? base : `${base}_${count}`;
  if (s.given.has(name)) return automatic(s, base);
  s.given.set(name, 'automatic');
  return `${s.prefix}${name}`;
};

/**
 * The automatic name of a layer value: in a scope, the second use of one value is the same layer under the same name. A leaf
 * without parameters has nothing to share, so each use of it is one of its own.
 */
export const instance = (ctx: Context, s: Scope, spec: Spec, base: string): string => {
  const known = ctx.instances.get(s.prefix) ?? new Map<Spec, string>();
  ctx.instances.set(s.prefix, known);
  const name = known.get(spec);
  const shares = isComposite(spec) || name === undefined || (ctx.first.get(name)?.parameters.length ?? 0) > 0;
  if (name !== undefined && shares) return name;
  const fresh = automatic(s, base);
  known.set(spec, fresh);
  return fresh;
};

export const fail = (ctx: Context, path: string, message: string): undefined => {
  ctx.errors.push({ _tag: 'ShapeError', path, message });
};

/** The path that a user's name makes; one that cannot be used is reported and replaced. */
export const explicit = (ctx: Context, s: Scope, name: string): string => {
  const bad =
    name === '' || name.includes('.')
      ? `named: '${name}' is not a name: it must not be empty and has no dots`
      : s.given.get(name) === 'automatic'
        ? `named: '${name}' is already the automatic name of an earlier layer; choose another name`
        : undefined;
  if (bad !== undefined) {
    fail(ctx, `${s.prefix}${name}`, bad);
    return automatic(s, name);
  }
  s.given.set(name, 'named');
  return `${s.prefix}${name}`;
};

// -------------------------------------------------------------------------------------
// leaves
// -------------------------------------------------------------------------------------

export const equal = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Graphs that somebody else made are compared by identity: they hold all their weights. */
const same = (a: PlacedLayer, b: PlacedLayer): boolean =>
  'graph' in a.spec && 'graph' in b.spec
    ? a.spec.graph === b.spec.graph && a.spec.op === b.spec.op
    : equal(a.spec, b.spec);

const shapesOf = (parameters: readonly ParameterSpec[]): string =>
  parameters.map((p) => `${p.role} [${p.shape.join(',')}]`).join(', ');

/** The second use of a name must be of an equal layer with equal parameters. */
const sharingError = (before: PlacedLayer, now: PlacedLayer): string | undefined =>
  !same(before, now)
    ? `shared: '${now.name}' stands for two different layers; equal layers share parameters, others need another name`
    : !('graph' in now.spec) && !equal(before.parameters, now.parameters)
      ? `shared: '${now.name}' shares parameters, but has ${shapesOf(before.parameters)} before and ${shapesOf(now.parameters)} here`
      : undefined;

/** An error message of its own for the same leaf: a composite's. */
export type Output = (inputs: readonly AnyShape[]) => E.Either<string, AnyShape>;

export const place = (ctx: Context, name: string, spec: Leaf, from: readonly Flow[], output?: Output): Flow => {
  const index = ctx.layers.length;
  const lost: Flow = { type: undefined, source: { _tag: 'Layer', index } };
  const input = from.flatMap((f) => (f.type === undefined ? [] : [f.type]));
  const [first] = input;
  if (first === undefined || input.length < from.length) {
    const bad = optionsError(spec);
    if (bad !== undefined) fail(ctx, name, bad);
    return lost;
  }
  const choice = choiceError(spec);
  if (choice !== undefined) {
    fail(ctx, name, `${spec.op}: ${choice}`);
    return lost;
  }
  const out = (output ?? ((i: readonly AnyShape[]) => outputOf(spec, i)))(input);
  if (E.isLeft(out)) {
    fail(ctx, name, out.left);
    return lost;
  }
  const before = ctx.first.get(name);
  const layer: PlacedLayer = {
    name,
    spec: settled(spec, first),
    from: from.map((f) => f.source),
    input,
    output: out.right,
    parameters: parametersOf(spec, first, input).map((p) => ({ name: `${name}.${p.role}`, ...p })),
    shared: before !== undefined,
  };
  const misfit = activityError(spec) ?? layer.parameters.map(parameterError).find((e) => e !== undefined);
  if (misfit !== undefined) fail(ctx, name, `${spec.op}: ${misfit}`);
  const clash = before === undefined ? undefined : sharingError(before, layer);
  if (clash !== undefined) fail(ctx, name, clash);
  if (before === undefined) ctx.first.set(name, layer);
  ctx.layers.push(layer);
  return { type: out.right, source: { _tag: 'Layer', index } };
};
