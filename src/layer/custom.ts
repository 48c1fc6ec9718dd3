/**
 * Layers of one's own: a rule for shapes (a type, and its twin on values), parameters, and what is computed, in ONNX operators.
 * Gradients, training, export, freezing and saving follow, as for any other layer.
 *
 * What a layer's functions throw is an error value all the same: a `ShapeError` from `output` and `parameters`, a `LoweringError`
 * from `lower`, with the layer's name in front.
 */
import type { Fn } from '../shape/Fn.ts';
import type { CustomLayer } from './CoreSpec.ts';
import type { Layer } from './Definition.ts';
import { define } from './Definition.ts';

export type { CustomLayer, CustomParameter, CustomResult, CustomSite } from './CoreSpec.ts';

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
export const custom = <F extends Fn>(layer: CustomLayer): Layer<F> => define<F>({ op: 'custom', layer });
