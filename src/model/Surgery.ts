/**
 * Surgery: models from parts of models, as pure functions for `pipe`. Each takes a model and gives a new one; the old
 * one is as it was.
 *
 * A value is named by its layer (`'backbone.conv2d_1'`, as `summary` prints it), by an input's name, or, inside of an
 * imported ONNX graph, by the file's own name for it (`'conv5.tmp_0'`, or `'imported:conv5.tmp_0'` where two graphs
 * have it).
 *
 * Parameters keep their names and, where the model carries values (`withWeights`, imported files), those too: a part of
 * a trained model is trained. Shapes follow in the type where they are said or known; they are checked in any case.
 *
 * Laws: `insert` of `identity` and `rename` compute the same; `upTo(a)` then `upTo(b)` is `upTo(b)` for a `b` before
 * `a`; `andThen(after(a))` on `upTo(a)` computes the whole, if every path goes through `a`.
 */
export type { At } from './surgery/At.ts';
export { after, names, outputs, upTo } from './surgery/Cutting.ts';
export { andThen, insert, merge, replaceHead } from './surgery/Growing.ts';
export { freeze, rename, unfreeze, withWeights } from './surgery/Naming.ts';
export type { SurgeryError } from './surgery/Wired.ts';
