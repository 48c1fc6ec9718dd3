/**
 * Which tensors of a file are weights.
 *
 * The rule: a float32 tensor (initializer or `Constant` node alike) of rank 1 or more that at least one node reads
 * where a weight stands. Kernels, biases and gains of convolutions, `Gemm`, recurrences and normalisations are weights;
 * what other operators read is one if it has more than one element. Not where a weight stands are: shapes, axes and
 * indices, scales and sizes of `Resize`, limits of `Clip`, pads, exponents, comparisons, conditions, states that a
 * recurrence begins with, `Max` and `Min`, and what is subtracted or divided by (the normalisation of an input).
 * Running statistics of `BatchNormalization` are statistics, not weights.
 */
import type { ForeignNode, ForeignRole } from '../../graph/Foreign.ts';
import type { NdArray } from '../../shape/NdArray.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** A tensor of the file, and who reads it. */
export interface TensorUse {
  readonly name: string;
  readonly array: NdArray;
  readonly readers: readonly { readonly operator: string; readonly node: string; readonly input: number }[];
}

/**
 * `'weights'`: by the rule. `'none'`: nothing is trained, all are constants. `'all'`: every float32 tensor,
 * scalars and statistics too. Or one's own rule, which gets the role by the rule and decides.
 */
export type Trainable = 'weights' | 'none' | 'all' | ((use: TensorUse, byRule: ForeignRole) => ForeignRole);

// -------------------------------------------------------------------------------------
// the rule
// -------------------------------------------------------------------------------------

const from =
  (first: number) =>
  (input: number): boolean =>
    input >= first;
const every = from(0);
const only =
  (index: number) =>
  (input: number): boolean =>
    input === index;

/** Inputs of operators where no weight stands. */
const structural: Readonly<Record<string, (input: number) => boolean>> = {
  ...Object.fromEntries(
    ['Max', 'Min', 'Sub', 'Div', 'Range', 'ConstantOfShape', 'Equal', 'Greater', 'GreaterOrEqual', 'Less'].map((o) => [
      o,
      every,
    ]),
  ),
  ...Object.fromEntries(
    ['LessOrEqual', 'Mod', 'OneHot', 'NonMaxSuppression', 'Shape', 'Size', 'If', 'CastLike', 'Where', 'Sum'].map(
      (o) => [o, every],
    ),
  ),
  ...Object.fromEntries(
    ['Reshape', 'Expand', 'Tile', 'Slice', 'Pad', 'Resize', 'Upsample', 'Clip', 'TopK', 'Pow'].map((o) => [o, from(1)]),
  ),
  Gather: only(1),
  LSTM: (i) => i === 4 || i === 5 || i === 6,
  GRU: from(4),
  RNN: from(4),
};

/** Inputs that are weights whatever their size: the bias of a single unit, the gain of a single channel. */
const weighing: Readonly<Record<string, (input: number) => boolean>> = {
  ...Object.fromEntries(['Gemm', 'Conv', 'ConvTranspose', 'PRelu'].map((o) => [o, from(1)])),
  ...Object.fromEntries(
    ['Batch', 'Layer', 'Instance', 'Group', 'RMS'].map((o) => [`${o}Normalization`, (i: number) => i === 1 || i === 2]),
  ),
  ...Object.fromEntries(['LSTM', 'GRU', 'RNN'].map((o) => [o, (i: number) => i > 0 && i < 4])),
};

/** Every node, those of branches too. */
export const everyNode = (nodes: readonly ForeignNode[]): readonly ForeignNode[] =>
  nodes.flatMap((n) => [
    n,
    ...Object.values(n.attributes).flatMap((a) => (a._tag === 'Body' ? everyNode(a.value.nodes) : [])),
  ]);

const roleByRule = ({ array, readers }: TensorUse): ForeignRole => {
  const elements = array.shape.reduce((a, b) => a * b, 1);
  if (array.dtype !== 'float32' || array.shape.length === 0) return 'constant';
  if (readers.some((r) => r.operator === 'BatchNormalization' && r.input > 2)) return 'statistic';
  const certain = readers.some((r) => weighing[r.operator]?.(r.input) === true);
  const possible = readers.some((r) => structural[r.operator]?.(r.input) !== true);
  return certain || (possible && elements > 1) ? 'weight' : 'constant';
};

/** Roles of all tensors that are not constants. */
export const rolesOf = (
  nodes: readonly ForeignNode[],
  constants: ReadonlyMap<string, NdArray>,
  trainable: Trainable,
): ReadonlyMap<string, Exclude<ForeignRole, 'constant'>> => {
  const readers = new Map<string, { operator: string; node: string; input: number }[]>();
  for (const { operator, name: node, inputs } of everyNode(nodes))
    inputs.forEach((name, input) => {
      if (!constants.has(name)) return;
      const all = readers.get(name) ?? [];
      readers.set(name, all);
      all.push({ operator, node, input });
    });
  const roleOf = (use: TensorUse): ForeignRole => {
    if (use.array.dtype !== 'float32') return 'constant';
    if (trainable === 'none') return 'constant';
    if (trainable === 'all') return 'weight';
    const byRule = roleByRule(use);
    return trainable === 'weights' ? byRule : trainable(use, byRule);
  };
  const roles = new Map<string, Exclude<ForeignRole, 'constant'>>();
  for (const [name, array] of constants) {
    const role = roleOf({ name, array, readers: readers.get(name) ?? [] });
    if (role !== 'constant') roles.set(name, role);
  }
  return roles;
};
