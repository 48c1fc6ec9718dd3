/**
 * Models: layers applied to inputs, as immutable values whose input and output shapes the compiler knows.
 *
 * `model(input, ...layers)` is a chain, `graph(inputs, wire)` any wiring with one or several inputs and outputs. Nothing is
 * computed and nothing is checked at run time before `resolve`: shapes that the compiler could not know are reported
 * there.
 */
import type { Layer } from '../layer/Definition.ts';
import { define } from '../layer/Definition.ts';
import type { ModelSpec, Spec } from '../layer/Spec.ts';
import type { Input, Tensor } from '../layer/Tensor.ts';
import { applied, inputNamed } from '../layer/Tensor.ts';
import type { Done, Fixed, Fn, Fold } from '../shape/Fn.ts';
import type { AnyShape, Batched, Known, Shape } from '../shape/Shape.ts';
import { batched } from '../shape/Shape.ts';

export type { Grouping } from './Grouping.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/**
 * `I` and `O`: the shape of the input and of the output, `'batch'` included, or a record of shapes. Contravariant in `I`,
 * covariant in `O`.
 */
export interface Model<in I, out O> {
  readonly _tag: 'Model';
  readonly spec: ModelSpec;
  /** Phantoms: never present at run time. */
  readonly '~input'?: (input: I) => void;
  readonly '~output'?: O;
}

/** A model with named parameter groups: `Model<I, O> & Groups<'backbone' | 'head'>`. */
export interface Groups<P extends string> {
  /** Phantom: never present at run time. See `groups`. */
  readonly '~groups': (group: P) => void;
}

type Grouped<M, P extends string> = [P] extends [never] ? M : string extends P ? M : M & Groups<P>;

/** The names of a model's parameter groups, as the compiler knows them; `string` when it does not. */
export type GroupsOf<M> = M extends { readonly '~groups': (group: infer P extends string) => void } ? P : string;

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const wired = <M>(spec: ModelSpec): M => ({ _tag: 'Model', spec }) as M;

const chain = (x: Tensor<unknown>, layers: readonly unknown[]): Tensor<unknown> =>
  (layers as readonly { readonly spec: Spec }[]).reduce<Tensor<unknown>>((t, l) => applied(l.spec, [t]), x);

/**
 * Layers applied to an input: the place where shapes are checked, layer by layer, by the compiler. Keras `Sequential`.
 *
 * @example
 * model(input([784]), dense(128, { activation: 'relu' }), dense(10))     // Model<['batch', 784], ['batch', 10]>
 */
export const model = <I extends AnyShape, Fs extends readonly Fn[]>(
  x: Input<I>,
  ...layers: Fold<I, Fs> extends infer E extends readonly unknown[] ? E : { readonly [K in keyof Fs]: Layer<Fs[K]> }
): Fold<I, Fs> extends Done<infer O> ? Grouped<Model<I, O>, Fs[number]['names']> : Model<I, Shape> =>
  wired({
    inputs: [{ name: x.expression.name, type: x.expression.type }],
    outputs: [{ name: 'output', from: chain(x, layers).expression }],
  });

type Inputs<I> = I extends AnyShape ? Tensor<Batched<I>> : { -readonly [K in keyof I]: Tensor<Batched<I[K]>> };
type ShapeOf<T> =
  T extends Tensor<infer S> ? S : { -readonly [K in keyof T]: T[K] extends Tensor<infer S> ? S : never };
type ShapeRecord = { readonly [name: string]: AnyShape };
type TensorRecord = { readonly [name: string]: Tensor<AnyShape> };

const isShape = (inputs: AnyShape | ShapeRecord): inputs is AnyShape =>
  Array.isArray(inputs) || (Object.keys(inputs).length === 1 && Array.isArray((inputs as { int?: unknown }).int));

const isTensor = (t: Tensor<AnyShape> | TensorRecord): t is Tensor<AnyShape> => t._tag === 'Tensor';

