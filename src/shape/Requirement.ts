/**
 * What an option must be, and what is wrong with those that are not: numbers that make no sense, and names that the compiler would
 * have refused.
 */

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type Requirement = readonly [name: string, value: unknown, met: boolean, expected: string];

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** An option that is not given (`undefined`) meets its requirement. */
export const number =
  (holds: (x: number) => boolean, expected: string) =>
  (name: string, value: number | undefined): Requirement => [
    name,
    value,
    value === undefined || holds(value),
    expected,
  ];

/** The same of names. */
export const oneOf =
  <S extends string>(...names: readonly S[]) =>
  (name: string, value: S | undefined): Requirement => [
    name,
    value,
    value === undefined || names.includes(value),
    `one of ${names.join(', ')}`,
  ];

export const finite = number(Number.isFinite, 'a finite number');

export const positive = number((x) => x > 0 && Number.isFinite(x), 'a finite number above 0');

export const notNegative = number((x) => x >= 0 && Number.isFinite(x), 'a finite number, 0 or more');

export const from0to1 = number((x) => x >= 0 && x <= 1, 'from 0 to 1');

export const between0and1 = number((x) => x > 0 && x < 1, 'between 0 and 1, both exclusive');

export const positiveInteger = number((x) => Number.isInteger(x) && x > 0, 'a positive integer');

export const wholeNumber = number((x) => Number.isInteger(x) && x >= 0, 'a whole number, 0 or more');

export const integer = number(Number.isInteger, 'an integer');

// -------------------------------------------------------------------------------------
// destructors
// -------------------------------------------------------------------------------------

/** A message for each that is not met: `adam: beta1 must be at least 0 and below 1, got 1`. */
export const unmet = (what: string, requirements: readonly Requirement[]): readonly string[] =>
  requirements.flatMap(([name, value, met, expected]) =>
    met ? [] : [`${what}: ${name} must be ${expected}, got ${String(value)}`],
  );
