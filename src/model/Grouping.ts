/**
 * Parameter groups that the compiler knows of, carried along by what is made of a model.
 */

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** What knows the groups `G` of a model; `string` where the compiler does not. See `Groups`. */
export interface Grouping<G extends string> {
  /** Phantom: never present at run time. */
  readonly '~groups'?: (group: G) => void;
}

/** `T`, with the groups if they are known. */
export type WithGroups<T, G extends string> = string extends G ? T : T & Grouping<G>;
