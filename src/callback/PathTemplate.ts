/**
 * Paths with fields, as Keras's `ModelCheckpoint` takes them: `'{epoch:02d}-{val_loss:.4f}.safetensors'`.
 *
 * A field is `{name}` or `{name:format}`; `{{` and `}}` are braces. The format is Python's without alignment:
 * `[sign][0][width][.precision][type]` with the types d (integers), f, e, g and their capitals, and %. Without a format a
 * number is printed in the shortest form that reads back the same.
 */

import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as A from 'fp-ts/lib/ReadonlyArray.js';
import { exponential, fixed, general, repr } from './PythonNumber.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Format {
  readonly sign: '' | '-' | '+' | ' ';
  readonly zeros: boolean;
  readonly width: number;
  readonly precision: number | undefined;
  readonly type: '' | 'd' | 'f' | 'F' | 'e' | 'E' | 'g' | 'G' | '%';
}

export type Part =
  | { readonly _tag: 'Text'; readonly text: string }
  | { readonly _tag: 'Field'; readonly name: string; readonly format: Format };

export type PathTemplate = ReadonlyArray<Part>;

/** A value for a field: `{epoch}` and `{batch}` are integers, logs are floats even where they have no fraction. */
export type FieldValue =
  | { readonly _tag: 'Integer'; readonly value: number }
  | { readonly _tag: 'Float'; readonly value: number };

/** The names of the fields of a literal path, `never` for a path that is not known to the compiler. */
export type FieldsOf<P extends string> = P extends `${string}{{${string}`
  ? never
  : P extends `${string}{${infer Field}}${infer Rest}`
    ? (Field extends `${infer Name}:${string}` ? Name : Field) | FieldsOf<Rest>
    : never;

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const FORMAT = /^([-+ ]?)(0?)(\d*)(?:\.(\d+))?([dfFeEgG%]?)$/;

const isOneOf =
  <T extends string>(...all: ReadonlyArray<T>) =>
  (s: string): s is T =>
    all.some((one) => one === s);
const isSign = isOneOf('', '-', '+', ' ');
const isType = isOneOf('', 'd', 'f', 'F', 'e', 'E', 'g', 'G', '%');

const parseFormat = (name: string, text: string): E.Either<string, Format> => {
  const match = FORMAT.exec(text);
  const [, sign = '', zero = '', width = '', precision, type = ''] = match ?? [];
  if (match === null || !isSign(sign) || !isType(type))
    return E.left(
      `the format '${text}' of {${name}} is not known; expected [sign][0][width][.precision][d, f, e, g or %], as in '.4f' or '02d'`,
    );
  if (precision !== undefined && (type === '' || type === 'd'))
    return E.left(`the format '${text}' of {${name}} has a precision but not f, e, g or % at its end`);
  return E.right({
    sign,
    zeros: zero === '0',
    width: Number(width),
    precision: precision === undefined ? undefined : Number(precision),
    type,
  });
};

const PARTS = /\{\{|\}\}|\{([^{}:]*)(?::([^{}]*))?\}|[{}]|[^{}]+/g;

/** Reads a template; a `Left` says what is wrong with it. */
export const parse = (path: string): E.Either<string, PathTemplate> =>
  pipe(
    Array.from(path.matchAll(PARTS)),
    E.traverseArray(([all, name, format = '']): E.Either<string, Part> => {
      if (name !== undefined)
        return name === ''
          ? E.left(`a field without a name in '${path}'`)
          : pipe(
              parseFormat(name, format),
              E.map((f) => ({ _tag: 'Field', name, format: f })),
            );
      if (all === '{' || all === '}')
        return E.left(`a single '${all}' in '${path}'; write '${all}${all}' for the character`);
      return E.right({ _tag: 'Text', text: all === '{{' ? '{' : all === '}}' ? '}' : all });
    }),
  );

export const fields = (template: PathTemplate): ReadonlyArray<string> =>
  pipe(
    template,
    A.chain((part) => (part._tag === 'Field' ? [part.name] : [])),
  );

// -------------------------------------------------------------------------------------
// destructors
// -------------------------------------------------------------------------------------

const body = (format: Format, { _tag, value }: FieldValue): string => {
  const x = Math.abs(value);
  const precision = format.precision ?? 6;
  switch (format.type) {
    case '':
      return _tag === 'Integer' ? String(x) : repr(x);
    case 'd':
      return String(x);
    case 'f':
    case 'F':
      return fixed(x, precision);
    case 'e':
      return exponential(x, precision);
    case 'E':
      return exponential(x, precision).toUpperCase();
    case 'g':
      return general(x, precision);
    case 'G':
      return general(x, precision).toUpperCase();
    case '%':
      return `${fixed(x * 100, precision)}%`;
  }
};

const formatted = (format: Format, field: FieldValue): string => {
  const negative = field.value < 0 || Object.is(field.value, -0);
  const sign = negative ? '-' : format.sign === '-' ? '' : format.sign;
  const text = body(format, field);
  return format.zeros ? sign + text.padStart(format.width - sign.length, '0') : (sign + text).padStart(format.width);
};

/** The path; a `Left` names the field that has no value, or whose format does not suit it. */
export const render =
  (values: Readonly<Record<string, FieldValue>>) =>
  (template: PathTemplate): E.Either<string, string> =>
    pipe(
      template,
      E.traverseArray((part): E.Either<string, string> => {
        if (part._tag === 'Text') return E.right(part.text);
        const value = Object.hasOwn(values, part.name) ? values[part.name] : undefined;
        if (value === undefined)
          return E.left(`the path has a field {${part.name}}, but there are only ${Object.keys(values).join(', ')}`);
        if (part.format.type === 'd' && value._tag === 'Float')
          return E.left(`the field {${part.name}} is not an integer: use f, e or g in place of d`);
        return E.right(formatted(part.format, value));
      }),
      E.map((parts) => parts.join('')),
    );
