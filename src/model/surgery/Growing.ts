/**
 * Models with more in them: other heads, layers in between, models joined.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Layer } from '../../layer/Definition.ts';
import type { Apply, Fn } from '../../shape/Fn.ts';
import type { AnyShape, Known, Shape } from '../../shape/Shape.ts';
import { show } from '../../shape/Shape.ts';
import type { Source } from '../Resolved.ts';
import { asLayer, type Model } from '../Wiring.ts';
import { type Any, type At, expected, nameOf, onlyOutput, type Result, type ShapeAt, typesOf } from './At.ts';
import { reveal, split } from './Reveal.ts';
import { close, open, surgeryError, type Wired } from './Wired.ts';

// -------------------------------------------------------------------------------------
// growing
// -------------------------------------------------------------------------------------

const withLayer = (w: Wired, spec: Layer<Fn>['spec'], from: Source): readonly [Wired, Source] => [
  { ...w, parts: [...w.parts, { name: undefined, spec, from: [from] }] },
  { _tag: 'Layer', index: w.parts.length },
];

/**
 * Another head: the model up to a value, and a layer (or `sequential` of several) behind it. The new layers' weights
 * begin as their initializers say, the others keep theirs. Where the shape at the cut is given the compiler checks the
 * head.
 *
 * @example
 * pipe(imagenet, Surgery.replaceHead({ at: 'avgpool', shape: [512] }, L.named('head', L.dense(5))))
 */
export const replaceHead =
  <const A extends At<AnyShape>, F extends Fn>(
    at: A,
    head: Apply<F, ShapeAt<A>> extends infer E extends string ? E : Layer<F>,
  ) =>
  <I, O>(model: Model<I, O>): Result<I, Known<Apply<F, ShapeAt<A>>>> =>
    pipe(
      open(model as Any),
      E.chain((w) => reveal(w, nameOf(at))),
      E.chain(({ wired, at: from }) =>
        pipe(
          close<I, unknown>({ ...wired, outputs: [{ name: 'output', from }] }),
          E.chain(expected(at)),
          E.chain(() => {
            const [grown, out] = withLayer(wired, (head as unknown as Layer<F>).spec, from);
            return close<I, Known<Apply<F, ShapeAt<A>>>>({ ...grown, outputs: [{ name: 'output', from: out }] });
          }),
        ),
      ),
    );

const consumers = (w: Wired, from: Source, to: Source, except: number): Wired => {
  const led = (s: Source): Source => (s._tag === from._tag && s.index === from.index ? to : s);
  return {
    ...w,
    parts: w.parts.map((p, i) => (i === except ? p : { ...p, from: p.from.map(led) })),
    outputs: w.outputs.map((o) => ({ ...o, from: led(o.from) })),
  };
};

/**
 * A layer between a value and everything that reads it: adapters, dropout, extra normalisation. The model's outputs
 * must keep their shapes. Inside an imported graph every path must go through the value; the part behind is then called
 * `NAME_after`.
 *
 * @example
 * pipe(network, Surgery.insert('dense_1', L.dropout(0.5)))
 */
export const insert =
  <F extends Fn>(at: string, layer: Layer<F>) =>
  <I, O>(model: Model<I, O>): Result<I, O> =>
    pipe(
      E.Do,
      E.bind('before', () => typesOf(model as Any)),
      E.bind('opened', () => open(model as Any)),
      E.bind('found', ({ opened }) => split(opened, at)),
      E.bind('result', ({ found: { wired, at: from } }) => {
        const [grown, out] = withLayer(wired, layer.spec, from);
        return close<I, O>(consumers(grown, from, out, grown.parts.length - 1));
      }),
      E.bind('now', ({ result }) => typesOf(result as Any)),
      E.chain(({ before, now, result }) => {
        const changed = now.findIndex((t, i) => show(t) !== show(before[i] ?? []));
        return changed < 0
          ? E.right(result)
          : E.left(
              surgeryError(
                `insert: behind '${at}' the output becomes ${show(now[changed] ?? [])}, it was ${show(before[changed] ?? [])}`,
              ),
            );
      }),
    );

// -------------------------------------------------------------------------------------
// joining
// -------------------------------------------------------------------------------------

/**
 * One model behind another. The second's layers stand in a scope of their own, `model.dense`. The compiler checks that
 * they fit.
 *
 * @example
 * pipe(encoder, Surgery.andThen(decoder))
 */
export const andThen =
  <X extends AnyShape, P extends AnyShape>(second: Model<X, P>) =>
  <I>(first: Model<I, X>): Result<I, P> =>
    pipe(
      E.Do,
      E.bind('a', () => open(first as Any)),
      E.bind('from', ({ a }) => onlyOutput(a)),
      E.chain(({ a, from }) => {
        const [grown, out] = withLayer(a, asLayer(second).spec, from);
        return close<I, P>({ ...grown, outputs: [{ name: 'output', from: out }] });
      }),
    );

type Inputs<M> = { readonly [K in keyof M]: M[K] extends Model<infer I, unknown> ? I : never };
type Outputs<M> = {
  readonly [K in keyof M as `${K & string}_output`]: M[K] extends Model<never, infer O> ? O : never;
};

/**
 * Models side by side: one model with an input of each (`a`) and an output of each (`a_output`), under the names given,
 * which also name their layers (`a.dense`).
 *
 * @example
 * Surgery.merge({ image: vision, text: language })
 */
export const merge = <M extends Readonly<Record<string, Model<never, AnyShape>>>>(
  models: M,
): Result<Inputs<M>, Outputs<M>> =>
  pipe(
    Object.entries(models),
    E.traverseArray(([name, model]) =>
      pipe(
        open(model as Any),
        E.chain((w) => {
          const [input] = w.inputs;
          return input === undefined || w.inputs.length > 1 || w.outputs.length !== 1
            ? E.left(
                surgeryError(
                  `merge: '${name}' has ${w.inputs.length} inputs and ${w.outputs.length} outputs, expected 1 and 1`,
                ),
              )
            : E.right({ name, type: input.type, spec: asLayer(model as unknown as Model<Shape, Shape>).spec });
        }),
      ),
    ),
    E.chain((parts) =>
      close<Inputs<M>, Outputs<M>>({
        inputs: parts.map(({ name, type }) => ({ name, type })),
        parts: parts.map(({ name, spec }, index) => ({ name, spec, from: [{ _tag: 'Input', index }] })),
        outputs: parts.map(({ name }, index) => ({ name: `${name}_output`, from: { _tag: 'Layer', index } })),
        carried: {},
        frozen: [],
      }),
    ),
  );
