/**
 * Whether a model's output is one tensor or a record of them.
 *
 * One tensor has the name that `model` and `graph` give it, `output`; so a record whose only key is `output` is taken for
 * the tensor in it.
 */

interface HasOutputs {
  readonly outputs: readonly { readonly name: string }[];
}

/** The only output has no name of its own. */
export const isBare = ({ outputs }: HasOutputs): boolean => outputs.length === 1 && outputs[0]?.name === 'output';

/** The place of an output by its name; `''` is the one without a name of its own. */
export const outputIndex = ({ outputs }: HasOutputs, name: string): number =>
  name === '' ? 0 : outputs.findIndex((o) => o.name === name);
