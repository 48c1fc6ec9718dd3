/** Sessions in a worker thread: what they give, what they keep, and every way to fail, as values. */
import * as E from 'fp-ts/lib/Either.js';
import { afterAll, describe, expect, it } from 'vitest';
import * as Runtime from '../../src/runtime/Runtime.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { f32, left, matrix, right, slow, sums, trips } from './support.ts';

const runtime = Runtime.node({ threads: 1 })();
afterAll(runtime.close);

const numbers = (a: NdArray | undefined): readonly number[] => Array.from(a?.data ?? [], Number);
const session = async (model = sums): Promise<Runtime.Session> => right(await runtime.load(model)());

describe('a session', () => {
  it('runs a graph on what is sent along', async () => {
    const s = await session();
    const { fetched, kept, milliseconds } = right(await s.run({ feeds: { x: f32(1, 2), y: f32(3, 4) } })());
    expect(numbers(fetched.sum)).toEqual([4, 6]);
    expect(fetched.double).toEqual({ dtype: 'float32', shape: [2], data: Float32Array.of(2, 4) });
    expect(kept).toEqual({});
    expect(milliseconds).toBeGreaterThan(0);
    await s.release();
  });

  it('does not take from those who send: the arrays stay theirs', async () => {
    const s = await session();
    const x = f32(1, 2);
    for (let i = 0; i < 3; i++) right(await s.run({ feeds: { x, y: x } })());
    expect(numbers(x)).toEqual([1, 2]);
    await s.release();
  });

  it('can be run again: of a part of a larger array it sends a copy each time, and the array stays', async () => {
    const s = await session();
    const data = Float32Array.of(1, 2, 3, 4);
    const part: NdArray = { dtype: 'float32', shape: [2], data: data.subarray(1, 3) };
    const run = s.run({ feeds: { x: part, y: part } });
    expect(numbers(right(await run()).fetched.sum)).toEqual([4, 6]);
    data[1] = 5;
    expect(numbers(right(await run()).fetched.sum)).toEqual([10, 6]);
    expect(Array.from(data)).toEqual([1, 5, 3, 4]);
    await s.release();
  });

  it('runs many at a time, each with its own feeds', async () => {
    const s = await session();
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) => s.run({ feeds: { x: f32(i), y: f32(100) } })()),
    );
    expect(results.map((r) => numbers(right(r).fetched.sum)[0])).toEqual(Array.from({ length: 20 }, (_, i) => i + 100));
    await s.release();
  });

  it('that was released cannot run, and can be released again', async () => {
    const s = await session();
    await s.release();
    await s.release();
    expect(left(await s.run({ feeds: { x: f32(1), y: f32(1) } })())).toMatchObject({
      _tag: 'RuntimeError',
      stage: 'run',
      message: expect.stringContaining('is not open'),
    });
  });

  it('released while it runs ends that run first', async () => {
    const s = await session(slow);
    const running = s.run({ feeds: { trips: trips(20), start: matrix } })();
    await new Promise(setImmediate);
    await Promise.all([s.release(), running]);
    expect(E.isRight(await running)).toBe(true);
  });
});

