/** Augmentation layers: nothing in inference; in training, each image changed in its own way, the same for equal seed and step. */
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import { flip, type Picture } from '../../src/data/image/Warp.ts';
import { graph } from '../../src/graph/Graph.ts';
import { missingKernels } from '../../src/graph/Kernels.ts';
import * as L from '../../src/layer/Layer.ts';
import type { Model } from '../../src/model/Model.ts';
import { resolve } from '../../src/model/Resolve.ts';
import { randomFrom } from '../autodiff/random.ts';
import { inference, lowered, resolvedOf, right, runModel, trainingMode } from '../interpret/support.ts';
import { f32 } from '../support/evaluate.ts';
import { kernelTables } from '../support/kernelTables.ts';
import { anywhere, compare } from './directional.ts';

const n = 12;
const picture: Picture = {
  channels: 2,
  height: 4,
  width: 5,
  data: Float32Array.from({ length: 40 }, (_, i) => (i * 29) % 200),
};
const images = f32(Array.from({ length: n }, () => Array.from(picture.data)).flat(), [n, 2, 4, 5]);
const input = L.input([2, 4, 5]);

const layers = {
  randomFlip: L.model(input, L.randomFlip()),
  randomRotation: L.model(input, L.randomRotation(0.2)),
  randomZoom: L.model(input, L.randomZoom(0.3, { width: [0, 0.2], fillMode: 'constant', fillValue: 9 })),
  randomTranslation: L.model(input, L.randomTranslation(0.3, 0.3, { fillMode: 'nearest', interpolation: 'nearest' })),
  randomBrightness: L.model(input, L.randomBrightness(0.2)),
  randomContrast: L.model(input, L.randomContrast(0.5)),
};
const output = async (model: Model<never, unknown>, mode = trainingMode()): Promise<number[]> => {
  const resolved = resolvedOf(model);
  const feeds = { [resolved.inputs[0]?.name ?? '']: images };
  return Array.from(Object.values(await runModel(resolved, feeds, mode))[0]?.data ?? [], Number);
};
const chunks = (flat: readonly number[]): readonly (readonly number[])[] =>
  Array.from({ length: n }, (_, i) => flat.slice(i * 40, (i + 1) * 40));

describe.each(Object.entries(layers))('%s', (_, model) => {
  it('is the identity in inference', async () => {
    expect(await output(model, inference)).toEqual(Array.from(images.data, Number));
  });

  it('differs from image to image and from step to step, and is equal for equal steps', async () => {
    const one = await output(model);
    expect(new Set(chunks(one).map(String)).size).toBeGreaterThan(2);
    expect(await output(model)).toEqual(one);
    expect(await output(model, trainingMode('cpu', 1, 3))).not.toEqual(one);
    for (const v of one) expect(v >= -1e-3 && v <= 255).toBe(true);
  });

  it('has kernels on both providers', () => {
    const resolved = resolvedOf(model);
    for (const provider of ['cpu', 'cuda'] as const) {
      const { outputs } = lowered(resolved, trainingMode(provider));
      const whole = graph(
        'spec',
        [],
        outputs.map((value, i) => ({ name: `y${i}`, value })),
      );
      expect(missingKernels(whole, kernelTables, provider, 18)).toEqual([]);
    }
  });
});

describe('randomCrop', () => {
  const crop: L.Model<['batch', 2, 4, 5], ['batch', 2, 3, 2]> = L.model(input, L.randomCrop(3, 2));
  const part = (top: number, left: number): readonly number[] =>
    [0, 1].flatMap((c) =>
      [0, 1, 2].flatMap((y) => [0, 1].map((x) => picture.data[c * 20 + (top + y) * 5 + left + x] ?? Number.NaN)),
    );
  const parts = (flat: readonly number[]) => Array.from({ length: n }, (_, i) => flat.slice(i * 12, (i + 1) * 12));
  const places = [0, 1].flatMap((top) => [0, 1, 2, 3].map((left) => String(part(top, left))));

  it('takes a part of each image, bit for bit, all of them in time, the same for equal steps', async () => {
    const seen = new Set<string>();
    for (let step = 0; step < 6; step++) {
      const out = await output(crop, trainingMode('cpu', 1, step));
      expect(await output(crop, trainingMode('cpu', 1, step))).toEqual(out);
      for (const one of parts(out)) {
        expect(places).toContain(String(one));
        seen.add(String(one));
      }
    }
    expect(seen.size).toBe(places.length);
  });

  it('takes the middle in inference, and all of an image of its size', async () => {
    for (const one of parts(await output(crop, inference))) expect(one).toEqual(part(0, 1));
    for (const mode of [inference, trainingMode()])
      expect(await output(L.model(input, L.randomCrop(4, 5)), mode)).toEqual(Array.from(images.data, Number));
  });

  it('has kernels on both providers, and is checked', () => {
    for (const provider of ['cpu', 'cuda'] as const) {
      const { outputs } = lowered(resolvedOf(crop), trainingMode(provider));
      const named = outputs.map((value, i) => ({ name: `y${i}`, value }));
      expect(missingKernels(graph('spec', [], named), kernelTables, provider, 18)).toEqual([]);
    }
    // @ts-expect-error: randomCrop: 5x5 is larger than input 4x5
    expect(JSON.stringify(resolve(L.model(input, L.randomCrop(5, 5))))).toContain('5x5 is larger than input 4x5');
    expect(JSON.stringify(resolve(L.model(input, L.randomCrop(0, 5))))).toContain('positive integers');
    const size: number = 4;
    const unknown: L.Model<['batch', 2, 4, 5], ['batch', 2, number, 5]> = L.model(input, L.randomCrop(size, 5));
    expect(E.isRight(resolve(unknown))).toBe(true);
  });
});

