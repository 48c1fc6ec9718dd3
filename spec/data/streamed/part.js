/** For Workers.spec.ts: how much came with an array, and a part of what is there as the answer. */
export default (/** @type {readonly [{ readonly data: Float32Array }]} */ [{ data }]) => ({
  bytes: data.buffer.byteLength,
  sum: data.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0),
  part: new Float64Array(1000).fill(data[0] ?? 0).subarray(10, 12),
});
