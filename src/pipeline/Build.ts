/**
 * From what was written of a stage to the stage: one table of names.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import { codec as fittedCodec } from '../data/preprocess/Codec.ts';
import type { Kind } from '../data/preprocess/Fitted.ts';
import type { AnyShape } from '../shape/Shape.ts';
import { type AnyPipeline, compose, id, type Pipeline } from './Arrow.ts';
import { decode, encode, invalidRequest } from './Codecs.ts';
import * as Manifest from './Manifest.ts';
import { fromPorts, type Ports } from './Model.ts';
import type { LoadError } from './PipelineError.ts';
import { matching, portsOf } from './Ports.ts';
import * as Post from './Postprocess.ts';
import { inverse, preprocess } from './Preprocess.ts';
import * as Products from './Products.ts';
import { collect, struct } from './Records.ts';
import { type Composite, composites } from './Stage.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** What the file refers to by name. */
export interface Known {
  readonly codecs: readonly t.Any[];
  readonly stages: readonly AnyPipeline[];
}

type Any = Pipeline<unknown, unknown, unknown, unknown>;

export type Build = E.Either<LoadError, Any>;

type Result = E.Either<string, Any>;

const any = <R, Err, A, B>(self: Pipeline<R, Err, A, B>): Any => self as unknown as Any;

// -------------------------------------------------------------------------------------
// stages by name
// -------------------------------------------------------------------------------------

const reading =
  <A>(codec: t.Type<A, unknown, unknown>, make: (a: A, known: Known) => Result) =>
  (settings: unknown, known: Known): Result =>
    pipe(
      codec.decode(settings),
      E.mapLeft((errors) => invalidRequest(errors).message),
      E.chain((a) => make(a, known)),
    );

const names = (all: readonly string[]): string => (all.length === 0 ? 'none' : all.map((n) => `'${n}'`).join(', '));

const codecOf = (name: string, { codecs }: Known): E.Either<string, t.Any> => {
  const found = codecs.find((c) => c.name === name);
  return found === undefined
    ? E.left(
        `the codec '${name}' is not given; given: ${names(codecs.map((c) => c.name))}. Give it to load: { codecs: [...] }`,
      )
    : E.right(found);
};

const nameOf = ({ stage }: AnyPipeline): string =>
  stage._tag === 'Data' && stage.name === 'Named'
    ? `${stage.settings.name}@${stage.settings.version}`
    : 'one without a name';

const Labels = t.readonlyArray(t.string);
const Named = t.type({ name: t.string, version: t.number });
const Sized = t.type({ size: t.number });
const kinds = ['table', 'cells', 'texts', 'rows', 'array'] as const;
const KindOf = t.keyof({ table: null, cells: null, texts: null, rows: null, array: null } satisfies Record<
  (typeof kinds)[number],
  null
>);

const fitted = (from: Kind, to: Kind, spec: unknown) =>
  pipe(
    fittedCodec(from, to).decode(spec),
    E.mapLeft((errors) => `the fitted preprocessor: ${invalidRequest(errors).message}`),
  );

const table: Readonly<Record<string, (settings: unknown, known: Known) => Result>> = {
  Decode: reading(t.type({ codec: t.string }), ({ codec }, known) =>
    pipe(
      codecOf(codec, known),
      E.map((c) => any(decode(c))),
    ),
  ),
  Encode: reading(t.type({ codec: t.string }), ({ codec }, known) =>
    pipe(
      codecOf(codec, known),
      E.map((c) => any(encode(c))),
    ),
  ),
  Named: reading(Named, ({ name, version }, { stages }) => {
    const found = stages.find((s) => nameOf(s) === `${name}@${version}`);
    return found === undefined
      ? E.left(
          `the stage '${name}@${version}' is not given; given: ${names(stages.map(nameOf))}. Give it to load: { stages: [...] }`,
        )
      : E.right(any(found));
  }),
  Preprocess: reading(
    t.type({ fitted: t.unknown, from: KindOf, to: KindOf, shape: Manifest.Shape }),
    ({ fitted: spec, from, to, shape }) =>
      pipe(
        fitted(from, to, spec),
        E.map((f) => any(preprocess(f as never, shape as AnyShape))),
      ),
  ),
  Inverse: reading(
    t.type({ fitted: t.unknown, from: KindOf, shape: t.tuple([t.number]) }),
    ({ fitted: spec, from, shape }) =>
      pipe(
        fitted(from, 'table', spec),
        E.map((f) => any(inverse(f as never, shape))),
      ),
  ),
  Argmax: reading(t.type({ labels: Labels }), ({ labels }) => E.right(any(Post.argmax(labels)))),
  TopK: reading(t.type({ k: t.number, labels: Labels }), ({ k, labels }) => E.right(any(Post.topK(k, labels)))),
  Threshold: reading(
    t.type({ labels: Labels, at: t.union([t.number, t.record(t.string, t.number)]) }),
    ({ labels, at }) => E.right(any(Post.threshold(labels, at))),
  ),
  Probabilities: reading(t.type({ labels: Labels }), ({ labels }) => E.right(any(Post.probabilities(labels)))),
  Softmax: reading(Sized, ({ size }) => E.right(any(Post.softmax(size)))),
  Sigmoid: reading(Sized, ({ size }) => E.right(any(Post.sigmoid(size)))),
  Numbers: reading(Sized, ({ size }) => E.right(any(Post.numbers(size)))),
  Scalar: reading(t.type({}), () => E.right(any(Post.scalar))),
};