describe('what they give', () => {
  it('randomFlip gives the image or its mirror image, about as often', async () => {
    const y = chunks(await output(L.model(input, L.randomFlip('horizontal'))));
    const [same, mirrored] = [picture, flip('horizontal')(picture)].map(
      ({ data }) => y.filter((x) => String(x) === String(Array.from(data))).length,
    );
    expect((same ?? 0) + (mirrored ?? 0)).toBe(n);
    expect(Math.min(same ?? 0, mirrored ?? 0)).toBeGreaterThan(0);
  });

  it('factors of 0 change nothing', async () => {
    for (const model of [
      L.model(input, L.randomRotation(0)),
      L.model(input, L.randomZoom(0)),
      L.model(input, L.randomTranslation(0, 0)),
    ])
      (await output(model)).forEach((v, i) => expect(v).toBeCloseTo(Number(images.data[i]), 2));
    const brighter = await output(L.model(input, L.randomBrightness([0.1, 0.1])));
    brighter.forEach((v, i) => expect(v).toBeCloseTo(Math.min(255, Number(images.data[i]) + 25.5), 3));
    const moved = chunks(await output(L.model(input, L.randomTranslation(0, [0.2, 0.2], { fillMode: 'nearest' }))));
    moved[0]?.forEach((v, i) => expect(v).toBeCloseTo(picture.data[i % 5 === 0 ? i : i - 1] ?? 0, 2));
  });

  it('refuses other shapes and factors', () => {
    // @ts-expect-error: no image
    expect(E.isLeft(resolve(L.model(L.input([7]), L.randomFlip())))).toBe(true);
    const left = resolve(L.model(input, L.randomBrightness(2)));
    expect(E.isLeft(left) && JSON.stringify(left.left)).toContain('-1 and 1');
    expect(E.isLeft(resolve(L.model(input, L.randomContrast([1, 0]))))).toBe(true);
    expect(right(resolve(L.model(input, L.randomFlip(), L.flatten(), L.dense(2)))).outputs.length).toBe(1);
  });
});

const wide = { valueRange: [-20, 20] } as const;

describe('behind a layer with weights the gradients are those of finite differences', () => {
  const changed: Readonly<Record<string, unknown>> = {
    randomFlip: L.randomFlip(),
    randomRotation: L.randomRotation(0.2),
    'randomRotation, constant': L.randomRotation(0.2, { fillMode: 'constant', fillValue: 2 }),
    randomZoom: L.randomZoom(0.3, { width: [0, 0.2], fillMode: 'nearest' }),
    'randomTranslation, nearest': L.randomTranslation(0.3, 0.3, { interpolation: 'nearest' }),
    randomBrightness: L.randomBrightness(0.2, wide),
    randomContrast: L.randomContrast(0.5, wide),
  };
  it.each(Object.entries(changed))('%s', async (title, layer) => {
    const random = randomFrom(31);
    const chain = [L.conv2d({ filters: 2, kernel: 2 }), layer, L.conv2d({ filters: 1, kernel: 2 })];
    const model = (L.model as (...all: readonly unknown[]) => Model<never, unknown>)(L.input([1, 5, 6]), ...chain);
    const found = await compare(
      { title, model, inputs: { input: anywhere(random, [2, 1, 5, 6]) } },
      random,
      trainingMode(),
    );
    expect(found.error, found.worst).toBeLessThan(1e-3);
    expect(found.alive).toBeGreaterThan(3);
  });
});
