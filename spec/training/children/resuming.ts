/**
 * A training that goes on from its file, if there is one, and writes what it ends with beside it: what `Faults` and `Interrupt`
 * start, kill and start again. `work` is a run with callbacks, or a program that goes on from a checkpoint, or from a backup.
 */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { ReaderTaskEither } from 'fp-ts/lib/ReaderTaskEither.js';
import {
  Callback as C,
  Environment,
  Loss,
  Optimizer,
  Program as P,
  Schedule,
  Training as T,
} from '../../../src/index.ts';
import { bits, flowers, network, objective } from '../support.ts';

export interface Setup {
  readonly kind: 'run' | 'program' | 'backup';
  /** The train state. */
  readonly path: string;
  readonly epochs: number;
  readonly saveFreq: number;
}

const data = flowers(60);
const validation = flowers(20, 2);
const sgd = T.compile(network, {
  loss: Loss.sparseCategoricalCrossentropy(),
  optimizer: Optimizer.sgd({ learningRate: 0.01, momentum: 0.9 }),
});

/** What must be the same, however often it was killed. */
const ending = ({ weights, state, history }: Awaited<T.Trained<unknown, unknown, unknown, string>>) => ({
  weights: bits(weights),
  slots: bits(state?.slots ?? {}),
  callbacks: state?.callbacks,
  history,
  step: state?.step,
});

type Ending = ReturnType<typeof ending>;

const callbacks = ({ kind, path, saveFreq }: Setup) =>
  C.concat(
    C.concat(
      C.reduceLROnPlateau({ monitor: 'loss', factor: 0.7, patience: 1, minDelta: 0.05 }),
      C.earlyStopping({ monitor: 'loss', patience: 1000, restoreBestWeights: true }),
    ),
    kind === 'backup'
      ? C.backupAndRestore(path, { saveFreq, doubleCheckpoint: true, key: 'modelCheckpoint' })
      : C.modelCheckpoint(path as 'x.safetensors', { saveFreq }),
  );

export const work = (setup: Setup): ReaderTaskEither<Environment.NodeEnvironment, T.TrainingError, Ending> => {
  const base = { data, validation, batchSize: 8, verbose: 0, seed: 11, validationFreq: { steps: 5 } } as const;
  const { kind, path, epochs } = setup;
  const watching = callbacks(setup);
  const trained =
    kind === 'run'
      ? pipe(T.fit(objective, { ...base, epochs }), watching, T.resume(path), T.interruptible({ save: path }), T.run)
      : pipe(
          P.sequence(
            pipe(P.epochs(epochs), P.freeze('dense')),
            pipe(
              P.steps(3 * epochs),
              P.withLearningRate(Schedule.linear({ from: 0.02, to: 0.001, steps: 3 * epochs })),
            ),
            pipe(P.epochs(epochs), P.withObjective(sgd)),
          ),
          P.run(objective, {
            ...base,
            callbacks: watching,
            interruptible: { save: path },
            ...(kind === 'backup' ? {} : { resume: path }),
          }),
        );
  return (env) => async () => {
    const result = await trained(env)();
    if (E.isLeft(result)) return result;
    if (result.right.interrupted !== undefined) process.exitCode = 75;
    return E.right(ending(result.right as never));
  };
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const setup = JSON.parse(process.argv[2] ?? '') as Setup;
  process.stdout.write('ready\n');
  const result = await work(setup)(Environment.node({ threads: 1 })())();
  if (E.isLeft(result)) {
    process.stdout.write(`${result.left._tag}: ${result.left.message}\n`);
    process.exitCode = 1;
  } else if (process.exitCode !== 75) await writeFile(`${setup.path}.json`, JSON.stringify(result.right));
}
