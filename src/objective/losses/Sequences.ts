/**
 * Losses of sequences whose alignment with the target is not known.
 *
 * CTC's forward algorithm, in logarithms and unrolled over the steps. The target with blanks around its L classes is
 * kept as two rows: the L + 1 blanks, and the classes.
 */
import { pipe } from 'fp-ts/lib/function.js';
import { stopGradient } from '../../autodiff/Grad.ts';
import { operator, type Value, valueType } from '../../graph/Graph.ts';
import {
  add,
  cast,
  equal,
  exp,
  GraphDefect,
  gatherElements,
  int64s,
  less,
  log,
  logSoftmax,
  max,
  mul,
  neg,
  not,
  pad,
  reduceSum,
  slice,
  squeeze,
  sub,
  tensor,
  unsqueeze,
  where,
} from '../../graph/Operators.ts';
import { positiveInteger } from '../../shape/Requirement.ts';
import { beforeSoftmax } from '../Crossentropy.ts';
import { type Formula, float } from '../Formula.ts';
import * as T from '../Target.ts';
import { classNumbers, custom, define, type Loss, type ReductionOptions, requiring } from './Definition.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface CtcOptions<L extends number> extends ReductionOptions {
  /** How long targets are with their padding. */
  readonly length: L;
}

// -------------------------------------------------------------------------------------
// logarithms
// -------------------------------------------------------------------------------------

/** The logarithm of 0, or near enough: sums of it stay finite. */
const never = -1e30;

/** log(exp a + exp b + ...); the gradient does not go through the largest, which cancels. */
const logAddExp = (...terms: readonly [Value, ...Value[]]): Value => {
  const top = stopGradient(terms.reduce((a, b) => max(a, b)));
  return add(top, log(terms.map((t) => exp(sub(t, top))).reduce((a, b) => add(a, b))));
};

// -------------------------------------------------------------------------------------
// formulas
// -------------------------------------------------------------------------------------

/** Row 0 is 0, the rest impossible. */
const firstOnly = (length: number): Value =>
  tensor(
    Array.from({ length }, (_, i) => (i === 0 ? 0 : never)),
    [1, length],
    'float32',
  );

const column = (from: number, to: number) => slice({ axes: [1], starts: [from], ends: [to] });

/** One value [batch,...] for each step. */
const steps = (x: Value, count: number): readonly Value[] => {
  const [batch = '?', , ...rest] = x.type.shape;
  const sizes = int64s(Array.from({ length: count }, () => 1));
  const parts = operator(
    'Split',
    [x, sizes],
    Array.from({ length: count }, () => valueType(x.type.dtype, [batch, 1, ...rest])),
    { axis: { _tag: 'Int', value: 1 } },
  );
  return parts.map(squeeze([1]));
};

/** Logarithms of the probabilities of the blank [batch,steps,1] and of the target's classes [batch,steps,L]. */
const emissions = (logs: Value, labels: Value, count: number): readonly [Value, Value] => {
  const zeros = tensor(new Array(count).fill(0), [1, count, 1], 'int64');
  return [
    slice({ axes: [2], starts: [0], ends: [1] })(logs),
    gatherElements(logs, add(unsqueeze([1])(labels), zeros), 2),
  ];
};

/** The entry of each row at its own index; impossible where the index is -1. */
const at = (x: Value, index: Value, length: number): Value => {
  const positions = tensor(
    Array.from({ length }, (_, i) => i),
    [1, length],
    'float32',
  );
  const here = equal(positions, unsqueeze([1])(index));
  return add(reduceSum({ axes: [1] })(where(here, x, 0)), mul(float(less(index, 0)), never));
};

const ctcOf =
  (length: number): Formula =>
  (output, target) => {
    const count = output.type.shape[1];
    if (typeof count !== 'number') throw new GraphDefect('ctc: the number of steps must be known');
    const labels = cast('int64')(target);
    const logs = logSoftmax(2)(float(beforeSoftmax(output, 2) ?? output));
    const [blank, classes] = emissions(logs, labels, count).map((x) => steps(x, count)) as [Value[], Value[]];
    // A class may follow another at once, but not itself: a blank is between.
    const previous = pad([0, 1, 0, 0])(column(0, length - 1)(float(labels)));
    const skip = mul(float(equal(previous, float(labels))), never);
    let blanks = add(blank[0] as Value, firstOnly(length + 1));
    let said = add(classes[0] as Value, firstOnly(length));
    for (let t = 1; t < count; t++) {
      const before = pad([0, 1, 0, 0], never)(said);
      const jump = add(column(0, length)(before), skip);
      const next = add(logAddExp(said, column(0, length)(blanks), jump), classes[t] as Value);
      blanks = add(logAddExp(blanks, before), blank[t] as Value);
      said = next;
    }
    const lengths = reduceSum({ axes: [1] })(float(not(equal(labels, 0))));
    const value = neg(logAddExp(at(blanks, lengths, length + 1), at(said, sub(lengths, 1), length)));
    return where(less(value, -never / 2), value, 0);
  };

/** A class behind the padding. */
const paddedWithin: Loss['sampleFault'] = (target) => {
  const end = target.indexOf(0);
  return end < 0 || target.slice(end).every((label) => label === 0)
    ? undefined
    : {
        expected: 'whose padding 0 is behind all classes',
        mend: 'move the zeros to the end, and count the classes from 1: 0 is the blank too',
      };
};

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * Connectionist temporal classification: minus the logarithm of the probability that the steps of the output spell the
 * target, repetitions and blanks left out. Output [batch,steps,classes] are logits (a softmax at the model's end is seen
 * through); the target is int32[batch,length], padded with 0. Class 0 is both the blank and the padding. The graph grows
 * with the number of steps, which must be known.
 *
 * Zeros are behind all classes: one between them is an error of the data (Keras counts what is not 0, and takes the beginning).
 * A target that has no room in the steps has no loss and no gradient, as with PyTorch's `zero_infinity`.
 * Keras: CTC. PyTorch: CTCLoss with reduction 'none', which is then not divided by lengths either.
 *
 * @example
 * Loss.ctc({ length: 20 }); // output [batch,100,27] -> target int32[batch,20]
 */
export const ctc = <const L extends number>(options: CtcOptions<L>): Loss<T.Line<'ctc', L>> =>
  pipe(
    define<T.Line<'ctc', L>>({
      ...custom('ctc', ctcOf(options.length), options),
      target: 'int32',
      targetShape: T.line('ctc', options.length),
      range: classNumbers(),
      sampleFault: paddedWithin,
    }),
    requiring('ctc', [positiveInteger('length', options.length)]),
  );
