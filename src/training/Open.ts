/**
 * From a prepared fit to a trainer: graphs, initial or given weights, optimizer slots.
 */
import * as E from 'fp-ts/lib/Either.js';
import { flow, pipe } from 'fp-ts/lib/function.js';
import type * as IOE from 'fp-ts/lib/IOEither.js';
import * as O from 'fp-ts/lib/Option.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import { derive } from '../data/Random.ts';
import { readingStored } from '../graph/updates/Stored.ts';
import { beginningPlan } from '../interpret/Beginning.ts';
import * as Plan from '../interpret/Plan.ts';
import { initialValues } from '../model/Initial.ts';
import type { Resolved } from '../model/Resolved.ts';
import type { Runtime } from '../runtime/Runtime.ts';
import type { NdArray } from '../shape/NdArray.ts';
import { emissionFor } from './Emission.ts';
import type { Objective } from './Objective.ts';
import { visits } from './Order.ts';
import type { Prepared } from './Prepare.ts';
import type { FitSettings } from './Settings.ts';
import { slotsFrom } from './Slots.ts';
import type { TrainState, Weights } from './State.ts';
import * as State from './State.ts';
import * as Trainer from './Trainer.ts';
import { fitError, type TrainingError } from './TrainingError.ts';

const checkSlots = (plan: Plan.TrainingDraft, from: TrainState | undefined): E.Either<TrainingError, void> => {
  const differing =
    from === undefined
      ? []
      : Object.entries(plan.slots).flatMap(([name, { shape }]) =>
          from.slots[name]?.shape.join() === shape.join() ? [] : [name],
        );
  return differing.length === 0
    ? E.right(undefined)
    : E.left(
        fitError(
          `fit: the train state to go on from is of another optimizer or precision: it has no fitting ${differing.join(', ')}`,
        ),
      );
};

/** Where the optimizer counts its steps anew, random numbers must not come again: they follow from seed and step. */
const graphSeed = (seed: number, optimizerStart: number): number =>
  optimizerStart === 0 ? seed : derive(seed, optimizerStart);

/** Weights and slots that neither the caller gave nor the model holds. */
const madeHere = (
  { slots }: Plan.TrainingPlan,
  { resolved }: Prepared,
  { from, weights }: FitSettings,
): readonly string[] =>
  from !== undefined
    ? []
    : [
        ...Object.entries(slots).flatMap(([name, { init }]) => (init === 'parameter' ? [] : [Plan.slotInput(name)])),
        ...(weights !== undefined ? [] : resolved.parameters)
          .filter((p) => p.initializer._tag !== 'Values')
          .map((p) => p.name),
      ];

/** The initial weights, with what layers set from the first batch of the first epoch. */
const begin = (
  weights: Weights,
  { resolved, types, schedule, data }: Prepared,
  initialEpoch: number,
  runtime: Runtime,
): TE.TaskEither<TrainingError, Weights> =>
  pipe(
    TE.fromEither(beginningPlan(resolved, types, runtime.provider)),
    TE.chainW(
      O.match(
        () => TE.right<TrainingError, Weights>(weights),
        ({ model, inputs, set }) =>
          TE.bracket(
            runtime.load(model),
            (session) => {
              const feeds: Weights = {
                ...weights,
                ...data.arrays,
                indices: Trainer.indexVector(
                  visits(schedule, schedule.seed, initialEpoch).slice(0, schedule.batchSize),
                ),
                batch_size: Trainer.int64(schedule.batchSize),
                seed: Trainer.uint32(schedule.seed),
              };
              return pipe(
                session.run({ feeds: Object.fromEntries(inputs.map((name) => [name, feeds[name] as NdArray])) }),
                TE.map(({ fetched }) => ({
                  ...weights,
                  ...Object.fromEntries(set.map((name) => [name, fetched[Plan.nextOutput(name)] as NdArray])),
                })),
              );
            },
            (session) => TE.fromTask(session.release),
          ),
      ),
    ),
  );

interface Drawn {
  readonly given: Weights | undefined;
  readonly training: Plan.TrainingDraft;
}

const givenWeights = (
  { from, weights }: FitSettings,
  { parameters }: Resolved,
): E.Either<TrainingError, Weights | undefined> => {
  const given = from?.weights ?? weights;
  return given === undefined ? E.right(undefined) : State.checkWeights(parameters)(given);
};

/**
 * Everything is loaded and sent to the runtime. Its thread and this one work at the same time: it starts and says what its layouts are
 * while the training graph is drawn up here, and makes the session while initial weights and other graphs are worked out.
 */
export const openTrainer = (
  objective: Objective<unknown, unknown, unknown, string>,
  settings: FitSettings,
  prepared: Prepared,
  runtime: Runtime,
): TE.TaskEither<TrainingError, Trainer.Trainer> => {
  const { resolved, types, schedule, validation } = prepared;
  const problem = { ...objective, resolved, probes: prepared.probes ?? [] };
  const draft: IOE.IOEither<TrainingError, Drawn> = () =>
    pipe(
      E.Do,
      E.bindW('given', () => givenWeights(settings, resolved)),
      E.bindW('training', () => Plan.trainingDraft(problem, types, runtime.provider, prepared.frozen)),
      E.chainFirstW(({ training }) => checkSlots(training, settings.from)),
    );
  const weightsAt = (given: Weights | undefined): TE.TaskEither<TrainingError, Weights> =>
    given === undefined
      ? pipe(
          TE.fromIO(() => initialValues(resolved, schedule.seed)),
          TE.chainEitherKW(State.checkWeights(resolved.parameters)),
          TE.chainW((weights) => begin(weights, prepared, settings.initialEpoch ?? 0, runtime)),
        )
      : TE.right(given);
  return pipe(
    Trainer.meanwhile(TE.fromTask(emissionFor(runtime, resolved, schedule.batchSize)), TE.fromIOEither(draft)),
    TE.chain(([emission, { given, training: drawn }]) =>
      pipe(
        TE.fromEither(Plan.trainingIn(emission)(drawn)),
        TE.chainW((training) =>
          Trainer.open({
            runtime,
            training,
            beginning: pipe(
              weightsAt(given),
              TE.map((weights) => ({
                weights,
                slots: slotsFrom(training.slots, weights, settings.from),
                own: madeHere(training, prepared, settings),
              })),
            ),
            metrics: objective.metrics,
            data: prepared.data,
            validation:
              validation === undefined
                ? undefined
                : {
                    samples: validation.samples,
                    plan: () =>
                      Plan.evaluationPlan(problem, validation.types, flow(readingStored(training.stored), emission)),
                  },
            batchSize: schedule.batchSize,
            validationBatchSize: prepared.validationBatchSize,
            seed: graphSeed(schedule.seed, settings.from?.optimizerStart ?? 0),
            optimizerStart: settings.from?.optimizerStart ?? 0,
          }),
        ),
      ),
    ),
  );
};
