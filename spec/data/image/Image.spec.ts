/** Images: against scipy, by properties, and with files that are damaged. */
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as D from '../../../src/data/Data.ts';
import type { Dataset } from '../../../src/data/Dataset.ts';
import { beta, stateOf, uniform } from '../../../src/data/image/Draw.ts';
import * as I from '../../../src/data/image/Image.ts';
import {
  type Affine,
  about,
  composed,
  type FillMode,
  flip,
  type Picture,
  unmoved,
  warp,
} from '../../../src/data/image/Warp.ts';
import { nodeFileSystem as fileSystem } from '../../../src/format/FileSystem.ts';
import { input } from '../../../src/graph/Graph.ts';
import { reversed, warped } from '../../../src/layer/augmentation.ts';
import type { Int } from '../../../src/shape/Shape.ts';
import { f32, graphOf, run } from '../../support/evaluate.ts';
import { expectError, right } from '../support.ts';

interface Goldens {
  readonly image: readonly number[];
  readonly fillValue: number;
  readonly cases: readonly {
    readonly map: readonly number[];
    readonly fillMode: FillMode;
    readonly interpolation: 'nearest' | 'bilinear';
    readonly out: readonly number[];
  }[];
  readonly sizes: readonly { readonly size: readonly [number, number]; readonly out: readonly number[] }[];
}
const goldens = JSON.parse(readFileSync(new URL('../../golden/images.json', import.meta.url), 'utf8')) as Goldens;
const golden: Picture = { channels: 2, height: 5, width: 7, data: Float32Array.from(goldens.image) };

const picture = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }), fc.integer())
  .map(([channels, height, width, seed]): Picture => {
    const state = stateOf({ seed, epoch: 0, sample: 0 });
    const data = Float32Array.from({ length: channels * height * width }, () => Math.floor(uniform(state, [0, 256])));
    return { channels, height, width, data };
  });
const batchOf = ({ channels, height, width, data }: Picture, n = 1) =>
  f32(Array.from({ length: n }, () => Array.from(data)).flat(), [n, channels, height, width]);
const at = (samples: readonly number[], epoch = 0) => ({ seed: 11, epoch, samples });

describe('warp', () => {
  it('gives the numbers of scipy', () => {
    for (const { map, out, ...options } of goldens.cases) {
      const y = warp(map as unknown as Affine, { ...options, fillValue: goldens.fillValue })(golden);
      y.data.forEach((v, i) =>
        expect(Math.abs(v - (out[i] ?? 0)), `${options.fillMode} ${options.interpolation} ${i}`).toBeLessThan(1e-4),
      );
    }
  });

  it('has an identity, and whole shifts compose', () => {
    fc.assert(
      fc.property(picture, fc.constantFrom<FillMode>('nearest', 'reflect', 'wrap', 'constant'), (x, fillMode) => {
        expect(warp(unmoved, { fillMode })(x).data).toEqual(x.data);
        expect(warp(about(x, unmoved), { fillMode })(x).data).toEqual(x.data);
      }),
    );
    fc.assert(
      fc.property(picture, fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 }), (x, i, j) => {
        const [f, g]: [Affine, Affine] = [
          [1, 0, i, 0, 1, j],
          [1, 0, j, 0, 1, i],
        ];
        const twice = warp(g, { fillMode: 'wrap' })(warp(f, { fillMode: 'wrap' })(x));
        expect(twice.data).toEqual(warp(composed(f, g), { fillMode: 'wrap' })(x).data);
      }),
    );
  });

  it('flips: twice is nothing', () => {
    fc.assert(
      fc.property(picture, fc.constantFrom('horizontal' as const, 'vertical' as const), (x, way) => {
        expect(flip(way)(flip(way)(x)).data).toEqual(x.data);
        const minus: Affine = way === 'horizontal' ? [-1, 0, 0, 0, 1, 0] : [1, 0, 0, 0, -1, 0];
        expect(flip(way)(x).data).toEqual(warp(about(x, minus))(x).data);
      }),
    );
  });

  it('is the same in a graph', async () => {
    for (const fillMode of ['constant', 'nearest', 'reflect'] as const)
      for (const interpolation of ['nearest', 'bilinear'] as const) {
        const map: Affine = [0.9, -0.45, 1.73, 0.4, 1.1, -2.21];
        const options = { fillMode, interpolation, fillValue: 3 };
        const y = warped(map, options)(input('x', 'float32', ['batch', 2, 5, 7]));
        expect(y.type.shape).toEqual(['batch', 2, 5, 7]);
        const out = await run(graphOf({ y }), { x: batchOf(golden, 2) });
        const expected = warp(about(golden, map), options)(golden).data;
        expect(out.y?.data.length).toBe(2 * expected.length);
        out.y?.data.forEach((v, i) =>
          expect(Math.abs(Number(v) - (expected[i % expected.length] ?? 0))).toBeLessThan(2e-3),
        );
      }
    const y = reversed(3)(input('x', 'float32', ['batch', 2, 5, 7]));
    const out = await run(graphOf({ y }), { x: batchOf(golden) });
    expect(Array.from(out.y?.data ?? [], Number)).toEqual(Array.from(flip('horizontal')(golden).data));
  });
});

