/**
 * A training step in its precision: the forward graph rewritten, and the whole step kept to what a provider can run.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { Output, Value } from '../graph/Graph.ts';
import { emulating, withKernelsOf } from '../graph/Retype.ts';
import { autocast, productsOf } from './Autocast.ts';
import { check, type Precision, type PrecisionError, precisionError } from './Precision.ts';
import type { Provider } from './Random.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** What comes out of a forward pass in training. */
export interface Forward {
  readonly loss: Value;
  readonly metrics: readonly Output[];
  /** New values of running statistics. */
  readonly updates: Readonly<Record<string, Value>>;
  /** What the model itself computes. */
  readonly model: readonly Value[];
}

// -------------------------------------------------------------------------------------
// errors
// -------------------------------------------------------------------------------------

const policy = { float16: 'mixedFloat16', bfloat16: 'mixedBfloat16' } as const;

const noKernels = (
  { half }: Extract<Precision, { readonly _tag: 'Mixed' }>,
  provider: Provider,
  operators: readonly string[],
): PrecisionError =>
  precisionError(
    `precision: onnxruntime's ${provider} provider has no ${half} kernels of ${operators.join(', ')}, so nothing of this ` +
      `model would run in ${half}; train on the cuda provider, leave the precision out (float32), or see on this one what ` +
      `the rounding does: Precision.emulated(Precision.${policy[half]}())`,
    operators,
  );

// -------------------------------------------------------------------------------------
// rewrites
// -------------------------------------------------------------------------------------

/**
 * The forward pass in its precision; all of its results stay float32. `weak`: inputs that are no data. Left where the
 * provider can run none of the model's products in it: that would be float32, more slowly.
 */
export const inPrecision =
  (precision: Precision, provider: Provider, weak: readonly Value[]) =>
  <F extends Forward>(forward: F): E.Either<PrecisionError, F> => {
    if (precision._tag === 'Float32') return E.right(forward);
    const problems = check(precision);
    if (problems.length > 0) return E.left(precisionError(problems.join('; ')));
    const { half, emulated } = precision;
    // What is emulated is CUDA: the provider that such a program is meant for.
    const settings = { half, provider: emulated ? 'cuda' : provider, model: forward.model, weak } as const;
    const { all, missing } = productsOf(settings);
    if (all.length > 0 && missing.length === all.length) return E.left(noKernels(precision, provider, missing));
    const names = Object.keys(forward.updates);
    const values = autocast(settings)([
      forward.loss,
      ...forward.metrics.map((o) => o.value),
      ...Object.values(forward.updates),
    ]);
    const metrics = forward.metrics.map((o, i) => ({ ...o, value: values[1 + i] ?? o.value }));
    const updates = Object.fromEntries(names.map((name, i) => [name, values[1 + metrics.length + i] as Value]));
    return E.right({ ...forward, loss: values[0] ?? forward.loss, metrics, updates });
  };

/** A step's results by kernels that there are: what has none for 16 bits computes in float32 and is rounded. */
export const byKernels = (
  precision: Precision,
  provider: Provider,
): ((values: readonly Value[]) => readonly Value[]) =>
  precision._tag === 'Float32' ? (values) => values : precision.emulated ? emulating : withKernelsOf(provider);
