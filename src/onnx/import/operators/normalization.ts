/**
 * Normalisations. What opset 18 does not have, or has no kernel for, is said in smaller operators.
 */
import type { Value } from '../../../graph/Graph.ts';
import * as G from '../../../graph/Graph.ts';
import * as Op from '../../../graph/Operators.ts';
import type { Dim } from '../../../shape/Shape.ts';
import * as C from '../Call.ts';

// -------------------------------------------------------------------------------------
// batch
// -------------------------------------------------------------------------------------

const batch: C.Importer = (call) => {
  const [x, gamma, beta, mean, variance] = [0, 1, 2, 3, 4].map((i) => C.value(call, i)) as [
    Value,
    Value,
    Value,
    Value,
    Value,
  ];
  if (C.intOf(call, 'spatial', 1) === 0) return C.defect('with statistics for each place (spatial = 0)');
  const epsilon = C.floatOf(call, 'epsilon', 1e-5);
  if (!call.batchStatistics) return [C.of(Op.batchNormalization(x, gamma, beta, mean, variance, epsilon))];
  const rank = C.shape(x).length;
  const axes = C.shape(x).flatMap((_, i) => (i === 1 ? [] : [i]));
  const momentum = C.floatOf(call, 'momentum', 0.9);
  const spread = (v: Value): Value =>
    rank <= 2 ? v : Op.unsqueeze(Array.from({ length: rank - 2 }, (_, i) => i + 1))(v);
  const average = Op.reduceMean({ axes, keepDims: true });
  const batchMean = average(x);
  const centred = Op.sub(x, batchMean);
  const batchVariance = average(Op.mul(centred, centred));
  const moved = (old: Value, now: Value): Value =>
    Op.add(Op.mul(old, momentum), Op.mul(Op.reshapeLike(old)(now), 1 - momentum));
  call.update(3, moved(mean, batchMean));
  call.update(4, moved(variance, batchVariance));
  const inverse = Op.reciprocal(Op.sqrt(Op.add(batchVariance, epsilon)));
  return [C.of(Op.add(Op.mul(centred, Op.mul(inverse, spread(gamma))), spread(beta)))];
};

// -------------------------------------------------------------------------------------
// layer
// -------------------------------------------------------------------------------------

const layer: C.Importer = (call) => {
  const [x, scale, bias] = [C.value(call, 0), C.value(call, 1), C.optional(call, 2)];
  const from = C.shape(x);
  const axis = C.axisIn(from.length, C.intOf(call, 'axis', -1));
  C.separates(
    call,
    x,
    from.flatMap((_, i) => (i >= axis ? [i] : [])),
  );
  const statistics = C.type(
    x.type.dtype,
    from.map((d, i): Dim => (i < axis ? d : 1)),
  );
  const inputs = bias === undefined ? [x, scale] : [x, scale, bias];
  const attributes = { axis: C.int(axis), ...C.keep(call, 'epsilon') };
  return G.operator('LayerNormalization', inputs, [x.type, statistics, statistics], attributes).map((v) => C.of(v));
};

/** Opset 23. */
const rootMeanSquare: C.Importer = (call) => {
  const [x, scale] = [C.value(call, 0), C.value(call, 1)];
  const from = C.shape(x);
  const axis = C.axisIn(from.length, C.intOf(call, 'axis', -1));
  const axes = from.flatMap((_, i) => (i >= axis ? [i] : []));
  C.separates(call, x, axes);
  const square = Op.reduceMean({ axes, keepDims: true })(Op.mul(x, x));
  const inverse = Op.reciprocal(Op.sqrt(Op.add(square, C.floatOf(call, 'epsilon', 1e-5))));
  return [C.of(Op.mul(Op.mul(x, inverse), scale))];
};

// -------------------------------------------------------------------------------------
// channels
// -------------------------------------------------------------------------------------

const instance: C.Importer = (call) => {
  const inputs = [0, 1, 2].map((i) => C.value(call, i));
  const [x] = inputs;
  return [C.of(C.emit('InstanceNormalization', inputs, x?.type ?? C.defect('has no input'), C.keep(call, 'epsilon')))];
};

/** Groups of channels as the channels of an instance normalisation. Scales are for each group before opset 21. */
const group: C.Importer = (call) => {
  const [x, scale, bias] = [C.value(call, 0), C.value(call, 1), C.value(call, 2)];
  const groups = C.intOf(call, 'num_groups', 1);
  const [n = '?', channels] = C.shape(x);
  if (typeof channels !== 'number' || groups < 1 || channels % groups !== 0)
    return C.defect(`${groups} groups do not divide the channels of [${C.shape(x)}]`);
  const folded = C.emit('Reshape', [x, C.int64s([0, groups, -1])], C.type(x.type.dtype, [n, groups, '?']));
  const unit = (v: number): Value =>
    Op.tensor(
      Array.from({ length: groups }, () => v),
      [groups],
      x.type.dtype,
    );
  const apart = call.node.version >= 21;
  const normal = C.emit(
    'InstanceNormalization',
    apart ? [folded, unit(1), unit(0)] : [folded, scale, bias],
    folded.type,
    C.keep(call, 'epsilon'),
  );
  const y = C.emit('Reshape', [normal, Op.shapeOf(x)], x.type);
  if (!apart) return [C.of(y)];
  const axes = Array.from({ length: Math.max(0, C.shape(x).length - 2) }, (_, i) => i + 1);
  const spread = (v: Value): Value => (axes.length === 0 ? v : Op.unsqueeze(axes)(v));
  return [C.of(Op.add(Op.mul(y, spread(scale)), spread(bias)))];
};

const same =
  (...names: readonly string[]): C.Importer =>
  (call) => {
    const x = C.value(call, 0);
    const axis = C.intOf(call, 'axis', 1);
    if (call.node.operator === 'LpNormalization')
      C.separates(call, x, [C.axisIn(C.shape(x).length, C.intOf(call, 'axis', -1))]);
    if (axis === 0 && names.includes('axis')) C.separates(call, x, [0]);
    const inputs = call.inputs.map((_, i) => C.value(call, i));
    return [C.of(C.emit(call.node.operator, inputs, x.type, C.keep(call, ...names)))];
  };

const meanVariance: C.Importer = (call) => {
  const x = C.value(call, 0);
  const axes = C.intsOf(call, 'axes') ?? [0, 2, 3];
  C.separates(call, x, axes);
  return [C.of(C.emit('MeanVarianceNormalization', [x], x.type, { axes: C.ints(axes) }))];
};

export const normalization: Readonly<Record<string, C.Importer>> = {
  BatchNormalization: batch,
  LayerNormalization: layer,
  RMSNormalization: rootMeanSquare,
  InstanceNormalization: instance,
  GroupNormalization: group,
  LRN: same('alpha', 'beta', 'bias', 'size'),
  LpNormalization: same('axis', 'p'),
  MeanVarianceNormalization: meanVariance,
};