describe('augment', () => {
  const all: readonly I.Augmentation[] = [
    ...[
      I.randomFlip(),
      I.randomRotation(0.2),
      I.randomZoom(0.3),
      I.randomTranslation(0.3, 0.2, { fillMode: 'constant' }),
    ],
    ...[I.randomContrast(0.4), I.randomBrightness(0.2), I.randomErasing(), I.randomCrop(4, 4)],
  ];

  it('depends on seed, epoch and sample alone, not on the batch', () => {
    fc.assert(
      fc.property(picture, (x) => {
        const both = right(I.augment(all, at([5, 9]))(batchOf(x, 2)));
        const one = right(I.augment(all, at([9]))(batchOf(x)));
        expect(both.shape).toEqual([2, x.channels, 4, 4]);
        expect(both.data.slice(both.data.length / 2)).toEqual(one.data);
        expect(JSON.parse(JSON.stringify(all))).toEqual(all.map((one) => JSON.parse(JSON.stringify(one))));
      }),
    );
    const other = (epoch: number) => right(I.augment(all, at([5], epoch))(batchOf(golden))).data;
    expect(other(0)).not.toEqual(other(1));
    expect(other(1)).toEqual(other(1));
  });

  it('changes nothing with factors of 0', () => {
    const none = [
      ...[I.randomRotation(0), I.randomZoom(0), I.randomTranslation(0, 0), I.randomContrast(0), I.randomBrightness(0)],
      I.randomErasing({ factor: 0 }),
    ];
    fc.assert(
      fc.property(picture, (x) => {
        const y = right(I.augment([...none, I.randomCrop(x.height, x.width)], at([1]))(batchOf(x)));
        y.data.forEach((v, i) => expect(Number(v)).toBeCloseTo(x.data[i] ?? 0, 3));
      }),
    );
  });

  it('keeps the range of values, and erases a part of the right size', () => {
    fc.assert(
      fc.property(picture, fc.nat(), (x, sample) => {
        for (const v of right(I.augment(all, at([sample]))(batchOf(x))).data)
          expect(Number(v) >= 0 && Number(v) <= 255).toBe(true);
      }),
    );
    const blank = batchOf({ channels: 2, height: 20, width: 10, data: new Float32Array(400).fill(7) });
    const step = I.randomErasing({ factor: [1, 1], scale: [0.25, 0.25], fillValue: -1 });
    const erased = right(I.augment([step], at([3]))(blank)).data.filter((v: number | bigint) => Number(v) === -1);
    expect(erased.length).toBe(2 * 10 * 5);
  });

  it.each(goldens.sizes)('resizes to $size as PyTorch does', ({ size, out }) => {
    const y = right(I.augment([I.resize(...size)], at([0]))(batchOf(golden)));
    expect(y.shape).toEqual([1, 2, ...size]);
    y.data.forEach((v, i) => expect(Math.abs(Number(v) - (out[i] ?? 0))).toBeLessThan(1e-4));
  });

  it('takes the middle, and the largest part of these proportions where it is too small', () => {
    const row = (y: number): readonly number[] => Array.from(golden.data.slice(7 * y + 2, 7 * y + 5));
    const middle = right(I.augment([I.centerCrop(3, 3)], at([0]))(batchOf(golden)));
    expect(middle.shape).toEqual([1, 2, 3, 3]);
    expect(Array.from(middle.data, Number).slice(0, 9)).toEqual([1, 2, 3].flatMap(row));
    const larger = right(I.augment([I.centerCrop(10, 10)], at([0]))(batchOf(golden)));
    const square = right(I.augment([I.centerCrop(5, 5), I.resize(10, 10)], at([0]))(batchOf(golden)));
    expect(larger).toEqual(square);
  });

  it('normalises by what was measured, channel by channel', () => {
    const y = D.ints([], [0, 0]);
    const images = right(D.dataset({ x: D.floats([2, 5, 7], batchOf(golden, 2)), y }));
    const measured = D.standardise.fit(images);
    const out = right(I.augment([I.normalise(measured)], at([0, 1]))(batchOf(golden, 2)));
    const expected = right(D.standardise.apply(measured)(images)).x;
    expect(out.shape).toEqual(expected.shape);
    expected.data.forEach((v, i) => expect(Math.abs(Number(out.data[i]) - Number(v))).toBeLessThan(1e-5));
  });

  it('refuses what makes no sense', () => {
    const x = batchOf(golden);
    for (const step of [
      I.resize(0, 3),
      I.centerCrop(3, 1.5),
      I.normalise({ mean: [1], scale: [1] }),
      I.normalise({ mean: [1, 2], scale: [1, 0] }),
      I.randomZoom(-2),
      I.randomCrop(0, 3),
      I.randomBrightness(3),
      I.randomContrast([1, 0]),
      I.randomErasing({ factor: 2 }),
    ])
      expectError(I.augment([step], at([0]))(x), 'InvalidImage', 'augment', 'expected');
    expectError(I.augment([], at([0, 1]))(x), 'InvalidImage', '1,2,5,7');
    expectError(I.augment([], at([0]))(f32([1, 2], [1, 2])), 'InvalidImage');
  });
});

