/**
 * Which operators of opset 18 onnxruntime's providers have kernels of for 16-bit floats. Written by
 * `scripts/half-kernels.mjs` out of onnxruntime's own list of kernels; not edited by hand.
 */
import type { Half } from '../shape/Half.ts';

const operators = (names: string): ReadonlySet<string> => new Set(names.trim().split(/\s+/));

/** By provider and type; operators that are not ai.onnx's after their domain and a colon. */
export const halfKernels: Readonly<Record<'cpu' | 'cuda', Readonly<Record<Half, ReadonlySet<string>>>>> = {
  cpu: {
    float16: operators(`
      Cast Clip Compress Concat ConstantOfShape DequantizeLinear Expand Flatten Gather GatherElements GatherND
      Identity If IsInf IsNaN Loop Max Min Mod Optional OptionalGetElement OptionalHasElement QuantizeLinear Reshape
      ReverseSequence Round Scan Scatter ScatterElements ScatterND SequenceAt SequenceConstruct Shape Shrink Sign
      Slice Split SplitToSequence Squeeze Transpose Unsqueeze com.microsoft:ExpandDims
      com.microsoft:GatherBlockQuantized com.microsoft:GatherND com.microsoft:GroupQueryAttention
      com.microsoft:Inverse com.microsoft:MatMulNBits com.microsoft:QMoE com.microsoft:RotaryEmbedding
      com.microsoft:SkipLayerNormalization com.microsoft:SkipSimplifiedLayerNormalization
      com.microsoft:SparseAttention com.microsoft:UnfoldTensor
    `),
    bfloat16: operators(`
      Cast Compress Concat ConstantOfShape Flatten Gather GatherElements GatherND Identity If IsInf IsNaN Loop
      Optional OptionalGetElement OptionalHasElement Reshape ReverseSequence Scan Scatter ScatterElements ScatterND
      SequenceAt SequenceConstruct Shape Shrink Sign Slice Split Squeeze Transpose Unsqueeze
      com.microsoft:ExpandDims com.microsoft:GatherND com.microsoft:UnfoldTensor
    `),
  },
  cuda: {
    float16: operators(`
      Abs Add ArgMax ArgMin AveragePool BatchNormalization Cast Ceil Clip Compress Concat ConstantOfShape Conv
      ConvTranspose Cos CumSum DepthToSpace DequantizeLinear Div Dropout Einsum Elu Equal Erf Exp Expand Flatten
      Floor GRU Gather GatherElements GatherND Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual
      HardSigmoid HardSwish Identity If InstanceNormalization IsInf IsNaN LRN LSTM LeakyRelu Less LessOrEqual Log
      LogSoftmax Loop MatMul Max MaxPool Min Mod Mul Neg NonZero OneHot PRelu Pad Pow QuantizeLinear RNN
      RandomNormal RandomNormalLike RandomUniform RandomUniformLike Reciprocal ReduceL1 ReduceL2 ReduceLogSum
      ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize
      ReverseSequence Round Scan Scatter ScatterElements ScatterND Selu SequenceAt SequenceConstruct Shape Shrink
      Sigmoid Sign Sin Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh
      ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Upsample Where com.microsoft:Attention
      com.microsoft:BeamSearch com.microsoft:BiasAdd com.microsoft:BiasDropout com.microsoft:BiasGelu
      com.microsoft:BiasSoftmax com.microsoft:BiasSplitGelu com.microsoft:BitmaskBiasDropout
      com.microsoft:BitmaskDropout com.microsoft:ComplexMul com.microsoft:ComplexMulConj
      com.microsoft:DecoderAttention com.microsoft:DecoderMaskedMultiHeadAttention
      com.microsoft:DecoderMaskedSelfAttention com.microsoft:EmbedLayerNormalization com.microsoft:FastGelu
      com.microsoft:FusedMatMul com.microsoft:GatedRelativePositionBias com.microsoft:GatherBlockQuantized
      com.microsoft:Gelu com.microsoft:GreedySearch com.microsoft:GroupNorm com.microsoft:Inverse
      com.microsoft:Irfft com.microsoft:LongformerAttention com.microsoft:MatMulBnb4 com.microsoft:MatMulNBits
      com.microsoft:MoE com.microsoft:MultiHeadAttention com.microsoft:NhwcConv com.microsoft:PackedAttention
      com.microsoft:PackedMultiHeadAttention com.microsoft:QAttention com.microsoft:QuickGelu
      com.microsoft:RelativePositionBias com.microsoft:RemovePadding com.microsoft:RestorePadding com.microsoft:Rfft
      com.microsoft:RotaryEmbedding com.microsoft:Sampling com.microsoft:SkipGroupNorm
      com.microsoft:SkipLayerNormalization com.microsoft:SkipSimplifiedLayerNormalization
      com.microsoft:TransposeMatMul com.microsoft:Trilu com.microsoft:UnfoldTensor com.microsoft:WhisperBeamSearch
    `),
    bfloat16: operators(`
      Abs Add Cast Compress Concat ConstantOfShape Div Dropout Erf Exp Expand Flatten Gather GatherElements GatherND
      Gemm Identity If IsInf IsNaN Loop MatMul Max Min Mod Mul Neg Pow ReduceSum Relu Reshape ReverseSequence Scan
      Scatter ScatterElements ScatterND SequenceAt SequenceConstruct Shape Sigmoid Sign Size Slice Softmax Split
      Sqrt Squeeze Sub Sum Tanh Tile Transpose Trilu Unsqueeze Where com.microsoft:Attention
      com.microsoft:BiasDropout com.microsoft:BiasGelu com.microsoft:BitmaskBiasDropout com.microsoft:BitmaskDropout
      com.microsoft:FastGelu com.microsoft:FusedMatMul com.microsoft:GatherBlockQuantized com.microsoft:Gelu
      com.microsoft:MatMulBnb4 com.microsoft:MatMulNBits com.microsoft:MoE com.microsoft:MultiHeadAttention
      com.microsoft:QuickGelu com.microsoft:RotaryEmbedding com.microsoft:SkipLayerNormalization
      com.microsoft:SkipSimplifiedLayerNormalization com.microsoft:TransposeMatMul com.microsoft:Trilu
      com.microsoft:UnfoldTensor
    `),
  },
};
