import { describe, expect, it } from 'vitest';
import * as C from '../../src/callback/Callback.ts';
import { perStep, timeLeft } from '../../src/callback/ProgressText.ts';
import type { Event } from '../../src/training/Event.ts';
import { drive, epochEnded, epochStarted, memory, runEnded, started, stepEnded } from './support.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes are what is taken out
const plain = (text: string): string => text.replace(/\u001b\[\d+m/g, '');

const written = async (
  options: C.ProgressOptions,
  terminal: { readonly isInteractive: boolean; readonly columns?: number },
  events: ReadonlyArray<Event>,
): Promise<ReadonlyArray<string>> => {
  const m = memory(terminal);
  await drive(C.progress(options), m.env, () => events);
  return m.written;
};

/** Two epochs of four steps, 20 ms a step after a first one of 100 ms. */
const training: ReadonlyArray<Event> = [
  started({ epochs: 2, stepsPerEpoch: 4 }),
  ...[0, 1].flatMap((e) => [
    epochStarted(e, 0.1, 1000 * e),
    ...[0, 1, 2, 3].map((s) => stepEnded(e, s, { loss: 0.5 - s / 10 }, 1000 * e + 100 + 20 * s)),
    epochEnded(e, { loss: 0.2, val_loss: 0.00025 }, 0.1, 1000 * e + 500),
  ]),
  runEnded(2),
];

describe('progress', () => {
  it('is silent with verbose 0', async () => {
    expect(await written({ verbose: 0 }, { isInteractive: true }, training)).toEqual([]);
  });

  it('writes a line for each epoch with verbose 2', async () => {
    expect(await written({ verbose: 2 }, { isInteractive: true }, training)).toEqual([
      'Epoch 1/2\n',
      '4/4 - 0s - 133ms/step - loss: 0.2000 - val_loss: 2.5000e-04\n',
      'Epoch 2/2\n',
      '4/4 - 0s - 133ms/step - loss: 0.2000 - val_loss: 2.5000e-04\n',
    ]);
  });

  it('writes final lines alone, without colours, where nothing can be rewritten', async () => {
    expect(await written({}, { isInteractive: false }, training)).toEqual([
      'Epoch 1/2\n',
      '4/4 ━━━━━━━━━━━━━━━━━━━━ 0s 133ms/step - loss: 0.2000 - val_loss: 2.5000e-04\n',
      'Epoch 2/2\n',
      '4/4 ━━━━━━━━━━━━━━━━━━━━ 0s 133ms/step - loss: 0.2000 - val_loss: 2.5000e-04\n',
    ]);
  });

  it('rewrites a bar in place, at most every 50 ms', async () => {
    const lines = (await written({}, { isInteractive: true, columns: 100 }, training)).slice(0, 4);
    // Steps end at 100, 120, 140 and 160 ms: the first and the last are drawn.
    expect(lines.map(plain)).toEqual([
      'Epoch 1/2\n',
      '\r1/4 ━━━━━━━━━━━━━━━━━━━━ 0s 100ms/step - 320 samples/s - loss: 0.5000',
      '\r4/4 ━━━━━━━━━━━━━━━━━━━━ 0s 20ms/step - 800 samples/s - loss: 0.2000 ',
      '\r4/4 ━━━━━━━━━━━━━━━━━━━━ 0s 133ms/step - loss: 0.2000 - val_loss: 2.5000e-04\n',
    ]);
    expect(lines[1]).toContain('\u001b[1m1/4\u001b[0m \u001b[32m━━━━━\u001b[0m\u001b[37m━━━━━━━━━━━━━━━\u001b[0m');
  });

  it('never lets the bar wrap', async () => {
    const long = { loss: 1, accuracy: 0.5, precision: 0.25, recall: 0.125 };
    const lines = await written({}, { isInteractive: true, columns: 50 }, [
      started({ epochs: 1 }),
      epochStarted(0),
      stepEnded(0, 0, long, 100),
    ]);
    expect(lines.map((text) => plain(text).replace('\r', '').length)).toEqual([49]);
  });

  it('shows the steps of an epoch that was halted, and steps of unknown number', async () => {
    const events = (stepsPerEpoch: number) => [
      started({ epochs: 1, stepsPerEpoch }),
      epochStarted(0, 0.1, 0),
      stepEnded(0, 6, { loss: 1 }, 7000),
      epochEnded(0, { loss: 1 }, 0.1, 7000),
    ];
    expect(await written({ verbose: 2 }, { isInteractive: false }, events(100))).toEqual([
      '  7/100 - 7s - 1s/step - loss: 1.0000\n',
    ]);
    expect(await written({}, { isInteractive: false }, events(Number.NaN))).toEqual([
      '      7/Unknown 7s 1s/step - loss: 1.0000\n',
    ]);
  });

  it('measures from the first steps that were reported together', async () => {
    const lines = await written({ verbose: 2 }, { isInteractive: false }, [
      started({ epochs: 1, stepsPerEpoch: 20 }),
      epochStarted(0, 0.1, 0),
      ...Array.from({ length: 20 }, (_, s) => stepEnded(0, s, { loss: 1 }, s < 10 ? 900 : 1000)),
      epochEnded(0, { loss: 1 }, 0.1, 1000),
    ]);
    expect(lines).toEqual(['20/20 - 1s - 10ms/step - loss: 1.0000\n']);
  });

  it('says where within an epoch a run goes on', async () => {
    const lines = await written({ verbose: 2 }, { isInteractive: false }, [
      started({ epochs: 3, stepsPerEpoch: 4, initialEpoch: 1, initialStep: 2 }),
      stepEnded(1, 2, { loss: 1 }, 100),
      stepEnded(1, 3, { loss: 1 }, 200),
      epochEnded(1, { loss: 1 }, 0.1, 200),
    ]);
    expect(lines).toEqual(['Epoch 2/3, from step 3\n', '4/4 - 0s - 100ms/step - loss: 1.0000\n']);
  });

  it('says that nothing is left to train', async () => {
    const gone = (event: Event) =>
      written({}, { isInteractive: false }, [started({ epochs: 3, initialEpoch: 2 }), event]);
    expect(await gone({ ...runEnded(0), ...{ halted: 'early: no better' } })).toEqual([
      'Nothing is left to train: epoch 2/3 is behind, and the run was halted (early: no better)\n',
    ]);
    expect(await gone(runEnded(0))).toEqual(['Nothing is left to train: epoch 2/3 is behind\n']);
    expect(await gone({ ...runEnded(0), ...{ unfinished: 'part' as const } })).toEqual([]);
  });

  it('leaves nothing in a checkpoint', async () => {
    const { world } = await drive(C.progress(), memory({ isInteractive: true }).env, () => training);
    expect(world.signals.filter(({ _tag }) => _tag === 'CallbackState')).toEqual([
      { _tag: 'CallbackState', key: 'progress', state: null },
    ]);
  });
});

describe('times', () => {
  it('are in the units of their size', () => {
    expect([0, 0.0304, 0.3, 5, 999, 1000, 61_000].map(perStep)).toEqual([
      '0s/step',
      '30us/step',
      '300us/step',
      '5ms/step',
      '999ms/step',
      '1s/step',
      '61s/step',
    ]);
    expect([0, 59_999, 60_000, 61_000, 3_600_000, 3_661_000, 36_000_000].map(timeLeft)).toEqual([
      '0s',
      '59s',
      '60s',
      '1:01',
      '60:00',
      '1:01:01',
      '10:00:00',
    ]);
  });
});
