/**
 * PyTorch's modules: names, layouts and the order of gates, as `state_dict()` has them.
 *
 * Linear weights are [out, in]. LSTM's gates are in the same order there (i, f, g, o), GRU's in another (r, z, n; ours z, r, h). An LSTM or
 * RNN has two biases there which are added: read, they are summed; written, the second is 0. Multi-head attention has the three
 * projections of its input in one matrix, if their sizes are equal.
 */
import type { KernelSpec } from '../../layer/CoreSpec.ts';
import type { MultiHeadAttentionSpec, RecurrentSpec } from '../../layer/SequenceSpec.ts';
import * as Is from '../../layer/SpatialSpec.ts';
import { sizeOf } from '../../shape/Strided.ts';
import type { ParameterSpec, PlacedLayer, Resolved } from '../Resolved.ts';
import { type Entry, entry, find, type Module, type Part, type Piece, same, turned, whole } from './Part.ts';

// -------------------------------------------------------------------------------------
// layers
// -------------------------------------------------------------------------------------

const isConvolution = (op: KernelSpec['op'] | string): boolean => /^(depthwiseC|c)onv\dd(Transpose)?$/.test(op);

/** Parts that are the same module for whoever reads names only. */
const matrix = 'Linear or Embedding';
const convolution = 'Conv';
const vector = 'LayerNorm, GroupNorm or PReLU';
const batchNorm = 'BatchNorm';
const attention = 'MultiheadAttention';
const forwards = 'LSTM, GRU or RNN';
const backwards = 'LSTM, GRU or RNN, backwards';
/** A tensor of its own, which a module holds beside its modules: `class_token`, `layer_scale`. */
const parameter = 'Parameter';

const linear = (kernel: ParameterSpec, bias: ParameterSpec | undefined): readonly Entry[] => {
  const piece = turned(kernel, kernel.shape.length - 1);
  return [entry('weight', piece.shape, piece), ...same('bias', bias)];
};

const weightNormalised = (layer: PlacedLayer, inner: KernelSpec): readonly Entry[] | undefined => {
  const [v, g] = [find(layer, 'v'), find(layer, 'g')];
  if (v === undefined || g === undefined) return undefined;
  const piece = inner.op === 'dense' ? turned(v, 1) : isConvolution(inner.op) ? whole(v) : undefined;
  if (piece === undefined) return undefined;
  const length = [sizeOf(g.shape), ...piece.shape.slice(1).map(() => 1)];
  return [
    entry(['weight_g', 'parametrizations.weight.original0'], length, whole(g)),
    entry(['weight_v', 'parametrizations.weight.original1'], piece.shape, piece),
    ...same('bias', find(layer, 'bias')),
  ];
};

/** Rows of gates in their order: blocks of the columns of ours. */
const gates = (p: ParameterSpec, order: readonly number[], units: number): readonly Piece[] => {
  const [rows, width] = [p.shape[0] ?? 0, p.shape[1] ?? 0];
  return order.map((k) => ({ parameter: p.name, shape: [units, rows], strides: [1, width], start: k * units }));
};

const biasGates = (p: ParameterSpec, order: readonly number[], units: number, row: number): readonly Piece[] =>
  order.map((k) => ({ parameter: p.name, shape: [units], strides: [1], start: (row * order.length + k) * units }));

const recurrent = (layer: PlacedLayer, spec: RecurrentSpec, suffix: string): readonly Entry[] => {
  const { units } = spec;
  const order = { simpleRNN: [0], lstm: [0, 1, 2, 3], gru: [1, 0, 2] }[spec.op];
  const width = order.length * units;
  const [kernel, inner, bias] = [find(layer, 'kernel'), find(layer, 'recurrent_kernel'), find(layer, 'bias')];
  if (kernel === undefined || inner === undefined) return [];
  const biases = (p: ParameterSpec): readonly Entry[] => [
    entry(`bias_ih_${suffix}`, [width], ...biasGates(p, order, units, 0)),
    spec.op === 'gru'
      ? entry(`bias_hh_${suffix}`, [width], ...biasGates(p, order, units, 1))
      : { ...entry(`bias_hh_${suffix}`, [width], ...biasGates(p, order, units, 0)), zeros: true },
  ];
  return [
    entry(`weight_ih_${suffix}`, [width, kernel.shape[0] ?? 0], ...gates(kernel, order, units)),
    entry(`weight_hh_${suffix}`, [width, units], ...gates(inner, order, units)),
    ...(bias === undefined ? [] : biases(bias)),
  ];
};