describe('residents', () => {
  it('stay between runs, are fed by reference, come back, and are let go of', async () => {
    const s = await session();
    const up = right(await runtime.upload({ x: f32(1, 2), y: f32(10, 20) })());
    const first = right(await s.run({ feeds: up, keep: ['sum'] })());
    expect(Object.keys(first.fetched)).toEqual(['double']);
    const sum = first.kept.sum as Runtime.Resident;
    expect(right(await runtime.download({ again: sum, x: up.x as Runtime.Resident })())).toEqual({
      again: f32(11, 22),
      x: f32(1, 2),
    });
    const second = right(await s.run({ feeds: { x: sum, y: f32(1, 1) }, keep: ['sum'], free: [sum] })());
    expect(numbers(right(await runtime.download(second.kept)()).sum)).toEqual([12, 23]);
    // It was freed by the run that read it last.
    const gone = left(await runtime.download({ sum })());
    expect(gone).toMatchObject({ _tag: 'RuntimeError', stage: 'download' });
    expect(gone.message).toContain('is not in the worker (any more)');
    right(await runtime.free(Object.values(up))());
    expect(E.isLeft(await s.run({ feeds: up })())).toBe(true);
    await s.release();
  });

  it('are not let go of by a run that fails', async () => {
    const s = await session();
    const { x } = right(await runtime.upload({ x: f32(1, 2) })());
    expect(E.isLeft(await s.run({ feeds: { x: x as Runtime.Resident }, free: [x as Runtime.Resident] })())).toBe(true);
    expect(numbers(right(await runtime.download({ x: x as Runtime.Resident })()).x)).toEqual([1, 2]);
    await s.release();
  });

  it('are written over by an output that may take their place, and are gone then', async () => {
    const s = await session(slow);
    const half: NdArray = { dtype: 'float32', shape: [256, 256], data: new Float32Array(256 * 256).fill(0.5) };
    for (const n of [0, 1, 2, 5]) {
      const expected = right(await s.run({ feeds: { trips: trips(n), start: half } })()).fetched.end;
      const { start } = right(await runtime.upload({ start: half })()) as { start: Runtime.Resident };
      const { kept, fetched } = right(
        await s.run({ feeds: { trips: trips(n), start }, keep: ['end'], free: [start], into: { end: start } })(),
      );
      expect(fetched).toEqual({});
      expect(right(await runtime.download(kept)()).end).toEqual(expected);
      expect(left(await runtime.download({ start })()).message).toContain('is not in the worker (any more)');
      right(await runtime.free(Object.values(kept))());
    }
    await s.release();
  });

  it('are left where the output does not surely fit into their place', async () => {
    const s = await session();
    const up = right(await runtime.upload({ x: f32(1, 2), y: f32(3, 4), long: f32(1, 2, 3) })());
    const { x, y, long } = up as Record<'x' | 'y' | 'long', Runtime.Resident>;
    // Sizes of `sum` are not in the file; it is in the middle of being read besides.
    const { kept } = right(await s.run({ feeds: { x, y }, keep: ['sum', 'double'], into: { sum: x, double: long } })());
    const back = right(await runtime.download({ ...kept, x, long })());
    expect(back).toEqual({ sum: f32(4, 6), double: f32(2, 4), x: f32(1, 2), long: f32(1, 2, 3) });
    right(await runtime.free([...Object.values(up), ...Object.values(kept)])());
    await s.release();
  });

  it('that an output may take the place of are lost if the run fails in onnxruntime', async () => {
    const s = await session(slow);
    const { start } = right(await runtime.upload({ start: matrix })()) as { start: Runtime.Resident };
    const run = (feeds: Runtime.Run['feeds']) => s.run({ feeds, keep: ['end'], free: [start], into: { end: start } })();
    expect(E.isLeft(await run({ trips: { ...trips(1), dtype: 'complex' as never }, start }))).toBe(true);
    expect(right(await runtime.download({ start })()).start).toEqual(matrix);
    expect(E.isLeft(await run({ trips: f32(1), start }))).toBe(true);
    expect(left(await runtime.download({ start })()).message).toContain('is not in the worker (any more)');
    await s.release();
  });

  it('are copies, and of arrays that nobody else has the arrays themselves', async () => {
    const [theirs, ours] = [f32(1, 2), f32(3, 4)];
    const up = right(await runtime.upload({ theirs, ours }, ['ours', 'absent'])());
    expect([theirs.data.length, ours.data.length]).toEqual([2, 0]);
    expect(right(await runtime.download(up)())).toEqual({ theirs: f32(1, 2), ours: f32(3, 4) });
    right(await runtime.free(Object.values(up))());
  });

  it('of one array: what is written over one, or let go of, is not seen in the other', async () => {
    const s = await session(slow);
    const up = right(await runtime.upload({ start: matrix, other: matrix })());
    const { start, other } = up as Record<'start' | 'other', Runtime.Resident>;
    const feeds = { trips: trips(1), start };
    const { kept } = right(await s.run({ feeds, keep: ['end'], free: [start], into: { end: start } })());
    const back = right(await runtime.download({ other })()).other;
    expect(numbers(back).every((x) => x === 0.5)).toBe(true);
    expect(numbers(right(await runtime.download(kept)()).end)[0]).not.toBe(0.5);
    right(await runtime.free([other, ...Object.values(kept)])());
    await s.release();
  });

  it('of a part of a larger buffer are sent as that part', async () => {
    const large = new Float32Array(1_000_000);
    large.set([7, 8, 9], 500_000);
    const part: NdArray = { dtype: 'float32', shape: [3], data: large.subarray(500_000, 500_003) };
    const up = right(await runtime.upload({ part })());
    const { part: back } = right(await runtime.download(up)());
    expect(numbers(back)).toEqual([7, 8, 9]);
    expect(back?.data.buffer.byteLength).toBe(12);
    const s = await session();
    const { fetched } = right(await s.run({ feeds: { x: part, y: part } })());
    expect(numbers(fetched.sum)).toEqual([14, 16, 18]);
    await s.release();
  });

  it('are seen in parts, each in a shape of its own: fed, and brought back without what lies around it', async () => {
    const s = await session();
    const { x } = right(await runtime.upload({ x: f32(1, 2, 3, 4, 5, 6) })()) as { x: Runtime.Resident };
    const part = Runtime.view([2], 3)(x);
    const { fetched } = right(await s.run({ feeds: { x: part, y: Runtime.view([2], 1)(Runtime.view([4], 1)(x)) } })());
    expect(fetched.sum).toEqual(f32(4 + 3, 5 + 4));
    const down = right(await runtime.download({ part, matrix: Runtime.view([3, 2])(x) })());
    expect(down).toEqual({ part: f32(4, 5), matrix: { ...f32(1, 2, 3, 4, 5, 6), shape: [3, 2] } });
    expect(down.part?.data.buffer.byteLength).toBe(8);
    expect(left(await runtime.download({ x: Runtime.view([4], 3)(x) })()).message).toContain(
      'has 6 elements, not 4 from 3 on',
    );
    right(await runtime.free([part])());
    expect(E.isLeft(await runtime.download({ x })())).toBe(true);
    await s.release();
  });

  it('of every element type come back as they went', async () => {
    const arrays: Readonly<Record<string, NdArray>> = {
      float32: { dtype: 'float32', shape: [2], data: Float32Array.of(0.5, Number.NaN) },
      float64: { dtype: 'float64', shape: [2, 1], data: Float64Array.of(1e300, -0) },
      int32: { dtype: 'int32', shape: [], data: Int32Array.of(-5) },
      int64: { dtype: 'int64', shape: [1], data: BigInt64Array.of(-(2n ** 60n)) },
      uint8: { dtype: 'uint8', shape: [3], data: Uint8Array.of(0, 1, 255) },
      uint32: { dtype: 'uint32', shape: [1], data: Uint32Array.of(2 ** 32 - 1) },
      bool: { dtype: 'bool', shape: [2], data: Uint8Array.of(1, 0) },
      empty: { dtype: 'float32', shape: [0, 3], data: new Float32Array() },
    };
    const up = right(await runtime.upload(arrays)());
    expect(right(await runtime.download(up)())).toEqual(arrays);
    right(await runtime.free(Object.values(up))());
  });
});

