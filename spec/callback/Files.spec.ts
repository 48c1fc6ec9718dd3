/** What `modelCheckpoint` and `csvLogger` do beyond the goldens. */
import { describe, expect, it } from 'vitest';
import * as C from '../../src/callback/Callback.ts';
import type { Event } from '../../src/training/Event.ts';
import { drive, epochEnded, epochStarted, memory, messages, started, stepEnded } from './support.ts';

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

describe('modelCheckpoint', () => {
  it('saves the best of the steps in the first epoch, too', async () => {
    const callback = C.modelCheckpoint('b{epoch}-{batch}.safetensors', {
      monitor: 'loss',
      saveFreq: 2,
      saveBestOnly: true,
      mode: 'min',
    });
    const losses = [
      [1, 0.9, 1.1, 1.2],
      [0.8, 0.7, 0.75, 0.6],
    ];
    const { world } = await drive(callback, memory().env, () => [
      started(),
      ...losses.flatMap((all, epoch) => [
        epochStarted(epoch),
        ...all.map((loss, step) => stepEnded(epoch, step, { loss })),
        epochEnded(epoch, { loss: 1, val_loss: 0.5 }),
      ]),
    ]);
    expect(world.saves.map(({ path }) => path)).toEqual(['b1-2.safetensors', 'b2-2.safetensors', 'b2-4.safetensors']);
  });

  it('counts steps that are reported together', async () => {
    const callback = C.modelCheckpoint('{epoch}-{batch}.safetensors', { saveFreq: 10 });
    const epoch = (e: number, ...steps: ReadonlyArray<number>): ReadonlyArray<Event> => [
      epochStarted(e),
      ...steps.map((s) => stepEnded(e, s, { loss: 1 })),
    ];
    const { world } = await drive(callback, memory().env, () => [
      started(),
      ...epoch(0, 3),
      ...epoch(1, 5),
      ...epoch(2, 4, 9, 12),
    ]);
    // 4 + 6 = 10 steps, then 10, then 3.
    expect(world.saves.map(({ path }) => path)).toEqual(['2-6.safetensors', '3-10.safetensors']);
  });

  const refused = async (callback: C.Callback<ReturnType<typeof memory>['env'], string>): Promise<string> => {
    const { world, error } = await drive(callback, memory().env, () => [started(), epochEnded(0, { loss: 1 })]);
    expect(world.settled).toBe(0);
    return `${error?.reason} ${error?.message}`;
  };

  it('refuses before the first step what cannot be', async () => {
    const path: string = 'a.keras';
    expect(await refused(C.modelCheckpoint(path))).toBe(
      "InvalidOption modelCheckpoint(a.keras): the path must end in .safetensors, the format of checkpoints, but is 'a.keras'",
    );
    expect(await refused(C.modelCheckpoint('a.safetensors', { saveFreq: 0 }))).toContain('saveFreq must be');
    expect(await refused(C.modelCheckpoint('{batch}.safetensors'))).toContain('only with saveFreq in steps');
    expect(await refused(C.modelCheckpoint('{acc:.2f}.safetensors'))).toContain(
      'a field {acc}, which this run does not log; there are epoch, loss, val_loss',
    );
    expect(await refused(C.modelCheckpoint('{epoch:q}.safetensors'))).toContain("the format 'q' of {epoch}");
    expect(await refused(C.modelCheckpoint('a.safetensors', { monitor: 'val_acc' }))).toContain('UnknownMonitor');
  });

  it('fails at a save whose path names a log that is not there this time', async () => {
    const { error } = await drive(C.modelCheckpoint('{val_loss:.2f}.safetensors'), memory().env, () => [
      started(),
      epochEnded(0, { loss: 1 }),
    ]);
    expect(error?.message).toContain('the path has a field {val_loss}, but there are only epoch, loss');
  });

  it('tells of a save when it is done, each time', async () => {
    const m = memory();
    const saved: Event = { _tag: 'CheckpointSaved', path: 'a.safetensors', time: 0 };
    await drive(C.modelCheckpoint('a.safetensors', { verbose: 1 }), m.env, () => [
      started(),
      epochEnded(0, {}),
      { ...saved, path: 'other.safetensors' },
      saved,
      saved,
    ]);
    expect(messages(m)).toEqual([
      '\nEpoch 1: saving model to a.safetensors',
      '\nEpoch 1: finished saving model to a.safetensors',
    ]);
  });
});

