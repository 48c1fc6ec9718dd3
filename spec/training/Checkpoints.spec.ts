/** Checkpoint files that are torn, altered, foreign or not there: typed errors that name the file, and nothing lost. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { afterAll, describe, expect, it } from 'vitest';
import { nodeFileSystem } from '../../src/format/FileSystem.ts';
import { Callback as C, Layer as L, Loss, Optimizer, Safetensors, Training as T } from '../../src/index.ts';
import * as State from '../../src/training/State.ts';
import { bits, flowers, left, objective, right, runtime, stateOf, world } from './support.ts';

const shared = runtime();
const folder = await mkdtemp(join(tmpdir(), 'grad-ts-checkpoints-'));
afterAll(async () => {
  await shared.close();
  await rm(folder, { recursive: true, force: true });
});

const here = world(shared);
const env = here.environment;
const fit = pipe(
  T.fit(objective, { data: flowers(10), validation: flowers(5, 2), epochs: 2, batchSize: 4, verbose: 0 }),
  C.earlyStopping({ patience: 9, restoreBestWeights: true }),
  C.modelCheckpoint('state.safetensors'),
  C.modelCheckpoint('weights.safetensors', { saveWeightsOnly: true }),
);
const trained = right(await T.run(fit)(env)());
const bytesOf = (path: string): Uint8Array => here.files.get(path) ?? new Uint8Array();
const put = (path: string, bytes: Uint8Array) => here.files.set(path, bytes);

const readings = {
  state: (path: string) => T.loadState(path)(env)(),
  weights: (path: string) => T.loadWeights(path)(trained)(env)(),
};

/** A typed error that names the file. */
const refused = (result: E.Either<T.TrainingError, unknown>, path: string): T.TrainingError => {
  const error = left(result);
  expect(typeof error._tag).toBe('string');
  expect(error.message).toContain(path);
  return error;
};

describe('whole files', () => {
  it('are read', async () => {
    expect(right(await readings.state('state.safetensors')).epoch).toBe(2);
    expect(bits(right(await readings.weights('weights.safetensors')).weights)).toEqual(
      bits(right(await readings.weights('state.safetensors')).weights),
    );
  });

  it('are safetensors, named as the parameters', () => {
    const { tensors, metadata } = right(Safetensors.decode(bytesOf('state.safetensors')));
    expect(metadata).toMatchObject({ format: 'grad-ts', version: '2', kind: 'state' });
    const names = Object.keys(tensors);
    expect(names).toContain('dense.kernel');
    expect(names.filter((name) => name.startsWith('slot/'))).toHaveLength(Object.keys(stateOf(trained).slots).length);
    expect(names).toContain('remembered/earlyStopping(val_loss)/dense.kernel');
    expect(Object.keys(right(Safetensors.decode(bytesOf('weights.safetensors'))).tensors).sort()).toEqual(
      Object.keys(trained.weights).sort(),
    );
  });
});

describe.each(['state', 'weights'] as const)('a %s file', (kind) => {
  const whole = bytesOf(`${kind}.safetensors`);
  const read = readings[kind];

  it('that is torn is refused, wherever it was cut', async () => {
    const cuts = Array.from({ length: 50 }, (_, i) => Math.floor((i * whole.length) / 50));
    for (const length of [...cuts, whole.length - 1]) {
      put('torn.safetensors', whole.slice(0, length));
      refused(await read('torn.safetensors'), 'torn.safetensors');
    }
  });

  it('that has more at its end is refused', async () => {
    put('long.safetensors', new Uint8Array([...whole, 0]));
    refused(await read('long.safetensors'), 'long.safetensors');
  });

  it('that was altered is refused, wherever a byte was flipped', async () => {
    const positions = Array.from({ length: 120 }, (_, i) => Math.floor((i * whole.length) / 120));
    for (const position of positions)
      for (const mask of [0x01, 0xff]) {
        const altered = whole.slice();
        altered[position] = Number(altered[position]) ^ mask;
        put('altered.safetensors', altered);
        refused(await read('altered.safetensors'), 'altered.safetensors');
      }
  });

  it('that has lost its checksum is refused', async () => {
    const { tensors, metadata } = right(Safetensors.decode(whole));
    put('bare.safetensors', right(Safetensors.encode(tensors, metadata)));
    expect(refused(await read('bare.safetensors'), 'bare.safetensors')._tag).toBe('NoChecksum');
  });

  it('of a newer version is refused, with what helps', async () => {
    const { tensors, metadata } = right(Safetensors.decode(whole));
    put('newer.safetensors', right(Safetensors.encode(tensors, { ...metadata, version: '3' }, { checksum: true })));
    const { message } = refused(await read('newer.safetensors'), 'newer.safetensors');
    expect(message).toContain('format version 3, this library reads up to 2: update grad-ts');
  });

  it('that is not there is an IoError', async () => {
    expect(refused(await read('nowhere.safetensors'), 'nowhere.safetensors')).toMatchObject({
      _tag: 'IoError',
      code: 'ENOENT',
    });
  });

  it('that is empty or no safetensors at all is refused', async () => {
    put('empty.safetensors', new Uint8Array());
    refused(await read('empty.safetensors'), 'empty.safetensors');
    put('text.safetensors', new TextEncoder().encode('epoch,loss\n0,0.5\n'));
    refused(await read('text.safetensors'), 'text.safetensors');
  });
});

