/**
 * What activations, embeddings, products, normalisation, noise and users' own layers make of the shapes of their inputs:
 * output and parameters. Part of `Parameter.ts`.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { CoreLeaf, CustomMerge, CustomParameter, ScaleInitializers, Several } from '../layer/CoreSpec.ts';
import { ones, truncatedNormal } from '../layer/Initializer.ts';
import type { Axes, Initializer } from '../layer/Options.ts';
import type { Leaf } from '../layer/Spec.ts';
import * as Core from '../shape/rules/Core.ts';
import { einsum } from '../shape/rules/Einsum.ts';
import { axisOf, elementwise } from '../shape/rules/Elementwise.ts';
import * as Normalization from '../shape/rules/Normalization.ts';
import { positive } from '../shape/rules/Option.ts';
import type { AnyShape } from '../shape/Shape.ts';
import { dims } from '../shape/Shape.ts';

type Output = E.Either<string, AnyShape>;

// -------------------------------------------------------------------------------------
// shapes
// -------------------------------------------------------------------------------------

/** What is wrong with a layer's options, whatever its input is. `inner`: the same of the layer inside a wrapper. */
export const coreOptionsError = (spec: CoreLeaf, inner: (spec: Leaf) => string | undefined): string | undefined => {
  switch (spec.op) {
    case 'embedding':
      return Core.embeddingOptions(spec.inputDim, spec.outputDim);
    case 'bilinear':
      return positive('bilinear', 'units', spec.units);
    case 'layerNormalization':
    case 'rmsNormalization':
      return Normalization.normalizationOptions(spec.op, spec.epsilon);
    case 'groupNormalization':
    case 'instanceNormalization':
      return Normalization.groupNormalizationOptions(spec.op, spec);
    case 'spectralNormalization':
      return positive('spectralNormalization', 'powerIterations', spec.powerIterations) ?? inner(spec.layer);
    case 'alphaDropout':
    case 'gaussianDropout':
      return Core.noiseOptions(spec.op, spec.rate);
    case 'gaussianNoise':
      return Core.noiseOptions(spec.op, spec.stddev);
    default:
      return undefined;
  }
};

