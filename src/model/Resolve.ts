/**
 * From a model to a checked one: layers flattened in topological order, named, with shapes and parameters.
 *
 * Shape errors accumulate: each is reported once, where it arises, and what follows it is of unknown shape and silent.
 *
 * Names. A layer is called after its Keras class in snake case, counted for each scope in order of application: `dense`,
 * `dense_1`. `named` around a single layer names it, around several it opens a scope: `backbone.conv2d`. A model used as
 * a layer is a scope as well. The same path of names, used again, means the same parameters; without a name, one layer value used
 * again in a scope is the same layer, and equal values are different ones.
 *
 * Law: equal models have equal results.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { NonEmptyArray } from 'fp-ts/lib/NonEmptyArray.js';
import type { RecurrentSpec } from '../layer/SequenceSpec.ts';
import type { Expression, ModelSpec, Spec } from '../layer/Spec.ts';
import { axisOf } from '../shape/rules/Elementwise.ts';
import { concat } from '../shape/rules/Merge.ts';
import { positive, sizes } from '../shape/rules/Option.ts';
import { agree, dims, show } from '../shape/Shape.ts';
import { beginningWith } from './Imported.ts';
import { outputOf } from './Parameter.ts';
import {
  automatic,
  baseName,
  type Context,
  equal,
  explicit,
  type Flow,
  fail,
  instance,
  isComposite,
  place,
  type Scope,
  type ShapeError,
  scope,
} from './Placing.ts';
import type { PlacedLayer, Resolved } from './Resolved.ts';
import type { Model } from './Wiring.ts';

export type { ShapeError } from './Placing.ts';

// -------------------------------------------------------------------------------------
// composites
// -------------------------------------------------------------------------------------

/** What runs in both directions. */
const recurrents: readonly string[] = ['simpleRNN', 'lstm', 'gru'] satisfies readonly RecurrentSpec['op'][];

/** Names around a single leaf. */
const isLeafBelow = (spec: Spec): boolean => (spec.op === 'named' ? isLeafBelow(spec.layer) : !isComposite(spec));

/** A branch that is the input itself leaves no layer behind. */
const branch = (ctx: Context, s: Scope, spec: Spec, x: Flow): Flow =>
  spec.op === 'identity' ? x : apply(ctx, s, spec, [x]);

/** Layers that join what their composite made. */
const joined = (ctx: Context, s: Scope, op: string, axis: number | undefined, from: readonly Flow[]): Flow => {
  const rule = concat(op, axis);
  const type = from[0]?.type;
  // Behind an error the axis does not matter: the layer is not placed.
  const at = type === undefined ? undefined : axisOf(axis, dims(type));
  return place(ctx, automatic(s, 'concatenate'), { op: 'concatenate', axis: at ?? 1 }, from, rule);
};

