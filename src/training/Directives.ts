/**
 * What callbacks ask for, carried out: on the control of the run, on the weights in the runtime, and on files.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import { callbackError } from '../callback/CallbackError.ts';
import { averaged, inputFor, type Optimizer } from '../optimizer/Optimizer.ts';
import type { HasClock, HasFileSystem } from './Environment.ts';
import type { Event, Signal } from './Event.ts';
import { announcement, type Pending, type Position, pendingOf } from './Position.ts';
import { type Replaceable, type Retraining, retrain } from './Retrain.ts';
import { type Cell, type Fixed, putAway, snapshot } from './Snapshot.ts';
import type { Weights } from './State.ts';
import * as State from './State.ts';
import type { TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** A directive and who asked for it. */
export type Asked = Extract<Signal, { readonly _tag: 'Directive' }>;

export interface Tools {
  readonly optimizer: Optimizer;
  readonly trainer: Replaceable;
  readonly retraining: Retraining;
  readonly cell: Cell;
  readonly env: HasClock & HasFileSystem;
  readonly fixed: Fixed;
}

// -------------------------------------------------------------------------------------
// directives
// -------------------------------------------------------------------------------------

type SavePending = Extract<Pending, { readonly _tag: 'Save' }>;

const yetToSave = ({ from, directive }: Asked): readonly SavePending[] =>
  directive._tag === 'Save' ? [{ from, ...directive }] : [];

const asSave = ({ from, path, what }: SavePending): Asked => ({
  _tag: 'Directive',
  from,
  directive: { _tag: 'Save', path, what },
});

/** The mean of `count` weights, and one more. */
const withOneMore = (mean: Weights, weights: Weights, count: number): Weights =>
  Object.fromEntries(
    Object.entries(mean).map(([name, old]) => {
      const present = weights[name];
      const data = Float32Array.from(
        { length: old.data.length },
        (_, i) => (Number(old.data[i]) * count + Number(present?.data[i] ?? old.data[i])) / (count + 1),
      );
      return [name, { ...old, data }];
    }),
  );

/** The optimizer's averages in place of the weights, which are put away, or those back again. */
const useAverages = (
  { trainer, cell, optimizer }: Tools,
  from: string,
  on: boolean,
): TE.TaskEither<TrainingError, void> => {
  const own = putAway(cell);
  if (on === (own !== undefined)) return TE.right(undefined);
  if (own !== undefined)
    return pipe(
      trainer.restore(own),
      TE.map(() => {
        cell.own = undefined;
      }),
    );
  return pipe(
    TE.Do,
    TE.bind('weights', () => trainer.weights),
    TE.bind('slots', () => trainer.slots),
    TE.chain(({ weights, slots }): TE.TaskEither<TrainingError, void> => {
      const averages = averaged(optimizer)(weights, slots);
      return Object.keys(weights).every((name) => averages[name] === weights[name])
        ? TE.left(
            callbackError(
              from,
              'Failed',
              `it asked for the optimizer's averages of the weights, and ${optimizer.name} keeps none; take { useEma: true }`,
            ),
          )
        : pipe(
            trainer.restore(averages),
            TE.map(() => {
              cell.own = { weights, step: cell.control.step };
            }),
          );
    }),
  );
};

