/**
 * Sessions for as long as something is done with them: one for a graph, and those of a graph that many batches go through with the same
 * weights. What depends on weights alone is computed once, if there are enough batches.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RR from 'fp-ts/lib/ReadonlyRecord.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { Graph } from '../graph/Graph.ts';
import { prepared } from '../graph/Prepared.ts';
import { type Written, written } from '../interpret/Plan.ts';
import type { OnnxError } from '../onnx/OnnxError.ts';
import type { HasRuntime, Resident, RuntimeError, Session } from '../runtime/Runtime.ts';
import type { NdArray } from '../shape/NdArray.ts';

/** A session for the duration of `use`, released on every exit. */
export const withSession =
  <A>(model: Uint8Array, use: (session: Session) => TE.TaskEither<RuntimeError, A>) =>
  ({ runtime }: HasRuntime): TE.TaskEither<RuntimeError, A> =>
    TE.bracket(runtime.load(model), use, (session) => TE.fromTask(session.release));

export type Residents = Readonly<Record<string, Resident>>;

export interface Models {
  /** What is computed of the weights before all batches. */
  readonly first: Written | undefined;
  readonly each: Written;
}

/**
 * So many batches repay a session more. ResNet-20 sample by sample takes 0.53 of the time by that; in batches of 64, where convolutions
 * take nearly all of it, as long as before.
 */
const repaid = 16;

/** `data`: the inputs that batches differ in; of so many of them. */
export const modelsOf = (graph: Graph, data: ReadonlySet<string>, batches: number): E.Either<OnnxError, Models> => {
  const split = batches < repaid ? undefined : prepared((name) => data.has(name))(graph);
  return pipe(
    E.Do,
    E.bind('first', () => (split === undefined ? E.right(undefined) : written(split.first))),
    E.bind('each', () => written(split?.rest ?? graph)),
  );
};

const among = <A>(names: readonly string[], record: Readonly<Record<string, A>>): Readonly<Record<string, A>> =>
  RR.filterWithIndex((name: string) => names.includes(name))(record);

/** The session of all batches, and all that it reads besides data; let go of on every exit. */
export const withWeights =
  <A>(
    { first, each }: Models,
    weights: Readonly<Record<string, NdArray>>,
    use: (session: Session, residents: Residents) => TE.TaskEither<RuntimeError, A>,
  ) =>
  (env: HasRuntime): TE.TaskEither<RuntimeError, A> => {
    const free = (residents: Residents) => env.runtime.free(Object.values(residents));
    const prepare = (given: Residents): TE.TaskEither<RuntimeError, Residents> => {
      if (first === undefined) return TE.right({});
      const last = Object.entries(given).flatMap(([name, r]) => (each.inputs.includes(name) ? [] : [r]));
      const keep = first.graph.outputs.map((o) => o.name);
      const run = (session: Session) => session.run({ feeds: among(first.inputs, given), keep, free: last });
      return TE.Functor.map(withSession(first.model, run)(env), ({ kept }) => kept);
    };
    return TE.bracket(
      env.runtime.upload(among([...(first?.inputs ?? []), ...each.inputs], weights)),
      (given) =>
        TE.bracket(
          prepare(given),
          (made) => withSession(each.model, (session) => use(session, among(each.inputs, { ...given, ...made })))(env),
          free,
        ),
      free,
    );
  };

/** One after the other, of which the next is asked for while one is computed: its samples are there when their turn comes. */
export const oneAhead =
  <E, A>(tasks: readonly TE.TaskEither<E, A>[]): TE.TaskEither<E, readonly A[]> =>
  async () => {
    const results: A[] = [];
    let next = tasks[0]?.();
    for (let i = 1; next !== undefined; i++) {
      const current = next;
      next = tasks[i]?.();
      const result = await current;
      if (E.isLeft(result)) {
        // What it reads is let go of behind it.
        await next;
        return result;
      }
      results.push(result.right);
    }
    return E.right(results);
  };
