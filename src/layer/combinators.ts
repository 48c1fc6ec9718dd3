/**
 * Layers made of layers. None of them computes anything but `residual` (a sum), `concat` and `merge`, which join branches.
 *
 * Laws: `sequential(a, sequential(b, c))`, `sequential(sequential(a, b), c)` and `sequential(a, b, c)` have the same
 * shapes, parameters and names; so have `sequential(a)` and `a`.
 */
import type { Apply, ApplyAll, Fn, Id, Named, Seq, Then, Within } from '../shape/Fn.ts';
import type { Broadcast, ConcatOut, MergeOut } from '../shape/rules/Merge.ts';
import type { Positive } from '../shape/rules/Option.ts';
import type { Agree, Show } from '../shape/Shape.ts';
import type { Layer } from './Definition.ts';
import { define } from './Definition.ts';
import type { ElementwiseMergeSpec } from './SpatialSpec.ts';
import type { Spec } from './Spec.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Residual<F extends Fn, G extends Fn> extends Fn {
  readonly out: Broadcast<
    'residual',
    Within<'residual', Apply<F, this['in']>>,
    Within<'residual shortcut', Apply<G, this['in']>>
  >;
  readonly names: F['names'] | G['names'];
}

export interface Concat<Fs extends readonly Fn[], Ax> extends Fn {
  readonly out: ConcatOut<'concat', ApplyAll<'concat', Fs, this['in']>, Ax>;
  readonly names: Fs[number]['names'];
}

/** Branches of one input joined elementwise. */
export interface Merge<By extends string, Fs extends readonly Fn[]> extends Fn {
  readonly out: MergeOut<`merge(${By})`, By, ApplyAll<`merge(${By})`, Fs, this['in']>>;
  readonly names: Fs[number]['names'];
}

/** N times F, where F keeps the shape. */
export interface Repeat<N extends number, F extends Fn> extends Fn {
  readonly out: Positive<'repeat', 'times', N> extends infer E extends string
    ? E
    : RepeatOut<this['in'], Apply<F, this['in']>>;
  readonly names: F['names'];
}

type RepeatOut<S, T> = T extends string
  ? `repeat > ${T}`
  : Agree<T, S> extends true
    ? T
    : `repeat: the block turns ${Show<S>} into ${Show<T>}`;

type Layers<Fs extends readonly Fn[]> = { readonly [K in keyof Fs]: Layer<Fs[K]> };

const specs = (layers: readonly { readonly spec: Spec }[]): readonly Spec[] => layers.map((l) => l.spec);

// -------------------------------------------------------------------------------------
// in a row
// -------------------------------------------------------------------------------------

/**
 * One layer after the other, before the input is known: a reusable block. Makes no scope of names. Keras `Sequential`
 * without its input, PyTorch `Sequential`.
 *
 * @example
 * const block = <F extends number>(filters: F) =>
 *   sequential(conv2d({ filters, kernel: 3, padding: 'same' }), batchNormalization(), relu());
 */
export const sequential = <Fs extends readonly Fn[]>(...layers: Layers<Fs>): Layer<Seq<Fs>> =>
  define({ op: 'sequential', layers: specs(layers) });

/** `pipe(flatten(), andThen(dense(64)), andThen(relu()))`: composition for `pipe`. */
export const andThen =
  <G extends Fn>(next: Layer<G>) =>
  <F extends Fn>(first: Layer<F>): Layer<Then<F, G>> =>
    define({
      op: 'sequential',
      layers: first.spec.op === 'sequential' ? [...first.spec.layers, next.spec] : [first.spec, next.spec],
    });

/**
 * The block that many times (1 or more), each with parameters of its own; the block must keep its input's shape. Where the
 * block has named layers, all the times share their parameters.
 */
export const repeat = <const N extends number, F extends Fn>(times: N, block: Layer<F>): Layer<Repeat<N, F>> =>
  define({ op: 'repeat', times, layer: block.spec });

// -------------------------------------------------------------------------------------
// side by side
// -------------------------------------------------------------------------------------

/**
 * `body(x) + shortcut(x)`; the shortcut is the input itself by default. The two must have shapes that broadcast. He et al.
 * 2016.
 *
 * @example
 * residual(sequential(conv2d({ filters: 64, kernel: 3, padding: 'same' }), relu()), conv2d({ filters: 64, kernel: 1 }))
 */
export const residual = <F extends Fn, G extends Fn = Id>(body: Layer<F>, shortcut?: Layer<G>): Layer<Residual<F, G>> =>
  define({ op: 'residual', body: body.spec, shortcut: shortcut?.spec ?? { op: 'identity' } });

/**
 * The branches' outputs for the same input, one behind the other: on axis 1, the channels, for images `[batch, channels,
 * height, width]`, and on the last axis otherwise. See `concatOn` for another axis. Keras `Concatenate`.
 *
 * @example
 * concat(conv2d({ filters: 8, kernel: 1 }), conv2d({ filters: 8, kernel: 3, padding: 'same' }))
 */
export const concat = <Fs extends readonly Fn[]>(...branches: Layers<Fs>): Layer<Concat<Fs, undefined>> =>
  define({ op: 'concat', branches: specs(branches), axis: undefined });

/** `concat` on an axis: the batch is 0, negative ones count from the end. */
export const concatOn =
  <const Ax extends number>(axis: Ax) =>
  <Fs extends readonly Fn[]>(...branches: Layers<Fs>): Layer<Concat<Fs, Ax>> =>
    define({ op: 'concat', branches: specs(branches), axis });

/**
 * The branches' outputs for the same input joined elementwise: `'add'`, `'subtract'` (two branches), `'multiply'`, `'average'`,
 * `'maximum'` or `'minimum'`; axes of size 1 stretch. Keras `Multiply` and so on.
 *
 * @example
 * const gate = sequential(globalAveragePool2d({ keepDims: true }), conv2d({ filters: 64, kernel: 1, activation: 'sigmoid' }));
 * merge('multiply')(identity(), gate)          // squeeze and excitation
 */
export const merge =
  <const By extends ElementwiseMergeSpec['op']>(by: By) =>
  <Fs extends readonly Fn[]>(...branches: Layers<Fs>): Layer<Merge<By, Fs>> =>
    define({ op: 'merge', by, branches: specs(branches) });

// -------------------------------------------------------------------------------------
// names
// -------------------------------------------------------------------------------------

/**
 * Gives a layer a name, by which its parameters are saved, frozen and shared. A single layer is called so itself
 * (`named('head', dense(10))`: `head.kernel`); around several it makes a scope (`named('backbone', sequential(...))`:
 * `backbone.conv2d.kernel`). The same name twice in a model means the same parameters. Names have no dots.
 */
export const named = <const N extends string, F extends Fn>(name: N, layer: Layer<F>): Layer<Named<N, F>> =>
  define({ op: 'named', name, layer: layer.spec });