describe('an error', () => {
  const errorOf = async (task: () => Promise<E.Either<Runtime.RuntimeError, unknown>>, stage: string) => {
    const error = left(await task());
    expect(error).toMatchObject({ _tag: 'RuntimeError', stage });
    return error.message;
  };

  it('a model that is none, or torn, or empty', async () => {
    for (const model of [Uint8Array.of(1, 2, 3), new Uint8Array(), sums.slice(0, sums.length >> 1)])
      expect(await errorOf(runtime.load(model), 'load')).not.toBe('');
  });

  it('feeds that are missing, unknown, of another type or shape, or ill-formed', async () => {
    const s = await session();
    const [x, y] = [f32(1, 2), f32(3, 4)];
    const run = (feeds: Runtime.Run['feeds']) => errorOf(s.run({ feeds }), 'run');
    expect(await run({ x })).toMatch(/y/);
    expect(await run({ x, y: { dtype: 'int32', shape: [2], data: Int32Array.of(1, 2) } })).toMatch(/int32|type/i);
    expect(await run({ x, y: { dtype: 'float32', shape: [1, 2], data: y.data } })).toMatch(/rank|dim/i);
    expect(await run({ x, y: f32(1, 2, 3) })).toMatch(/broadcast|dim|Add/i);
    expect(await run({ x, y: { dtype: 'float32', shape: [3], data: y.data } })).toMatch(/size|length/i);
    expect(await run({ x, y: { dtype: 'complex' as never, shape: [2], data: y.data } })).not.toBe('');
    // And the session works on.
    expect(numbers(right(await s.run({ feeds: { x, y } })()).fetched.sum)).toEqual([4, 6]);
    await s.release();
  });

  it('outputs to keep that there are not: they are named, and so are those there are', async () => {
    const s = await session();
    const message = await errorOf(s.run({ feeds: { x: f32(1), y: f32(1) }, keep: ['sum', 'product'] }), 'run');
    expect(message).toBe('no output product to keep: the graph has sum, double');
    await s.release();
  });

  it('what cannot be sent to a thread', async () => {
    const s = await session();
    const moved = f32(1, 2);
    structuredClone(moved.data.buffer, { transfer: [moved.data.buffer as ArrayBuffer] });
    expect(await errorOf(s.run({ feeds: { x: moved, y: f32(1, 2) } }), 'run')).not.toBe('');
    const odd = { dtype: 'float32', shape: [1], data: Float32Array.of(1), more: () => 1 };
    expect(await errorOf(runtime.upload({ odd: odd as never }), 'upload')).toContain('could not be cloned');
    await s.release();
  });

  it('an upload of which one part is ill-formed', async () => {
    const torn: NdArray = { dtype: 'float32', shape: [3], data: new Float32Array(2) };
    expect(await errorOf(runtime.upload({ fine: f32(1), torn }), 'upload')).toMatch(/size|length/i);
  });

  it('a provider that there is not', async () => {
    const other = Runtime.node({ provider: 'tpu' as 'cpu' })();
    expect(await errorOf(other.load(sums), 'load')).toBe("unknown provider 'tpu': expected one of 'cpu', 'cuda'");
    await other.close();
  });

  it.each([0, -1, 1.5, Number.NaN])('%d threads', async (threads) => {
    const other = Runtime.node({ threads })();
    expect(await errorOf(other.load(sums), 'load')).toBe(`threads: expected a positive integer, got ${threads}`);
    await other.close();
  });

  it('CUDA where there is none says what helps', async () => {
    const other = Runtime.node({ provider: 'cuda' })();
    const loaded = await other.load(sums)();
    // On a machine that has it, the session works; otherwise the message helps.
    if (E.isRight(loaded)) {
      expect(E.isRight(await loaded.right.run({ feeds: { x: f32(1), y: f32(1) } })())).toBe(true);
    } else {
      expect(loaded.left).toMatchObject({ _tag: 'RuntimeError', stage: 'load' });
      expect(loaded.left.message).toContain('onnxruntime-node could not use CUDA: ');
      expect(loaded.left.message).toContain('install its CUDA files (see README)');
    }
    await other.close();
  });
});

