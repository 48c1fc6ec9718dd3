/**
 * Models under other names, with other values, or with parts that are not trained.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { NdArray } from '../../shape/NdArray.ts';
import { resolve } from '../Resolve.ts';
import type { Model } from '../Wiring.ts';
import type { Any, Result } from './At.ts';
import { close, open, type SurgeryError, surgeryError, unknown } from './Wired.ts';

// -------------------------------------------------------------------------------------
// names, weights, freezing
// -------------------------------------------------------------------------------------

/**
 * Other names for layers or groups: what they stand for, and their weights, stay. A path that begins with a renamed one
 * follows.
 *
 * @example
 * pipe(network, Surgery.rename({ dense_2: 'head' }))      // dense_2.kernel is head.kernel
 */
export const rename =
  (to: Readonly<Record<string, string>>) =>
  <I, O>(model: Model<I, O>): Result<I, O> =>
    pipe(
      open(model as Any),
      E.chain((w) => {
        const paths = Object.keys(to);
        const moved = (name: string): string => {
          const path = paths
            .filter((p) => name === p || name.startsWith(`${p}.`))
            .sort((a, b) => b.length - a.length)[0];
          return path === undefined ? name : `${to[path]}${name.slice(path.length)}`;
        };
        const layers = [...new Set(w.parts.flatMap((p) => p.name ?? []))];
        const bad = paths.find((p) => !layers.some((l) => l === p || l.startsWith(`${p}.`)));
        if (bad !== undefined) return E.left(unknown('layer or group', bad, layers));
        const now = layers.map(moved);
        const twice = now.find((n, i) => now.indexOf(n) !== i);
        if (twice !== undefined) return E.left(surgeryError(`rename: two layers would be called '${twice}'`));
        return close<I, O>({
          ...w,
          parts: w.parts.map((p) => ({ ...p, name: p.name === undefined ? undefined : moved(p.name) })),
          carried: Object.fromEntries(Object.entries(w.carried).map(([name, array]) => [moved(name), array])),
          frozen: w.frozen.map(moved),
        });
      }),
    );

/**
 * The model with values that its parameters begin with, in place of their initializers': trained weights that the model
 * carries from here on, as a layer of other models too. Some of the parameters or all; names that it does not have, and
 * shapes that differ, are refused.
 *
 * @example
 * pipe(model, Surgery.withWeights(trained.weights), E.chain(Surgery.upTo('flatten')))
 */
export const withWeights =
  (weights: Readonly<Record<string, NdArray>>) =>
  <M extends Any>(model: M): E.Either<SurgeryError, M> =>
    pipe(
      resolve(model),
      E.mapLeft((errors) => surgeryError(errors.map((e) => e.message).join('\n'))),
      E.chain(({ parameters }) => {
        const known = new Map(parameters.map((p) => [p.name, p]));
        const all = [...known.keys()];
        const wrong = Object.entries(weights).flatMap(([name, array]) => {
          const p = known.get(name);
          if (p === undefined) return [unknown('parameter', name, all)];
          return `${p.shape}` === `${array.shape}`
            ? []
            : [surgeryError(`'${name}' is [${p.shape}], got [${array.shape}]`)];
        });
        if (wrong.length > 0)
          return E.left(
            surgeryError(
              wrong.map((e) => e.message).join('\n'),
              wrong.flatMap((e) => e.near),
            ),
          );
        return E.right({ ...model, spec: { ...model.spec, carried: { ...model.spec.carried, ...weights } } });
      }),
    );

const withFrozen = <M extends Any>(model: M, change: (frozen: readonly string[]) => readonly string[]): M => ({
  ...model,
  spec: { ...model.spec, frozen: [...new Set(change(model.spec.frozen ?? []))] },
});

/**
 * The model with layers or groups that are not trained: as `freeze` of `fit`, but a part of the model, so that it holds
 * wherever the model goes. Keras's `trainable = False`.
 *
 * @example
 * pipe(network, Surgery.freeze('backbone'))
 */
export const freeze =
  (...paths: readonly string[]) =>
  <M extends Any>(model: M): E.Either<SurgeryError, M> =>
    pipe(
      resolve(model),
      E.mapLeft((errors) => surgeryError(errors.map((e) => e.message).join('\n'))),
      E.chain(({ parameters, layers }) => {
        const bad = paths.find((path) => !parameters.some((p) => p.name === path || p.name.startsWith(`${path}.`)));
        return bad === undefined
          ? E.right(withFrozen(model, (before) => [...before, ...paths]))
          : E.left(
              unknown(
                'layer or group with parameters',
                bad,
                layers.flatMap((l) => (l.parameters.length > 0 ? [l.name] : [])),
              ),
            );
      }),
    );

/** Trains again what `freeze` froze; without paths, everything. Paths that are not frozen are passed over. */
export const unfreeze =
  (...paths: readonly string[]) =>
  <M extends Any>(model: M): M =>
    withFrozen(model, (before) => (paths.length === 0 ? [] : before.filter((p) => !paths.includes(p))));
