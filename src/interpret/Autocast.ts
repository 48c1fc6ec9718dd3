/**
 * The forward graph of a model in mixed precision: matrix products and convolutions in 16 bits, what needs precision or
 * range in float32. A pure rewrite of graphs, after PyTorch's `autocast`; gradients of the result follow the same types.
 *
 * Three classes of operators. Products take 16-bit inputs. Elementwise operators and moves follow what they read: 16 bits if
 * all data they read are, else float32; weights and constants adapt. Everything else (reductions, softmax, exp, log, roots,
 * divisions by variances: normalisations) computes in float32, and so does all that is not the model's: loss, penalties, metrics.
 *
 * An operator without a kernel for 16 bits stays in float32, and what reads it sees float32: that is read from
 * onnxruntime's list of kernels. Weights stay float32 inputs, so gradients in them are float32.
 */
import type { Node, OperatorNode, Value } from '../graph/Graph.ts';
import { predecessors, topological } from '../graph/Graph.ts';
import { hasHalfKernel, qualified, retype } from '../graph/Retype.ts';
import { type Half, isHalf, round } from '../shape/Half.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Autocast {
  readonly half: Half;
  /** Whose kernels decide what can run in 16 bits. */
  readonly provider: 'cpu' | 'cuda';
  /** What the model computes, before loss and metrics: only behind these values anything runs in 16 bits. */
  readonly model: readonly Value[];
  /** Inputs that are no data: weights, counters, seeds. They, and what follows from them alone, adapt to data. */
  readonly weak: readonly Value[];
}

// -------------------------------------------------------------------------------------
// the table
// -------------------------------------------------------------------------------------

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** Fast in 16 bits, with sums in 32. */
const products = words(`
  MatMul Gemm com.microsoft:FusedMatMul Einsum Conv ConvTranspose RNN GRU LSTM
`);

/** As exact in 16 bits as their inputs are. */
const following = words(`
  Add Sub Mul Div Neg Abs Sign Min Max Sum Clip Where Identity Dropout
  Relu LeakyRelu PRelu ThresholdedRelu Elu Selu Celu HardSigmoid HardSwish Sigmoid Tanh Softsign Erf Shrink
  Gelu com.microsoft:Gelu com.microsoft:FastGelu com.microsoft:QuickGelu com.microsoft:BiasGelu
  MaxPool AveragePool GlobalMaxPool GlobalAveragePool
  Reshape Flatten Squeeze Unsqueeze Transpose Expand Tile Pad Slice Split Concat
  Gather GatherElements GatherND DepthToSpace SpaceToDepth ReverseSequence
`);

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

export const isProduct = (node: OperatorNode): boolean => products.has(qualified(node));

/** Nodes whose numbers depend on the data's: not on their sizes alone. */
const dataNodes = (values: readonly Value[], weak: readonly Value[]): ReadonlySet<Node> => {
  const found = new Set<Node>();
  const adapting = new Set(weak.map((v) => v.node));
  for (const node of topological(values)) {
    const data =
      node._tag === 'Input'
        ? !adapting.has(node)
        : node._tag === 'Operator' &&
          node.operator !== 'Shape' &&
          node.operator !== 'Size' &&
          predecessors(node).some((p) => found.has(p));
    if (data) found.add(node);
  }
  return found;
};

/** Whether a constant survives: -1e9 is no number of float16, and 1e-12 is 0. */
const survives =
  (half: Half) =>
  (v: Value): boolean => {
    if (v.node._tag !== 'Constant' || v.type.dtype !== 'float32') return true;
    const rounded = round(half);
    return (v.node.data.data as Float32Array).every((x) => {
      const y = rounded(x);
      return (y !== 0 || x === 0) && (Number.isFinite(y) || !Number.isFinite(x));
    });
  };

// -------------------------------------------------------------------------------------
// rewrite
// -------------------------------------------------------------------------------------

/** The values with what the model computes in mixed precision. Their own types stay: results are cast back to float32. */
export const autocast =
  ({ half, provider, model, weak }: Autocast) =>
  (values: readonly Value[]): readonly Value[] => {
    const inside = new Set(topological(model));
    const data = dataNodes(values, weak);
    const hasKernel = hasHalfKernel(provider, half);
    const fits = survives(half);
    return retype(
      (node, inputs) => {
        const floats = inputs.flatMap((v, i) => {
          const before = node.inputs[i];
          return v === undefined || before === undefined || (v.type.dtype !== 'float32' && !isHalf(v.type.dtype))
            ? []
            : [{ dtype: v.type.dtype, value: v, isData: data.has(before.node) }];
        });
        const seen = floats.filter((f) => f.isData);
        const some16 = floats.some((f) => isHalf(f.dtype));
        const own = inside.has(node) && hasKernel(node);
        if (own && isProduct(node) && seen.length > 0) return half;
        const follows = own && following.has(qualified(node)) && some16 && seen.every((f) => isHalf(f.dtype));
        if (follows && floats.every((f) => fits(f.value))) return half;
        return some16 ? 'float32' : undefined;
      },
      { restore: false },
    )(values);
  };

/** The model's products, and those among them that no kernel runs in 16 bits; each operator once. */
export const productsOf = ({ half, provider, model }: Autocast) => {
  const all = topological(model).filter((n): n is OperatorNode => n._tag === 'Operator' && isProduct(n));
  const names = (nodes: readonly OperatorNode[]): readonly string[] => [...new Set(nodes.map(qualified))];
  return { all: names(all), missing: names(all.filter((n) => !hasHalfKernel(provider, half)(n))) };
};