describe('mixing', () => {
  const n = 8;
  const state = stateOf({ seed: 1, epoch: 0, sample: 0 });
  const x = f32(
    Array.from({ length: n * 2 * 6 * 6 }, () => uniform(state, [0, 1])),
    [n, 2, 6, 6],
  );
  const y = f32(Array.from({ length: n }, (_, i) => [0, 1, 2].map((c) => (c === i % 3 ? 1 : 0))).flat(), [n, 3]);

  it.each([
    ['mixup', I.mixup],
    ['cutmix', I.cutmix],
  ] as const)('%s keeps the sums of targets, and mixes images by the same share', (_, mix) => {
    for (let batch = 0; batch < 20; batch++) {
      const out = right(mix({ seed: 3, epoch: 1, batch })({ x, y }));
      expect(right(mix({ seed: 3, epoch: 1, batch })({ x, y }))).toEqual(out);
      for (let i = 0; i < n; i++) {
        const row = Array.from(out.y.data.slice(i * 3, i * 3 + 3), Number);
        expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
        for (const v of row) expect(v >= 0 && v <= 1).toBe(true);
      }
      // All images are a constant that says their class: then the mean of the mix is that of the targets.
      const plain = f32(
        Array.from({ length: n * 72 }, (__, k) => Math.floor(k / 72) % 3),
        [n, 2, 6, 6],
      );
      const mixed = right(mix({ seed: 3, epoch: 1, batch })({ x: plain, y }));
      for (let i = 0; i < n; i++) {
        const image = Array.from(mixed.x.data.slice(i * 72, (i + 1) * 72), Number);
        const target = Number(mixed.y.data[i * 3 + 1]) + 2 * Number(mixed.y.data[i * 3 + 2]);
        expect(image.reduce((a, b) => a + b, 0) / 72).toBeCloseTo(target, 4);
      }
    }
    expectError(mix({ seed: 1, epoch: 1, batch: 1 }, { alpha: 0 })({ x, y }), 'InvalidImage', 'alpha');
    expectError(mix({ seed: 1, epoch: 1, batch: 1 })({ x, y: f32([1, 2], [2]) }), 'InvalidImage', 'targets');
  });

  it('draws shares of the beta distribution', () => {
    for (const alpha of [0.2, 1, 3]) {
      const draws = Array.from({ length: 4000 }, () => beta(state, alpha));
      const mean = draws.reduce((a, b) => a + b, 0) / draws.length;
      const variance = draws.reduce((a, b) => a + (b - mean) ** 2, 0) / draws.length;
      expect(mean).toBeCloseTo(0.5, 1);
      expect(Math.abs(variance * 4 * (2 * alpha + 1) - 1)).toBeLessThan(0.1);
    }
  });
});

