/**
 * A model opened: its layers in order, each with its name and where its inputs come from. Surgery changes this and
 * closes it again.
 *
 * Laws: closing what was opened gives a model with the same layers, names, parameters and first values; a layer that no
 * output needs is not there after closing.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Expression, Leaf, ModelSpec, Spec } from '../../layer/Spec.ts';
import { nearest } from '../../onnx/import/ImportError.ts';
import { resolve } from '../Resolve.ts';
import type { Source } from '../Resolved.ts';
import type { Model } from '../Wiring.ts';
import type { Wired } from './Part.ts';
import { trimmed } from './Trim.ts';

export type { Part, Wired } from './Part.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface SurgeryError {
  readonly _tag: 'SurgeryError';
  /** Names near to one that is not there. */
  readonly near: readonly string[];
  readonly message: string;
}

// -------------------------------------------------------------------------------------
// errors
// -------------------------------------------------------------------------------------

export const surgeryError = (message: string, near: readonly string[] = []): SurgeryError => ({
  _tag: 'SurgeryError',
  near,
  message,
});

export const unknown = (what: string, name: string, names: readonly string[]): SurgeryError => {
  const near = nearest(name, names);
  const hint = near.length === 0 ? '' : `; near it: ${near.map((n) => `'${n}'`).join(', ')}`;
  return surgeryError(`there is no ${what} '${name}'${hint}`, near);
};

// -------------------------------------------------------------------------------------
// opening
// -------------------------------------------------------------------------------------

export const isLeafOf = <Op extends Leaf['op']>(spec: Spec, op: Op): spec is Extract<Leaf, { readonly op: Op }> =>
  spec.op === op;

export const open = (model: Model<never, unknown>): E.Either<SurgeryError, Wired> =>
  pipe(
    resolve(model),
    E.mapLeft((errors) => surgeryError(errors.map((e) => e.message).join('\n'))),
    E.map((r) => ({
      inputs: r.inputs,
      parts: r.layers.map(({ name, spec, from }) => ({ name, spec, from })),
      outputs: r.outputs.map(({ name, from }) => ({ name, from })),
      carried: r.carried ?? {},
      frozen: r.frozen ?? [],
    })),
  );

// -------------------------------------------------------------------------------------
// closing
// -------------------------------------------------------------------------------------

/** The layer under its path of names. */
const under = (name: string | undefined, spec: Spec): Spec =>
  name === undefined
    ? spec
    : name.split('.').reduceRight<Spec>((layer, part) => ({ op: 'named', name: part, layer }), spec);

const specOf = (w: Wired): ModelSpec => {
  const inputs = w.inputs.map(({ name, type }): Expression => ({ _tag: 'Input', name, type }));
  const made = new Map<number, Expression>();
  const read = (from: Source): Expression =>
    (from._tag === 'Input' ? inputs[from.index] : made.get(from.index)) ?? { _tag: 'Input', name: '?', type: [] };
  // Parts that surgery has added stand at the end, whoever reads them.
  const waiting = w.outputs.flatMap((o) => (o.from._tag === 'Layer' ? [o.from.index] : [])).reverse();
  for (let index = waiting.at(-1); index !== undefined; index = waiting.at(-1)) {
    const part = w.parts[index];
    const before = (part?.from ?? []).flatMap((s) => (s._tag === 'Layer' && !made.has(s.index) ? [s.index] : []));
    if (part !== undefined && !made.has(index) && before.length > 0) {
      waiting.push(...before.reverse());
      continue;
    }
    waiting.pop();
    if (part !== undefined && !made.has(index))
      made.set(index, { _tag: 'Apply', spec: under(part.name, part.spec), to: part.from.map(read) });
  }
  const reserved = [...new Set(w.parts.flatMap((p) => p.name?.split('.')[0] ?? []))];
  return {
    inputs: w.inputs,
    outputs: w.outputs.map((o) => ({ name: o.name, from: read(o.from) })),
    ...(w.parts.some((p) => p.name === undefined) ? { reserved } : {}),
  };
};

const wired = (spec: ModelSpec): Model<never, unknown> => ({ _tag: 'Model', spec });

/** The model again, if its shapes still fit. Values that were carried for what is gone are left behind. */
export const close = <I, O>(w: Wired): E.Either<SurgeryError, Model<I, O>> =>
  pipe(
    w.outputs.length === 0 ? E.left(surgeryError('a model needs at least one output')) : E.right(w),
    E.chain((some) =>
      pipe(
        trimmed(some),
        E.mapLeft((e) => surgeryError(e.message)),
      ),
    ),
    E.chain((kept) => {
      const spec = specOf(kept);
      return pipe(
        resolve(wired(spec)),
        E.mapLeft((errors) => surgeryError(errors.map((e) => e.message).join('\n'))),
        E.map(({ parameters }) => {
          const names = new Set(parameters.map((p) => p.name));
          // A new layer may have the name of one that is gone, but not its weights.
          const stays = (name: string): boolean =>
            names.has(name) && kept.parts.some((p) => p.name !== undefined && name.startsWith(`${p.name}.`));
          const carried = Object.fromEntries(Object.entries(w.carried).filter(([name]) => stays(name)));
          const frozen = w.frozen.filter((path) =>
            parameters.some((p) => p.name === path || p.name.startsWith(`${path}.`)),
          );
          return wired({
            ...spec,
            ...(Object.keys(carried).length === 0 ? {} : { carried }),
            ...(frozen.length === 0 ? {} : { frozen }),
          }) as Model<I, O>;
        }),
      );
    }),
  );
