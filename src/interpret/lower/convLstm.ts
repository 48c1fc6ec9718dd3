/**
 * Convolutional long short-term memory: the recurrent layer's loop, its products convolutions. The input's is one for all
 * steps, before the loop.
 */
import type { Value } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import type { ConvLstmSpec } from '../../layer/SequenceSpec.ts';
import { pads } from './convolution.ts';
import { blocks, inOrder, keeper, lstmStep, overTime } from './recurrent.ts';
import type { Inputs, Result, Site } from './Site.ts';
import { foldTime, timeFirst, unfoldTime, zerosOf } from './sequences.ts';

const gates = 4;

/** All gates at once. With dropout each gate sees the values with a mask of its own: a group of channels for each. */
const convolved = (
  x: Value,
  kernel: Value,
  bias: Value | undefined,
  keep: Value | undefined,
  o: Pick<ConvLstmSpec, 'kernel' | 'strides' | 'dilation' | 'padding'>,
): Value => {
  const options = {
    kernel: o.kernel,
    strides: o.strides,
    dilations: o.dilation,
    pads: pads(o.padding, x.type.shape.slice(2), o),
  };
  if (keep === undefined) return Op.conv(x, kernel, bias, { ...options, group: 1 });
  const copies = Op.concat(1)(Array.from({ length: gates }, () => x));
  return Op.conv(Op.mul(copies, keep), kernel, bias, { ...options, group: gates });
};

export const convLstm = (spec: ConvLstmSpec, [given, ...initial]: Inputs, at: Site): Result => {
  const { filters } = spec;
  const [batch = '?', time = '?', channels, ...cells] = given.type.shape;
  const ones = spec.kernel.map(() => 1);
  const own = { kernel: spec.kernel, strides: ones, dilation: ones, padding: 'same' } as const;
  const keep = keeper(given, at);

  // [seq, batch, ...] as one batch of images.
  const steps = timeFirst(inOrder(spec, given));
  const each = gates * (channels as number);
  const inputKeep = keep(spec.dropout, [each, ...cells], 1);
  const images = foldTime(steps, ['?', channels ?? '?', ...cells]);
  // One mask for all steps of a sample.
  const spread =
    inputKeep === undefined
      ? undefined
      : foldTime(
          Op.mul(
            Op.unsqueeze([0])(inputKeep),
            Op.fillLike(Op.concat(2)(Array.from({ length: gates }, () => steps)), 1),
          ),
          ['?', each, ...cells],
        );
  const bias = spec.useBias ? at.parameter('bias') : undefined;
  const product = convolved(images, at.parameter('kernel'), bias, spread, spec);
  const sizes = product.type.shape.slice(2);
  const xs = unfoldTime(product, steps, [time, batch, gates * filters, ...sizes]);

  const stateKeep = keep(spec.recurrentDropout, [gates * filters, ...sizes], 2);
  const kernel = at.parameter('recurrent_kernel');
  return overTime(
    {
      spec,
      given,
      xs,
      zeros: zerosOf(given, [batch, filters, ...sizes]),
      carried: 2,
      initial,
      cell: (x, [h, c]) => {
        const z = Op.add(x, convolved(h as Value, kernel, undefined, stateKeep, own));
        return lstmStep(spec, blocks(z, gates, filters, 1), c as Value, 1);
      },
    },
    at,
  );
};