/**
 * Any wiring: `wire` gets the inputs as symbolic tensors and gives the outputs, one or a record of them. Shapes are those of
 * one sample. It is called once, here; equal graphs are equal values. Keras's functional API.
 *
 * (A record of inputs whose only key is `int` is taken for the integer shape that it looks like.)
 *
 * @example
 * graph({ a: [8], b: [8] }, ({ a, b }) => ({ sum: add(a, b), code: dense(4)(a) }))
 */
export const graph = <const I extends AnyShape | ShapeRecord, O extends Tensor<AnyShape> | TensorRecord>(
  inputs: I,
  wire: (x: Inputs<I>) => O,
): Model<ShapeOf<Inputs<I>>, ShapeOf<O>> => {
  const named = (isShape(inputs) ? [['input', inputs] as const] : Object.entries<AnyShape>(inputs)).map(
    ([name, shape]) => inputNamed<AnyShape>(name, batched(shape)),
  );
  const x = isShape(inputs) ? named[0] : Object.fromEntries(named.map((t) => [t.expression.name, t]));
  const out = wire(x as Inputs<I>);
  const outputs = isTensor(out) ? [['output', out] as const] : Object.entries(out);
  return wired({
    inputs: named.map(({ expression: { name, type } }) => ({ name, type })),
    outputs: outputs.map(([name, t]) => ({ name, from: t.expression })),
  });
};

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

/**
 * Layers applied to a tensor inside a graph. `pipe` works too, with longer messages and at most 19 layers.
 *
 * @example
 * graph([8], (x) => through(add(dense(8)(x), x), relu(), dense(3)))
 */
export const through = <S extends AnyShape, Fs extends readonly Fn[]>(
  x: Tensor<S>,
  ...layers: Fold<S, Fs> extends infer E extends readonly unknown[] ? E : { readonly [K in keyof Fs]: Layer<Fs[K]> }
): Tensor<Fold<S, Fs> extends Done<infer O> ? Known<O> : Shape> =>
  chain(x, layers) as Tensor<Fold<S, Fs> extends Done<infer O> ? Known<O> : Shape>;

/**
 * A model with one input and one output is a layer again: transfer learning, shared encoders. Its parameters stand in a
 * scope of its own: `model.dense.kernel`, or under the name that `named` gives it.
 */
export const asLayer = <I extends AnyShape, O extends AnyShape>(m: Model<I, O>): Layer<Fixed<I, O>> =>
  define({ op: 'model', model: m.spec });

// -------------------------------------------------------------------------------------
// destructors
// -------------------------------------------------------------------------------------

const below = (prefix: string, spec: Spec): readonly string[] => {
  switch (spec.op) {
    case 'named': {
      const name = `${prefix}${spec.name}`;
      return [name, ...below(`${name}.`, spec.layer)];
    }
    case 'sequential':
      return spec.layers.flatMap((s) => below(prefix, s));
    case 'residual':
      return [...below(prefix, spec.body), ...below(prefix, spec.shortcut)];
    case 'concat':
    case 'merge':
      return spec.branches.flatMap((s) => below(prefix, s));
    case 'repeat':
    case 'timeDistributed':
      return below(prefix, spec.layer);
    default:
      return [];
  }
};

/** The paths of a model's named groups, in order: `['backbone', 'backbone.stem', 'head']`. */
export const groups = (m: Model<never, unknown>): readonly string[] => {
  const seen = new Set<unknown>();
  const found = new Set<string>();
  const open = m.spec.outputs.map((o) => o.from).reverse();
  const applications: Spec[] = [];
  for (let e = open.pop(); e !== undefined; e = open.pop()) {
    if (seen.has(e) || e._tag === 'Input') continue;
    seen.add(e);
    applications.push(e.spec);
    open.push(...e.to);
  }
  for (const spec of applications.reverse()) for (const name of below('', spec)) found.add(name);
  return [...found];
};
