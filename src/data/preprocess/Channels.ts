/**
 * `Standardise`'s values among the fitted stages: arrays of any rank, a feature for each channel or column.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import * as Op from '../../graph/Operators.ts';
import type { NdArray } from '../../shape/NdArray.ts';
import type { Standardisation } from '../Standardise.ts';
import { applyTo, codec, invert } from '../Standardise.ts';
import type { Fitted, Spec } from './Fitted.ts';
import { untyped } from './Fitted.ts';
import type { PreprocessError } from './PreprocessError.ts';
import { widthMismatch } from './PreprocessError.ts';
import { scaleStage } from './Scaling.ts';
import { type Reader, reader } from './Stage.ts';
import type { Table } from './Table.ts';
import { namesFor } from './Table.ts';

export interface ChannelsSpec extends Spec {
  readonly _tag: 'Channels';
  readonly standardisation: Standardisation;
}

/**
 * Arrays with the samples on axis 0 by what `Data.standardise.fit` measured: channels of images (axis 1), columns of rows. The graph
 * form takes the same shapes. Keras `Normalization`.
 *
 * @example
 * channels(Data.standardise.fit(train))
 */
export const channels = (standardisation: Standardisation): Fitted<NdArray, NdArray> => {
  const { mean, scale } = standardisation;
  const width = mean.length;
  const spec: ChannelsSpec = { _tag: 'Channels', standardisation };
  const mismatch = (array: NdArray) => (): PreprocessError =>
    widthMismatch('channels', width, array.shape[array.shape.length > 3 ? 1 : array.shape.length - 1] ?? 1);
  return {
    _tag: 'Fitted',
    spec,
    from: 'array',
    to: 'array',
    inputs: undefined,
    names: undefined,
    transform: (x) => pipe(applyTo(standardisation)(x), E.mapLeft(mismatch(x))),
    inverse: E.right((y) => pipe(invert(standardisation)(y), E.mapLeft(mismatch(y)))),
    lower: E.right((x) => {
      const rank = x.type.shape.length;
      const shape = rank > 3 ? [1, width, ...Array.from({ length: rank - 2 }, () => 1)] : [width];
      return Op.div(Op.sub(x, Op.tensor(mean, shape, 'float32')), Op.tensor(scale, shape, 'float32'));
    }),
  };
};

export const channelsReader: Reader = reader<ChannelsSpec>(
  'Channels',
  t.type({ _tag: t.literal('Channels'), standardisation: codec }),
  (spec) => untyped(channels(spec.standardisation)),
);

/** The same for tables: columns get names. */
export const fromStandardisation = (
  { mean, scale }: Standardisation,
  names: readonly string[] = namesFor(mean.length),
): Fitted<Table, Table> => scaleStage({ _tag: 'Scale', inputs: names, center: mean, scale, shift: 0 });