describe('closing', () => {
  const message = expect.stringContaining('the runtime was closed');

  it('in the middle of a run fails what is pending, and what comes later', async () => {
    const other = Runtime.node({ threads: 1 })();
    const s = right(await other.load(slow)());
    const running = s.run({ feeds: { trips: trips(1000), start: matrix } })();
    const waiting = other.upload({ x: f32(1) })();
    await new Promise((done) => setTimeout(done, 50));
    const closed = other.close();
    expect(left(await running)).toMatchObject({ _tag: 'RuntimeError', stage: 'run', message });
    expect(left(await waiting)).toMatchObject({ _tag: 'RuntimeError', stage: 'upload', message });
    expect(left(await other.load(sums)())).toMatchObject({ stage: 'load', message });
    // Letting go of what is gone is no error, and starts nothing.
    await s.release();
    expect(E.isRight(await other.free([{ _tag: 'Resident', id: 1 }])())).toBe(true);
    await closed;
  });

  it('twice, or before anything was done, is nothing', async () => {
    const other = Runtime.node()();
    await other.close();
    await other.close();
    expect(E.isLeft(await other.load(sums)())).toBe(true);
  });

  it('one runtime leaves others alone', async () => {
    const [a, b] = [Runtime.node({ threads: 1 })(), Runtime.node({ threads: 1 })()];
    const s = right(await b.load(sums)());
    right(await a.load(sums)());
    await a.close();
    expect(numbers(right(await s.run({ feeds: { x: f32(1), y: f32(2) } })()).fetched.sum)).toEqual([3]);
    await b.close();
  });
});

