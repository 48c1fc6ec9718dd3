/**
 * A model of more than 2 GiB, which no protobuf message holds: written with its weights beside it, read and run by onnxruntime.
 * Needs about 5 GB of memory and 3 GB of disk.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as E from 'fp-ts/lib/Either.js';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nodeFileSystem } from '../../src/format/FileSystem.ts';
import { constant, graph, input } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { encodeExternal } from '../../src/onnx/Encode.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grad-ts-large-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const right = <A>(either: E.Either<{ readonly message: string }, A>): A => {
  if (E.isLeft(either)) throw new Error(either.left.message);
  return either.right;
};

const columns = 1000;
const rows = 140_000;
const tensors = 4;

it.each([
  ['one file', 2 ** 40],
  ['files of 2 GiB at most', undefined],
])('%s', async (_, shardBytes) => {
  // Windows on one array, each of which begins elsewhere: a wrong offset gives other numbers.
  const numbers = Float32Array.from({ length: (rows + tensors) * columns }, (__, i) => i % 8191);
  const window = (k: number) => numbers.subarray(k * columns, (k + rows) * columns);
  const x = input('x', 'float32', [1, columns]);
  const lastRow = (k: number) =>
    Op.gather(constant({ dtype: 'float32', shape: [rows, columns], data: window(k) }, `w${k}`), Op.int64s([rows - 1]));
  const y = Op.concat(0)([x, ...Array.from({ length: tensors }, (__, k) => lastRow(k))]);
  const location = 'large.onnx.data';
  const external = { location, ...(shardBytes === undefined ? {} : { shardBytes }) };
  const { model, files } = right(encodeExternal(graph('large', [x], [{ name: 'y', value: y }]), { external }));
  expect(model.length).toBeLessThan(10_000);
  expect(files.length).toBe(shardBytes === undefined ? 2 : 1);

  right(await nodeFileSystem.writeFile(join(folder, 'large.onnx'), model)());
  for (const file of files) right(await nodeFileSystem.writeFile(join(folder, file.location), file.bytes())());
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file.location))).size));
  expect(sizes.reduce((a, b) => a + b)).toBeGreaterThan(2 ** 31);

  const session = await ort.InferenceSession.create(join(folder, 'large.onnx'));
  const given = new ort.Tensor('float32', new Float32Array(columns).fill(-1), [1, columns]);
  const got = (await session.run({ x: given })).y?.data as Float32Array;
  await session.release();
  expect([...got.subarray(0, columns)]).toEqual(Array(columns).fill(-1));
  for (let k = 0; k < tensors; k++)
    expect(got.subarray((k + 1) * columns, (k + 2) * columns), `tensor ${k}`).toEqual(window(k).subarray(-columns));
});
