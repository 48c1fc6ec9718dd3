import type { Exported } from './exports.mjs';

interface Row {
  readonly keras: string;
  /** Or the reason why it is not here. */
  readonly remark: string;
  /** Where it is: 'Layer.conv2d'. */
  readonly here: string | undefined;
}
interface Section {
  readonly title: string;
  /** The module that is searched, if there is one. */
  readonly home: string | undefined;
  readonly groups: readonly { readonly title: string; readonly rows: readonly Row[] }[];
}
type Tree = Readonly<Record<string, Exported>>;
export const features: (tree?: Tree) => readonly Section[];
export const featuresPage: (tree?: Tree) => string;
