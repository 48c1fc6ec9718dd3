/** What the compiler says of callbacks and runs: the assertions here fail in `npm run typecheck`. */
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as t from 'io-ts';
import { describe, expect, it } from 'vitest';
import * as C from '../../src/callback/Callback.ts';
import type { FieldsOf } from '../../src/callback/PathTemplate.ts';
import type { HasFileSystem, HasTerminal } from '../../src/training/Environment.ts';
import { runOf, started } from './support.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(equal: Equal<A, B>): void => expect(equal).toBe(true);

interface HasRuntime {
  readonly runtime: 'cpu';
}

const plain = runOf([started()], { loss: 'min', accuracy: 'max' });
const run: C.Run<HasRuntime, 'loss' | 'val_loss' | 'accuracy', 'trained', 'TrainingError'> = {
  signals: () => plain.signals({}),
  directions: { loss: 'min', val_loss: 'min', accuracy: 'max' },
  result: 'trained',
};

describe('types of attached runs', () => {
  it('gather needs, keys and errors, and carry the result', () => {
    const attached = pipe(
      run,
      C.reduceLROnPlateau({ monitor: 'val_loss', factor: 0.1, patience: 3, minDelta: 1e-4, verbose: 1 }),
      C.modelCheckpoint('best.safetensors', { monitor: 'val_loss', saveBestOnly: true, saveWeightsOnly: true }),
      C.csvLogger('log.csv'),
      C.earlyStopping({ monitor: 'accuracy', restoreBestWeights: true }),
    );
    type Got = typeof attached extends C.Run<infer R, infer Keys, infer A, infer E> ? [R, Keys, A, E] : never;
    same<Got[1], 'loss' | 'val_loss' | 'accuracy' | 'learning_rate'>(true);
    same<Got[2], 'trained'>(true);
    same<Got[3], 'TrainingError' | C.CallbackError>(true);
    const needs: Got[0] extends HasRuntime & HasTerminal & HasFileSystem ? true : false = true;
    const enough: HasRuntime & HasTerminal & HasFileSystem extends Got[0] ? true : false = true;
    expect([needs, enough]).toEqual([true, true]);
    expect(Object.keys(attached.directions)).toEqual(['loss', 'val_loss', 'accuracy', 'learning_rate']);
    expect(attached.result).toBe('trained');
  });

  it('may be made of several callbacks joined into one', () => {
    const both = C.concat(C.reduceLROnPlateau(), C.earlyStopping({ monitor: 'learning_rate', mode: 'min' }));
    // What the first logs need not be in the run.
    same<typeof both, C.Callback<HasTerminal & HasTerminal, 'val_loss', 'learning_rate'>>(true);
    expect(pipe(run, both).directions.learning_rate).toBe('min');
  });
});

describe('a monitor that the run does not log', () => {
  it('is an error of the compiler that names it', () => {
    type Error = C.Attachable<'val_acc', HasRuntime, 'loss' | 'val_loss', unknown, never>;
    same<Error, "monitor 'val_acc' is not logged by this run">(true);
    // @ts-expect-error monitor 'val_acc' is not logged by this run
    pipe(run, C.earlyStopping({ monitor: 'val_acc' }));
    // @ts-expect-error monitor 'val_acc' is not logged by this run
    C.reduceLROnPlateau({ monitor: 'val_acc' })(run);
    // @ts-expect-error the default monitor, val_loss, needs validation data
    pipe(plain, C.reduceLROnPlateau());
    // @ts-expect-error learning_rate is logged by a callback that is not attached
    pipe(run, C.earlyStopping({ monitor: 'learning_rate' }));
    expect(pipe(run, C.earlyStopping({ monitor: 'accuracy' })).result).toBe('trained');
  });

  it('is left to run time when it is a string', () => {
    const monitor: string = ['val', 'acc'].join('_');
    expect(pipe(run, C.earlyStopping({ monitor })).result).toBe('trained');
  });

  it('is everything when the keys of the run are not known', () => {
    const keys: Record<string, 'min'> = { loss: 'min' };
    expect(pipe(runOf([], keys), C.earlyStopping({ monitor: 'anything' })).result).toBe('result');
  });

  it('may be logged by a callback before', () => {
    const score = C.custom({
      key: 'score',
      codec: t.null,
      initial: null,
      logs: { val_score: 'max' },
      step: (state, e) =>
        RTE.right([
          state,
          e._tag === 'EpochEnded' ? [{ _tag: 'Log', logs: { val_score: 1 / (e.logs.loss ?? 1) } }] : [],
        ]),
    });
    const attached = pipe(run, score, C.earlyStopping({ monitor: 'val_score' }));
    expect(attached.directions.val_score).toBe('max');
  });

  it('holds for the monitors that a callback of one’s own declares', () => {
    const watcher = C.custom({
      key: 'watcher',
      codec: t.null,
      initial: null,
      monitors: ['val_f1'],
      step: (state) => RTE.right([state, []]),
    });
    // @ts-expect-error monitor 'val_f1' is not logged by this run
    pipe(run, watcher);
    expect(watcher.keys).toEqual(['watcher']);
  });
});

describe('modelCheckpoint', () => {
  it('looks at val_loss only when it saves the best', () => {
    expect(pipe(plain, C.modelCheckpoint('a.safetensors')).result).toBe('result');
    // @ts-expect-error the default monitor, val_loss, needs validation data
    pipe(plain, C.modelCheckpoint('a.safetensors', { saveBestOnly: true }));
  });

  it('checks the fields and the end of a literal path', () => {
    same<FieldsOf<'{epoch:02d}-{val_loss:.4f}-{loss}.safetensors'>, 'epoch' | 'val_loss' | 'loss'>(true);
    same<FieldsOf<'{{epoch}}.safetensors'>, never>(true);
    const fold = Math.floor(Math.random() * 5);
    expect(pipe(run, C.modelCheckpoint(`fold-${fold}-{epoch:02d}-{val_loss:.4f}.safetensors`)).result).toBe('trained');
    // @ts-expect-error monitor 'val_los' is not logged by this run
    pipe(run, C.modelCheckpoint('{epoch:02d}-{val_los:.4f}.safetensors'));
    // @ts-expect-error modelCheckpoint: the path must end in .safetensors
    C.modelCheckpoint('best.keras');
    same<C.CheckedPath<'best.keras'>, 'modelCheckpoint: the path must end in .safetensors'>(true);
    const dynamic: string = 'best.safetensors';
    expect(pipe(run, C.modelCheckpoint(dynamic)).result).toBe('trained');
  });
});

describe('a run', () => {
  it('that logs more stands in for one that logs less, and not the other way round', () => {
    const less: C.Run<HasRuntime, 'loss', 'trained', 'TrainingError'> = run;
    expect(less.result).toBe('trained');
    // @ts-expect-error val_loss is not logged
    const more: C.Run<unknown, 'loss' | 'val_loss', 'result', never> = plain;
    expect(more).toBe(plain);
  });
});
