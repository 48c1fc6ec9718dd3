/**
 * Models as stages: one sample in, the model's outputs for it out; a batch is one run. The session is loaded once, when the pipeline
 * is opened, and released when it closes.
 *
 * Samples of different sizes (sequences) run in batches of equal ones. What onnxruntime refuses is run again in halves, so that one
 * sample (a token beyond the vocabulary) does not fail the others.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { LazyArg } from 'fp-ts/lib/function.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import { between } from '../data/Rows.ts';
import { isBare } from '../model/Outputs.ts';
import type { HasRuntime, RuntimeError, Session } from '../runtime/Runtime.ts';
import type { DType, NdArray } from '../shape/NdArray.ts';
import { type AnyShape, dtypeOf, type Sample, type Sized, sample, show, sized } from '../shape/Shape.ts';
import { toOnnx } from '../training/Export.ts';
import { resolvedOf, type Trained } from '../training/Trained.ts';
import type { TrainingError } from '../training/TrainingError.ts';
import { make, type Opened, type Pipeline } from './Arrow.ts';
import * as Border from './Border.ts';
import type { ArraysOf } from './Joins.ts';
import { type ShapeMismatch, shapeMismatch } from './PipelineError.ts';
import { matching, portsOf } from './Ports.ts';
import { mismatch, stack } from './Samples.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** An input or output: the shape of one sample, and what the file calls it and takes. */
export interface Port {
  readonly name: string;
  readonly shape: AnyShape;
  readonly dtype: DType;
}

/** What is known of a model beside its bytes. `bare`: one array stands for the only one, without a record around it. */
export interface Ports {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly bareInput: boolean;
  readonly bareOutput: boolean;
}

type Failure = RuntimeError | ShapeMismatch;
type Values = NdArray | Readonly<Record<string, NdArray>>;

// -------------------------------------------------------------------------------------
// running
// -------------------------------------------------------------------------------------

const isArray = (values: Values): values is NdArray => typeof values.dtype === 'string';

/** The inputs in the ports' order, each checked. */
const arraysFor =
  ({ inputs }: Ports) =>
  (values: Values): E.Either<Failure, readonly NdArray[]> =>
    pipe(
      inputs,
      E.traverseArray(({ name, shape }): E.Either<Failure, NdArray> => {
        const array = isArray(values) ? values : values[name];
        const where = inputs.length === 1 ? "the model's input" : `the model's input '${name}'`;
        const wrong = array === undefined ? 'nothing' : mismatch(shape, array);
        return wrong === undefined ? E.right(array as NdArray) : E.left(shapeMismatch(where, show(shape), wrong));
      }),
    );

type Row = readonly NdArray[];

const sizesOf = (row: Row): string => row.map(({ shape }) => shape.join()).join(';');

const rowsOf =
  ({ outputs, bareOutput }: Ports) =>
  (fetched: Readonly<Record<string, NdArray>>, count: number): readonly E.Either<Failure, Values>[] => {
    const wrong = outputs.flatMap(({ name, shape }): readonly Failure[] => {
      const array = fetched[name];
      const sampled = array === undefined ? undefined : { ...array, shape: array.shape.slice(1) };
      const got = sampled === undefined ? 'nothing' : mismatch(shape, sampled);
      if (got !== undefined) return [shapeMismatch(`the model's output '${name}'`, show(shape), got)];
      return array?.shape[0] === count
        ? []
        : [shapeMismatch(`the model's output '${name}'`, `of ${count} rows`, `${array?.shape[0]} rows`)];
    })[0];
    return Array.from({ length: count }, (_, i) => {
      if (wrong !== undefined) return E.left(wrong);
      const row = outputs.map(({ name }) => {
        const { dtype, shape, data } = between(fetched[name] as NdArray, i, i + 1);
        return [name, { dtype, shape: shape.slice(1), data }] as const;
      });
      return E.right(bareOutput ? (row[0]?.[1] as NdArray) : Object.fromEntries(row));
    });
  };

/** Rows of equal sizes; what fails is run again in halves. */
const runRows =
  (ports: Ports, session: Session) =>
  async (rows: readonly Row[]): Promise<readonly E.Either<Failure, Values>[]> => {
    const feeds = Object.fromEntries(
      ports.inputs.map(
        ({ name, dtype }, i) =>
          [
            name,
            stack(
              dtype,
              rows.map((row) => row[i] as NdArray),
            ),
          ] as const,
      ),
    );
    const result = await session.run({ feeds })();
    if (E.isRight(result)) return rowsOf(ports)(result.right.fetched, rows.length);
    if (rows.length === 1) return [result];
    const half = Math.ceil(rows.length / 2);
    const again = runRows(ports, session);
    return [...(await again(rows.slice(0, half))), ...(await again(rows.slice(half)))];
  };

const opened = (ports: Ports, session: Session): Opened<Failure, Values, Values> => ({
  run: (elements) => async () => {
    const given = elements.map(arraysFor(ports));
    const results: E.Either<Failure, Values>[] = given.map((g) => (E.isLeft(g) ? g : E.right({})));
    const groups = new Map<string, number[]>();
    for (const [i, g] of given.entries())
      if (E.isRight(g)) {
        const key = sizesOf(g.right);
        const group = groups.get(key);
        if (group === undefined) groups.set(key, [i]);
        else group.push(i);
      }
    for (const group of groups.values()) {
      const rows = group.flatMap((i) =>
        pipe(
          given[i] as E.Either<Failure, Row>,
          E.match(
            () => [],
            (row) => [row],
          ),
        ),
      );
      const done = await runRows(ports, session)(rows);
      for (const [k, i] of group.entries()) results[i] = done[k] as E.Either<Failure, Values>;
    }
    return results;
  },
  close: session.release,
});

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const borderOf = (ports: readonly Port[], bare: boolean): Border.AnyBorder =>
  bare
    ? Border.array(ports[0]?.shape ?? [])
    : Border.record(Object.fromEntries(ports.map(({ name, shape }) => [name, Border.array(shape)])));

