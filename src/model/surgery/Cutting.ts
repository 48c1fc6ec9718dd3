/**
 * Parts of models.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { AnyShape } from '../../shape/Shape.ts';
import type { Source } from '../Resolved.ts';
import type { Model } from '../Wiring.ts';
import { type Any, type At, expected, nameOf, type Result, type ShapeAt, typesOf } from './At.ts';
import { namesOf, reveal, split } from './Reveal.ts';
import { close, open, type SurgeryError, surgeryError, type Wired } from './Wired.ts';

// -------------------------------------------------------------------------------------
// looking
// -------------------------------------------------------------------------------------

/** All names that can be cut at: inputs, layers in order, then values inside imported graphs. */
export const names = (model: Any): E.Either<SurgeryError, readonly string[]> => pipe(open(model), E.map(namesOf));

// -------------------------------------------------------------------------------------
// cutting
// -------------------------------------------------------------------------------------

/**
 * The model up to a value, which is its output now. Keras: `Model(m.input, m.get_layer(name).output)`.
 *
 * @example
 * pipe(resnet, Surgery.upTo({ at: 'avgpool', shape: [512] }))     // Model<['batch', 3, 224, 224], ['batch', 512]>
 */
export const upTo =
  <const A extends At<AnyShape>>(at: A) =>
  <I, O>(model: Model<I, O>): Result<I, ShapeAt<A>> =>
    pipe(
      open(model as Any),
      E.chain((w) => reveal(w, nameOf(at))),
      E.chain(({ wired, at: from }) => close<I, ShapeAt<A>>({ ...wired, outputs: [{ name: 'output', from }] })),
      E.chain(expected(at)),
    );

/**
 * Intermediate values as outputs, under names of one's own: feature pyramids, perceptual losses, probes. The model's
 * own outputs are not among them unless they are named. Keras: `Model(m.input, [layer.output for layer in ...])`.
 *
 * @example
 * pipe(backbone, Surgery.outputs({ fine: 'stage2', coarse: { at: 'stage4', shape: [512, 7, 7] } }))
 */
export const outputs =
  <const R extends Readonly<Record<string, At<AnyShape>>>>(wanted: R) =>
  <I, O>(model: Model<I, O>): Result<I, { readonly [K in keyof R]: ShapeAt<R[K]> }> => {
    const entries = Object.entries(wanted);
    return pipe(
      open(model as Any),
      E.chain((w) =>
        entries.reduce<E.Either<SurgeryError, { readonly wired: Wired; readonly found: Wired['outputs'] }>>(
          (before, [name, at]) =>
            pipe(
              before,
              E.chain(({ wired, found }) =>
                pipe(
                  reveal(wired, nameOf(at)),
                  E.map((r) => ({ wired: r.wired, found: [...found, { name, from: r.at }] })),
                ),
              ),
            ),
          E.right({ wired: w, found: [] }),
        ),
      ),
      E.chain(({ wired, found }) => close<I, { readonly [K in keyof R]: ShapeAt<R[K]> }>({ ...wired, outputs: found })),
      E.chain((m) =>
        entries.reduce<E.Either<SurgeryError, typeof m>>(
          (checked, [, at], i) => pipe(checked, E.chain(expected(at, i))),
          E.right(m),
        ),
      ),
    );
  };

/**
 * What comes behind a value, as a model whose input that value is. Every path from the inputs to the outputs must go
 * through it.
 *
 * @example
 * pipe(resnet, Surgery.after({ at: 'avgpool', shape: [512] }))     // Model<['batch', 512], ['batch', 1000]>
 */
export const after =
  <const A extends At<AnyShape>>(at: A) =>
  <I, O>(model: Model<I, O>): Result<ShapeAt<A>, O> =>
    pipe(
      open(model as Any),
      E.chain((w) => split(w, nameOf(at))),
      E.chain(({ wired, at: from }) =>
        pipe(
          close<I, unknown>({ ...wired, outputs: [{ name: 'output', from }] }),
          E.chain(expected(at)),
          E.chain((before) => typesOf(before as Any)),
          E.chain(([type = []]) => {
            const fed = (s: Source): Source =>
              s._tag === from._tag && s.index === from.index
                ? { _tag: 'Input', index: 0 }
                : s._tag === 'Input'
                  ? { ...s, index: s.index + 1 }
                  : s;
            const opened: Wired = {
              ...wired,
              inputs: [{ name: 'input', type }, ...wired.inputs],
              parts: wired.parts.map((p) => ({ ...p, from: p.from.map(fed) })),
              outputs: wired.outputs.map((o) => ({ ...o, from: fed(o.from) })),
            };
            return besides(opened, nameOf(at));
          }),
          E.chain((opened) => close<ShapeAt<A>, O>({ ...opened, inputs: opened.inputs.slice(0, 1) })),
        ),
      ),
    );

/** Refuses what also needs one of the old inputs. */
const besides = (w: Wired, name: string): E.Either<SurgeryError, Wired> => {
  const seen = new Set<number>();
  const waiting = w.outputs.map((o) => o.from);
  const others = new Set<string>();
  for (let s = waiting.pop(); s !== undefined; s = waiting.pop()) {
    if (s._tag === 'Input') {
      if (s.index > 0) others.add(w.inputs[s.index]?.name ?? '?');
      continue;
    }
    if (seen.has(s.index)) continue;
    seen.add(s.index);
    waiting.push(...(w.parts[s.index]?.from ?? []));
  }
  return others.size === 0
    ? E.right(w)
    : E.left(
        surgeryError(
          `what comes behind '${name}' also depends on the input${others.size === 1 ? '' : 's'} ${[...others].map((n) => `'${n}'`).join(', ')} past it: ` +
            'take a value that every path goes through',
        ),
      );
};
