/**
 * Fitted stages as JSON: beside a checkpoint, in an export's metadata, in a file of their own.
 *
 * What is read is checked: the tag, the fields, lists that belong together, and that each stage takes what the one before it gives.
 * Law: `decode(encode(f))` has the spec of `f`, and so transforms as `f`.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import { binsReader } from './Bins.ts';
import { bytePairReader } from './BytePair.ts';
import { oneHotReader, ordinalReader } from './Categories.ts';
import { channelsReader } from './Channels.ts';
import { columnsStage, type FittedPart, kindOf, parallelStage } from './Columns.ts';
import { categoryEncodingReader } from './Encoding.ts';
import type { Fitted, Kind, Kinds, Untyped } from './Fitted.ts';
import { chainOf, untyped } from './Fitted.ts';
import { hashReader } from './Hashing.ts';
import { imputeCellsReader, imputeReader } from './Imputation.ts';
import { lookupReader } from './Lookup.ts';
import { quantileReader } from './Quantiles.ts';
import { pcaReader, unitReader } from './Rotation.ts';
import { scaleReader } from './Scaling.ts';
import { isWidth, numbers, type Reader, strings } from './Stage.ts';
import { vectorizeReader } from './Vocabulary.ts';

// -------------------------------------------------------------------------------------
// composites
// -------------------------------------------------------------------------------------

const Tagged = t.type({ _tag: t.string });
const Several = t.type({ stages: t.readonlyArray(t.unknown) });
const Parts = t.type({
  parts: t.readonlyArray(
    t.type({
      kind: t.union([t.literal('numeric'), t.literal('categorical'), t.literal('text')]),
      fields: strings,
      widths: numbers,
      stage: t.unknown,
    }),
  ),
});

const all = (stages: readonly unknown[], c: t.Context): E.Either<t.Errors, readonly Untyped[]> =>
  pipe(
    stages,
    E.traverseArrayWithIndex((i, u) => read(u, t.appendContext(c, String(i), t.unknown, u))),
  );

const follows = (before: Untyped, after: Untyped): boolean =>
  (before.to === undefined || after.from === undefined || before.to === after.from) &&
  (before.names === undefined || after.inputs === undefined || before.names.length === after.inputs.length);

const chain: Reader = {
  tag: 'Chain',
  read: (u, c) =>
    pipe(
      Several.validate(u, c),
      E.chain(({ stages }) => all(stages, c)),
      E.chain((stages) => {
        const odd = stages.findIndex((s, i) => i > 0 && !follows(stages[i - 1] ?? s, s));
        return odd < 0
          ? E.right(chainOf(stages))
          : t.failure(u, c, `stage ${odd} (from 0) does not take what the one before it gives`);
      }),
    ),
};

const parallel: Reader = {
  tag: 'Parallel',
  read: (u, c) =>
    pipe(
      Several.validate(u, c),
      E.chain(({ stages }) => all(stages, c)),
      E.chain((stages) =>
        stages.length > 0 && stages.every((s) => s.to === undefined || s.to === 'table')
          ? E.right(untyped(parallelStage(stages)))
          : t.failure(u, c, 'expected stages that give tables'),
      ),
    ),
};

const columns: Reader = {
  tag: 'Columns',
  read: (u, c) =>
    pipe(
      Parts.validate(u, c),
      E.chain(({ parts }) =>
        pipe(
          parts,
          E.traverseArrayWithIndex((i, p) =>
            pipe(
              read(p.stage, t.appendContext(c, String(i), t.unknown, p.stage)),
              E.filterOrElse(
                (stage) =>
                  (stage.from === undefined || stage.from === kindOf[p.kind]) &&
                  (stage.to === 'table' || (stage.to === undefined && p.kind === 'numeric')) &&
                  p.widths.length === p.fields.length &&
                  p.widths.every((w) => (p.kind === 'numeric' ? isWidth(w) : w === 1)) &&
                  isWidth(p.widths.reduce((a, b) => a + b, 0)) &&
                  (stage.inputs === undefined || stage.inputs.length === p.widths.reduce((a, b) => a + b, 0)),
                (): t.Errors => [{ value: p, context: c, message: `part ${i} (from 0) does not fit its fields` }],
              ),
              E.map((stage): FittedPart => ({ ...p, stage })),
            ),
          ),
        ),
      ),
      E.map((parts) => untyped(columnsStage(parts))),
    ),
};

// -------------------------------------------------------------------------------------
// all of them
// -------------------------------------------------------------------------------------

const readers: ReadonlyMap<string, Reader> = new Map(
  [
    ...[scaleReader, imputeReader, imputeCellsReader, quantileReader, binsReader, pcaReader, unitReader, oneHotReader],
    ...[ordinalReader, categoryEncodingReader, hashReader, lookupReader, vectorizeReader, bytePairReader],
    ...[channelsReader, chain, parallel, columns],
  ].map((r) => [r.tag, r]),
);

/** Stages in stages, deeper than anybody writes them: such JSON would exhaust the stack. */
const deepest = 100;

const read = (u: unknown, c: t.Context): E.Either<t.Errors, Untyped> =>
  pipe(
    c.length > deepest
      ? t.failure<unknown>(u, c, `expected at most ${deepest} stages inside each other`)
      : t.success(u),
    E.chain((v) => stageOf(v, c)),
  );

const stageOf = (u: unknown, c: t.Context): E.Either<t.Errors, Untyped> =>
  pipe(
    Tagged.validate(u, c),
    E.chain(({ _tag }) => {
      const own = readers.get(_tag);
      return own === undefined
        ? t.failure(u, c, `expected a stage of this version, got ${JSON.stringify(_tag).slice(0, 60)}`)
        : own.read(u, c);
    }),
  );

/**
 * The codec of fitted values between two kinds of data: `'table'`, `'cells'`, `'texts'`, `'rows'`, `'array'`. What is decoded and
 * takes or gives another kind is refused.
 *
 * @example
 * const json = JSON.stringify(codec('rows', 'table').encode(fitted));
 * codec('rows', 'table').decode(JSON.parse(json)) // Either<Errors, Fitted<readonly object[], Table>>
 */
export const codec = <F extends Kind, T extends Kind>(
  from: F,
  to: T,
): t.Type<Fitted<Kinds[F], Kinds[T]>, unknown, unknown> => {
  type Own = Fitted<Kinds[F], Kinds[T]>;
  const fits = (f: Pick<Untyped, 'from' | 'to'>): boolean =>
    f.from === undefined && f.to === undefined ? (from as Kind) === to : f.from === from && f.to === to;
  return new t.Type<Own, unknown, unknown>(
    `Fitted<${from}, ${to}>`,
    (u): u is Own =>
      typeof u === 'object' && u !== null && '_tag' in u && u._tag === 'Fitted' && fits(u as unknown as Untyped),
    (u, c) =>
      pipe(
        read(u, c),
        E.chain((f) =>
          fits(f)
            ? t.success(f as unknown as Own)
            : t.failure(u, c, `expected a stage from ${from} to ${to}, got one from ${f.from} to ${f.to}`),
        ),
      ),
    (f) => f.spec,
  );
};
