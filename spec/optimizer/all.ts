/** Every optimizer. */
import * as Optimizer from '../../src/optimizer/Optimizer.ts';
import * as Schedule from '../../src/optimizer/Schedule.ts';

const schedule = Schedule.warmUp({ steps: 3 })(
  Schedule.cosineDecayRestarts({ initialLearningRate: 0.05, firstDecaySteps: 4 }),
);

/** Each optimizer with its defaults, and with every option that changes its graph. */
export const optimizers: Readonly<Record<string, Optimizer.Optimizer>> = {
  sgd: Optimizer.sgd(),
  'sgd, momentum': Optimizer.sgd({ momentum: 0.9, nesterov: true, clipNorm: 1 }),
  adam: Optimizer.adam(),
  'adam, amsgrad': Optimizer.adam({ amsgrad: true, globalClipNorm: 1, weightDecay: 0.1 }),
  'adam, accumulated': Optimizer.adam({ gradientAccumulationSteps: 3, useEma: true }),
  'adam, scheduled': Optimizer.adam({ learningRate: schedule, useEma: true, emaOverwriteFrequency: 2 }),
  adamW: Optimizer.adamW(),
  adamax: Optimizer.adamax(),
  nadam: Optimizer.nadam({ gradientAccumulationSteps: 2 }),
  lamb: Optimizer.lamb({ weightDecay: 0.1 }),
  scheduleFreeAdamW: Optimizer.scheduleFreeAdamW({ warmupSteps: 4, weightDecay: 0.1 }),
  rmsprop: Optimizer.rmsprop(),
  'rmsprop, centered': Optimizer.rmsprop({ centered: true, momentum: 0.9, clipValue: 1 }),
  adagrad: Optimizer.adagrad(),
  adadelta: Optimizer.adadelta(),
  ftrl: Optimizer.ftrl(),
  'ftrl, regularised': Optimizer.ftrl({
    learningRatePower: -0.7,
    l1RegularizationStrength: 0.1,
    l2RegularizationStrength: 0.1,
    l2ShrinkageRegularizationStrength: 0.1,
    beta: 0.1,
    weightDecay: 0.1,
  }),
  lion: Optimizer.lion(),
  adafactor: Optimizer.adafactor({ weightDecay: 0.1 }),
  muon: Optimizer.muon({ adamLrRatio: 0.5 }),
  chained: Optimizer.custom(
    'chained',
    0.1,
    Optimizer.chain(
      Optimizer.scaleGradients(0.5),
      Optimizer.centraliseGradients(),
      Optimizer.scaleByMoments(),
      Optimizer.scaleByTrustRatio,
      Optimizer.descend,
      Optimizer.lookahead(2, 0.3),
      Optimizer.ema(),
    ),
  ),
  groups: Optimizer.groups({ b: Optimizer.sgd({ learningRate: schedule, momentum: 0.9 }), c: 0.1 })(
    Optimizer.adam({ gradientAccumulationSteps: 2 }),
  ),
};
