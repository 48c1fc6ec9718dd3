/** Figures of many times. */
import type { Answer } from './Protocol.ts';

export const quantile =
  (q: number) =>
  (xs: readonly number[]): number => {
    const sorted = [...xs].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
  };

export const median = quantile(0.5);

export const sum = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);

/** The median of the rounds' medians. */
export const typical = (answers: readonly Answer[]): number => median(answers.map((a) => median(a.samples)));

export const lowest = (answers: readonly Answer[]): number => quantile(0.1)(answers.flatMap((a) => a.samples));
