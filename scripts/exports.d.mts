export interface Exported {
  /** The first sentence of its comment. */
  readonly says: string;
  /** Of a namespace, its exports. */
  readonly inside?: Readonly<Record<string, Exported>>;
}
export const valuesOf: (file: string) => Readonly<Record<string, Exported>>;
export const publicValues: () => Readonly<Record<string, Exported>>;
