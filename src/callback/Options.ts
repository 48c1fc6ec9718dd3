/** Numbers among the options of callbacks: what is wrong with one in words, or nothing. */

export type Wrong = string | undefined;

/** An integer from `least` on. */
export const whole = (name: string, value: number, least = 0): Wrong =>
  Number.isSafeInteger(value) && value >= least
    ? undefined
    : `${name} must be an integer from ${least} on, but is ${value}`;

/** The same, or Infinity for never. */
export const wholeOrNever = (name: string, value: number): Wrong =>
  value === Number.POSITIVE_INFINITY ? undefined : whole(name, value);

/** A finite number from `least` on. */
export const finite = (name: string, value: number, least = Number.NEGATIVE_INFINITY): Wrong =>
  Number.isFinite(value) && value >= least
    ? undefined
    : `${name} must be a finite number${least === Number.NEGATIVE_INFINITY ? '' : ` from ${least} on`}, but is ${value}`;

/** No NaN; infinities may be. */
export const ordered = (name: string, value: number | undefined): Wrong =>
  value === undefined || !Number.isNaN(value) ? undefined : `${name} must be a number, but is NaN`;

/** The first thing that is wrong. */
export const first = (...all: ReadonlyArray<Wrong>): Wrong => all.find((one) => one !== undefined);
