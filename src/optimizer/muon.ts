/**
 * Muon: momentum of matrices, made orthogonal. Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/
 */
import type { Value } from '../graph/Graph.ts';
import { add, div, matMul, mul, transpose } from '../graph/Operators.ts';
import { finite, positiveInteger, type Requirement, unmet } from '../shape/Requirement.ts';
import { constant, keeps, norm } from './scalars.ts';
import { perParameter, type Transformation } from './Transformation.ts';

export interface MuonRule {
  /** Default 0.95. */
  readonly momentum?: number;
  /** Default true. */
  readonly nesterov?: boolean;
  /** Iterations of Newton and Schulz. Default 5. */
  readonly nsSteps?: number;
  /** Of the polynomial a x + b x^3 + c x^5. Default 3.4445. */
  readonly muonA?: number;
  /** Default -4.775. */
  readonly muonB?: number;
  /** Default 2.0315. */
  readonly muonC?: number;
  /** The update's root mean square is about so many times the rate; `null`: do not scale. Default 0.2. */
  readonly rmsRate?: number | null;
}

/** What each option must be. */
export const muonRequirements = (options: MuonRule): readonly Requirement[] => [
  keeps('momentum', options.momentum),
  positiveInteger('nsSteps', options.nsSteps),
  finite('muonA', options.muonA),
  finite('muonB', options.muonB),
  finite('muonC', options.muonC),
  finite('rmsRate', options.rmsRate ?? undefined),
];

/**
 * About the nearest orthogonal matrix: singular values are brought near to 1 by a polynomial, applied again and again
 * (Newton and Schulz), in products of the shorter side.
 */
export const orthogonalise =
  ({ nsSteps = 5, muonA = 3.4445, muonB = -4.775, muonC = 2.0315 }: MuonRule = {}) =>
  (matrix: Value): Value => {
    const [rows = 1, columns = 1] = matrix.type.shape.filter((d) => typeof d === 'number');
    const turned = (x: Value) => (rows > columns ? transpose([1, 0])(x) : x);
    const start = turned(matrix);
    const scaled = div(start, add(norm(start), 1e-7));
    const improve = (x: Value): Value => {
      const square = matMul(x, x, { transB: true });
      const weighted = add(mul(square, muonB), matMul(square, square, { alpha: muonC }));
      return add(mul(x, muonA), matMul(weighted, x));
    };
    return turned(Array.from({ length: nsSteps }).reduce<Value>(improve, scaled));
  };

/**
 * m <- momentum m + g; the update is minus the rate times the orthogonalised m (with Nesterov's look-ahead, g + momentum m),
 * times `rmsRate` sqrt(max(rows, columns)). For matrices only.
 */
export const orthogonalMomentum = (options: MuonRule = {}): Transformation => {
  const { momentum = 0.95, nesterov = true, rmsRate = 0.2 } = options;
  const orthogonal = orthogonalise(options);
  return perParameter(
    'muon',
    ({ shape }) => ({ momentum: { shape, init: 0 } }),
    ({ learningRate }) => {
      const keep = constant(momentum);
      return ({ gradient, parameter, slot }) => {
        const buffer = add(mul(slot('momentum'), keep), gradient);
        const direction = orthogonal(nesterov ? add(mul(buffer, keep), gradient) : buffer);
        const longest = Math.max(...parameter.type.shape.filter((d) => typeof d === 'number'));
        const factor = mul(learningRate, rmsRate === null ? -1 : -rmsRate * Math.sqrt(longest));
        return { update: mul(direction, factor), slots: { momentum: buffer } };
      };
    },
    unmet('orthogonalMomentum', muonRequirements(options)),
  );
};