const apply = (ctx: Context, s: Scope, spec: Spec, to: readonly Flow[]): Flow => {
  if (!isComposite(spec)) return place(ctx, instance(ctx, s, spec, baseName(spec)), spec, to);
  const [x] = to;
  const joins = spec.op === 'concat' && spec.branches.length === 0 && to.length > 1;
  // A name round a layer with several inputs (attention) is not in their way.
  const leaf = spec.op === 'named' && isLeafBelow(spec);
  if (x === undefined || (to.length > 1 && !joins && !leaf)) {
    fail(ctx, `${s.prefix}${spec.op}`, `${spec.op}: expects 1 input, got ${to.length}`);
    return x ?? { type: undefined, source: { _tag: 'Input', index: 0 } };
  }
  switch (spec.op) {
    case 'sequential':
      return spec.layers.reduce((flow, layer) => apply(ctx, s, layer, [flow]), x);
    case 'residual': {
      const flows = [branch(ctx, s, spec.body, x), branch(ctx, s, spec.shortcut, x)];
      return place(ctx, automatic(s, 'add'), { op: 'add' }, flows, (inputs) =>
        E.mapLeft((m: string) => m.replace(/^add:/, 'residual:'))(outputOf({ op: 'add' }, inputs)),
      );
    }
    case 'concat': {
      if (joins) return joined(ctx, s, 'concatenate', spec.axis, to);
      const flows = spec.branches.map((b) => branch(ctx, s, b, x));
      if (flows.length > 0) return joined(ctx, s, 'concat', spec.axis, flows);
      fail(ctx, `${s.prefix}concat`, 'concat: expects at least one branch');
      return { ...x, type: undefined };
    }
    case 'merge': {
      const flows = spec.branches.map((b) => branch(ctx, s, b, x));
      if (flows.length === 0) {
        const wanted = spec.by === 'subtract' ? '2 inputs' : '2 inputs or more';
        fail(ctx, `${s.prefix}${spec.by}`, `merge(${spec.by}): expects ${wanted}, got 0`);
        return { ...x, type: undefined };
      }
      return place(ctx, automatic(s, spec.by), { op: spec.by }, flows, (inputs) =>
        E.mapLeft((m: string) => m.replace(spec.by, `merge(${spec.by})`))(outputOf({ op: spec.by }, inputs)),
      );
    }
    case 'named': {
      const path = explicit(ctx, s, spec.name);
      return isComposite(spec.layer)
        ? spec.layer.op === 'model'
          ? nested(ctx, scope(`${path}.`), spec.layer.model, path, x)
          : apply(ctx, scope(`${path}.`), spec.layer, leaf ? to : [x])
        : place(ctx, path, spec.layer, to);
    }
    case 'repeat': {
      const bad = positive('repeat', 'times', spec.times);
      if (bad !== undefined) {
        fail(ctx, `${s.prefix}repeat`, bad);
        return { ...x, type: undefined };
      }
      return Array.from({ length: spec.times }).reduce<Flow>((flow) => {
        // Each copy is a layer of its own.
        const next = apply({ ...ctx, instances: new Map() }, s, spec.layer, [flow]);
        if (flow.type === undefined || next.type === undefined || agree(next.type, flow.type)) return next;
        fail(ctx, `${s.prefix}repeat`, `repeat: the block turns ${show(flow.type)} into ${show(next.type)}`);
        return { ...next, type: undefined };
      }, x);
    }
    case 'bidirectional': {
      const path = instance(ctx, s, spec, 'bidirectional');
      const { backward = spec.layer } = spec;
      const other = [spec.layer, backward].find(({ op }) => !recurrents.includes(op));
      if (other !== undefined) {
        fail(ctx, path, `bidirectional: expects one of ${recurrents.join(', ')}, got ${other.op}`);
        return { ...x, type: undefined };
      }
      const inner = { ...spec.layer, zeroOutputForMask: spec.layer.returnSequences };
      const back = { ...backward, zeroOutputForMask: inner.zeroOutputForMask, goBackwards: !inner.goBackwards };
      const flows = [inner, back].map((l, i) =>
        place(ctx, `${path}.${i === 0 ? 'forward' : 'backward'}_${baseName(l)}`, l, [x]),
      );
      return place(ctx, path, { op: 'mergeDirections', mode: spec.mode, sequences: inner.returnSequences }, flows);
    }
    case 'timeDistributed': {
      const path = instance(ctx, s, spec, 'time_distributed');
      const folded = place(ctx, `${path}.fold_time`, { op: 'foldTime' }, [x]);
      const each = apply(ctx, scope(`${path}.`), spec.layer, [folded]);
      return place(ctx, path, { op: 'unfoldTime' }, [each, x]);
    }
    case 'model': {
      const path = instance(ctx, s, spec, 'model');
      return nested(ctx, scope(`${path}.`), spec.model, path, x);
    }
  }
};

/** A model as a layer: one input, one output. */
const nested = (ctx: Context, s: Scope, spec: ModelSpec, path: string, x: Flow): Flow => {
  const [input, ...inputs] = spec.inputs;
  if (input === undefined || inputs.length > 0 || spec.outputs.length !== 1) {
    fail(
      ctx,
      path,
      `model: as a layer it needs 1 input and 1 output, got ${spec.inputs.length} and ${spec.outputs.length}`,
    );
    return { ...x, type: undefined };
  }
  const fits = x.type !== undefined && agree(x.type, input.type);
  if (x.type !== undefined && !fits) fail(ctx, path, `model: expects ${show(input.type)}, got ${show(x.type)}`);
  const [out] = evaluate(ctx, s, spec, [{ ...x, type: fits ? input.type : undefined }]);
  return out ?? { ...x, type: undefined };
};

// -------------------------------------------------------------------------------------
// expressions
// -------------------------------------------------------------------------------------

