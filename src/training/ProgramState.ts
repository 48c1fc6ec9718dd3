/**
 * What passes from one part of a program to the next: the train state, and what the next part's objective, frozen parameters
 * and place make of it. Part of `Program.ts`.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Resolved } from '../model/Resolved.ts';
import { scheduled } from '../optimizer/around.ts';
import { compose, type Schedule, step as stepNumber, sub } from '../optimizer/Expression.ts';
import type { Optimizer } from '../optimizer/Optimizer.ts';
import { type AnyObjective, type Part, partInWords } from './ProgramModel.ts';
import { goneOn } from './Slots.ts';
import type { ProgramPlace, TrainState } from './State.ts';
import { fitError, type TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// what is frozen
// -------------------------------------------------------------------------------------

/** Names of the parameters that a part does not train. */
export const untrainedPart = (
  { parameters }: Resolved,
  always: readonly string[],
  { freezing }: Pick<Part, 'freezing'>,
): E.Either<TrainingError, readonly string[]> => {
  const names = parameters.map(({ name }) => name);
  const under = (path: string) => names.filter((name) => name === path || name.startsWith(`${path}.`));
  const all = [{ _tag: 'Freeze' as const, paths: always }, ...freezing];
  const unknown = all.flatMap(({ _tag, paths }) =>
    paths.filter((path) => under(path).length === 0).map((path) => `${_tag.toLowerCase()}('${path}')`),
  );
  if (unknown.length > 0)
    return E.left(
      fitError(
        `program: ${unknown.join(', ')}: no layer or group of that name has parameters; there are ` +
          `${[...new Set(names.map((name) => name.slice(0, name.lastIndexOf('.'))))].join(', ')}`,
      ),
    );
  const frozen = new Set<string>();
  for (const { _tag, paths } of all)
    for (const name of _tag === 'Thaw' && paths.length === 0 ? names : paths.flatMap(under)) {
      if (_tag === 'Freeze') frozen.add(name);
      else frozen.delete(name);
    }
  return E.right(names.filter((name) => frozen.has(name)));
};

/** Whether the second part freezes what the first does; then what callbacks have made of it stays. */
const freezesAs = (a: Part | undefined, b: Part): boolean =>
  a !== undefined && JSON.stringify(a.freezing) === JSON.stringify(b.freezing);

// -------------------------------------------------------------------------------------
// the learning rate
// -------------------------------------------------------------------------------------

/** Whether the second part goes on with the rate of the first, whatever callbacks have made of it. */
export const isOneStretch = (a: Part | undefined, b: Part | undefined): boolean =>
  a !== undefined && b !== undefined && a.rate === b.rate && a.objective === b.objective;

/** The schedule, whose step 0 is `by` steps after the optimizer's. */
const shifted = (schedule: Schedule, by: number): Schedule =>
  by === 0 ? schedule : compose(schedule, sub(stepNumber, by));

const atRate = (optimizer: Optimizer, rate: Part['rate'], by: number): E.Either<TrainingError, Optimizer> => {
  if (rate === undefined) return E.right(optimizer);
  if (optimizer.schedule !== undefined)
    return E.left(
      fitError(
        `program: withLearningRate: the objective's optimizer (${optimizer.name}) has a schedule of its own, which would be ` +
          'multiplied; give the optimizer a number, and schedules to the parts',
      ),
    );
  if (typeof rate === 'number') return E.right({ ...optimizer, learningRate: rate });
  const schedule = shifted(rate, by);
  return E.right({
    ...optimizer,
    learningRate: 1,
    schedule,
    transformation: scheduled(schedule)(optimizer.transformation),
  });
};

/** The objective of a part, at its rate. */
export const objectiveOf = (
  base: AnyObjective,
  part: Part,
  { rateFrom }: Pick<ProgramPlace, 'rateFrom'>,
  from: Pick<TrainState, 'optimizerStart'> | undefined,
): E.Either<TrainingError, AnyObjective> => {
  const objective = part.objective ?? base;
  return pipe(
    atRate(objective.optimizer, part.rate, rateFrom - (from?.optimizerStart ?? 0)),
    E.map((optimizer) => ({ ...objective, optimizer })),
  );
};

// -------------------------------------------------------------------------------------
// the state
// -------------------------------------------------------------------------------------

/** The place of a part that begins with this state. */
export const placeOf = (
  all: readonly Part[],
  part: number,
  { epoch, step }: TrainState,
  before: ProgramPlace,
): ProgramPlace => ({
  part,
  epoch,
  step,
  rateFrom: isOneStretch(all[part - 1], all[part]) ? before.rateFrom : step,
  done: all.slice(0, part).map(partInWords),
});

const picked = <A>(record: Readonly<Record<string, A>>, keys: readonly string[]): Readonly<Record<string, A>> =>
  Object.fromEntries(Object.entries(record).filter(([key]) => keys.includes(key)));

interface Surroundings {
  readonly objective: AnyObjective;
  readonly settings: { readonly freeze?: readonly string[] };
  readonly callbacks: { readonly keys: readonly string[] } | undefined;
}

/**
 * The state that a part begins with: weights, counters and history stay; slots stay if the optimizer is of the same kind and finds
 * all of them, a loss scale stays in any case; callbacks of the whole program keep their states, those of a part begin anew.
 */
export const nextState = (
  { objective, settings, callbacks }: Surroundings,
  resolved: Resolved,
  state: TrainState,
  before: Part | undefined,
  part: Part,
  place: ProgramPlace,
): E.Either<TrainingError, TrainState> =>
  pipe(
    untrainedPart(resolved, settings.freeze ?? [], part),
    E.chain((asWritten) => {
      const chosen = freezesAs(before, part) ? state.position?.frozen : undefined;
      const frozen = chosen ?? asWritten;
      const trained = part.objective ?? objective;
      const previous = before?.objective ?? objective;
      const isOfThatKind = trained.optimizer.name === previous.optimizer.name;
      const { slots, optimizerStart } = goneOn(resolved, new Set(frozen), trained, state, isOfThatKind);
      return pipe(
        objectiveOf(objective, part, place, { optimizerStart }),
        E.map((own): TrainState => {
          const { position, program: _, ...rest } = state;
          const stays = before === undefined ? part.rate === undefined : isOneStretch(before, part);
          const keys = callbacks?.keys ?? [];
          return {
            ...rest,
            slots,
            optimizerStart,
            learningRate: stays ? state.learningRate : Math.fround(own.optimizer.learningRate),
            callbacks: picked(state.callbacks, keys),
            remembered: picked(state.remembered, keys),
            ...(position === undefined
              ? {}
              : {
                  position: {
                    ...position,
                    within: undefined,
                    halted: undefined,
                    restored: false,
                    averages: false,
                    frozen: chosen,
                    pending: [],
                  },
                }),
          };
        }),
      );
    }),
  );
