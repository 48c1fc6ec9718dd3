/**
 * Regularizers and constraints among a layer's options: Keras's names (`kernelRegularizer`, `biasConstraint`), put together
 * by parameter.
 */
import type { Constraint, Governed, Regularizer } from './Options.ts';

/** Of a layer with a `bias`; none by default. See `Regularizer` and `Constraint`. */
export interface BiasGoverning {
  readonly biasRegularizer?: Regularizer;
  /** Penalty on the output, over the size of the batch. */
  readonly activityRegularizer?: Regularizer;
  readonly biasConstraint?: Constraint;
}

/** Of a layer with `kernel` and `bias`. */
export interface KernelGoverning extends BiasGoverning {
  /** Penalty on the kernel, added to the loss. */
  readonly kernelRegularizer?: Regularizer;
  /** What the kernel is brought back to after each update. */
  readonly kernelConstraint?: Constraint;
}

/** Of a layer with a kernel for each channel. */
export interface DepthwiseGoverning {
  readonly depthwiseRegularizer?: Regularizer;
  readonly depthwiseConstraint?: Constraint;
}

/** Of a layer with a kernel across channels behind that. */
export interface PointwiseGoverning {
  readonly pointwiseRegularizer?: Regularizer;
  readonly pointwiseConstraint?: Constraint;
}

/** Of a layer with `gamma` and `beta`. */
export interface ScaleGoverning {
  readonly gammaRegularizer?: Regularizer;
  readonly betaRegularizer?: Regularizer;
  readonly gammaConstraint?: Constraint;
  readonly betaConstraint?: Constraint;
}

const ending = <A>(options: object, suffix: string): Readonly<Record<string, A>> =>
  Object.fromEntries(
    Object.entries(options).flatMap(([key, value]: [string, unknown]) =>
      key.endsWith(suffix) && key.length > suffix.length && value !== undefined
        ? [[key.slice(0, -suffix.length), value as A] as const]
        : [],
    ),
  );

/** What the options say of weights and outputs, for the layer's description; nothing where they say nothing. */
export const governed = (options: object): Governed => {
  const { activity, ...regularizers } = ending<Regularizer>(options, 'Regularizer');
  const constraints = ending<Constraint>(options, 'Constraint');
  return {
    ...(Object.keys(regularizers).length === 0 ? {} : { regularizers }),
    ...(Object.keys(constraints).length === 0 ? {} : { constraints }),
    ...(activity === undefined ? {} : { activityRegularizer: activity }),
  };
};
