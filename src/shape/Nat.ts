/**
 * Exact arithmetic on natural number literals, in types, digit by digit.
 *
 * Strings, not tuples: the cost grows with the number of digits, so 25 * 25 * 25 * 10 costs the same as 2 * 3. `number`
 * (a size unknown until run time) absorbs: any operation on it gives `number`. A negative difference is `never`, and so
 * is a division by zero.
 */
// biome-ignore-all format: the digit tables and the recursions on digits read best in columns.

// -------------------------------------------------------------------------------------
// digit tables
// -------------------------------------------------------------------------------------

type Digit = '0' | '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9';
type Bit = '0' | '1';

// R<k>[d] = k + d, as carry+digit.
type R0 = ['00', '01', '02', '03', '04', '05', '06', '07', '08', '09'];
type R1 = ['01', '02', '03', '04', '05', '06', '07', '08', '09', '10'];
type R2 = ['02', '03', '04', '05', '06', '07', '08', '09', '10', '11'];
type R3 = ['03', '04', '05', '06', '07', '08', '09', '10', '11', '12'];
type R4 = ['04', '05', '06', '07', '08', '09', '10', '11', '12', '13'];
type R5 = ['05', '06', '07', '08', '09', '10', '11', '12', '13', '14'];
type R6 = ['06', '07', '08', '09', '10', '11', '12', '13', '14', '15'];
type R7 = ['07', '08', '09', '10', '11', '12', '13', '14', '15', '16'];
type R8 = ['08', '09', '10', '11', '12', '13', '14', '15', '16', '17'];
type R9 = ['09', '10', '11', '12', '13', '14', '15', '16', '17', '18'];
type RA = ['10', '11', '12', '13', '14', '15', '16', '17', '18', '19'];
/** Sum[`${carry}${a}`][b] = carry+digit. */
interface Sum {
  '00': R0; '01': R1; '02': R2; '03': R3; '04': R4; '05': R5; '06': R6; '07': R7; '08': R8; '09': R9;
  '10': R1; '11': R2; '12': R3; '13': R4; '14': R5; '15': R6; '16': R7; '17': R8; '18': R9; '19': RA;
}
// D<k>[d] = d - k, as borrow+digit.
type D0 = ['00', '01', '02', '03', '04', '05', '06', '07', '08', '09'];
type D1 = ['19', '00', '01', '02', '03', '04', '05', '06', '07', '08'];
type D2 = ['18', '19', '00', '01', '02', '03', '04', '05', '06', '07'];
type D3 = ['17', '18', '19', '00', '01', '02', '03', '04', '05', '06'];
type D4 = ['16', '17', '18', '19', '00', '01', '02', '03', '04', '05'];
type D5 = ['15', '16', '17', '18', '19', '00', '01', '02', '03', '04'];
type D6 = ['14', '15', '16', '17', '18', '19', '00', '01', '02', '03'];
type D7 = ['13', '14', '15', '16', '17', '18', '19', '00', '01', '02'];
type D8 = ['12', '13', '14', '15', '16', '17', '18', '19', '00', '01'];
type D9 = ['11', '12', '13', '14', '15', '16', '17', '18', '19', '00'];
type DA = ['10', '11', '12', '13', '14', '15', '16', '17', '18', '19'];
/** Diff[`${borrow}${b}`][a] = a - b - borrow. */
interface Diff {
  '00': D0; '01': D1; '02': D2; '03': D3; '04': D4; '05': D5; '06': D6; '07': D7; '08': D8; '09': D9;
  '10': D1; '11': D2; '12': D3; '13': D4; '14': D5; '15': D6; '16': D7; '17': D8; '18': D9; '19': DA;
}
/** Mul[a][b] = a*b as two digits. */
type Mul = [
  ['00', '00', '00', '00', '00', '00', '00', '00', '00', '00'],
  ['00', '01', '02', '03', '04', '05', '06', '07', '08', '09'],
  ['00', '02', '04', '06', '08', '10', '12', '14', '16', '18'],
  ['00', '03', '06', '09', '12', '15', '18', '21', '24', '27'],
  ['00', '04', '08', '12', '16', '20', '24', '28', '32', '36'],
  ['00', '05', '10', '15', '20', '25', '30', '35', '40', '45'],
  ['00', '06', '12', '18', '24', '30', '36', '42', '48', '54'],
  ['00', '07', '14', '21', '28', '35', '42', '49', '56', '63'],
  ['00', '08', '16', '24', '32', '40', '48', '56', '64', '72'],
  ['00', '09', '18', '27', '36', '45', '54', '63', '72', '81'],
];

// -------------------------------------------------------------------------------------
// digit recursions
// -------------------------------------------------------------------------------------

type Rev<S extends string, A extends string = ''> = S extends `${infer H}${infer T}` ? Rev<T, `${H}${A}`> : A;
type Trim<S extends string> = S extends `0${infer R}` ? (R extends '' ? '0' : Trim<R>) : S;
type Parse<S extends string> = Trim<S> extends `${infer N extends number}` ? N : never;

