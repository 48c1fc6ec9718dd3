/**
 * The table of a model's layers that Keras prints: name and class, output shape, number of parameters; with where the inputs
 * come from as soon as the model is not a plain chain.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { NonEmptyArray } from 'fp-ts/lib/NonEmptyArray.js';
import { activationName } from '../layer/Options.ts';
import type { Leaf } from '../layer/Spec.ts';
import type { AnyShape } from '../shape/Shape.ts';
import { dims } from '../shape/Shape.ts';
import type { ShapeError } from './Resolve.ts';
import { resolve } from './Resolve.ts';
import type { ParameterSpec, PlacedLayer, Resolved, Source } from './Resolved.ts';
import type { Model } from './Wiring.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface SummaryOptions {
  /** Characters in a line, frame included; 88 by default, 108 with the column of connections. */
  readonly lineLength?: number;
  /** The model's name in the first line; `'model'` by default. */
  readonly name?: string;
}

interface Column {
  readonly title: string;
  /** Where the column ends, as a fraction of the line. */
  readonly end: number;
  readonly align: 'left' | 'right';
}

type Row = readonly string[];

const chainColumns: readonly Column[] = [
  { title: 'Layer (type)', end: 0.45, align: 'left' },
  { title: 'Output Shape', end: 0.8, align: 'left' },
  { title: 'Param #', end: 1, align: 'right' },
];

const graphColumns: readonly Column[] = [
  { title: 'Layer (type)', end: 0.3, align: 'left' },
  { title: 'Output Shape', end: 0.56, align: 'left' },
  { title: 'Param #', end: 0.74, align: 'right' },
  { title: 'Connected to', end: 1, align: 'left' },
];

// -------------------------------------------------------------------------------------
// content
// -------------------------------------------------------------------------------------

const pascal = (name: string): string => `${name[0]?.toUpperCase() ?? ''}${name.slice(1)}`;

/** Activations that are classes of their own in Keras. */
const activationClasses: Readonly<Record<string, string>> = {
  relu: 'ReLU',
  leakyRelu: 'LeakyReLU',
  elu: 'ELU',
  softmax: 'Softmax',
};

/** Keras's name for it. */
export const className = (spec: Leaf): string => {
  switch (spec.op) {
    case 'dense':
      return 'Dense';
    case 'batchNormalization':
      return 'BatchNormalization';
    case 'weightNormalization':
      return 'WeightNormalization';
    case 'lstm':
    case 'gru':
      return spec.op.toUpperCase();
    case 'convLstm1d':
    case 'convLstm2d':
    case 'convLstm3d':
      return spec.op.replace('convLstm', 'ConvLSTM').replace('d', 'D');
    case 'mergeDirections':
      return 'Bidirectional';
    case 'unfoldTime':
      return 'TimeDistributed';
    case 'activation':
      return activationClasses[activationName(spec.activation)] ?? 'Activation';
    case 'prelu':
      return 'PReLU';
    case 'glu':
      return 'GLU';
    case 'rmsNormalization':
      return 'RMSNormalization';
    case 'custom':
      return pascal(spec.layer.name);
    default:
      return pascal(spec.op).replace('Pool', 'Pooling').replace(/(\d)d/, '$1D');
  }
};

const count = (parameters: readonly ParameterSpec[]): number =>
  parameters.reduce((sum, p) => sum + p.shape.reduce((a, b) => a * b, 1), 0);

/** With thousands separators. */
const thousands = (n: number): string => `${n}`.replace(/\B(?=(\d{3})+$)/g, ',');

/** As Keras: steps of 1024, two decimals. */
const bytes = (n: number): string => {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, n < 1024 ? 0 : Math.floor(Math.log2(n) / 10));
  return `${(n / 1024 ** power).toFixed(2)} ${units[power]}`;
};

/** Sizes that are not numbers are None. */
const outputShape = (type: AnyShape): string => {
  const shown = dims(type).map((d) => (typeof d === 'number' ? `${d}` : 'None'));
  return `(${shown.join(', ')}${shown.length === 1 ? ',' : ''})`;
};

const isChain = ({ inputs, outputs, layers }: Resolved): boolean =>
  inputs.length === 1 &&
  outputs.length === 1 &&
  layers.every((l, i) => {
    const [from] = l.from;
    return (
      !l.shared &&
      l.from.length === 1 &&
      (i === 0 ? from?._tag === 'Input' : from?._tag === 'Layer' && from.index === i - 1)
    );
  });

/** `name[use][0]`: the first or a later use of a shared layer. */
const connection =
  ({ inputs, layers }: Resolved) =>
  (from: Source): string => {
    if (from._tag === 'Input') return `${inputs[from.index]?.name}[0][0]`;
    const name = layers[from.index]?.name;
    const use = layers.slice(0, from.index).filter((l) => l.name === name).length;
    return `${name}[${use}][0]`;
  };