const heads = (layer: PlacedLayer, spec: MultiHeadAttentionSpec): readonly Entry[] => {
  const of = (role: string): readonly ParameterSpec[] => layer.parameters.filter((p) => p.role === role);
  const kernels = ['query', 'key', 'value'].flatMap((name) => of(`${name}_kernel`));
  const biases = ['query', 'key', 'value'].flatMap((name) => of(`${name}_bias`));
  const pieces = kernels.map((p) => turned(p, 1));
  const rows = (ps: readonly Piece[]): number => ps.reduce((n, p) => n + (p.shape[0] ?? 0), 0);
  const sizes = new Set(kernels.map((p) => p.shape[0]));
  const projections =
    sizes.size === 1
      ? [entry('in_proj_weight', [rows(pieces), kernels[0]?.shape[0] ?? 0], ...pieces)]
      : pieces.map((p, i) => entry(`${['q', 'k', 'v'][i]}_proj_weight`, p.shape, p));
  const [output] = of('output_kernel');
  const out = output === undefined ? undefined : turned(output, 2);
  return [
    ...projections,
    ...(spec.useBias
      ? [entry('in_proj_bias', [sizeOf([biases.reduce((n, p) => n + sizeOf(p.shape), 0)])], ...biases.map(whole))]
      : []),
    ...(out === undefined ? [] : [entry('out_proj.weight', out.shape, out)]),
    ...same('out_proj.bias', of('output_bias')[0]),
  ];
};

/** Linear modules, as in Llama. */
const grouped = (layer: PlacedLayer): readonly Part[] =>
  [
    ['query', 'q_proj', 1],
    ['key', 'k_proj', 1],
    ['value', 'v_proj', 1],
    ['gate', 'gate_proj', 1],
    ['output', 'o_proj', 2],
  ].flatMap(([role, name, rows]) => {
    const [kernel, bias] = [find(layer, `${role}_kernel`), find(layer, `${role}_bias`)];
    if (kernel === undefined) return [];
    const piece = turned(kernel, Number(rows));
    const weight = entry('weight', piece.shape, piece);
    return [
      {
        id: `${layer.name}.${name}`,
        kind: matrix,
        entries: [weight, ...same('bias', bias, [sizeOf(bias?.shape ?? [])])],
      },
    ];
  });

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

/** The wrapper that a direction belongs to. */
const directionOf = (layer: PlacedLayer, wrappers: ReadonlySet<string>): readonly [string, string] => {
  const found = /^(.*)\.(forward|backward)_[a-z_]+$/.exec(layer.name);
  return found?.[1] !== undefined && wrappers.has(found[1])
    ? [found[1], found[2] === 'backward' ? 'l0_reverse' : 'l0']
    : [layer.name, 'l0'];
};

/** What PyTorch has no module for is a parameter by itself. */
const alone = (p: ParameterSpec): Part => {
  const entries = same('', p);
  return { id: p.name, kind: parameter, entries, otherwise: { kind: parameter, entries } };
};

/** A convolution of single places may be a Linear over the channels there, as in ConvNeXt. */
const convolutional = (id: string, kernel: ParameterSpec | undefined, bias: ParameterSpec | undefined): Part => {
  const part: Part = { id, kind: convolution, entries: [...same('weight', kernel), ...same('bias', bias)] };
  const [filters, channels, ...field] = kernel?.shape ?? [];
  const isOne = filters !== undefined && channels !== undefined && field.every((k) => k === 1);
  return isOne ? { ...part, otherwise: { kind: matrix, entries: part.entries } } : part;
};

