/**
 * Cells of image tensors [batch, channels, ...] chosen by place: what windows see.
 */
import type { Value } from './Graph.ts';
import * as Op from './Operators.ts';

/** `count` places of an axis, of which the first is `start`, in steps. */
export interface Cells {
  readonly axis: number;
  readonly start: number;
  readonly count: number;
  readonly step: number;
}

/** `count` cells of each axis, from `start` in steps; all of an axis is no slice. */
export const cells =
  (wanted: readonly Cells[]) =>
  (x: Value): Value => {
    const parts = wanted.filter((c) => !(c.start === 0 && c.step === 1 && x.type.shape[c.axis] === c.count));
    return parts.length === 0
      ? x
      : Op.slice({
          axes: parts.map((c) => c.axis),
          starts: parts.map((c) => c.start),
          ends: parts.map((c) => c.start + (c.count - 1) * c.step + 1),
          steps: parts.map((c) => c.step),
        })(x);
  };

/** The same, with zeros at places where there are no cells. */
export const seen =
  (wanted: readonly Cells[]) =>
  (x: Value): Value => {
    const [before, after] = [x.type.shape.map(() => 0), x.type.shape.map(() => 0)];
    for (const { axis, start, count, step } of wanted) {
      before[axis] = -start;
      after[axis] = start + (count - 1) * step + 1 - (x.type.shape[axis] as number);
    }
    return cells(wanted.map((c) => ({ ...c, start: 0 })))(Op.pad([...before, ...after])(x));
  };

/** All places in a kernel, row-major. */
export const places = (kernel: readonly number[]): readonly (readonly number[])[] =>
  kernel.reduce<readonly (readonly number[])[]>(
    (found, k) => found.flatMap((p) => Array.from({ length: k }, (_, i) => [...p, i])),
    [[]],
  );
