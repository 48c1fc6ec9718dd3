/**
 * The layers of spec/golden/core.json by the names of its cases: each as what it makes of the inputs.
 *
 * They are made of the constructors that are handed in, so that the spec of coverage can see which ones a case calls.
 */
import type * as Layers from '../../src/layer/Layer.ts';

export type Constructors = typeof Layers;

// biome-ignore lint/suspicious/noExplicitAny: the table has layers of all kinds
export type Any = any;

/** What becomes of the inputs. */
export type Wire = (x: readonly Any[]) => Any;

const bare = { center: false, scale: false } as const;
const pytorch = { epsilon: 1e-5 } as const;
const volume = { groups: 4, scale: false } as const;

const activations = [
  ...['linear', 'relu', 'relu6', 'leakyRelu', 'elu', 'selu', 'celu', 'gelu', 'silu', 'mish', 'sigmoid', 'logSigmoid'],
  ...['hardSigmoid', 'sparseSigmoid', 'hardSwish', 'tanh', 'hardTanh', 'softplus', 'softsign', 'squareplus'],
  ...['sparsePlus', 'exponential', 'softShrink', 'hardShrink', 'tanhShrink'],
] as const;

const on =
  (layer: () => Any): Wire =>
  ([x]) =>
    layer()(x);

export const coreModels = (L: Constructors): Readonly<Record<string, Wire>> => ({
  ...Object.fromEntries(
    activations.flatMap((name) => [0, 1, 2].map((i) => [`${name} ${i}`, on(() => (L[name] as () => Any)())] as const)),
  ),
  'relu all 0': on(() => L.relu({ maxValue: 2 })),
  'relu all 1': on(() => L.relu({ maxValue: 1.5, negativeSlope: 0.25 })),
  'relu all 2': on(() => L.relu({ maxValue: 2.5, negativeSlope: 0.1, threshold: 0.5 })),
  'relu all 3': on(() => L.relu({ negativeSlope: 0.3, threshold: -0.5 })),
  'leakyRelu 0.1': on(() => L.leakyRelu({ negativeSlope: 0.1 })),
  'elu 0.5': on(() => L.elu({ alpha: 0.5 })),
  'celu alpha 2': on(() => L.celu({ alpha: 2 })),
  'celu 0.3 far': on(() => L.celu({ alpha: 0.3 })),
  'gelu tanh': on(() => L.gelu({ approximate: true })),
  'squareplus 0.5': on(() => L.squareplus({ b: 0.5 })),
  'softShrink wide': on(() => L.softShrink({ threshold: 1 })),
  'hardShrink wide': on(() => L.hardShrink({ threshold: 1 })),
  threshold: on(() => L.threshold({ threshold: 0.4, defaultValue: -2 })),
  'mish far': on(() => L.mish()),
  'softmax last': on(() => L.softmax()),
  'softmax channels': on(() => L.softmax()),
  'softmax axis 2': on(() => L.softmax({ axis: 2 })),
  'softmax two axes': on(() => L.softmax({ axis: [1, 2] })),
  'logSoftmax last': on(() => L.logSoftmax()),
  'logSoftmax channels': on(() => L.logSoftmax()),
  'logSoftmax axis 2': on(() => L.logSoftmax({ axis: 2 })),
  'logSoftmax two axes': on(() => L.logSoftmax({ axis: [1, 3] })),
  'sparsemax last': on(() => L.sparsemax()),
  'sparsemax channels': on(() => L.sparsemax()),
  'sparsemax axis 2': on(() => L.sparsemax({ axis: 2 })),
  prelu: on(() => L.prelu()),
  'prelu image': on(() => L.prelu({ sharedAxes: [2, 3] })),
  'prelu shared 1': on(() => L.prelu({ sharedAxes: [1] })),
  glu: on(() => L.glu()),
  'glu 1': on(() => L.glu({ axis: 1 })),
  'glu image': on(() => L.glu({ axis: 1 })),
  'dense gelu': on(() => L.dense(5, { activation: 'gelu' })),
  'dense leakyRelu 0.1': on(() => L.dense(2, { activation: { name: 'leakyRelu', negativeSlope: 0.1 } })),
  'conv mish': on(() => L.conv2d({ filters: 3, kernel: [2, 3], activation: 'mish' })),
  'einsum dense': on(() => L.einsumDense('abc,cd->abd', [null, 5], { biasAxes: 'd' })),
  'einsum heads': on(() => L.einsumDense('abc, cde -> abde', [null, 2, 3], { biasAxes: 'de' })),
  'einsum merge': on(() => L.einsumDense('abcd,cde->abe', [3, 5])),
  'einsum each': on(() => L.einsumDense('abc,bcd->abd', [null, 5], { biasAxes: 'b' })),
  'einsum ellipsis': on(() => L.einsumDense('...x,xy->...y', [3], { biasAxes: 'y', activation: 'tanh' })),
  'einsum ellipsis at the end': on(() => L.einsumDense('ab...,bc->ac...', [4], { biasAxes: 'c' })),
  'einsum ellipsis of nothing': on(() => L.einsumDense('ab...,bc->ac...', [2])),
  'einsum ellipsis, a bias in the middle': on(() => L.einsumDense('...xy,yz->...zx', [3, null], { biasAxes: 'z' })),
  embedding: on(() => L.embedding(5, 3)),
  'embedding rank 1': on(() => L.embedding(5, 3)),
  'embedding rank 3': on(() => L.embedding(5, 3)),
  layer: on(() => L.layerNormalization()),
  'layer no beta': on(() => L.layerNormalization({ ...pytorch, center: false })),
  'layer bare': on(() => L.layerNormalization(bare)),
  'layer image': on(() => L.layerNormalization()),
  'layer two axes': on(() => L.layerNormalization({ axis: [1, 2] })),
  'layer axis 1': on(() => L.layerNormalization({ axis: 1 })),
  group: on(() => L.groupNormalization({ groups: 2 })),
  'group last': on(() => L.groupNormalization({ groups: 3 })),
  'group one, bare': on(() => L.groupNormalization({ groups: 1, ...bare, ...pytorch })),
  'group volume': on(() => L.groupNormalization(volume)),
  instance: on(() => L.instanceNormalization()),
  'instance 1d': on(() => L.instanceNormalization({ axis: 1, ...bare, ...pytorch })),
  'instance last': on(() => L.instanceNormalization()),
  rms: on(() => L.rmsNormalization()),
  'rms image': on(() => L.rmsNormalization({ epsilon: 1e-3 })),
  'rms two axes': on(() => L.rmsNormalization({ axis: [1, 2] })),
  unit: on(() => L.unitNormalization()),
  'unit 1': on(() => L.unitNormalization({ axis: 1 })),
  'unit two axes': on(() => L.unitNormalization({ axis: [1, 2] })),
  'weight einsum': on(() => L.weightNormalization(L.einsumDense('abc,cde->abde', [null, 2, 3]))),
  'weight conv1d': on(() => L.weightNormalization(L.conv1d({ filters: 2, kernel: 2 }))),
  'weight transposed': on(() => L.weightNormalization(L.conv2dTranspose({ filters: 2, kernel: 2 }))),
  'weight depthwise': on(() => L.weightNormalization(L.depthwiseConv2d({ kernel: 2, depthMultiplier: 2 }))),
  'spectral dense': on(() => L.spectralNormalization(L.dense(3), { powerIterations: 2 })),
  'spectral conv': on(() => L.spectralNormalization(L.conv2d({ filters: 2, kernel: 2 }))),
  'spectral transposed': on(() =>
    L.spectralNormalization(L.conv2dTranspose({ filters: 2, kernel: 2 }), { powerIterations: 3 }),
  ),
  'batch rank 2, training': on(() => L.batchNormalization()),
  'batch image, training': on(() => L.batchNormalization()),
  'batch sequence, momentum 0.7, epsilon 0.1, training': on(() =>
    L.batchNormalization({ momentum: 0.7, epsilon: 0.1 }),
  ),
  'batch image without center, training': on(() => L.batchNormalization({ center: false })),
  'batch rank 2 without scale, training': on(() => L.batchNormalization({ scale: false, momentum: 0 })),
  'batch image on the last axis, bare, training': on(() => L.batchNormalization({ axis: -1, ...bare, momentum: 0.5 })),
  'renorm rank 2': on(() => L.batchNormalization({ renorm: true })),
  'renorm image, bounded': on(() =>
    L.batchNormalization({
      renorm: true,
      renormClipping: { rmin: 0.9, rmax: 1.1, dmax: 0.2 },
      renormMomentum: 0.6,
      momentum: 0.8,
    }),
  ),
  'renorm sequence, one bound': on(() =>
    L.batchNormalization({ renorm: true, renormClipping: { rmax: 0.8 }, epsilon: 0.1 }),
  ),
  'batch rank 2, inference': on(() => L.batchNormalization()),
  'batch image, inference': on(() => L.batchNormalization()),
  'batch sequence, momentum 0.7, epsilon 0.1, inference': on(() => L.batchNormalization({ epsilon: 0.1 })),
  'batch image without center, inference': on(() => L.batchNormalization({ center: false })),
  'batch rank 2 without scale, inference': on(() => L.batchNormalization({ scale: false })),
  'batch image on the last axis, bare, inference': on(() => L.batchNormalization({ axis: 3, ...bare })),
  'threshold below 0': on(() => L.threshold({ threshold: -0.5, defaultValue: 1 })),
  'threshold image': on(() => L.threshold({ threshold: 0, defaultValue: 0.25 })),
  'dense no bias': on(() => L.dense(3, { useBias: false })),
  'dense rank 4 softmax': on(() => L.dense(5, { activation: 'softmax' })),
  'dense one unit': on(() => L.dense(1)),
  'dense rank 4 sparsemax': on(() => L.dense(3, { activation: 'sparsemax' })),
  'einsum log softmax, rank 4': on(() => L.einsumDense('abcd,de->abce', [null, null, 5], { activation: 'logSoftmax' })),
  'bilinear softmax, rank 4': ([a, b]) => L.bilinear(4, { activation: 'softmax' })(a, b),
  'conv1d softmax': on(() => L.conv1d({ filters: 4, kernel: 2, activation: 'softmax' })),
  'conv2d softmax': on(() => L.conv2d({ filters: 3, kernel: 2, activation: 'softmax' })),
  'activation selu': on(() => L.activation('selu')),
  'activation relu of 1': on(() => L.activation({ name: 'relu', maxValue: 1, negativeSlope: 0.2, threshold: 0.3 })),
  'activation softmax': on(() => L.activation('softmax')),
  'layer axes out of order': on(() => L.layerNormalization({ axis: [2, 1] })),
  'identity 0': on(() => L.identity()),
  'identity 1': on(() => L.identity()),
  'identity 2': on(() => L.identity()),
  'rescaling 0': on(() => L.rescaling(2.5)),
  'rescaling 1': on(() => L.rescaling(-0.1, 1)),
  'rescaling 2': on(() => L.rescaling(1 / 255, -3)),
  residual: on(() => L.residual(L.dense(4, { activation: 'tanh' }))),
  'residual with a shortcut': on(() => L.residual(L.dense(2), L.dense(2, { useBias: false }))),
  'residual that broadcasts': on(() => L.residual(L.dense(1, { useBias: false }))),
  concat: on(() => L.concat(L.dense(2), L.identity())),
  'concat image': on(() => L.concat(L.conv2d({ filters: 3, kernel: 1, useBias: false }), L.sigmoid(), L.identity())),
  'concat sequence': on(() => L.concat(L.tanh(), L.softmax())),
  'concat on 1': on(() => L.concatOn(1)(L.identity(), L.tanh())),
  'concat on -2': on(() => L.concatOn(-2)(L.silu(), L.identity(), L.identity())),
  'concat on 3': on(() => L.concatOn(3)(L.dense(2, { useBias: false }), L.identity())),
  'merge multiply': on(() => L.merge('multiply')(L.identity(), L.dense(4, { activation: 'sigmoid' }))),
  'merge average of three': on(() => L.merge('average')(L.identity(), L.tanh(), L.dense(1, { useBias: false }))),
  'merge squeeze and excitation': on(() =>
    L.merge('multiply')(
      L.identity(),
      L.sequential(
        L.globalAveragePool2d({ keepDims: true }),
        L.conv2d({ filters: 3, kernel: 1, activation: 'sigmoid' }),
      ),
    ),
  ),
  'merge subtract': on(() => L.merge('subtract')(L.dense(3, { useBias: false }), L.identity())),
  repeat: on(() => L.repeat(2, L.dense(4, { activation: 'tanh' }))),
  'repeat once': on(() => L.repeat(1, L.dense(2, { useBias: false }))),
  'repeat of one name': on(() => L.repeat(3, L.named('same', L.dense(3)))),
  'a layer twice': ([a, b]) => {
    const shared = L.named('shared', L.dense(2));
    return L.multiply(shared(a), shared(b));
  },
  'a model twice': ([x]) => {
    const m = L.named('twice', L.asLayer(L.model(L.input([4]), L.dense(4), L.tanh())));
    return m(m(x) as Any);
  },
  'a model as a layer': on(() => L.asLayer(L.model(L.input([3, 4]), L.dense(4, { useBias: false }), L.silu()))),
  'a model in a sequence': ([x]) =>
    L.through(
      x,
      L.asLayer(L.model(L.input([3]), L.andThen(L.tanh())(L.dense(3, { useBias: false }) as Any) as Any)) as Any,
      L.dense(2, { useBias: false }) as Any,
    ),
  'split in three': ([x]) => {
    const [a, b, c] = (L.split as Any)(x, 3, -1);
    return L.add(L.multiply(a, b) as Any, c);
  },
  'split by sizes': ([x]) => {
    const [a, b] = (L.split as Any)(x, [1, 4], 1);
    return L.multiply(a, b);
  },
  'split image, one part unused': ([x]) => L.tanh()((L.split as Any)(x, [1, 3], 1)[1]),
  bilinear: ([a, b]) => L.bilinear(5)(a, b),
  'bilinear no bias': ([a, b]) => L.bilinear(2, { useBias: false })(a, b),
  'bilinear rank 4': ([a, b]) => L.bilinear(1, { activation: 'tanh' })(a, b),
});
