/**
 * What a layer is: an immutable value that describes itself as plain data (`spec`), carries its function on shapes in its
 * type (`F`), and is a function on symbolic tensors.
 *
 * One value used twice in a model is one layer and shares its parameters; two equal values are two layers, and so are the copies
 * of `repeat` and one value under two names (`named`).
 *
 * Laws: `sequential` is associative and has `identity` as its unit, as far as shapes and parameters' shapes go; applying
 * a layer to a tensor is the same as putting it behind that tensor's layers in `model`.
 */
import type { Apply, Fn } from '../shape/Fn.ts';
import type { Rank } from '../shape/rules/Window.ts';
import type { AnyShape, Known } from '../shape/Shape.ts';
import type { KernelSpec } from './CoreSpec.ts';
import type { Spec } from './Spec.ts';
import type { Tensor } from './Tensor.ts';
import { applied } from './Tensor.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** `S`: what is known of the description; see `KernelLayer`. */
export interface Layer<F extends Fn, out S extends Spec = Spec> {
  /** On symbolic tensors: `pipe(x, dense(10))`, and free-form graphs. */
  <X extends AnyShape>(x: [Apply<F, X>] extends [infer E extends string] ? E : Tensor<X>): Tensor<Known<Apply<F, X>>>;
  readonly spec: S;
  /** Phantom: the function on shapes. Never present at run time. */
  readonly '~fn'?: F;
}

/** A layer with a kernel, which `weightNormalization` can take apart. */
export type KernelLayer<F extends Fn> = Layer<F, KernelSpec>;

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** A layer from its description. The type argument is a promise: that `F` is the rule of `spec`. */
export const define = <F extends Fn>(spec: Spec): Layer<F> =>
  Object.freeze(Object.assign((x: Tensor<unknown>) => applied(spec, [x]), { spec })) as Layer<F>;

export const defineKernel = <F extends Fn>(spec: KernelSpec): KernelLayer<F> => define<F>(spec) as KernelLayer<F>;

/** The type of an options argument: where C has a key that `Options` does not have, a message that names it. */
export type Only<Op extends string, C, Options> =
  Stray<Op, Exclude<keyof C, keyof Options>> extends infer E extends string ? E : C;
type Stray<Op extends string, K> = [K] extends [never] ? true : `${Op} has no option '${K & string}'`;

/** One number for all spatial axes, or one for each. */
export const perAxis = (rank: Rank, size: number | readonly number[]): readonly number[] =>
  typeof size === 'number' ? Array.from({ length: rank }, () => size) : size;
