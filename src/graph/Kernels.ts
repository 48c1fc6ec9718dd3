/**
 * Which operators of a graph an execution provider of onnxruntime cannot run.
 *
 * A static check over two tables: the kernels that onnxruntime registers (an operator, ranges of versions, element
 * types) and the versions of the operators' schemas. Law: nothing is missing in each of two graphs iff nothing is
 * missing in the graph of both.
 */
import type { DType } from '../shape/NdArray.ts';
import { type Graph, nodesOf, type OperatorNode } from './Graph.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type Provider = 'cpu' | 'cuda';

/** A kernel's version ranges, newest first (`null`: open-ended), and the element types of the newest range. */
export interface Kernel {
  readonly since: readonly number[];
  readonly until: readonly (number | null)[];
  /** Types of the parameter `param`. */
  readonly types: readonly string[];
  /** The same for the older ranges, where they have fewer. */
  readonly older?: readonly string[];
  /** Default 'T'. */
  readonly param?: string;
  readonly other?: Readonly<Record<string, readonly string[]>>;
}

/** By domain ('ai.onnx', 'com.microsoft'), then by operator. */
export type ProviderKernels = Readonly<Record<string, Readonly<Record<string, Kernel>>>>;

/** Version, then the type parameters of inputs and outputs; `*` after the last says that it repeats. */
export type SchemaVersion = readonly [since: number, inputs: readonly string[], outputs: readonly string[]];

export interface KernelTables {
  readonly kernels: Readonly<Record<Provider, ProviderKernels>>;
  /** Of ai.onnx, newest first. */
  readonly schemas: Readonly<Record<string, readonly SchemaVersion[]>>;
}

export interface MissingKernel {
  readonly operator: string;
  readonly dtype: DType;
  readonly reason: string;
}

// -------------------------------------------------------------------------------------
// matching
// -------------------------------------------------------------------------------------

const elementType: Readonly<Record<DType, string>> = {
  float32: 'float',
  float64: 'double',
  float16: 'float16',
  bfloat16: 'bfloat16',
  int32: 'int32',
  int64: 'int64',
  uint8: 'uint8',
  uint32: 'uint32',
  bool: 'bool',
};

/** As onnxruntime matches: an open-ended range serves only the version it starts with. */
const rangeOf = ({ since, until }: Kernel, version: number): number =>
  since.findIndex((from, i) => {
    const to = until[i];
    return version === from || (typeof to === 'number' && from <= version && version <= to);
  });

/** onnxruntime's own operators have one version, and one type parameter that matters here. */
const microsoft: readonly SchemaVersion[] = [[1, ['T'], ['T']]];

interface Typed {
  readonly parameter: string;
  readonly dtype: DType;
}

const typeParameters = (names: readonly string[], dtypes: readonly (DType | undefined)[]): readonly Typed[] =>
  dtypes.flatMap((dtype, i) => {
    const last = names[names.length - 1];
    const name = names[i] ?? (last?.endsWith('*') ? last : undefined);
    return dtype === undefined || name === undefined ? [] : [{ parameter: name.replace('*', ''), dtype }];
  });

const firstType = (node: OperatorNode): DType =>
  node.inputs.find((v) => v !== undefined)?.type.dtype ?? node.outputs[0]?.dtype ?? 'float32';

const missing = (
  node: OperatorNode,
  tables: KernelTables,
  provider: Provider,
  opset: number,
): readonly MissingKernel[] => {
  const { operator, domain } = node;
  const because = (reason: string, dtype = firstType(node)) => [{ operator, dtype, reason }];
  // The blocked layout is a part of the CPU provider, which lists no kernels for it.
  if (domain === 'com.microsoft.nchwc')
    return provider === 'cpu' ? [] : because(`${domain} is of the CPU provider only`);
  const versions = domain === '' ? tables.schemas[operator] : microsoft;
  const schema = versions?.find(([since]) => domain !== '' || since <= opset);
  if (schema === undefined) return because(`opset ${opset} has no such operator`);
  const kernel = tables.kernels[provider][domain === '' ? 'ai.onnx' : domain]?.[operator];
  if (kernel === undefined) return because(`the ${provider} provider has no kernel of it`);
  const [version, inputs, outputs] = schema;
  const range = rangeOf(kernel, version);
  if (range < 0)
    return because(`the ${provider} provider has no kernel of version ${version}, which opset ${opset} uses`);
  const typed = [
    ...typeParameters(
      inputs,
      node.inputs.map((v) => v?.type.dtype),
    ),
    ...typeParameters(
      outputs,
      node.outputs.map((t) => t.dtype),
    ),
  ];
  return typed
    .filter(({ parameter, dtype }) => {
      const own = range > 0 ? (kernel.older ?? kernel.types) : kernel.types;
      const types = parameter === (kernel.param ?? 'T') ? own : kernel.other?.[parameter];
      return types !== undefined && !types.includes(elementType[dtype]);
    })
    .flatMap(({ parameter, dtype }) =>
      because(`the ${provider} provider's kernel has ${parameter} not as ${dtype}`, dtype),
    );
};

// -------------------------------------------------------------------------------------
// check
// -------------------------------------------------------------------------------------

/**
 * What the provider lacks, each operator, type and reason once; bodies of loops are looked into. Empty: every node has
 * a kernel. Types are known for the newest range of a kernel, and hold for the older ones where the table does not say more.
 *
 * ```ts
 * missingKernels(graph, tables, 'cuda', 18); // [{ operator: 'BitShift', dtype: 'uint32', reason: ... }]
 * ```
 */
export const missingKernels = (
  graph: Graph,
  tables: KernelTables,
  provider: Provider,
  opset: number,
): readonly MissingKernel[] => {
  const found = nodesOf(graph).flatMap((n) => (n._tag === 'Operator' ? missing(n, tables, provider, opset) : []));
  const byText = new Map(found.map((m) => [`${m.operator} ${m.dtype} ${m.reason}`, m]));
  return [...byText.values()];
};