// -------------------------------------------------------------------------------------
// composites by name
// -------------------------------------------------------------------------------------

const one = (f: (p: Any) => Any) => (of: readonly Any[]) =>
  of.length === 1 && of[0] !== undefined ? f(of[0]) : undefined;

const two = (f: (p: Any, q: Any) => Any) => (of: readonly Any[]) =>
  of.length === 2 && of[0] !== undefined && of[1] !== undefined ? f(of[0], of[1]) : undefined;

const composed: Readonly<Record<Composite, (of: readonly Any[]) => Any | undefined>> = {
  Chain: (of) => of.reduce((p, q) => any(compose(p)(q)), any(id<unknown>())),
  First: one((p) => any(Products.first()(p))),
  Second: one((p) => any(Products.second()(p))),
  Split: two((p, q) => any(Products.split(p, q))),
  Fanout: two((p, q) => any(Products.fanout(p, q))),
  Left: one((p) => any(Products.left()(p))),
  Right: one((p) => any(Products.right()(p))),
  Choice: two((p, q) => any(Products.choice(p, q))),
  Fanin: two((p, q) => any(Products.fanin(p, q))),
};

const Settings = t.UnknownRecord;
const port = t.type({
  name: t.string,
  shape: Manifest.Shape,
  dtype: t.keyof({ float32: null, float64: null, int32: null, int64: null, uint8: null }),
});

const PortsCodec = t.type({
  inputs: t.readonlyArray(port),
  outputs: t.readonlyArray(port),
  bareInput: t.boolean,
  bareOutput: t.boolean,
});

const Written = t.union([
  t.type({ _tag: t.literal('Composite'), name: t.string, of: t.readonlyArray(t.unknown) }),
  t.type({
    _tag: t.literal('Fields'),
    name: t.union([t.literal('Struct'), t.literal('Collect')]),
    of: t.readonlyArray(t.type({ field: t.string, stage: t.unknown })),
  }),
  t.type({ _tag: t.literal('Data'), name: t.string, settings: Settings }),
  t.type({ _tag: t.literal('Model'), file: t.string, settings: Settings }),
]);

/** What the file's ports say against the ONNX file itself. */
const model = (files: ReadonlyMap<string, Uint8Array>, file: string, settings: unknown): Result => {
  const bytes = files.get(file);
  if (bytes === undefined) return E.left(`the model's file '${file}' is not among the saved ones`);
  return pipe(
    PortsCodec.decode(settings),
    E.mapLeft((errors) => invalidRequest(errors).message),
    E.bindTo('ports'),
    E.bind('found', () =>
      pipe(
        portsOf(bytes),
        E.mapLeft((e) => `${file}: ${e.message}`),
      ),
    ),
    E.chain(({ ports, found }) =>
      pipe(
        [
          ...ports.inputs.map((p) => matching('input', found.inputs, p.name, p.shape)),
          ...ports.outputs.map((p) => matching('output', found.outputs, p.name, p.shape)),
        ],
        E.sequenceArray,
        E.bimap(
          (problem) => `${file}: ${problem}`,
          () => any(fromPorts(ports as Ports, () => E.right(bytes))),
        ),
      ),
    ),
  );
};

/** Deeper than any pipeline that a person wrote; what is deeper is not one. */
const deepest = 100;

/** The stages, each checked by its codec; the message of an error says which one it is. */
export const build =
  (known: Known, files: ReadonlyMap<string, Uint8Array>, depth = 0) =>
  (u: unknown): Result => {
    if (depth > deepest) return E.left(`its stages are nested deeper than ${deepest}`);
    const again = build(known, files, depth + 1);
    return pipe(
      Written.decode(u),
      E.mapLeft((errors) => `a stage: ${invalidRequest(errors).message}`),
      E.chain((stage): Result => {
        switch (stage._tag) {
          case 'Composite': {
            const make = composites.find((c) => c === stage.name);
            if (make === undefined) return E.left(`'${stage.name}' is no way of this version to put stages together`);
            return pipe(
              stage.of,
              E.traverseArray(again),
              E.chain((of) => E.fromNullable(`${stage.name} is not made of ${of.length} stages`)(composed[make](of))),
            );
          }
          case 'Fields':
            return pipe(
              stage.of,
              E.traverseArray((f) =>
                pipe(
                  again(f.stage),
                  E.map((p) => [f.field, p] as const),
                ),
              ),
              E.map((of) => Object.fromEntries(of)),
              E.map((of) => any(stage.name === 'Struct' ? struct(of) : collect(of))),
            );
          case 'Data': {
            const read = Object.hasOwn(table, stage.name) ? table[stage.name] : undefined;
            return read === undefined
              ? E.left(`the stage '${stage.name}' is not known to this version`)
              : pipe(
                  read(stage.settings, known),
                  E.mapLeft((m) => `the stage ${stage.name}: ${m}`),
                );
          }
          case 'Model':
            return model(files, stage.file, stage.settings);
        }
      }),
    );
  };
