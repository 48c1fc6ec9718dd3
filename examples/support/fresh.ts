/** The same network from nothing: what a pretrained one is compared with. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { Data as D, Layer as L, Model, type NdArray, Surgery } from 'grad-ts';

type Draw = (p: Model.ParameterSpec, learned: NdArray.NdArray) => NdArray.NdArray;

/** The model with other values for all parameters of a group. */
const redrawn =
  (group: string, draw: Draw) =>
  <I, O>(model: Model.Model<I, O>) =>
    pipe(
      Model.resolve(model),
      E.mapLeft((errors) => new Error(errors.map((e) => e.message).join('\n'))),
      E.map((resolved) => {
        const learned = Model.initialValues(resolved, 0);
        const own = resolved.parameters.filter((p) => p.name.startsWith(`${group}.`));
        return Object.fromEntries(
          own.flatMap((p) => {
            const values = learned[p.name];
            return values === undefined ? [] : [[p.name, draw(p, values)]];
          }),
        );
      }),
      E.chainW((weights) => pipe(model, Surgery.withWeights(weights))),
    );

/** Convolutions as they usually begin, He normal with biases of nought: for networks without normalisation. */
export const heNormal = (group: string, seed: number) =>
  redrawn(group, (p) => {
    const fan = p.shape.slice(1).reduce((a, b) => a * b, 1);
    const initializer = p.shape.length > 1 ? L.Initializer.heNormal : L.Initializer.zeros;
    return Model.initialValue({ ...p, fans: [fan, fan], initializer }, seed);
  });

/**
 * Each tensor's numbers in another order: it keeps its mean and variance, and nothing else of what was learned. For
 * networks whose normalisation has been folded into their kernels, which learn nothing when they begin as usual.
 */
export const shuffled = (group: string, seed: number) =>
  redrawn(group, (p, learned) => {
    const order = D.permutation(seed + p.name.length + learned.data.length, learned.data.length);
    return { ...learned, data: Float32Array.from(order, (i) => Number(learned.data[i])) };
  });
