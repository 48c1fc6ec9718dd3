/**
 * What a number that is given as an option must be, and what is wrong with those that are not.
 */

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** An option that is not given (`undefined`) meets its requirement. */
export type Requirement = readonly [
  name: string,
  value: number | undefined,
  holds: (x: number) => boolean,
  expected: string,
];

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const of =
  (holds: (x: number) => boolean, expected: string) =>
  (name: string, value: number | undefined): Requirement => [name, value, holds, expected];

export const finite = of(Number.isFinite, 'a finite number');

export const positive = of((x) => x > 0 && Number.isFinite(x), 'a finite number above 0');

export const notNegative = of((x) => x >= 0 && Number.isFinite(x), 'a finite number, 0 or more');

export const from0to1 = of((x) => x >= 0 && x <= 1, 'from 0 to 1');

export const between0and1 = of((x) => x > 0 && x < 1, 'between 0 and 1, both exclusive');

export const positiveInteger = of((x) => Number.isInteger(x) && x > 0, 'a positive integer');

export const wholeNumber = of((x) => Number.isInteger(x) && x >= 0, 'a whole number, 0 or more');

export const integer = of(Number.isInteger, 'an integer');

// -------------------------------------------------------------------------------------
// destructors
// -------------------------------------------------------------------------------------

/** A message for each that is not met: `adam: beta1 must be at least 0 and below 1, got 1`. */
export const unmet = (what: string, requirements: readonly Requirement[]): readonly string[] =>
  requirements.flatMap(([name, value, holds, expected]) =>
    value === undefined || holds(value) ? [] : [`${what}: ${name} must be ${expected}, got ${value}`],
  );