const partsOf = (layer: PlacedLayer, wrappers: ReadonlySet<string>): readonly Part[] => {
  const { spec, name: id } = layer;
  const one = (kind: string, entries: readonly Entry[]): readonly Part[] => [{ id, kind, entries }];
  const [kernel, bias, gamma, beta] = ['kernel', 'bias', 'gamma', 'beta'].map((role) => find(layer, role));
  const asOurs = (): readonly Part[] => layer.parameters.map(alone);
  if (isConvolution(spec.op)) return [convolutional(id, kernel, bias)];
  switch (spec.op) {
    case 'dense':
      return kernel === undefined ? [] : one(matrix, linear(kernel, bias));
    case 'embedding':
      return one(matrix, same('weight', find(layer, 'embeddings')));
    case 'learnedPositions': {
      const embeddings = find(layer, 'embeddings');
      return [
        {
          id,
          kind: matrix,
          entries: same('weight', embeddings),
          otherwise: { kind: parameter, entries: same('', embeddings) },
        },
      ];
    }
    case 'bilinear':
      return one(convolution, [...same('weight', kernel), ...same('bias', bias)]);
    case 'batchNormalization':
      return [
        ...one(batchNorm, [
          ...same('weight', gamma),
          ...same('bias', beta),
          ...same('running_mean', find(layer, 'moving_mean')),
          ...same('running_var', find(layer, 'moving_variance')),
          { ...entry('num_batches_tracked', []), counter: true },
        ]),
        ...layer.parameters.filter(({ role }) => /^renorm_|^moving_stddev$/.test(role)).map(alone),
      ];
    case 'layerNormalization':
    case 'groupNormalization':
    case 'instanceNormalization':
      return one(vector, [...same('weight', gamma), ...same('bias', beta)]);
    case 'rmsNormalization':
      return one(vector, same('weight', find(layer, 'scale')));
    case 'prelu': {
      const alpha = find(layer, 'alpha');
      return one(vector, same('weight', alpha, [sizeOf(alpha?.shape ?? [])]));
    }
    case 'simpleRNN':
    case 'lstm':
    case 'gru': {
      const [wrapper, suffix] = directionOf(layer, wrappers);
      const kind = suffix === 'l0' ? forwards : backwards;
      const part: Part = { id: wrapper, kind, entries: recurrent(layer, spec, suffix) };
      return spec.op === 'gru' && !spec.resetAfter
        ? [{ ...part, entries: [], fault: "PyTorch's GRU has its reset gate behind the product: use resetAfter: true" }]
        : [part];
    }
    case 'multiHeadAttention':
      return [
        ...one(attention, heads(layer, spec)),
        ...layer.parameters.filter(({ role }) => role.startsWith('gate_')).map(alone),
      ];
    case 'groupedQueryAttention':
      return grouped(layer);
    case 'weightNormalization': {
      const entries = weightNormalised(layer, spec.layer);
      return entries === undefined ? asOurs() : one(spec.layer.op === 'dense' ? matrix : convolution, entries);
    }
    default:
      break;
  }
  if (Is.isSpatial(spec) && Is.isSeparable(spec))
    return [
      { id: `${id}.depthwise`, kind: convolution, entries: same('weight', find(layer, 'depthwise_kernel')) },
      {
        id: `${id}.pointwise`,
        kind: convolution,
        entries: [...same('weight', find(layer, 'pointwise_kernel')), ...same('bias', bias)],
      },
    ];
  return asOurs();
};

export const parts = ({ layers }: Resolved): readonly Part[] => {
  const wrappers = new Set(layers.filter(({ spec }) => spec.op === 'mergeDirections').map(({ name }) => name));
  return layers
    .filter(({ shared, parameters }) => !shared && parameters.length > 0)
    .flatMap((layer) => partsOf(layer, wrappers));
};

// -------------------------------------------------------------------------------------
// modules
// -------------------------------------------------------------------------------------