describe('csvLogger', () => {
  it('goes on in its file after a resume, without the epochs that are trained once more', async () => {
    const m = memory();
    const epochs = (...all: ReadonlyArray<number>) => all.map((e) => epochEnded(e, { loss: e, val_loss: 0.5 }));
    const first = await drive(C.csvLogger('log.csv'), m.env, () => [started(), ...epochs(0, 1)]);
    const states = JSON.parse(JSON.stringify(first.world.states));
    // Killed after the row of an epoch that no checkpoint knows.
    await m.env.fileSystem.appendFile('log.csv', '2,2.0,0.5\r\n3,')();
    await drive(C.csvLogger('log.csv'), m.env, () => [
      started({ initialEpoch: 2, callbackStates: states }),
      ...epochs(2, 3),
    ]);
    expect(text(m.files.get('log.csv'))).toBe(
      'epoch,loss,val_loss\r\n0,0.0,0.5\r\n1,1.0,0.5\r\n2,2.0,0.5\r\n3,3.0,0.5\r\n',
    );
  });

  it('writes a header again when its file is gone after a resume', async () => {
    const m = memory();
    const states = { 'csvLogger(log.csv)': { columns: ['loss'], bytes: 99 } };
    await drive(C.csvLogger('log.csv'), m.env, () => [
      started({ initialEpoch: 5, callbackStates: states }),
      epochEnded(5, { loss: Number.NaN }),
    ]);
    expect(text(m.files.get('log.csv'))).toBe('epoch,loss\r\n5,nan\r\n');
  });

  it('quotes keys that have the separator in them', async () => {
    const m = memory();
    await drive(C.csvLogger('log.csv', { separator: ';' }), m.env, () => [
      started(),
      epochEnded(0, { 'val_a;b': 1e-5, 'say "x"': 1e16 }),
    ]);
    expect(text(m.files.get('log.csv'))).toBe('epoch;"say ""x""";"val_a;b"\r\n0;1e+16;1e-05\r\n');
  });

  it('refuses a separator of several characters, and passes the errors of the file system on', async () => {
    const m = memory();
    const refused = await drive(C.csvLogger('log.csv', { separator: ', ' }), m.env, () => [started()]);
    expect(refused.error?.reason).toBe('InvalidOption');
    const full = {
      ...m.env.fileSystem,
      appendFile: (path: string) => async () =>
        ({ _tag: 'Left', left: { _tag: 'IoError', message: 'the disk is full', path, code: 'ENOSPC' } }) as const,
    };
    const failed = await drive(C.csvLogger('log.csv'), { fileSystem: full }, () => [started(), epochEnded(0, {})]);
    expect(failed.error).toMatchObject({ reason: 'Io', message: 'csvLogger(log.csv): the disk is full' });
    expect(failed.error?.cause).toMatchObject({ code: 'ENOSPC' });
  });
});

describe('warnings', () => {
  it('tell which monitored key an epoch lacks', async () => {
    const m = memory();
    const both = C.concat(C.reduceLROnPlateau(), C.earlyStopping());
    const { error } = await drive(both, m.env, () => [started(), epochEnded(0, { loss: 1 })]);
    expect(error).toBeUndefined();
    expect(m.written).toEqual([
      "Warning: learning rate reduction is conditioned on 'val_loss', which epoch 1 did not log; there are loss\n",
      "Warning: early stopping is conditioned on 'val_loss', which epoch 1 did not log; there are loss, learning_rate\n",
    ]);
  });
});
