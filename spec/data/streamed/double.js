/** For Workers.spec.ts: what runs in a worker thread. */
export default async (/** @type {number} */ n, /** @type {{ index: number, seed: number }} */ { index, seed }) => {
  if (n === 13) throw new Error('unlucky');
  if (n === 14) process.exit(3);
  // Later elements are faster: order must not depend on it.
  await new Promise((resolve) => setTimeout(resolve, (5 - (n % 5)) * 2));
  return { doubled: 2 * n, index, seed, pixels: Uint8Array.of(n, n) };
};
