/**
 * Keras's variables: `LAYER/VARIABLE` as in `variable.path` (`dense/kernel`, `lstm/lstm_cell/kernel`, `multi_head_attention/query/kernel`), in
 * Keras's layouts: convolutions `[height, width, in, filters]`.
 *
 * Keras flattens images channels last, and we channels first: the rows of a dense layer behind a flattened image (and what is
 * normalised between them) are in another order there, which is taken into account unless the Keras model is channels first too.
 */

import * as Is from '../../layer/SpatialSpec.ts';
import type { Leaf } from '../../layer/Spec.ts';
import { dims } from '../../shape/Shape.ts';
import { sizeOf } from '../../shape/Strided.ts';
import { kerasShape } from '../Layout.ts';
import type { ParameterSpec, PlacedLayer, Resolved, Source } from '../Resolved.ts';
import { arranged, type Entry, entry, type Module, type Part, type Piece, whole } from './Part.ts';

export type DataFormat = 'channelsLast' | 'channelsFirst';

// -------------------------------------------------------------------------------------
// flattened images
// -------------------------------------------------------------------------------------

/** What leaves each feature where it is. */
const keepsFeatures = ({ op }: Leaf): boolean =>
  [
    'dropout',
    'activation',
    'identity',
    'rescaling',
    'batchNormalization',
    'alphaDropout',
    'gaussianDropout',
    'gaussianNoise',
  ].includes(op) || op === 'activityRegularization';

/** Whether a value of rank 3 is a signal with its channels first: something before it treats it as one. */
const isSignal = ({ layers }: Resolved, from: Source): boolean => {
  const layer = from._tag === 'Layer' ? layers[from.index] : undefined;
  if (layer === undefined) return false;
  const { spec } = layer;
  if (Is.isSpatial(spec) && (Is.isConv(spec) || Is.isPool(spec) || Is.isSeparable(spec) || Is.isDepthwise(spec)))
    return true;
  const [before] = layer.from;
  return keepsFeatures(spec) && before !== undefined && isSignal({ layers } as Resolved, before);
};

/** Sizes `[channels, ...field]` of the image that a layer's input was, if it was one. */
const imageBefore = (resolved: Resolved, layer: PlacedLayer): readonly number[] | undefined => {
  const [from] = layer.from;
  const before = from?._tag === 'Layer' ? resolved.layers[from.index] : undefined;
  if (before === undefined) return undefined;
  if (before.spec.op !== 'flatten') return keepsFeatures(before.spec) ? imageBefore(resolved, before) : undefined;
  const sizes = dims(before.input[0] ?? []).slice(1);
  const [source] = before.from;
  const isImage = sizes.length >= 3 || (sizes.length === 2 && source !== undefined && isSignal(resolved, source));
  return isImage && sizes.every((d) => typeof d === 'number') ? sizes : undefined;
};

/** Features in Keras's order: the channels last. */
const ofImage = (p: ParameterSpec, image: readonly number[]): Piece => {
  const rest = p.shape.slice(1);
  const view = [...image, ...rest];
  const axes = [...image.slice(1).map((_, i) => i + 1), 0, ...rest.map((_, i) => image.length + i)];
  return arranged(p, view, axes);
};

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

const cells: Readonly<Record<string, string>> = { simpleRNN: 'simple_rnn_cell', lstm: 'lstm_cell', gru: 'gru_cell' };

const variable = ({ spec, name }: PlacedLayer, p: ParameterSpec): string => {
  const cell = cells[spec.op];
  if (cell !== undefined) return `${cell}/${p.role}`;
  if (spec.op === 'multiHeadAttention' || spec.op === 'groupedQueryAttention')
    return p.role.replace(/^output_/, 'attention_output_').replace(/_(kernel|bias)$/, '/$1');
  return p.name.slice(name.length + 1).replaceAll('.', '/');
};

/** Names without what comes before the last part, and ranks. */
const kindOf = (shapes: Module['shapes']): string =>
  Object.entries(shapes)
    .map(([name, shape]) => `${name}[${shape.map(() => ':').join(',')}]`)
    .sort()
    .join(' ');

export const parts =
  (format: DataFormat) =>
  (resolved: Resolved): readonly Part[] =>
    resolved.layers
      .filter(({ shared, parameters }) => !shared && parameters.length > 0)
      .map((layer): Part => {
        const isTurned = layer.spec.op === 'dense' || layer.spec.op === 'batchNormalization';
        const image = isTurned && format === 'channelsLast' ? imageBefore(resolved, layer) : undefined;
        const entryOf = (p: ParameterSpec): Entry => {
          const isPerFeature = image !== undefined && p.shape[0] === sizeOf(image) && p.role !== 'bias';
          const piece = isPerFeature
            ? ofImage(p, image)
            : p.keras === undefined
              ? whole(p)
              : arranged(p, p.keras.view, p.keras.axes);
          return entry(variable(layer, p), isPerFeature ? p.shape : kerasShape(p), piece);
        };
        const entries = layer.parameters.map(entryOf);
        return {
          id: layer.name,
          kind: kindOf(Object.fromEntries(entries.map(({ names, shape }) => [names[0], shape]))),
          entries,
        };
      });

// -------------------------------------------------------------------------------------
// modules
// -------------------------------------------------------------------------------------

export const tensorName = (target: string, name: string): string => (target === '' ? name : `${target}/${name}`);

const inner = /^(?:(.*)\/)?((?:(?:lstm_cell|gru_cell|simple_rnn_cell)|query|key|gate|value|attention_output)\/[^/]+)$/;
const last = /^(?:(.*)\/)?([^/]+)$/;

/** The layers that a file's variables belong to. */
export const modules = (shapes: Module['shapes']): readonly Module[] => {
  const found = new Map<string, Record<string, readonly number[]>>();
  for (const [tensor, shape] of Object.entries(shapes)) {
    const [, target = '', name = ''] = inner.exec(tensor) ?? last.exec(tensor) ?? [];
    const module = found.get(target) ?? {};
    module[name] = shape;
    found.set(target, module);
  }
  return [...found].map(([target, shapes]) => ({ target, kind: kindOf(shapes), shapes }));
};
