/**
 * Layers of one's own: a rule for shapes (a type, and its twin on values), parameters, and what is computed, in ONNX operators.
 * Gradients, training, export, freezing and saving follow, as for any other layer.
 *
 * What a layer's functions throw is an error value all the same: a `ShapeError` from `output` and `parameters`, a `LoweringError`
 * from `lower`, with the layer's name in front.
 */
import type { Fn } from '../shape/Fn.ts';
import { elementwise } from '../shape/rules/Elementwise.ts';
import type { AnyShape, Known, Shape } from '../shape/Shape.ts';
import type { CustomLayer, CustomMerge, CustomSpec } from './CoreSpec.ts';
import type { Layer } from './Definition.ts';
import { define } from './Definition.ts';
import type { Tensor } from './Tensor.ts';
import { applied } from './Tensor.ts';

export type { CustomLayer, CustomMerge, CustomParameter, CustomResult, CustomSite, Several } from './CoreSpec.ts';

// -------------------------------------------------------------------------------------
// one input
// -------------------------------------------------------------------------------------

/** Of functions of one input, functions of the list with it. */
const ofOne = ({ output, parameters, lower, ...rest }: CustomLayer): CustomMerge => ({
  ...rest,
  output: ([x]) => (output ?? elementwise(rest.name))(x),
  ...(parameters === undefined ? {} : { parameters: ([x]) => parameters(x) }),
  lower: ([x], at) => lower(x, at),
});

/**
 * A layer from what it does. The type argument is its rule for shapes at compile time: an interface whose `out` is the output's
 * shape, or a message as a string where the input does not fit; `output` is the same on values and must agree with it. Keras: a
 * subclass of `Layer`; PyTorch: a `Module`.
 *
 * `lower` is written with `Operators`; it may ask its site for parameters by role, for the mode, and in training for random numbers.
 * It gives the output, or the output together with new values of parameters that are not trained.
 *
 * @example
 * // Learned factor for each feature; the shape stays.
 * interface Scale extends L.Leaf {
 *   readonly out: this['in'];
 * }
 * const scale = (factor = 1) =>
 *   L.custom<Scale>({
 *     name: 'scale',
 *     options: { factor },
 *     parameters: (input) => [
 *       { role: 'gain', shape: [Number(Shape.dims(input).at(-1))], initializer: L.Initializer.constant(factor) },
 *     ],
 *     lower: (x, { parameter }) => Operators.mul(x, parameter('gain')),
 *   });
 * const classifier = L.model(L.input([4]), scale(0.5), L.dense(3));
 */
export const custom = <F extends Fn>(layer: CustomLayer): Layer<F> =>
  define<F>({ op: 'custom', layer: ofOne(layer), inputs: 'one' });

// -------------------------------------------------------------------------------------
// several inputs
// -------------------------------------------------------------------------------------

/** The rule on the inputs' shapes; nothing is known where one of them is unknown. */
type Join<F extends Fn, S extends readonly AnyShape[]> = Shape extends S[number]
  ? Shape
  : (F & { readonly in: S })['out'];

/** The tensors behind the second, or the message in place of each. */
type Rest<E, R extends readonly AnyShape[]> = E extends string
  ? readonly E[]
  : { readonly [K in keyof R]: Tensor<R[K]> };

/** A custom layer of several inputs, on tensors. */
export type Joining<F extends Fn> = <
  A extends AnyShape,
  B extends AnyShape,
  R extends readonly AnyShape[] = readonly [],
>(
  a: Tensor<A>,
  b: [Join<F, [A, B, ...R]>] extends [infer E extends string] ? E : Tensor<B>,
  ...more: Rest<Join<F, [A, B, ...R]>, R>
) => Tensor<Known<Join<F, [A, B, ...R]>>>;

/**
 * As `custom`, of several inputs: a function on tensors, for graphs. `in` of the rule is the list of the inputs' shapes. Used twice,
 * it shares its parameters. Keras: a subclass of `Layer` that is called on a list; PyTorch: a `Module` with several arguments.
 *
 * @example
 * // Learned mixture of two tensors of one shape.
 * interface Mix extends L.Leaf {
 *   readonly out: this['in'] extends readonly [infer A, infer B] ? (A extends B ? A : 'mix: expects equal shapes') : 'mix: expects two';
 * }
 * const mix = L.customMerge<Mix>({
 *   name: 'mix',
 *   output: ([a, b]) => (Shape.show(a) === Shape.show(b) ? E.right(a) : E.left('mix: expects equal shapes')),
 *   parameters: () => [{ role: 'share', shape: [1], initializer: L.Initializer.constant(0.5) }],
 *   lower: ([a, b], { parameter }) => Operators.add(b, Operators.mul(parameter('share'), Operators.sub(a, b))),
 * });
 * const m = L.graph({ a: [4], b: [4] }, ({ a, b }) => mix(a, b));
 */
export const customMerge = <F extends Fn>(layer: CustomMerge): Joining<F> => {
  const spec: CustomSpec = { op: 'custom', layer, inputs: 'several' };
  return ((...tensors: readonly Tensor<unknown>[]) => applied(spec, tensors)) as Joining<F>;
};
