import type { Attributes } from '../../../src/graph/Graph.ts';
import * as Op from '../../../src/graph/Operators.ts';
import type { Dim } from '../../../src/shape/Shape.ts';
import { type Case, linear32, pick, raw } from './Case.ts';

const text = (value: string) => ({ _tag: 'String', value }) as const;
const int = (value: number) => ({ _tag: 'Int', value }) as const;

interface Resize {
  readonly shape: readonly number[];
  readonly out: readonly number[];
  /** Default: sizes are given. */
  readonly scales?: readonly number[];
  readonly mode: string;
  readonly place: string;
  readonly attributes?: Attributes;
}

const resized = ({ shape, out, scales, mode, place, attributes = {} }: Resize): Case => ({
  rule: 'Resize',
  name: `${mode}, ${place}, [${shape}] to [${out}]${scales === undefined ? '' : ` by ${scales}`} ${Object.keys(attributes)}`,
  sample: (r) => {
    // Named where nothing is resized.
    const named = (sizes: readonly number[]): readonly Dim[] =>
      sizes.map((d, i) => (i === 0 && shape[0] === out[0] ? 'batch' : d));
    return {
      inputs: { x: { array: r.array32(shape), dims: named(shape) } },
      y: (v) =>
        raw(
          'Resize',
          scales === undefined
            ? [pick(v, 'x'), undefined, undefined, Op.int64s(out)]
            : [pick(v, 'x'), undefined, Op.tensor(scales, [scales.length], 'float32')],
          named(out),
          { mode: text(mode), coordinate_transformation_mode: text(place), ...attributes },
        ),
      ...linear32,
    };
  },
});

const places = ['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric'];

/** Up, down, by fractions, and to one cell. */
const spans = [
  { shape: [2, 1, 2, 3], out: [2, 1, 4, 6] },
  { shape: [1, 2, 4, 5], out: [1, 2, 2, 3] },
  { shape: [1, 1, 3, 4], out: [1, 1, 5, 7] },
  { shape: [2, 1, 3, 3], out: [2, 1, 1, 4] },
];

const rounding = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'];

export const resampling: readonly Case[] = [
  ...spans.flatMap((s) =>
    places.flatMap((place) => ['nearest', 'linear'].map((mode) => resized({ ...s, mode, place }))),
  ),
  ...rounding.flatMap((nearest_mode) =>
    ['half_pixel', 'asymmetric'].map((place) =>
      resized({
        shape: [1, 1, 4, 3],
        out: [1, 1, 7, 6],
        mode: 'nearest',
        place,
        attributes: { nearest_mode: text(nearest_mode) },
      }),
    ),
  ),
  resized({ shape: [1, 1, 3, 4], out: [1, 1, 6, 10], scales: [1, 1, 2, 2.6], mode: 'linear', place: 'half_pixel' }),
  resized({ shape: [1, 2, 3, 4], out: [1, 2, 7, 10], scales: [1, 1, 2.5, 2.6], mode: 'nearest', place: 'asymmetric' }),
  resized({
    shape: [2, 2, 3],
    out: [2, 2, 6],
    scales: [1, 1, 2],
    mode: 'nearest',
    place: 'asymmetric',
    attributes: { nearest_mode: text('floor') },
  }),
  resized({ shape: [1, 1, 2, 2, 3], out: [1, 1, 4, 3, 6], mode: 'linear', place: 'half_pixel' }),
  resized({
    shape: [1, 1, 2, 2, 2],
    out: [1, 1, 4, 6, 4],
    mode: 'nearest',
    place: 'asymmetric',
    attributes: { nearest_mode: text('floor') },
  }),
  ...['half_pixel', 'align_corners', 'asymmetric'].map((place) =>
    resized({ shape: [1, 1, 4, 3], out: [1, 1, 6, 7], mode: 'cubic', place }),
  ),
  resized({
    shape: [1, 1, 5, 4],
    out: [1, 1, 3, 6],
    mode: 'cubic',
    place: 'half_pixel',
    attributes: { exclude_outside: int(1) },
  }),
  resized({
    shape: [1, 1, 4, 4],
    out: [1, 1, 7, 5],
    mode: 'cubic',
    place: 'half_pixel',
    attributes: { cubic_coeff_a: { _tag: 'Float', value: -0.5 } },
  }),
  {
    rule: 'Resize',
    name: 'axes given',
    sample: (r) => ({
      inputs: { x: { array: r.array32([2, 1, 2, 3]), dims: ['batch', 1, 2, 3] } },
      y: (v) =>
        raw('Resize', [pick(v, 'x'), undefined, undefined, Op.int64s([4, 6])], ['batch', 1, 4, 6], {
          mode: text('linear'),
          axes: { _tag: 'Ints', value: [-2, -1] },
        }),
      ...linear32,
    }),
  },
];