/** The flows of a model's outputs. Each expression is applied once, however often it is used; depth costs no stack. */
const evaluate = (ctx: Context, s: Scope, spec: ModelSpec, inputs: readonly Flow[]): readonly Flow[] => {
  const flows = new Map<Expression, Flow>();
  for (const [name, array] of Object.entries(spec.carried ?? {}))
    if (!ctx.carried.has(`${s.prefix}${name}`)) ctx.carried.set(`${s.prefix}${name}`, array);
  for (const name of spec.reserved ?? []) if (!s.given.has(name)) s.given.set(name, 'named');
  for (const path of spec.frozen ?? []) ctx.frozen.add(`${s.prefix}${path}`);
  const enter = (e: Extract<Expression, { readonly _tag: 'Input' }>): Flow => {
    const index = spec.inputs.findIndex((i) => i.name === e.name && equal(i.type, e.type));
    if (index < 0) fail(ctx, `${s.prefix}${e.name}`, `graph: ${show(e.type)} '${e.name}' is an input of another model`);
    return inputs[index] ?? { type: undefined, source: { _tag: 'Input', index: 0 } };
  };
  const open: Expression[] = spec.outputs.map((o) => o.from).reverse();
  for (let e = open.at(-1); e !== undefined; e = open.at(-1)) {
    const waiting = flows.has(e) || e._tag === 'Input' ? [] : e.to.filter((x) => !flows.has(x));
    if (waiting.length > 0) {
      open.push(...waiting.reverse());
      continue;
    }
    open.pop();
    if (flows.has(e)) continue;
    flows.set(
      e,
      e._tag === 'Input'
        ? enter(e)
        : apply(
            ctx,
            s,
            e.spec,
            e.to.flatMap((x) => flows.get(x) ?? []),
          ),
    );
  }
  return spec.outputs.flatMap((o) => flows.get(o.from) ?? []);
};

// -------------------------------------------------------------------------------------
// interpreter
// -------------------------------------------------------------------------------------

const empty = (): Pick<Context, 'carried' | 'frozen'> => ({ carried: new Map(), frozen: new Set() });

/** Layers whose parameters begin with what the models carry. What no parameter is called, or is of another shape, is an error. */
const beginning = (ctx: Context): readonly PlacedLayer[] => {
  if (ctx.carried.size === 0) return ctx.layers;
  const unused = new Set(ctx.carried.keys());
  const layers = ctx.layers.map((layer) => ({
    ...layer,
    parameters: layer.parameters.map((p) => {
      const array = ctx.carried.get(p.name);
      if (array === undefined) return p;
      unused.delete(p.name);
      if (`${array.shape}` === `${p.shape}`) return { ...p, initializer: beginningWith(array) };
      fail(ctx, p.name, `weights: ${p.name} is [${p.shape}], the model carries values of [${array.shape}]`);
      return p;
    }),
  }));
  for (const name of unused)
    fail(ctx, name, `weights: the model carries values for '${name}', which is no parameter of it`);
  return layers;
};

const resolveSpec = (spec: ModelSpec): E.Either<NonEmptyArray<ShapeError>, Resolved> => {
  const ctx: Context = { layers: [], errors: [], first: new Map(), instances: new Map(), ...empty() };
  const inputs = spec.inputs.map(({ name, type }, index): Flow => {
    const bad = sizes('input', dims(type));
    if (bad !== undefined) fail(ctx, name, bad);
    return { type: bad === undefined ? type : undefined, source: { _tag: 'Input', index } };
  });
  const outputs = evaluate(ctx, scope(''), spec, inputs);
  const layers = ctx.errors.length === 0 ? beginning(ctx) : ctx.layers;
  const [error, ...errors] = ctx.errors;
  if (error !== undefined) return E.left([error, ...errors]);
  return E.right({
    inputs: spec.inputs,
    outputs: spec.outputs.flatMap(({ name }, i) => {
      const flow = outputs[i];
      return flow?.type === undefined ? [] : [{ name, type: flow.type, from: flow.source }];
    }),
    layers,
    parameters: layers.flatMap((l) => (l.shared ? [] : l.parameters)),
    ...(ctx.carried.size === 0 ? {} : { carried: Object.fromEntries(ctx.carried) }),
    ...(ctx.frozen.size === 0 ? {} : { frozen: [...ctx.frozen] }),
  });
};

const cache = new WeakMap<ModelSpec, E.Either<NonEmptyArray<ShapeError>, Resolved>>();

/**
 * Checks a model and gives its layers, names and parameters, or all its shape errors. Computed once for each model value.
 *
 * @example
 * pipe(model(input([4]), dense(2)), resolve)     // right: one layer 'dense', parameters 'dense.kernel', 'dense.bias'
 */
export const resolve = (model: Model<never, unknown>): E.Either<NonEmptyArray<ShapeError>, Resolved> => {
  const known = cache.get(model.spec);
  if (known !== undefined) return known;
  const result = resolveSpec(model.spec);
  cache.set(model.spec, result);
  return result;
};