describe('session options', () => {
  it('name the provider and the threads, and flush denormals', () => {
    expect(Runtime.sessionOptions({ threads: 3 })).toMatchObject({
      executionProviders: ['cpu'],
      intraOpNumThreads: 3,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      enableMemPattern: false,
      extra: { session: { set_denormal_as_zero: '1' } },
    });
    expect(Runtime.sessionOptions({ provider: 'cuda' })).toMatchObject({ executionProviders: ['cuda'] });
    expect(Runtime.sessionOptions({}, 'disabled').graphOptimizationLevel).toBe('disabled');
    expect(Runtime.sessionOptions({ threads: 1 }).extra).toEqual({ session: { set_denormal_as_zero: '1' } });
    expect(Runtime.sessionOptions({ threads: 1, spinning: false }).extra).toEqual({
      session: { set_denormal_as_zero: '1', intra_op: { allow_spinning: '0' } },
    });
  });

  it('give two threads a half each, and leave more of them to onnxruntime', () => {
    const blocks = (threads: number) => Runtime.sessionOptions({ threads }).extra?.session;
    expect(blocks(2)).toMatchObject({ dynamic_block_base: '1' });
    for (const threads of [1, 3, 8]) expect(blocks(threads)).not.toHaveProperty('dynamic_block_base');
  });

  it('are what the runtime says of itself', () => {
    expect(runtime).toMatchObject({ provider: 'cpu', threads: 1 });
    expect(Runtime.node()().threads).toBeGreaterThan(0);
    expect(Runtime.node({ provider: 'cuda' })().provider).toBe('cuda');
  });

  it('flush denormals in fact', async () => {
    const s = await session();
    const { fetched } = right(await s.run({ feeds: { x: f32(1e-40), y: f32(1e-40) } })());
    expect(numbers(fetched.double)).toEqual([0]);
    await s.release();
  });
});

describe('the main thread', () => {
  it('stays free while the worker computes', async () => {
    const s = await session(slow);
    let ticks = 0;
    const timer = setInterval(() => {
      ticks++;
    }, 5);
    // As long as it takes, on a busy machine or a fast one, for a run to be worth watching.
    let milliseconds = 0;
    for (let n = 50; milliseconds < 300; n *= 2) {
      ticks = 0;
      ({ milliseconds } = right(await s.run({ feeds: { trips: trips(n), start: matrix } })()));
    }
    clearInterval(timer);
    // If the run blocked this thread, at most one tick would be seen.
    expect(ticks).toBeGreaterThan(5);
    await s.release();
  });
});
