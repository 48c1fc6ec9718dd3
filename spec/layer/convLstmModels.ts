/** The layers of spec/golden/convlstm.json by the names of its cases, as `sequenceModels`. */
import type { Any, Constructors, Wire } from './coreModels.ts';

const layer =
  (l: () => Any): Wire =>
  ([x]) =>
    l()(x);

const sequences = { returnSequences: true } as const;
const same = { padding: 'same' } as const;

export const convLstmModels = (L: Constructors): Readonly<Record<string, Wire>> => ({
  '1d valid': layer(() => L.convLstm1d({ filters: 3, kernel: 3 })),
  '1d same strides 2, sequences backwards': layer(() =>
    L.convLstm1d({ filters: 2, kernel: 2, strides: 2, goBackwards: true, ...same, ...sequences }),
  ),
  '1d dilation 2, no bias, hard gates': layer(() =>
    L.convLstm1d({ filters: 2, kernel: 3, dilation: 2, useBias: false, recurrentActivation: 'hardSigmoid' }),
  ),
  '2d same sequences': layer(() => L.convLstm2d({ filters: 2, kernel: [3, 2], ...same, ...sequences })),
  '2d valid masked': layer(() => L.convLstm2d({ filters: 2, kernel: 2, ...sequences })),
  '2d strides 2, one step': layer(() => L.convLstm2d({ filters: 1, kernel: [2, 3], strides: 2 })),
  '2d with states': ([x, h, c]) => {
    const { output, state } = L.withState(L.convLstm2d({ filters: 2, kernel: 2 }) as Any, x, [h, c] as Any) as Any;
    return L.concatenate(L.concatenate(output, state[0], 1) as Any, state[1], 1);
  },
  '2d stacked': layer(() =>
    L.sequential(
      L.convLstm2d({ filters: 2, kernel: 2, ...same, ...sequences }),
      L.convLstm2d({ filters: 1, kernel: 3, ...same }),
    ),
  ),
  '3d valid': layer(() => L.convLstm3d({ filters: 2, kernel: 2 })),
  '3d same sequences': layer(() => L.convLstm3d({ filters: 2, kernel: [1, 2, 3], ...same, ...sequences })),
  '3d strides 2 backwards': layer(() => L.convLstm3d({ filters: 1, kernel: 2, strides: 2, goBackwards: true })),
});
