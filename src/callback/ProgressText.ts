/**
 * The lines of Keras's progress output, as pure functions of what is to be shown.
 */
import { exponential, fixed } from './PythonNumber.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Shown {
  /** Steps done. */
  readonly current: number;
  /** Steps of the epoch, where they are known. */
  readonly target: number | undefined;
  readonly elapsedMs: number;
  readonly msPerStep: number;
  readonly samplesPerSecond: number | undefined;
  readonly values: ReadonlyArray<readonly [key: string, value: number]>;
}

/** A line with how many columns it takes: codes for colours take none. */
export interface Line {
  readonly text: string;
  readonly width: number;
}

const CELLS = 20;

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

/** `1s/step`, `5ms/step` or `300us/step`. */
export const perStep = (ms: number): string =>
  ms >= 1000 || ms === 0
    ? `${fixed(ms / 1000, 0)}s/step`
    : ms >= 1
      ? `${fixed(ms, 0)}ms/step`
      : `${fixed(ms * 1000, 0)}us/step`;

/** `h:mm:ss` above an hour, `m:ss` above a minute, else seconds. */
export const timeLeft = (ms: number): string => {
  const s = Math.floor(ms / 1000);
  const two = (n: number): string => String(n).padStart(2, '0');
  if (ms > 3_600_000) return `${Math.floor(s / 3600)}:${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}`;
  return ms > 60_000 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${s}s`;
};

const value = (x: number, plain: boolean): string => (plain ? fixed(x, 4) : exponential(x, 4));

/** As the bar prints: by size. */
const byMagnitude = (x: number): string => value(x, Math.abs(x) > 1e-3);

/** As the line of `verbose: 2` prints: Keras has no `abs` there, so negative values are in exponent form. */
const bySign = (x: number): string => value(x, x > 1e-3);

const metrics = (values: Shown['values'], print: (x: number) => string): string =>
  values.map(([key, x]) => ` - ${key}: ${print(x)}`).join('');

const seconds = (ms: number): string => `${fixed(ms / 1000, 0)}s`;

const count = ({ current, target }: Shown): string =>
  target === undefined
    ? `${String(current).padStart(7)}/Unknown`
    : `${String(current).padStart(String(target).length)}/${target}`;

const paint = (code: number, text: string, colours: boolean): string =>
  colours && text !== '' ? `\u001b[${code}m${text}\u001b[0m` : text;

const bar = (shown: Shown, colours: boolean): Line => {
  const counted = count(shown);
  if (shown.target === undefined) return { text: counted, width: counted.length };
  const done = Math.min(CELLS, Math.floor((CELLS * shown.current) / shown.target));
  return {
    text:
      `${paint(1, counted, colours)} ${paint(32, '━'.repeat(done), colours)}` +
      paint(37, '━'.repeat(CELLS - done), colours),
    width: counted.length + 1 + CELLS,
  };
};

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** The bar while the epoch runs: time left, time per step, samples per second, metrics; cut to `columns`. */
export const running = (shown: Shown, columns: number): Line => {
  const { text, width } = bar(shown, true);
  const time =
    shown.target === undefined
      ? seconds(shown.elapsedMs)
      : timeLeft(shown.msPerStep * Math.max(0, shown.target - shown.current));
  const rate = shown.samplesPerSecond === undefined ? '' : ` - ${fixed(shown.samplesPerSecond, 0)} samples/s`;
  const info = ` ${time} ${perStep(shown.msPerStep)}${rate}${metrics(shown.values, byMagnitude)}`;
  // A line that wraps cannot be rewritten in place.
  const fitting = info.slice(0, Math.max(0, columns - 1 - width));
  return { text: text + fitting, width: width + fitting.length };
};

/** The bar at the end of the epoch: elapsed time, time per step, metrics. */
export const finished = (shown: Shown, colours: boolean): Line => {
  const { text, width } = bar(shown, colours);
  const info = ` ${seconds(shown.elapsedMs)} ${perStep(shown.msPerStep)}${metrics(shown.values, byMagnitude)}`;
  return { text: text + info, width: width + info.length };
};

/** The line of an epoch without a bar. */
export const summary = (shown: Shown): string =>
  `${count(shown)} - ${seconds(shown.elapsedMs)} - ${perStep(shown.msPerStep)}${metrics(shown.values, bySign)}`;
