/**
 * A model of more than 2 GiB, which no protobuf message holds: written with its weights beside it, run by onnxruntime, and imported.
 *
 * Needs 2.3 GB of disk in the temporary folder and 5 GB of memory: where there is less free, it says so and is skipped. Nothing stays
 * behind: the files go after each case, and those of a run that was killed before the next.
 */
import { mkdtemp, readdir, rm, stat, statfs } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import * as E from 'fp-ts/lib/Either.js';
import * as ort from 'onnxruntime-node';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { nodeFileSystem } from '../../src/format/FileSystem.ts';
import { constant, graph, input } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { Model, Onnx } from '../../src/index.ts';
import { encodeExternal } from '../../src/onnx/Encode.ts';

const prefix = 'grad-ts-large-';

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

let folder = '';
beforeEach(async () => {
  for (const name of await readdir(tmpdir())) {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid))) await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
  folder = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const right = <A>(either: E.Either<{ readonly message: string }, A>): A => {
  if (E.isLeft(either)) throw new Error(either.left.message);
  return either.right;
};

const columns = 1000;
const rows = 140_000;
const tensors = 4;
const batched = ['batch', columns] as const;

// Windows on one array, each of which begins elsewhere: a wrong offset gives other numbers.
const windowOf = (numbers: Float32Array, k: number) => numbers.subarray(k * columns, (k + rows) * columns);

/** Each output is the input and the last row of one table. */
const large = (numbers: Float32Array) => {
  const x = input('x', 'float32', batched);
  const table = (k: number) =>
    constant({ dtype: 'float32', shape: [rows, columns], data: windowOf(numbers, k) }, `w${k}`);
  const outputs = Array.from({ length: tensors }, (_, k) => ({
    name: `y${k}`,
    value: Op.add(x, Op.gather(table(k), Op.int64s([rows - 1]))),
  }));
  return graph('large', [x], outputs);
};

it.for([
  ['one file', 2 ** 40],
  ['files of 2 GiB at most', undefined],
] as const)('%s', async ([, shardBytes], { skip }) => {
  const { bavail, bsize } = await statfs(folder);
  const [disk, memory] = [Math.floor((bavail * bsize) / 1e9), Math.floor(freemem() / 1e9)];
  skip(
    disk < 3 || memory < 5,
    `needs 3 GB of disk and 5 GB of memory: ${tmpdir()} has ${disk} GB, and ${memory} GB of memory are free`,
  );
  const numbers = Float32Array.from({ length: (rows + tensors) * columns }, (__, i) => i % 8191);
  const location = 'large.onnx.data';
  const external = { location, ...(shardBytes === undefined ? {} : { shardBytes }) };
  const { model, files } = right(encodeExternal(large(numbers), { external }));
  expect(model.length).toBeLessThan(10_000);
  expect(files.length).toBe(shardBytes === undefined ? 2 : 1);

  const path = join(folder, 'large.onnx');
  right(await nodeFileSystem.writeFile(path, model)());
  for (const file of files) right(await nodeFileSystem.writeFile(join(folder, file.location), file.bytes())());
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file.location))).size));
  expect(sizes.reduce((a, b) => a + b)).toBeGreaterThan(2 ** 31);

  const session = await ort.InferenceSession.create(path);
  const given = new ort.Tensor('float32', new Float32Array(columns).fill(-1), [1, columns]);
  const got = await session.run({ x: given });
  await session.release();
  for (let k = 0; k < tensors; k++)
    expect(got[`y${k}`]?.data, `tensor ${k}`).toEqual(
      windowOf(numbers, k)
        .subarray(-columns)
        .map((v) => v - 1),
    );

  // Nodes read files of at most 2 GiB at once; a part of one may lie anywhere.
  const imported = right(
    await Onnx.importModelFile(path, {
      expect: { inputs: { x: [columns] }, outputs: { y0: [columns], y3: [columns] } },
    })({
      fileSystem: nodeFileSystem,
    })(),
  );
  const resolved = Model.resolve(imported);
  if (E.isLeft(resolved)) throw new Error('the imported model does not fit together');
  const values = resolved.right.parameters.map((p) => [p.name, Model.initialValue(p, 0).data.at(-1)]);
  expect(values).toEqual([
    ['imported.w0', windowOf(numbers, 0).at(-1)],
    ['imported.w3', windowOf(numbers, 3).at(-1)],
  ]);
});