/** Little-endian in, big-endian out. */
type AddLE<A extends string, B extends string, C extends Bit = '0', O extends string = ''> =
  A extends `${infer X extends Digit}${infer As}`
    ? B extends `${infer Y extends Digit}${infer Bs}`
      ? Sum[`${C}${X}`][Y] extends `${infer K extends Bit}${infer D}` ? AddLE<As, Bs, K, `${D}${O}`> : never
      : Sum[`${C}${X}`]['0'] extends `${infer K extends Bit}${infer D}` ? AddLE<As, '', K, `${D}${O}`> : never
    : B extends '' ? `${C}${O}` : AddLE<B, '', C, O>;

/** Little-endian in, big-endian out; never when A < B. */
type SubLE<A extends string, B extends string, C extends Bit = '0', O extends string = ''> =
  A extends `${infer X extends Digit}${infer As}`
    ? B extends `${infer Y extends Digit}${infer Bs}`
      ? Diff[`${C}${Y}`][X] extends `${infer K extends Bit}${infer D}` ? SubLE<As, Bs, K, `${D}${O}`> : never
      : Diff[`${C}0`][X] extends `${infer K extends Bit}${infer D}` ? SubLE<As, '', K, `${D}${O}`> : never
    : B extends '' ? (C extends '0' ? O : never) : never;

/** One row of long multiplication: little-endian A times digit Y, little-endian out. */
type MulRow<A extends string, Y extends Digit, C extends Digit = '0', O extends string = ''> =
  A extends `${infer X extends Digit}${infer As}`
    ? Mul[X][Y] extends `${infer H extends Digit}${infer L extends Digit}`
      ? Sum[`0${L}`][C] extends `${infer K extends Bit}${infer D}`
        ? Sum[`${K}${H}`]['0'] extends `0${infer Cn extends Digit}` ? MulRow<As, Y, Cn, `${O}${D}`> : never
        : never
      : never
    : `${O}${C}`;
/** A little-endian, B big-endian; Horner. Big-endian out. */
type MulGo<A extends string, B extends string, O extends string = '0'> =
  B extends `${infer Y extends Digit}${infer Bs}` ? MulGo<A, Bs, AddLE<`0${Rev<O>}`, MulRow<A, Y>>> : O;

/** Largest q in 0..9 with q*B <= A, and the remainder: [q, r], r big-endian. */
type Fit<A extends string, BLE extends string, Q extends Digit[] = []> =
  SubLE<Rev<A>, BLE> extends infer R extends string
    ? [R] extends [never] ? [Q['length'], Trim<A>] : Fit<R, BLE, [...Q, '0']>
    : never;
type DivGo<N extends string, BLE extends string, R extends string = '', Q extends string = ''> =
  N extends `${infer H}${infer T}`
    ? Fit<`${R}${H}`, BLE> extends [infer D extends number, infer R2 extends string] ? DivGo<T, BLE, R2, `${Q}${D}`> : never
    : [Q, R];
// Stride 2 is what most strides are: a table beats repeated subtraction.
interface Half { '00': '00'; '01': '01'; '02': '10'; '03': '11'; '04': '20'; '05': '21'; '06': '30'; '07': '31'; '08': '40'; '09': '41'; '10': '50'; '11': '51'; '12': '60'; '13': '61'; '14': '70'; '15': '71'; '16': '80'; '17': '81'; '18': '90'; '19': '91' }
type HalfGo<N extends string, R extends Bit = '0', Q extends string = ''> =
  N extends `${infer H extends Digit}${infer T}`
    ? Half[`${R}${H}`] extends `${infer D}${infer R2 extends Bit}` ? HalfGo<T, R2, `${Q}${D}`> : never
    : [Q, R];
type DivMod<A extends string, B extends number> =
  B extends 2 ? HalfGo<A> : DivGo<A, Rev<`${B}`>>;

// -------------------------------------------------------------------------------------
// arithmetic
// -------------------------------------------------------------------------------------

export type Add<A extends number, B extends number> =
  number extends A | B ? number : A extends 0 ? B : B extends 0 ? A : Parse<AddLE<Rev<`${A}`>, Rev<`${B}`>>>;
/** A - B, never when negative. */
export type Sub<A extends number, B extends number> =
  number extends A | B ? number : B extends 0 ? A : SubLE<Rev<`${A}`>, Rev<`${B}`>> extends infer R extends string ? Parse<R> : never;
export type Mult<A extends number, B extends number> =
  number extends A | B ? number : A extends 0 | 1 ? (A extends 0 ? 0 : B) : B extends 1 ? A : Parse<MulGo<Rev<`${A}`>, `${B}`>>;
export type Div<A extends number, B extends number> =
  number extends A | B ? number : B extends 0 ? never : B extends 1 ? A : DivMod<`${A}`, B> extends [infer Q extends string, string] ? Parse<Q> : never;
export type Mod<A extends number, B extends number> =
  number extends A | B ? number : B extends 0 ? never : B extends 1 ? 0 : DivMod<`${A}`, B> extends [string, infer R extends string] ? Parse<R> : never;
/** A / B rounded up. */
export type CeilDiv<A extends number, B extends number> =
  number extends A | B ? number : B extends 1 ? A : Div<Add<A, Sub<B, 1>>, B>;
/** true when A < B; boolean when unknown. */
export type Lt<A extends number, B extends number> =
  number extends A | B ? boolean : [SubLE<Rev<`${A}`>, Rev<`${B}`>>] extends [never] ? true : false;
