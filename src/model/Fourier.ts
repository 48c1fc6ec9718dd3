/**
 * Windows, and kernels of the short-time Fourier transform.
 */
import type { Initializer, WindowName } from '../layer/Options.ts';

type Stft = Extract<Initializer, { readonly _tag: 'Stft' }>;

/** Coefficients of `cos(j x)` with alternating signs, x running once round. */
const coefficients: Readonly<Record<Exclude<WindowName, 'cosine'>, readonly number[]>> = {
  boxcar: [1],
  hann: [0.5, 0.5],
  hamming: [0.54, 0.46],
  blackman: [0.42, 0.5, 0.08],
  nuttall: [0.3635819, 0.4891775, 0.1365995, 0.0106411],
  blackmanHarris: [0.35875, 0.48829, 0.14128, 0.01168],
  flattop: [0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368],
};

/** A window of so many values: symmetric, or one period of a longer one. */
export const windowValues = (name: WindowName, length: number, periodic: boolean): readonly number[] => {
  if (length === 1) return [1];
  const whole = periodic ? length + 1 : length;
  const value = (t: number): number =>
    name === 'cosine'
      ? Math.sin((Math.PI * (t + 0.5)) / whole)
      : coefficients[name].reduce(
          (sum, a, j) => sum + (-1) ** j * a * Math.cos((2 * Math.PI * j * t) / (whole - 1)),
          0,
        );
  return Array.from({ length }, (_, t) => value(t));
};

/** Row-major `[bands, length]`. Band k of F turns by k / (2 (F - 1)) a step. */
export const fourierKernel = (stft: Stft, bands: number, length: number): Float32Array => {
  const window =
    typeof stft.window === 'string' ? windowValues(stft.window, length, stft.periodic) : (stft.window ?? undefined);
  const sum = (f: (w: number) => number): number => (window ?? []).reduce((total, w) => total + f(w), 0);
  const scale =
    window === undefined || stft.scaling === undefined
      ? 1
      : stft.scaling === 'density'
        ? Math.sqrt(sum((w) => w * w))
        : sum(Math.abs);
  const period = 2 * (bands - 1);
  return Float32Array.from({ length: bands * length }, (_, i) => {
    const [k, t] = [Math.floor(i / length), i % length];
    // Whole turns are taken out before they cost digits.
    const angle = (-2 * Math.PI * ((k * t) % period)) / period;
    return ((stft.side === 'real' ? Math.cos(angle) : Math.sin(angle)) * (window?.[t] ?? 1)) / scale;
  });
};