/** From bytes that are made when they are needed. */
export const fromPorts = <A, B>(
  ports: Ports,
  bytes: LazyArg<E.Either<TrainingError, Uint8Array>>,
  problems: readonly string[] = [],
): Pipeline<HasRuntime, TrainingError | ShapeMismatch, A, B> =>
  make<HasRuntime, TrainingError | ShapeMismatch, A, B>(
    { _tag: 'Model', settings: { ...ports }, bytes },
    { from: borderOf(ports.inputs, ports.bareInput), to: borderOf(ports.outputs, ports.bareOutput) },
    ({ runtime }) =>
      pipe(
        TE.fromEither(bytes()),
        TE.chainW(runtime.load),
        TE.map((session) => opened(ports, session) as unknown as Opened<TrainingError | ShapeMismatch, A, B>),
      ),
    problems,
  );

/** One sample of what a model takes or gives: an array, or a record of them by name. */
export type SampleOf<S> = ArraysOf<Sized<Sample<S>>>;

/**
 * A trained model. Its input and output are checked against the stages beside it when the pipeline is put together, and against each
 * sample when it runs. Keras: `predict_on_batch`.
 *
 * @example
 * P.model(trained)   // Trained<['batch', 4], ['batch', 3], ...>: Pipeline<HasRuntime, ..., NdArray<[4]>, NdArray<[3]>>
 */
export const model = <I, O, T, K extends string>(
  trained: Trained<I, O, T, K>,
): Pipeline<HasRuntime, TrainingError | ShapeMismatch, SampleOf<I>, SampleOf<O>> =>
  pipe(
    resolvedOf(trained.objective),
    E.match(
      (error) =>
        fromPorts({ inputs: [], outputs: [], bareInput: false, bareOutput: false }, () => E.left(error), [
          `model: ${error.message}`,
        ]),
      (resolved) => {
        const port = ({ name, type }: { readonly name: string; readonly type: AnyShape }): Port => ({
          name,
          shape: sized(sample(type)),
          dtype: dtypeOf(type),
        });
        const [only] = resolved.inputs;
        return fromPorts(
          {
            inputs: resolved.inputs.map(port),
            outputs: resolved.outputs.map(port),
            bareInput: resolved.inputs.length === 1 && only?.name === 'input',
            bareOutput: isBare(resolved),
          },
          () => toOnnx()(trained),
        );
      },
    ),
  );

/** What an ONNX file is declared to be: the shapes of one sample, or records of them by the file's names. */
export interface Declared<I, O> {
  readonly inputs: I;
  readonly outputs: O;
}

type Shapes = Readonly<Record<string, AnyShape>>;

const isShape = (shapes: AnyShape | Shapes): shapes is AnyShape =>
  Array.isArray(shapes) || ('int' in shapes && Array.isArray(shapes.int) && Object.keys(shapes).length === 1);

/**
 * A model of an ONNX file, whoever made it. A shape alone stands for the file's only input or output. What the file says of itself is
 * compared with what is declared when the pipeline is opened. Integers (`int([20])`) go to int32 and int64 inputs.
 *
 * @example
 * P.onnx(bytes, { inputs: [4], outputs: { label: int([]), probabilities: [3] } })
 */
export const onnx = <const I extends AnyShape | Shapes, const O extends AnyShape | Shapes>(
  bytes: Uint8Array,
  declared: Declared<I, O>,
): Pipeline<HasRuntime, TrainingError | ShapeMismatch, ArraysOf<I>, ArraysOf<O>> => {
  const found = portsOf(bytes);
  if (E.isLeft(found))
    return fromPorts({ inputs: [], outputs: [], bareInput: false, bareOutput: false }, () => found, [
      `onnx: ${found.left.message}`,
    ]);
  const problems: string[] = [];
  const side = (what: 'input' | 'output', shapes: AnyShape | Shapes): readonly Port[] => {
    const ports = found.right[`${what}s`];
    if (isShape(shapes) && ports.length !== 1) {
      problems.push(
        `onnx: the file has ${ports.length} ${what}s (${ports.map((p) => `'${p.name}'`).join(', ')}): name them`,
      );
      return [];
    }
    const named: Shapes = isShape(shapes) ? { [ports[0]?.name ?? '']: shapes } : shapes;
    if (what === 'input')
      for (const { name } of ports) if (!(name in named)) problems.push(`onnx: the input '${name}' is not declared`);
    return Object.entries(named).map(([name, shape]) =>
      pipe(
        matching(what, ports, name, shape),
        E.match(
          (problem): Port => {
            problems.push(`onnx: ${problem}`);
            return { name, shape, dtype: dtypeOf(shape) };
          },
          ({ dtype }): Port => ({ name, shape, dtype: dtype ?? dtypeOf(shape) }),
        ),
      ),
    );
  };
  const [inputs, outputs] = [side('input', declared.inputs), side('output', declared.outputs)];
  const ports: Ports = {
    inputs,
    outputs,
    bareInput: isShape(declared.inputs),
    bareOutput: isShape(declared.outputs),
  };
  return fromPorts(ports, () => E.right(bytes), problems);
};
