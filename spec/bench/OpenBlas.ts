/**
 * Which of OpenBLAS's kernels PyTorch is fastest with. OpenBLAS chooses by the processor's model; one that is newer than the library
 * gets those of 2004, at a quarter of the speed. So its own choice and two others are timed, and the fastest is taken.
 */
import { spawnSync } from 'node:child_process';

/** A name for `OPENBLAS_CORETYPE`; none is OpenBLAS's own choice. */
export type Kernels = 'Haswell' | 'SkylakeX' | undefined;

/** Its own choice, and those for AVX2 and AVX-512: a process that ends for want of these instructions does not count. */
const candidates: readonly Kernels[] = [undefined, 'Haswell', 'SkylakeX'];

/** The environment of this process, but for what tells OpenBLAS which kernels to take, or how large a cache is. */
export const environment = (kernels: Kernels): NodeJS.ProcessEnv => {
  const { OPENBLAS_CORETYPE: _, OPENBLAS_L2_SIZE: __, ...env } = process.env;
  return kernels === undefined ? env : { ...env, OPENBLAS_CORETYPE: kernels };
};

/** Milliseconds of a product of squares of 1024, the best of twenty. */
const program = `
import time, torch
a, b, best = torch.rand(1024, 1024), torch.rand(1024, 1024), 1e9
for _ in range(20):
    start = time.perf_counter()
    a @ b
    best = min(best, time.perf_counter() - start)
print(best * 1e3)
`;

const time = (python: string, threads: number, kernels: Kernels): number => {
  const env = { ...environment(kernels), OMP_NUM_THREADS: String(threads) };
  const { status, stdout } = spawnSync(python, ['-c', program], { env, encoding: 'utf8', timeout: 60_000 });
  const milliseconds = Number.parseFloat(stdout);
  return status === 0 && milliseconds > 0 ? milliseconds : Number.POSITIVE_INFINITY;
};

/** OpenBLAS's own choice unless another takes less than nine tenths of its time: noise should not choose. */
export const fastest = (python: string, threads: number): Kernels => {
  const [own = Number.POSITIVE_INFINITY, ...others] = candidates.map((kernels) => time(python, threads, kernels));
  const least = Math.min(...others);
  return least < 0.9 * own ? candidates[1 + others.indexOf(least)] : undefined;
};
