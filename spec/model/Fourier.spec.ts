/** Kernels of short-time Fourier transforms beside NumPy's and SciPy's (spec/golden/stft.py). */
import { readFileSync } from 'node:fs';
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import * as L from '../../src/layer/Layer.ts';
import { initialValues } from '../../src/model/Initial.ts';
import { resolve } from '../../src/model/Resolve.ts';

interface Golden {
  readonly side: 'real' | 'imag';
  readonly window: string | readonly number[] | null;
  readonly scaling: 'density' | 'spectrum' | null;
  readonly periodic: boolean;
  readonly length: number;
  readonly bands: number;
  /** `[length, 1, bands]`. */
  readonly values: readonly number[];
}

const cases: readonly Golden[] = JSON.parse(readFileSync(new URL('../golden/stft.json', import.meta.url), 'utf8'));

const initializer = ({ side, window, scaling, periodic }: Golden) =>
  L.Initializer.stft(side === 'imag' ? 'imaginary' : side, {
    window: ((window === 'blackmanharris' ? 'blackmanHarris' : window) ?? 'none') as L.Initializer.WindowName,
    scaling: scaling ?? 'none',
    periodic,
  });

const layer = (bands: number, length: number, kernelInitializer: L.Initializer.Initializer) =>
  L.conv1d({ filters: bands, kernel: length, useBias: false, kernelInitializer });

describe('stft', () => {
  it.each(cases.map((c) => [`${c.side} ${c.window} ${c.scaling} ${c.periodic} ${c.length}`, c] as const))(
    '%s',
    (_, c) => {
      const resolved = resolve(L.model(L.input([1, 20]), layer(c.bands, c.length, initializer(c))));
      if (E.isLeft(resolved)) throw new Error(JSON.stringify(resolved.left));
      const kernel = initialValues(resolved.right, 0)['conv1d.kernel'];
      expect(kernel?.shape).toEqual([c.bands, 1, c.length]);
      const got = Array.from(kernel?.data as Float32Array);
      c.values.forEach((v, i) => {
        const [t, k] = [Math.floor(i / c.bands), i % c.bands];
        expect(Math.abs((got[k * c.length + t] as number) - v)).toBeLessThan(1e-7);
      });
    },
  );

  const misfits: readonly (readonly [string, L.Layer<L.Fn>, string])[] = [
    [
      'a kernel of one band',
      layer(1, 4, L.Initializer.stft('real')) as unknown as L.Layer<L.Fn>,
      'conv1d: initializer stft: kernel [1,1,4] is not [bands,1,length] with 2 bands or more',
    ],
    [
      'a window of another length',
      layer(3, 4, L.Initializer.stft('real', { window: [1, 1] })) as unknown as L.Layer<L.Fn>,
      'conv1d: initializer stft: its window has 2 values, kernel [3,1,4] is 4 long',
    ],
    [
      'a matrix',
      L.dense(3, { kernelInitializer: L.Initializer.stft('real') }) as unknown as L.Layer<L.Fn>,
      'dense: initializer stft: kernel [20,3] is not [bands,1,length] with 2 bands or more',
    ],
  ];
  it.each(misfits)('%s is refused', (_, bad, message) => {
    const resolved = resolve(L.model(L.input([1, 20]), bad as L.Layer<L.Id>));
    expect(E.isLeft(resolved) && resolved.left.map((e) => e.message)).toEqual([message]);
  });
});