const carryOut = (
  tools: Tools,
  { from, directive }: Asked,
  later: readonly Asked[] = [],
): TE.TaskEither<TrainingError, void> => {
  const { trainer, cell, env, fixed, optimizer } = tools;
  const { control } = cell;
  const announce = (event: Event) => {
    control.pending.push(event);
  };
  switch (directive._tag) {
    case 'SetLearningRate':
      if (!(Number.isFinite(directive.value) && directive.value >= 0))
        return TE.left(
          callbackError(
            from,
            'Failed',
            `it set the learning rate to ${directive.value}; expected a finite number, 0 or more`,
          ),
        );
      return pipe(
        TE.rightIO(() => (optimizer.schedule === undefined ? control.learningRate : control.shown)),
        TE.chain((present) =>
          pipe(
            inputFor(optimizer)(control.learningRate, present, directive.value),
            E.mapLeft((reason) => callbackError(from, 'Failed', `it set the learning rate: ${reason}`)),
            E.map((input) => {
              if (directive.value === present) return;
              announce({ _tag: 'LearningRateChanged', from: present, to: directive.value, time: env.clock.now() });
              control.learningRate = input;
              control.shown = directive.value;
            }),
            TE.fromEither,
          ),
        ),
      );
    case 'HaltEpoch':
      return TE.fromIO(() => {
        control.haltEpoch = true;
      });
    case 'HaltRun':
      return TE.fromIO(() => {
        control.haltEpoch = true;
        control.halted = control.halted ?? { by: from, reason: directive.reason };
      });
    case 'Remember':
      return pipe(
        trainer.weights,
        TE.chainIOK((weights) => () => {
          cell.remembered.set(directive.slot, weights);
        }),
      );
    case 'Average':
      return pipe(
        trainer.weights,
        TE.chainIOK((weights) => () => {
          const mean = directive.count === 0 ? undefined : cell.remembered.get(directive.slot);
          cell.remembered.set(
            directive.slot,
            mean === undefined ? weights : withOneMore(mean, weights, directive.count),
          );
        }),
      );
    case 'ReadWeights':
      return pipe(
        trainer.weights,
        TE.map((weights) => announce({ _tag: 'WeightsRead', by: from, weights, time: env.clock.now() })),
      );
    case 'UseAverages':
      return useAverages(tools, from, directive.on);
    case 'Freeze':
    case 'Thaw':
      return retrain(tools.retraining)(tools, from, directive);
    case 'Restore': {
      const weights = cell.remembered.get(directive.slot);
      return weights === undefined
        ? TE.left(
            callbackError(
              from,
              'Protocol',
              `it asked to restore '${directive.slot}', which was not remembered; there are ` +
                `${[...cell.remembered.keys()].map((slot) => `'${slot}'`).join(', ') || 'none'}. Ask to Remember it first`,
            ),
          )
        : pipe(
            trainer.restore(weights),
            TE.map(() => {
              cell.restored = true;
              cell.own = undefined;
            }),
          );
    }
    case 'Save': {
      const saved: Event = { _tag: 'CheckpointSaved', path: directive.path, time: env.clock.now() };
      return pipe(
        directive.what === 'weights'
          ? pipe(trainer.weights, TE.chainEitherKW(State.encodeWeights))
          : // A run that goes on from the file tells of the file next, as this one does.
            pipe(
              snapshot(trainer, cell, fixed, [...pendingOf(saved), ...later.flatMap(yetToSave)]),
              TE.chainEitherKW(State.encodeState),
            ),
        TE.chainW((bytes) => env.fileSystem.writeFile(directive.path, bytes)),
        TE.map(() => announce(saved)),
      );
    }
    case 'Log':
      // Logs are part of the event by now: attaching a callback put them there.
      return TE.right(undefined);
  }
};

/**
 * What a train state left to be done and told. Saves that were asked for at the same time as the one that made the state are
 * made up for; what results are the events that a run which goes on from it begins with.
 */
export const takeUp = (
  tools: Tools,
  { pending, averages }: Pick<Position, 'pending' | 'averages'>,
  weights: Weights,
): TE.TaskEither<TrainingError, readonly Event[]> => {
  const { control } = tools.cell;
  const one = (p: Pending, i: number): TE.TaskEither<TrainingError, void> =>
    p._tag === 'Save'
      ? carryOut(
          tools,
          asSave(p),
          pending.slice(i + 1).flatMap((q) => (q._tag === 'Save' ? [asSave(q)] : [])),
        )
      : TE.fromIO(() => {
          control.pending.push(announcement(weights, tools.env.clock.now())(p));
        });
  return pipe(
    pending.reduce<TE.TaskEither<TrainingError, void>>(
      (before, p, i) =>
        pipe(
          before,
          TE.chain(() => one(p, i)),
        ),
      averages ? useAverages(tools, 'the train state', true) : TE.right(undefined),
    ),
    TE.map(() => control.pending.splice(0)),
  );
};

const isSave = ({ directive }: Asked): boolean => directive._tag === 'Save';

/** Of several saves to one file only the last is worth its time. */
const withoutOverwritten = (saves: readonly Asked[]): readonly Asked[] =>
  saves.filter(
    ({ directive }, i) =>
      !saves.slice(i + 1).some((later) => {
        const [a, b] = [directive, later.directive];
        return a._tag === 'Save' && b._tag === 'Save' && a.path === b.path;
      }),
  );

/**
 * In their order, what is saved last. What results is left to do: between steps that the runtime made in one go there is no
 * state to save, for the weights are those of the last one; it is saved after that.
 */
export const carryOutAll = (tools: Tools, asked: readonly Asked[]): TE.TaskEither<TrainingError, readonly Asked[]> => {
  if (asked.length === 0) return TE.right([]);
  const inOrder = (some: readonly Asked[]) =>
    some.reduce<TE.TaskEither<TrainingError, void>>(
      (before, one, i) =>
        pipe(
          before,
          TE.chain(() => carryOut(tools, one, some.slice(i + 1))),
        ),
      TE.right(undefined),
    );
  const { control } = tools.cell;
  const saves = withoutOverwritten(asked.filter(isSave));
  return pipe(
    inOrder(asked.filter((one) => !isSave(one))),
    TE.chain(() =>
      control.untold > 0 && !control.haltEpoch
        ? TE.right(saves)
        : pipe(
            inOrder(saves),
            TE.map(() => []),
          ),
    ),
  );
};