/** Whatever a user's function throws is told as what is wrong with the layer. */
const guarded = <A>(name: string, run: () => A): E.Either<string, A> =>
  E.tryCatch(run, (thrown) => `${name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);

const customOutput = (layer: CustomMerge, inputs: Several<AnyShape>): Output =>
  pipe(
    guarded(layer.name, () => layer.output(inputs)),
    E.flatten,
    E.chainFirst(() => guarded(layer.name, () => layer.parameters?.(inputs))),
  );

const ofOne = (
  spec: Exclude<CoreLeaf, { readonly op: 'bilinear' | 'custom' }>,
  x: AnyShape,
  inner: (spec: Leaf) => Output,
): Output => {
  switch (spec.op) {
    case 'prelu':
      return Core.prelu(spec.sharedAxes)(x);
    case 'glu':
      return Core.glu(spec.axis)(x);
    case 'einsumDense':
      return pipe(
        einsum(spec)(x),
        E.map(({ output }) => output),
      );
    case 'embedding':
      return Core.embedding(spec.inputDim, spec.outputDim)(x);
    case 'layerNormalization':
    case 'rmsNormalization':
      return Normalization.normalization(spec.op, spec)(x);
    case 'groupNormalization':
    case 'instanceNormalization':
      return Normalization.groupNormalization(spec.op, spec)(x);
    case 'unitNormalization':
      return Normalization.unitNormalization(spec.axis)(x);
    case 'spectralNormalization':
      return inner(spec.layer);
    case 'spatialDropout1d':
    case 'spatialDropout2d':
    case 'spatialDropout3d':
      return Core.spatialDropout(spec.op, spec.rate)(x);
    case 'alphaDropout':
      return Core.noise(spec.op, spec.rate, spec.noiseShape)(x);
    case 'gaussianDropout':
      return Core.noise(spec.op, spec.rate)(x);
    case 'gaussianNoise':
      return Core.noise(spec.op, spec.stddev)(x);
    case 'activityRegularization':
      return elementwise(spec.op)(x);
  }
};

/** The output's shape, or the message that the compiler prints for the same mistake. */
export const coreOutput = (
  spec: CoreLeaf,
  inputs: readonly AnyShape[],
  inner: (spec: Leaf, inputs: readonly AnyShape[]) => Output,
): Output => {
  const [a, b] = inputs;
  const isSeveral = spec.op === 'custom' && spec.inputs === 'several';
  const arity = spec.op === 'bilinear' ? 2 : 1;
  if (a === undefined || (isSeveral ? b === undefined : inputs.length !== arity)) {
    const name = spec.op === 'custom' ? spec.layer.name : spec.op;
    const expected = isSeveral ? '2 inputs or more' : arity === 1 ? '1 input' : `${arity} inputs`;
    return E.left(`${name}: expects ${expected}, got ${inputs.length}`);
  }
  if (spec.op === 'custom') return customOutput(spec.layer, inputs as Several<AnyShape>);
  if (spec.op === 'bilinear') return Core.bilinear(spec.units)(a, b ?? a);
  const bad = spec.op === 'spectralNormalization' ? coreOptionsError(spec, () => undefined) : undefined;
  return bad === undefined ? ofOne(spec, a, (layer) => inner(layer, inputs)) : E.left(bad);
};

// -------------------------------------------------------------------------------------
// parameters
// -------------------------------------------------------------------------------------

/** `keras`: the shape in Keras's layout, `[..., in, out]`, which says the fans. */
export interface CoreParameter extends CustomParameter {
  readonly keras?: readonly number[];
}

const sizes = (input: AnyShape): readonly number[] => dims(input).map((d) => (typeof d === 'number' ? d : 0));

const product = (ns: readonly number[]): number => ns.reduce((a, b) => a * b, 1);

/** Sizes of the axes, in the order in which they are named. */
const along = (input: AnyShape, axis: Axes | undefined): readonly number[] =>
  (typeof axis === 'object' ? axis : [axis]).map((a) => sizes(input)[axisOf(a, dims(input)) ?? 0] ?? 0);

const scaleAndCenter = (
  spec: ScaleInitializers & { readonly scale: boolean; readonly center: boolean },
  shape: readonly number[],
): readonly CoreParameter[] => [
  ...(spec.scale ? [{ role: 'gamma', shape, initializer: spec.gammaInitializer }] : []),
  ...(spec.center ? [{ role: 'beta', shape, initializer: spec.betaInitializer }] : []),
];

const biased = (shape: readonly number[] | undefined, initializer: Initializer): readonly CoreParameter[] =>
  shape === undefined ? [] : [{ role: 'bias', shape, initializer }];

const einsumParameters = (
  spec: Extract<CoreLeaf, { readonly op: 'einsumDense' }>,
  input: AnyShape,
): readonly CoreParameter[] => {
  const found = einsum(spec)(input);
  if (E.isLeft(found)) return [];
  const { kernel, bias, letters } = found.right;
  const fan = (of: string, not: string) =>
    product([...letters.kernel].flatMap((c, i) => (of.includes(c) && !not.includes(c) ? [kernel[i] ?? 1] : [])));
  const fans = [fan(letters.input, letters.output), fan(letters.output, letters.input)];
  return [
    { role: 'kernel', shape: kernel, initializer: spec.kernelInitializer, keras: fans },
    ...biased(spec.biasAxes === undefined ? undefined : bias, spec.biasInitializer),
  ];
};

/** In Keras's order. A wrapper's are in `Parameter.ts`. */
export const coreParameters = (spec: CoreLeaf, inputs: readonly AnyShape[]): readonly CoreParameter[] => {
  const [input = [], other = []] = inputs;
  switch (spec.op) {
    case 'prelu':
      return [
        {
          role: 'alpha',
          shape: sizes(input).flatMap((n, i) => (i === 0 ? [] : [spec.sharedAxes.includes(i) ? 1 : n])),
          initializer: spec.alphaInitializer,
        },
      ];
    case 'einsumDense':
      return einsumParameters(spec, input);
    case 'bilinear': {
      const [a, b] = [sizes(input).at(-1) ?? 0, sizes(other).at(-1) ?? 0];
      return [
        { role: 'kernel', shape: [spec.units, a, b], initializer: spec.kernelInitializer, keras: [a * b, spec.units] },
        ...biased(spec.useBias ? [spec.units] : undefined, spec.biasInitializer),
      ];
    }
    case 'embedding':
      return [{ role: 'embeddings', shape: [spec.inputDim, spec.outputDim], initializer: spec.embeddingsInitializer }];
    case 'custom':
      return spec.layer.parameters?.(inputs as Several<AnyShape>) ?? [];
    case 'layerNormalization':
    case 'groupNormalization':
    case 'instanceNormalization':
      return scaleAndCenter(spec, along(input, spec.axis));
    case 'rmsNormalization':
      return [{ role: 'scale', shape: along(input, spec.axis), initializer: ones }];
    default:
      return [];
  }
};

/** The vector that follows the largest singular value of a kernel with that many output units. */
export const singularVector = (units: number): CoreParameter => ({
  role: 'vector_u',
  shape: [1, units],
  initializer: truncatedNormal({ stddev: 0.02 }),
  trainable: false,
});
