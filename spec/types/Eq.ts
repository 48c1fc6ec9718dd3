/** Exact equality of types, checked by tsc alone. */

/** Whether two types are the same, `number` and a literal, a tuple and an array, optional and not told apart. */
export type Eq<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;

/** `is<Expected>()(value)` does not compile unless the value's type is exactly `Expected`. */
export const is =
  <E>() =>
  <A>(_: A, ..._ok: Eq<A, E> extends true ? [] : [{ readonly expected: E }]): void =>
    undefined;

/** `same<Eq<A, B>>()` does not compile unless it is `true`. */
export const same = <_ extends true>(): void => undefined;