describe('the wrong file', () => {
  it('weights where a state is asked for', async () => {
    const { message } = refused(await readings.state('weights.safetensors'), 'weights.safetensors');
    expect(message).toContain('weights only');
    expect(message).toContain('use loadWeights');
  });

  it('a state whose metadata do not decode', async () => {
    const { tensors, metadata } = right(Safetensors.decode(bytesOf('state.safetensors')));
    for (const state of ['', '{', '{"epoch":"two"}']) {
      put('odd.safetensors', right(Safetensors.encode(tensors, { ...metadata, state }, { checksum: true })));
      expect(refused(await readings.state('odd.safetensors'), 'odd.safetensors')._tag).toBe('CheckpointError');
    }
  });

  it("another model's: every difference is listed", async () => {
    const other = T.compile(L.model(L.input([6]), L.dense(5), L.dense(3), L.dense(3, { activation: 'softmax' })), {
      loss: Loss.sparseCategoricalCrossentropy(),
      optimizer: Optimizer.sgd(),
    });
    const start = right(T.untrained(0)(other));
    const { message } = refused(await T.loadWeights('weights.safetensors')(start)(env)(), 'weights.safetensors');
    for (const part of [
      "dense.kernel is float32[6,8], the model's is float32[6,5]",
      "dense.bias is float32[8], the model's is float32[5]",
      "dense_1.kernel is float32[8,3], the model's is float32[5,3]",
      'dense_2.kernel is missing',
      'dense_2.bias is missing',
      'batch_normalization.gamma is not in the model',
      'batch_normalization.moving_variance is not in the model',
    ])
      expect(message).toContain(part);
  });

  it('of other software is read as weights, if they fit', async () => {
    put('foreign.safetensors', right(Safetensors.encode(trained.weights, { format: 'pt' })));
    expect(bits(right(await readings.weights('foreign.safetensors')).weights)).toEqual(bits(trained.weights));
    refused(await readings.state('foreign.safetensors'), 'foreign.safetensors');
  });

  it('weights of another element type are refused', async () => {
    const doubled = Object.fromEntries(
      Object.entries(trained.weights).map(([name, a]) => [
        name,
        { ...a, dtype: 'float64' as const, data: Float64Array.from(a.data as Float32Array) },
      ]),
    );
    put('double.safetensors', right(Safetensors.encode(doubled, {})));
    const { message } = refused(await readings.weights('double.safetensors'), 'double.safetensors');
    expect(message).toContain('dense.kernel is float64[6,8]');
  });
});

describe('a write that fails', () => {
  const disk = { ...env, fileSystem: nodeFileSystem };
  const saving = (path: string) =>
    pipe(T.fit(objective, { data: flowers(10), verbose: 0 }), C.modelCheckpoint(path, { key: 'saver' }));

  it('ends the run with an IoError and leaves no temporary file; the old checkpoint stays whole', async () => {
    const inside = join(folder, 'kept');
    const path = join(inside, 'best.safetensors');
    right(await T.run(saving(path))(disk)());
    const old = await readFile(path);
    // The rename is what fails: a folder stands where the next file should.
    const blocked = join(inside, 'blocked.safetensors');
    await mkdir(blocked);
    await writeFile(join(blocked, 'inhabitant'), '');
    const error = left(await T.run(saving(blocked))(disk)());
    expect(error).toMatchObject({ _tag: 'IoError', path: blocked });
    expect(error.message).toContain(blocked);
    expect((await readdir(inside)).sort()).toEqual(['best.safetensors', 'blocked.safetensors']);
    expect(await readFile(path)).toEqual(old);
    expect(E.isRight(await T.loadState(path)(disk)())).toBe(true);
  });

  it('into a path that goes through a file is an IoError', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    const path = join(file, 'sub', 'best.safetensors');
    expect(left(await T.run(saving(path))(disk)())).toMatchObject({ _tag: 'IoError', path });
  });

  it.skipIf(process.getuid?.() === 0)('into a folder that may not be written to is an IoError', async () => {
    const locked = join(folder, 'locked');
    await mkdir(locked);
    await chmod(locked, 0o500);
    const path = join(locked, 'best.safetensors');
    expect(left(await T.run(saving(path))(disk)())).toMatchObject({ _tag: 'IoError', code: 'EACCES', path });
    expect(await readdir(locked)).toEqual([]);
  });

  it('of a full disk leaves the old content, and says what helps', async () => {
    const path = 'full.safetensors';
    put(path, bytesOf('state.safetensors'));
    const full = {
      ...env,
      fileSystem: {
        ...env.fileSystem,
        writeFile: (to: string) => async () =>
          E.left({
            _tag: 'IoError',
            message: `could not write ${to}: the disk is full`,
            path: to,
            code: 'ENOSPC',
          } as const),
      },
    };
    expect(left(await T.run(saving(path))(full)())).toMatchObject({ _tag: 'IoError', code: 'ENOSPC' });
    expect(right(State.decode(bytesOf(path)))._tag).toBe('State');
  });
});
