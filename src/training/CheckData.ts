/**
 * Whether data are those of a model and a loss, as types: `unknown`, or the message that the compiler prints. Their twins are in
 * `Check.ts`.
 */
import type { Dataset } from '../data/Dataset.ts';
import type { Agree, AnyShape, Int, Sample, Show, Sized } from '../shape/Shape.ts';

type FitsData<Who extends string, What extends string, Want, Whose extends string, Got, Then> = [Want] extends [
  AnyShape,
]
  ? Agree<Got, Sized<Want>> extends true
    ? Then
    : Different<Who, What, Want, Whose, Got>
  : [Got] extends [AnyShape]
    ? Different<Who, What, Want, Whose, Got>
    : [FitsRecord<Who, What, Want, Whose, Got>] extends [never]
      ? Then
      : FitsRecord<Who, What, Want, Whose, Got>;

type Different<
  Who extends string,
  What extends string,
  Want,
  Whose extends string,
  Got,
> = `${Who}: the model's ${What} is ${Show<Want>}, the ${Whose} ${Show<Got>}${Mend<Want, Got>}`;

/** Where they differ in the element type alone. */
type Mend<Want, Got> =
  Got extends Int<infer G>
    ? Agree<G, Sized<Want>> extends true
      ? '; make them with floats'
      : ''
    : Want extends Int<infer W>
      ? Agree<Got, Sized<W>> extends true
        ? '; make them with ints'
        : ''
      : '';

/** The messages of all that is missing, too many or of another shape. */
type FitsRecord<Who extends string, What extends string, Want, Whose extends string, Got> =
  | {
      [N in keyof Want & string]: N extends keyof Got
        ? Agree<Got[N], Sized<Want[N]>> extends true
          ? never
          : Different<Who, `${What} '${N}'`, Want[N], Whose, Got[N]>
        : `${Who}: the model's ${What} '${N}' is not in the data`;
    }[keyof Want & string]
  | {
      [N in keyof Got & string]: N extends keyof Want
        ? never
        : `${Who}: the data have '${N}', which is no ${What} of the model`;
    }[keyof Got & string];

/** `unknown`, or the message. */
export type CheckData<I, T, X, Y, Who extends string = 'fit', Whose extends string = "dataset's"> = FitsData<
  Who,
  'input',
  Sample<I>,
  Whose,
  X,
  FitsData<Who, 'target', Sample<T>, Whose, Y, unknown>
>;

/** The same for validation data, if there are any. */
export type CheckValidation<I, T, V> =
  V extends Dataset<infer X, infer Y> ? CheckData<I, T, X, Y, 'fit', "validation data's"> : unknown;