/** `rnn#1` is the second layer of the module `rnn`; `fc#64x32` the module `fc`, in another form. */
export const tensorName = (target: string, name: string): string => {
  const at = target.lastIndexOf('#');
  const prefix = at < 0 ? target : target.slice(0, at);
  const inner = at < 0 ? name : name.replace(/_l0(?=$|_reverse$)/, `_l${target.slice(at + 1)}`);
  return prefix === '' || inner === '' ? `${prefix}${inner}` : `${prefix}.${inner}`;
};

const cell = /^(?:(.*)\.)?((?:weight|bias)_(?:ih|hh|hr)_l)(\d+)(_reverse)?$/;
const inAttention = /^(?:(.*)\.)?((?:in_proj_|[qkv]_proj_)(?:weight|bias)|out_proj\.(?:weight|bias))$/;
const parametrised = /^(?:(.*)\.)?(parametrizations\.weight\.original[01])$/;
const last = /^(?:(.*)\.)?([^.]+)$/;

interface Found {
  readonly target: string;
  readonly name: string;
  readonly kind: string | undefined;
}

const placeOf = (tensor: string, attentions: ReadonlySet<string>): Found => {
  const inCell = cell.exec(tensor);
  if (inCell !== null) {
    const [, prefix = '', stem = '', layer = '0', reverse = ''] = inCell;
    return {
      target: layer === '0' ? prefix : `${prefix}#${layer}`,
      name: `${stem}0${reverse}`,
      kind: reverse === '' ? forwards : backwards,
    };
  }
  const heads = inAttention.exec(tensor);
  if (heads !== null && attentions.has(heads[1] ?? ''))
    return { target: heads[1] ?? '', name: heads[2] ?? '', kind: attention };
  const [, prefix = '', name = ''] = parametrised.exec(tensor) ?? last.exec(tensor) ?? [];
  return { target: prefix, name, kind: undefined };
};

const kindOf = (shapes: Module['shapes']): string => {
  if (shapes.running_mean !== undefined) return batchNorm;
  const rank = (shapes.weight ?? shapes.weight_v ?? shapes['parametrizations.weight.original1'])?.length;
  return rank === undefined ? parameter : rank === 1 ? vector : rank === 2 ? matrix : convolution;
};

/** Names that tensors of modules have. */
const ofModules =
  /^(weight|bias|running_mean|running_var|num_batches_tracked|weight_[gv]|parametrizations\.weight\.original[01])$/;

/** Tensors that are of no module in particular stand each by itself. */
const apart = (target: string, shapes: Module['shapes']): readonly Module[] => {
  const own = Object.entries(shapes).filter(([name]) => ofModules.test(name));
  const kind = kindOf(Object.fromEntries(own));
  const others =
    kind === parameter ? Object.entries(shapes) : Object.entries(shapes).filter(([n]) => !ofModules.test(n));
  return [
    ...(kind === parameter ? [] : [{ target, kind, shapes: Object.fromEntries(own) }]),
    ...others.map(([name, shape]) => ({ target: tensorName(target, name), kind: parameter, shapes: { '': shape } })),
  ];
};

/** The modules that a file's tensors belong to, in the order of the names. */
export const modules = (shapes: Module['shapes']): readonly Module[] => {
  const attentions = new Set(
    Object.keys(shapes).flatMap((name) => {
      const found = /^(?:(.*)\.)?(?:in_proj_weight|q_proj_weight)$/.exec(name);
      return found === null ? [] : [found[1] ?? ''];
    }),
  );
  const found = new Map<
    string,
    { target: string; kind: string | undefined; shapes: Record<string, readonly number[]> }
  >();
  for (const [tensor, shape] of Object.entries(shapes)) {
    const { target, name, kind } = placeOf(tensor, attentions);
    const key = `${target} ${kind}`;
    const module = found.get(key) ?? { target, kind, shapes: {} };
    module.shapes[name] = shape;
    found.set(key, module);
  }
  return [...found.values()].flatMap(({ target, kind, shapes: own }) =>
    kind === undefined ? apart(target, own) : [{ target, kind, shapes: own }],
  );
};
