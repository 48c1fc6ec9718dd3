/**
 * Typed pipelines: from what was sent to what is sent back as one composed value, every border of which is checked.
 *
 * @example
 * const flowers = pipe(
 *   P.decode(Flower),                              // unknown -> Flower
 *   P.andThen(P.preprocess(fitted, [4])),          // Flower -> NdArray<[4]>
 *   P.andThen(P.model(trained)),                   // NdArray<[4]> -> NdArray<[3]>
 *   P.andThen(P.collect({ kind: P.argmax(kinds), probabilities: P.probabilities(kinds) })),
 *   P.andThen(P.encode(Answer)),
 * );
 * pipe(flowers, P.runAll(requests));               // RTE<HasRuntime, ..., readonly Either<..., Answer>[]>
 * pipe(flowers, P.serve({ maxSize: 64, maxDelay: 2 }));
 * pipe(flowers, P.save('out/flowers'));
 */
import type { Category4 } from 'fp-ts/lib/Category.js';
import type { Choice4 } from 'fp-ts/lib/Choice.js';
import type { Either } from 'fp-ts/lib/Either.js';
import type { Functor4 } from 'fp-ts/lib/Functor.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Profunctor4 } from 'fp-ts/lib/Profunctor.js';
import type { Semigroupoid4 } from 'fp-ts/lib/Semigroupoid.js';
import type { Strong4 } from 'fp-ts/lib/Strong.js';
import { compose, id, map, type Pipeline, promap } from './Arrow.ts';
import * as Products from './Products.ts';

export type { AnyPipeline, Opened, Pipeline } from './Arrow.ts';
export {
  andThen,
  arr,
  arrEither,
  bracket,
  compose,
  contramap,
  fromBatch,
  fromKleisli,
  id,
  local,
  map,
  mapLeft,
  named,
  promap,
} from './Arrow.ts';
export type { AnyBorder, Border, TypeOf } from './Border.ts';
export { anything, array, decoded, either, encoded, oneOf, pair, record, show as showBorder, type } from './Border.ts';
export { decode, encode } from './Codecs.ts';
export type { LoadOptions } from './Load.ts';
export { load } from './Load.ts';
export type { MicroBatchOptions } from './MicroBatch.ts';
export { microBatch, through } from './MicroBatch.ts';
export type { Declared, SampleOf } from './Model.ts';
export { model, onnx } from './Model.ts';
export type {
  Closed,
  Defect,
  InvalidPipeline,
  InvalidRequest,
  InvalidSaved,
  InvalidScores,
  Issue,
  LoadError,
  NotSaveable,
  Overloaded,
  PipelineError,
  SavedError,
  ShapeMismatch,
  TypeMismatch,
} from './PipelineError.ts';
export type { Ranked, ScoreError, Scores } from './Postprocess.ts';
export { argmax, numbers, probabilities, scalar, sigmoid, softmax, threshold, topK } from './Postprocess.ts';
export type { ElementOf } from './Preprocess.ts';
export { inverse, preprocess } from './Preprocess.ts';
export { choice, fanin, fanout, first, left, right, second, split } from './Products.ts';
export { collect, struct } from './Records.ts';
export type { RunOptions } from './Run.ts';
export { open, run, runAll, toKleisli, use } from './Run.ts';
export { save } from './Save.ts';
export type { ServeOptions, Server, Stats } from './Serve.ts';
export { serve, serving } from './Serve.ts';

// -------------------------------------------------------------------------------------
// instances
// -------------------------------------------------------------------------------------

export const URI = 'grad-ts/Pipeline';
export type URI = typeof URI;

declare module 'fp-ts/HKT.js' {
  interface URItoKind4<S, R, E, A> {
    readonly [URI]: Pipeline<S, R, E, A>;
  }
}

const _compose: Semigroupoid4<URI>['compose'] = (next, first) => compose(first)(next);
const _map: Functor4<URI>['map'] = (p, f) => pipe(p, map(f));
const _promap: Profunctor4<URI>['promap'] = (p, f, g) => pipe(p, promap(f, g));

export const Functor: Functor4<URI> = { URI, map: _map };
export const Semigroupoid: Semigroupoid4<URI> = { URI, compose: _compose };
export const Category: Category4<URI> = { URI, compose: _compose, id };
export const Profunctor: Profunctor4<URI> = { URI, map: _map, promap: _promap };
/** The products of an arrow; with `Category` fp-ts's `split` and `fanOut` follow. */
export const Strong: Strong4<URI> = {
  URI,
  map: _map,
  promap: _promap,
  first: <R, Err, A, B, C>(p: Pipeline<R, Err, A, B>) => Products.first<C>()(p),
  second: <R, Err, A, B, C>(p: Pipeline<R, Err, B, C>) => Products.second<A>()(p),
};
/** The sums of an arrow; with `Category` fp-ts's `split` and `fanIn` follow. */
export const Choice: Choice4<URI> = {
  URI,
  map: _map,
  promap: _promap,
  left: <R, Err, A, B, C>(p: Pipeline<R, Err, A, B>): Pipeline<R, Err, Either<A, C>, Either<B, C>> =>
    Products.left<C>()(p),
  right: <R, Err, A, B, C>(p: Pipeline<R, Err, B, C>): Pipeline<R, Err, Either<A, B>, Either<A, C>> =>
    Products.right<A>()(p),
};