const rowsOf = (resolved: Resolved, chain: boolean): readonly Row[] => {
  const connect = connection(resolved);
  const layerRow = (l: PlacedLayer): Row => [
    `${l.name} (${className(l.spec)})`,
    outputShape(l.output),
    thousands(count(l.parameters)),
    resolved.layers
      .filter((use) => use.name === l.name)
      .flatMap((use) => use.from.map(connect))
      .join(', '),
  ];
  const inputs = resolved.inputs.map((i): Row => [`${i.name} (InputLayer)`, outputShape(i.type), '0', '-']);
  return [...(chain ? [] : inputs), ...resolved.layers.filter((l) => !l.shared).map(layerRow)];
};

const totals = ({ parameters }: Resolved): readonly string[] => {
  const line = (what: string, ps: readonly ParameterSpec[]) =>
    ` ${what} params: ${thousands(count(ps))} (${bytes(4 * count(ps))})`;
  return [
    line('Total', parameters),
    line(
      'Trainable',
      parameters.filter((p) => p.trainable),
    ),
    line(
      'Non-trainable',
      parameters.filter((p) => !p.trainable),
    ),
  ];
};

// -------------------------------------------------------------------------------------
// frame
// -------------------------------------------------------------------------------------

const halfToEven = (x: number): number => (x % 1 === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

/** Cells' widths, a space on both sides included: Keras's shares of the line, cut down evenly to make room for the frame. */
const widthsOf = (columns: readonly Column[], lineLength: number): readonly number[] => {
  const ends = columns.map((c) => Math.floor(c.end * lineLength));
  const wanted = ends.map((end, i) => end - (ends[i - 1] ?? 0) + 2);
  let excess = wanted.reduce((a, b) => a + b, columns.length + 1) - lineLength;
  return wanted.map((w, i) => {
    const cut = halfToEven(excess / (columns.length - i));
    excess -= cut;
    return Math.max(3, w - cut);
  });
};

/** Lines of at most `width` characters, broken at spaces where there are any. */
const wrapped = (text: string, width: number): readonly string[] => {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const joined = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && joined.length <= width) lines[lines.length - 1] = joined;
    else lines.push(...(word.match(new RegExp(`.{1,${width}}`, 'g')) ?? ['']));
  }
  return lines;
};

const table = (columns: readonly Column[], rows: readonly Row[], lineLength: number): readonly string[] => {
  const widths = widthsOf(columns, lineLength);
  const rule = (left: string, line: string, cross: string, right: string): string =>
    `${left}${widths.map((w) => line.repeat(w)).join(cross)}${right}`;
  const cells = (row: Row, bar: string): readonly string[] => {
    const texts = columns.map((_, i) => wrapped(row[i] ?? '', (widths[i] ?? 3) - 2));
    const height = Math.max(...texts.map((t) => t.length));
    return Array.from({ length: height }, (_, k) => {
      const parts = columns.map((c, i) => {
        const text = texts[i]?.[k] ?? '';
        const width = (widths[i] ?? 3) - 2;
        return ` ${c.align === 'left' ? text.padEnd(width) : text.padStart(width)} `;
      });
      return `${bar}${parts.join(bar)}${bar}`;
    });
  };
  return [
    rule('┏', '━', '┳', '┓'),
    ...cells(
      columns.map((c) => c.title),
      '┃',
    ),
    rule('┡', '━', '╇', '┩'),
    ...rows.flatMap((row, i) => [...(i === 0 ? [] : [rule('├', '─', '┼', '┤')]), ...cells(row, '│')]),
    rule('└', '─', '┴', '┘'),
  ];
};

// -------------------------------------------------------------------------------------
// interpreter
// -------------------------------------------------------------------------------------

/** The table for a model that is checked already. */
export const summaryOf = (resolved: Resolved, options: SummaryOptions = {}): string => {
  const chain = isChain(resolved);
  const lineLength = options.lineLength ?? (chain ? 88 : 108);
  return [
    `Model: "${options.name ?? 'model'}"`,
    ...table(chain ? chainColumns : graphColumns, rowsOf(resolved, chain), lineLength),
    ...totals(resolved),
    '',
  ].join('\n');
};

/** As Keras's `model.summary()`, as a string; or the model's shape errors. */
export const summary = (
  model: Model<never, unknown>,
  options: SummaryOptions = {},
): E.Either<NonEmptyArray<ShapeError>, string> =>
  pipe(
    resolve(model),
    E.map((resolved) => summaryOf(resolved, options)),
  );
