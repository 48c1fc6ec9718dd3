/**
 * The table of recurrent, attention and position layers.
 */
import type { Value } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import type { SequenceLeaf } from '../../layer/SequenceSpec.ts';
import { attention, multiHeadAttention } from './attention.ts';
import { convLstm } from './convLstm.ts';
import { maskOfValue } from './masks.ts';
import { learned, rotate, sinusoidal } from './positions.ts';
import { recurrent } from './recurrent.ts';
import type { Inputs, Result, Site } from './Site.ts';
import { foldTime, mergeDirections, unfoldTime } from './sequences.ts';

const masking = (x: Value, value: number): Result => {
  const mask = maskOfValue(x, value);
  const factor = Op.unsqueeze(x.type.shape.flatMap((_, i) => (i < 2 ? [] : [i])))(Op.cast(x.type.dtype)(mask));
  return { output: Op.mul(x, factor), mask };
};

export const lowerSequence = (spec: SequenceLeaf, inputs: Inputs, at: Site): Result => {
  const [x, second] = inputs;
  switch (spec.op) {
    case 'simpleRNN':
    case 'lstm':
    case 'gru':
      return recurrent(spec, inputs, at);
    case 'convLstm1d':
    case 'convLstm2d':
    case 'convLstm3d':
      return convLstm(spec, inputs, at);
    case 'recurrentState': {
      const state = at.states[spec.index];
      if (state === undefined) throw new Op.GraphDefect('recurrentState: its input is no recurrent layer');
      return { output: state };
    }
    case 'mergeDirections':
      return { output: mergeDirections(spec.mode, spec.sequences, x, second ?? x) };
    case 'masking':
      return masking(x, spec.maskValue);
    case 'foldTime':
      return { output: foldTime(x, at.output) };
    case 'unfoldTime':
      return { output: unfoldTime(x, second ?? x, at.output) };
    case 'attention':
    case 'additiveAttention':
      return attention(spec, inputs, at);
    case 'multiHeadAttention':
    case 'groupedQueryAttention':
      return multiHeadAttention(spec, inputs, at);
    case 'attentionScores': {
      const [scores] = at.states;
      if (scores === undefined) throw new Op.GraphDefect('attentionScores: its input is no attention layer');
      return { output: scores };
    }
    case 'sinusoidalPositions':
      return { output: sinusoidal(spec.maxWavelength)(x) };
    case 'learnedPositions':
      return { output: learned(x, at.parameter('embeddings')) };
    case 'rotaryPositions':
      return { output: rotate(spec.maxWavelength)(x) };
  }
};