describe('files', () => {
  let folder = '';
  const pixels = Uint8Array.from({ length: 6 * 4 * 3 }, (_, i) => (i * 37) % 256);
  const made = () => sharp(pixels, { raw: { width: 4, height: 6, channels: 3 } });
  const files: Record<string, Uint8Array> = {};

  beforeAll(async () => {
    Object.assign(files, {
      png: await made().png().toBuffer(),
      jpeg: await made().jpeg().toBuffer(),
      webp: await made().webp({ lossless: true }).toBuffer(),
    });
    folder = await mkdtemp(join(tmpdir(), 'grad-ts-images-'));
    for (const [name, count] of [
      ['cats', 3],
      ['dogs', 2],
    ] as const) {
      await mkdir(join(folder, name));
      for (let i = 0; i < count; i++)
        await writeFile(
          join(folder, name, `${i}.${i === 1 ? 'webp' : 'png'}`),
          files[i === 1 ? 'webp' : 'png'] as Uint8Array,
        );
      await writeFile(join(folder, name, 'notes.txt'), 'no image');
    }
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('decodes, channels first', async () => {
    for (const kind of ['png', 'webp']) {
      const image = right(await I.decodeImage(files[kind] as Uint8Array)());
      expect(image).toMatchObject({ dtype: 'uint8', shape: [3, 6, 4] });
      image.data.forEach((v, i) => expect(v).toBe(pixels[(i % 24) * 3 + Math.floor(i / 24)]));
    }
    const jpeg = right(
      await I.decodeImage(files.jpeg as Uint8Array, { size: [2, 3], colorMode: 'grayscale', fit: 'crop' })(),
    );
    expect(jpeg.shape).toEqual([1, 2, 3]);
    const rgba = right(
      await I.decodeImage(files.png as Uint8Array, {
        colorMode: 'rgba',
        size: [8, 8],
        fit: 'pad',
        interpolation: 'nearest',
      })(),
    );
    expect(rgba.shape).toEqual([4, 8, 8]);
  });

  it('refuses damaged files and too large ones, with their names', async () => {
    const png = files.png as Uint8Array;
    expectError(await I.decodeImage(png.slice(0, 40), {}, 'half.png')(), 'CorruptImage', 'half.png');
    expectError(await I.decodeImage(new Uint8Array(0), {}, 'empty.png')(), 'CorruptImage', 'empty.png');
    expectError(await I.decodeImage(png, { maxPixels: 10 }, 'bomb.png')(), 'CorruptImage', 'bomb.png');
    expectError(await I.decodeImage(png, { size: [0, 4] })(), 'InvalidImage', '0 by 4');
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('png', 'jpeg', 'webp'),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(255),
        async (kind, share, byte) => {
          const whole = files[kind] as Uint8Array;
          const at = Math.floor(share * (whole.length - 1));
          const cut = await I.decodeImage(whole.slice(0, at))();
          const changed = Uint8Array.from(whole);
          changed[at] = byte;
          const other = await I.decodeImage(changed)();
          for (const result of [cut, other])
            if (E.isLeft(result)) expect(result.left._tag).toBe('CorruptImage');
            else expect(result.right.data.length).toBe(result.right.shape.reduce((a, b) => a * b, 1));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('loads a folder with a folder for each class', async () => {
    const env = { fileSystem };
    const found = right(await I.imageFolder(folder, { seed: 4 })(env)());
    expect(found.classNames).toEqual(['cats', 'dogs']);
    expect(found.files.length).toBe(5);
    expect(found.files).not.toEqual(right(await I.imageFolder(folder, { seed: false })(env)()).files);
    const data: Dataset<[3, 6, 4], Int<[]>> = right(await I.loadImages({ size: [6, 4] })(found)(env)());
    expect(Array.from(data.y.data, Number)).toEqual(found.files.map((f) => f.label));
    expect(data.x.shape).toEqual([5, 3, 6, 4]);
    expect(data.x.data[1]).toBe(pixels[3]);
    const list = found.files.map(({ path, label }) => `${path},${found.classNames[label]}`);
    await writeFile(join(folder, 'list.csv'), ['path,label', ...list].join('\n'));
    const listed = right(await I.imageList(join(folder, 'list.csv'), { seed: false })(env)());
    expect(listed).toEqual(found);
    const other = right(await I.imageList(join(folder, 'list.csv'), { classNames: ['dogs', 'cats'] })(env)());
    expect(other.classNames).toEqual(['dogs', 'cats']);
    expect(other.files).not.toEqual(listed.files);
    expectError(await I.imageList(join(folder, 'list.csv'), { classNames: ['dogs'] })(env)(), 'InvalidFile', '"cats"');
    const { train, validation } = right(I.splitFolder(0.4)(found));
    expect([...train.files, ...validation.files]).toEqual(found.files);
    expect(validation.files.length).toBe(2);
    const hot = right(await I.loadCategorical(2, { size: [3, 3], colorMode: 'grayscale' })(train)(env)());
    expect(hot.y.shape).toEqual([3, 2]);
    const yes = right(await I.loadBinary({ size: [3, 3] })(train)(env)());
    expect(yes.y.shape).toEqual([3, 1]);
    const bad = await pipe(
      I.imageFolder(folder, { classNames: ['birds'] }),
      RTE.chainW(I.loadImages({ size: [2, 2] })),
    )(env)();
    expect(E.isLeft(bad)).toBe(true);
    await writeFile(join(folder, 'dogs', 'broken.png'), (files.png as Uint8Array).slice(0, 50));
    const broken = await pipe(I.imageFolder(folder), RTE.chainW(I.loadImages({ size: [2, 2] })))(env)();
    expectError(broken, 'CorruptImage', 'broken.png');
  });
});
