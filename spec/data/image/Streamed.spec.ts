/** Images of files in streams: the same in threads and without, from any position, and into training. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipe } from 'fp-ts/lib/function.js';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeFileSystem as fileSystem } from '../../../src/format/FileSystem.ts';
import {
  Data as D,
  DataStream as DS,
  Image as I,
  Layer as L,
  Loss,
  Optimizer,
  Training as T,
} from '../../../src/index.ts';
import { builtWorker } from '../../support/imageWorker.ts';
import { bits, runtime, stateBits, stateOf, watching, world } from '../../training/support.ts';
import { collect, expectLaws } from '../streamed/support.ts';
import { expectError, numbers, right } from '../support.ts';

const env = { fileSystem };
const shared = runtime();
let root = '';
let worker = '';
let folder: I.ImageFolder;

beforeAll(async () => {
  const built = await builtWorker();
  root = built.folder;
  worker = built.file;
  const colours = { blue: [20, 30, 200], red: [210, 20, 40] } as const;
  for (const [name, [r, g, b]] of Object.entries(colours)) {
    await mkdir(join(root, 'images', name), { recursive: true });
    for (let i = 0; i < 5; i++) {
      const pixels = Uint8Array.from({ length: 10 * 12 * 3 }, (_, k) => ([r, g, b][k % 3] ?? 0) + ((k * (i + 3)) % 40));
      const png = await sharp(pixels, { raw: { width: 12, height: 10, channels: 3 } })
        .png()
        .toBuffer();
      await writeFile(join(root, 'images', name, `${i}.png`), png);
    }
  }
  folder = right(await I.imageFolder(join(root, 'images'), { seed: 4 })(env)());
});
afterAll(async () => {
  await shared.close();
  if (root !== '') await rm(root, { recursive: true, force: true });
});

const steps = [
  I.randomCrop(8, 8),
  I.randomFlip('horizontal'),
  I.randomRotation(0.1),
  I.randomBrightness(0.1),
  I.randomErasing(),
];
const options = { size: [8, 8], decodeSize: [10, 12], steps, seed: 5 } as const;
const images = () => pipe(I.imageFiles(folder), DS.shuffle({ seed: 2 }), I.readImages(options));
const threaded = () =>
  pipe(I.imageFiles(folder), DS.shuffle({ seed: 2 }), I.readImages({ ...options, workers: 2, workerModule: worker }));

describe('readImages', () => {
  it('keeps the laws of streams; passes differ', async () => {
    await expectLaws(images(), env, 1);
    const [first, second] = [await collect(images(), env), await collect(images(), env, { pass: 1, at: 0 })];
    expect(right(first).map(({ image }) => image.data)).not.toEqual(right(second).map(({ image }) => image.data));
    expect(right(first)[0]?.image).toMatchObject({ dtype: 'float32', shape: [3, 8, 8] });
  });

  it('gives the same bits in worker threads, from the middle too', async () => {
    for (const from of [DS.start, { pass: 1, at: 7 }]) {
      const expected = right(await collect(images(), env, from));
      expect(expected).toHaveLength(10 - from.at);
      expect(right(await collect(threaded(), env, from))).toEqual(expected);
    }
  });

  it('tells the file that is damaged, the size that steps do not give, and a worker that is not there', async () => {
    const bad = join(root, 'bad.png');
    await writeFile(bad, 'no image');
    for (const at of [{}, { workers: 1, workerModule: worker }])
      expectError(
        await collect(pipe(DS.fromArray([{ path: bad, label: 0 }]), I.readImages({ size: [8, 8], ...at })), env),
        'CorruptImage',
        bad,
      );
    const cropped = I.readImages({ size: [8, 8], steps: [I.randomCrop(4, 4)] });
    expectError(await collect(cropped(I.imageFiles(folder)), env), 'InvalidImage', '[3,8,8]', 'decodeSize', '[3,4,4]');
    const nowhere = I.readImages({ ...options, workers: 1, workerModule: '/nowhere.mjs' });
    expectError(await collect(nowhere(I.imageFiles(folder)), env), 'WorkerFailed', 'nowhere.mjs');
    expectError(I.imageBatch([]), 'InvalidImage', 'no images');
  });

  it('leaves bytes where nothing is augmented', async () => {
    const plain = pipe(I.imageFiles(folder), I.readImages({ size: [8, 8] }), DS.batch(4), DS.mapEither(I.imageBatch));
    const all: readonly D.Dataset<[3, 8, 8], L.Int<[]>>[] = right(await collect(plain, env));
    expect(all.map(({ x }) => [x.dtype, ...x.shape])).toEqual([4, 4, 2].map((n) => ['uint8', n, 3, 8, 8]));
    const whole = right(await I.loadImages({ size: [8, 8] })(folder)(env)());
    expect(all.flatMap(({ x }) => numbers(x))).toEqual(numbers(whole.x));
  });
});

const objective = T.compile(
  L.model(
    L.input([3, 8, 8]),
    L.rescaling(1 / 255),
    L.conv2d({ filters: 4, kernel: 3, activation: 'relu' }),
    L.flatten(),
    L.dense(2, { activation: 'softmax' }),
  ),
  { loss: Loss.categoricalCrossentropy(), optimizer: Optimizer.adam({ learningRate: 0.02 }) },
);

describe('into training', () => {
  const batches = (how: 'mixup' | 'cutmix', source: ReturnType<typeof images>) =>
    pipe(source, DS.batch(4), DS.mapEither(I.imageBatch), DS.mapEither(D.oneHot(2)), I.mixed(how, { seed: 6 }));

  it.each(['mixup', 'cutmix'] as const)(
    'with %s: in threads, and resumed in the middle, the same bits',
    async (how) => {
      const settings = { epochs: 2, seed: 1, stepsPerRun: 1, verbose: 0 } as const;
      const here = world(shared);
      const disk = { ...here.environment, fileSystem: { ...here.environment.fileSystem, readFile: anyFile(here) } };
      const saving = watching((e) =>
        e._tag === 'StepEnded' && e.globalStep === 4 ? [{ _tag: 'Save', path: 'state', what: 'state' }] : undefined,
      );
      const straight = right(
        await pipe(T.fitStream(objective, { ...settings, data: batches(how, images()) }), saving, T.run)(disk)(),
      );
      expect(straight.state?.step).toBe(6);
      const other = right(
        await pipe(T.fitStream(objective, { ...settings, data: batches(how, threaded()) }), saving, T.run)(disk)(),
      );
      expect(bits(other.weights)).toEqual(bits(straight.weights));
      const { seed: _, ...rest } = settings;
      const from = right(await T.loadState('state')(disk)());
      expect(from.step).toBe(4);
      const resumed = right(
        await pipe(T.fitStream(objective, { ...rest, from, data: batches(how, images()) }), saving, T.run)(disk)(),
      );
      expect(stateBits(stateOf(resumed))).toEqual(stateBits(stateOf(straight)));
    },
  );

  it('mixes targets as it mixes images, keeps what they sum to, and refuses a wrong alpha', async () => {
    const all = right(await collect(batches('mixup', images()), env));
    const plain = right(
      await collect(pipe(images(), DS.batch(4), DS.mapEither(I.imageBatch), DS.mapEither(D.oneHot(2))), env),
    );
    expect(all.flatMap(({ y }) => numbers(y))).not.toEqual(plain.flatMap(({ y }) => numbers(y)));
    for (const { y, size } of all)
      for (let i = 0; i < size; i++) expect(Number(y.data[2 * i]) + Number(y.data[2 * i + 1])).toBeCloseTo(1, 6);
    const threads = { workers: 2, workerModule: worker };
    for (const how of ['mixup', 'cutmix'] as const) {
      const here = pipe(DS.fromArray(plain), I.mixed(how, { seed: 6 }));
      const there = pipe(DS.fromArray(plain), I.mixed(how, { seed: 6, ...threads }));
      expect(right(await collect(there, undefined))).toEqual(right(await collect(here, undefined)));
    }
    for (const at of [{}, threads]) {
      const wrong = pipe(DS.fromArray(plain), I.mixed('mixup', { seed: 1, alpha: -1, ...at }));
      expectError(await collect(wrong, undefined), 'InvalidImage', 'alpha', '-1');
    }
  });

  it('augments batches that are in memory', async () => {
    const data = right(await I.loadImages({ size: [8, 8] })(folder)(env)());
    const some = pipe(data, DS.fromDataset({ batchSize: 4, seed: 1 }), I.augmented(steps.slice(1), { seed: 3 }));
    await expectLaws(some, undefined, 2);
    const [batch] = right(await collect(some, undefined));
    expect([batch?.x.dtype, batch?.x.shape]).toEqual(['float32', [4, 3, 8, 8]]);
    for (const from of [DS.start, { pass: 1, at: 2 }]) {
      const inThreads = pipe(
        data,
        DS.fromDataset({ batchSize: 4, seed: 1 }),
        I.augmented(steps.slice(1), { seed: 3, workers: 2, workerModule: worker }),
      );
      expect(right(await collect(inThreads, undefined, from))).toEqual(right(await collect(some, undefined, from)));
    }
    const smaller = pipe(data, DS.fromDataset({ batchSize: 4 }), I.augmented([I.randomCrop(4, 4)], { seed: 3 }));
    expectError(await collect(smaller, undefined), 'InvalidImage', '[4,3,8,8]', '[4,3,4,4]');
  });
});

/** States in memory, images from the disk. */
function anyFile(here: ReturnType<typeof world>): typeof fileSystem.readFile {
  return (path) => (path.endsWith('.png') ? fileSystem.readFile(path) : here.environment.fileSystem.readFile(path));
}
