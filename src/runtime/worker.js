/**
 * The worker thread: owns the sessions of onnxruntime and the tensors that stay between runs. `session.run` blocks the
 * thread that calls it, so that thread is this one.
 *
 * Plain JavaScript with checked types, so that a thread can be started from it as it is: from sources, from the ES
 * module build and from the CommonJS build alike.
 *
 * @import * as ort from 'onnxruntime-node'
 * @import { NdArray } from '../shape/NdArray.ts'
 * @import { Answer, Envelope, Feed, Held, Reply, Request, Setup } from './Protocol.ts'
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { MessageChannel, parentPort, workerData } from 'node:worker_threads';

/** @type {Map<number, ort.InferenceSession>} */
const sessions = new Map();
/** @type {Map<number, ort.Tensor>} */
const residents = new Map();
/** How many residents lie in a piece of memory: two that were sent as one array share it. @type {Map<unknown, number>} */
const holders = new Map();
const { first, flags } = /** @type {Setup} */ (workerData);
let last = first;
const fresh = () => ++last;

/** Before any request is answered it is there. @type {typeof ort} */
let onnxruntime;

/**
 * Of bfloat16 onnxruntime has no tensors in JavaScript, and makes none here: it throws.
 * @type {(a: NdArray) => ort.Tensor}
 */
const toTensor = (a) =>
  new onnxruntime.Tensor(
    /** @type {Exclude<NdArray['dtype'], 'bfloat16'>} */ (a.dtype),
    /** @type {Uint8Array} */ (a.data),
    a.shape,
  );

/** @type {(t: ort.Tensor) => NdArray} */
const toArray = (t) => ({
  dtype: /** @type {NdArray['dtype']} */ (t.type),
  shape: t.dims,
  data: /** @type {NdArray['data']} */ (t.data),
});

/** @type {(id: number) => ort.Tensor} */
const resident = (id) => {
  const tensor = residents.get(id);
  if (tensor === undefined) throw new Error(`tensor ${id} is not in the worker (any more)`);
  return tensor;
};

/** A resident, or a part of one that has its memory. @type {(held: Held) => ort.Tensor} */
const seen = (held) => {
  if (typeof held === 'number') return resident(held);
  const { type, data } = resident(held.of);
  const size = held.shape.reduce((n, d) => n * d, 1);
  if (held.offset + size > data.length)
    throw new Error(`tensor ${held.of} has ${data.length} elements, not ${size} from ${held.offset} on`);
  return new onnxruntime.Tensor(
    type,
    /** @type {Float32Array} */ (data).subarray(held.offset, held.offset + size),
    held.shape,
  );
};

/**
 * For the other thread: of a part, without what lies around it.
 * @type {(held: Held) => NdArray}
 */
const copied = (held) => {
  const array = toArray(seen(held));
  return array.data.byteLength === array.data.buffer.byteLength ? array : { ...array, data: array.data.slice() };
};

const { port1: nowhere } = new MessageChannel();
nowhere.close();

/**
 * Lets go of memory now, not when V8 comes to collect it: of so many megabytes it sees a few objects, and does not hurry. What is
 * sent to a closed port is gone.
 * @type {(views: Iterable<unknown>) => void}
 */
const discard = (views) => {
  const buffers = [...views].flatMap((v) =>
    ArrayBuffer.isView(v) && v.buffer instanceof ArrayBuffer ? [v.buffer] : [],
  );
  nowhere.postMessage(undefined, [...new Set(buffers)]);
};

let isKept = false;

/**
 * Memory that runs give back is kept for those that follow. onnxruntime-node copies every output, and to take the memory for it
 * from the system anew each time costs up to 3 ms a million bytes: of a large model as much as some steps. glibc keeps what is freed
 * of blocks that are smaller than the largest freed one so far, of up to 32 MiB; so it is shown one, which is never written
 * to. Not before the first run of a training: what is sent here before is freed for good. Other systems do as they always do.
 * @type {() => void}
 */
const keepFreed = () => {
  if (!isKept) discard([new Uint8Array(31 * 2 ** 20)]);
  isKept = true;
};

/** @type {(tensor: ort.Tensor) => unknown} */
const memory = ({ data }) => (ArrayBuffer.isView(data) ? data.buffer : data);

/** @type {(tensor: ort.Tensor) => number} */
const held = (tensor) => holders.get(memory(tensor)) ?? 0;

/** The tensor is no resident any more; whether nobody else has its memory. @type {(id: number, tensor: ort.Tensor) => boolean} */
const release = (id, tensor) => {
  residents.delete(id);
  const left = held(tensor) - 1;
  if (left > 0) holders.set(memory(tensor), left);
  else holders.delete(memory(tensor));
  return left <= 0;
};

/** @type {(ids: Iterable<number>) => void} */
const free = (ids) => {
  for (const id of ids) {
    const tensor = residents.get(id);
    if (tensor !== undefined && release(id, tensor)) discard([tensor.data]);
  }
};

/** @type {(f: Feed) => f is Held} */
const isHeld = (f) => typeof f === 'number' || 'of' in f;

/** @type {(f: Feed) => ort.Tensor} */
const feed = (f) => (isHeld(f) ? seen(f) : toTensor(f));

/** @type {(tensor: ort.Tensor) => number} */
const keep = (tensor) => {
  const id = fresh();
  residents.set(id, tensor);
  holders.set(memory(tensor), held(tensor) + 1);
  return id;
};

/** @type {<A, B>(record: Readonly<Record<string, A>>, f: (a: A) => B) => Record<string, B>} */
const mapRecord = (record, f) => Object.fromEntries(Object.entries(record).map(([k, a]) => [k, f(a)]));

/**
 * Every output, with the tensor to write it into if one is given that it surely fits: `null` is new memory.
 * @type {(session: ort.InferenceSession, into: Readonly<Record<string, number>>) => Record<string, ort.Tensor | null>}
 */
const places = (session, into) =>
  Object.fromEntries(
    session.outputMetadata.map((output) => {
      const id = into[output.name];
      const tensor = id === undefined ? null : resident(id);
      const fits =
        tensor !== null &&
        held(tensor) === 1 &&
        output.isTensor &&
        output.type === tensor.type &&
        output.shape.length === tensor.dims.length &&
        output.shape.every((size, axis) => size === tensor.dims[axis]);
      return [output.name, fits ? tensor : null];
    }),
  );

/** @type {(request: Extract<Request, { _tag: 'Run' }>) => Promise<Reply>} */
const run = async (request) => {
  const session = sessions.get(request.session);
  if (session === undefined) throw new Error(`session ${request.session} is not open`);
  const missing = request.keep.filter((name) => !session.outputNames.includes(name));
  if (missing.length > 0)
    throw new Error(`no output ${missing.join(', ')} to keep: the graph has ${session.outputNames.join(', ')}`);
  const feeds = mapRecord(request.feeds, feed);
  const fetches = places(session, request.into);
  if (Object.keys(request.into).length > 0) keepFreed();
  const taken = Object.entries(request.into).flatMap(([name, id]) => (fetches[name] ? [id] : []));
  const start = performance.now();
  const results = await session.run(feeds, fetches).catch((error) => {
    // How far it got is not known.
    free(taken);
    throw error;
  });
  const milliseconds = performance.now() - start;
  for (const id of taken) release(id, resident(id));
  free(request.free);
  // What was sent along; and of an output that has its place, onnxruntime-node gives a copy all the same.
  discard(Object.entries(request.feeds).flatMap(([, f]) => (isHeld(f) ? [] : [f.data])));
  discard(Object.entries(results).flatMap(([name, t]) => (fetches[name] ? [t.data] : [])));
  const kept = Object.fromEntries(
    request.keep.map((name) => [name, keep(fetches[name] ?? /** @type {ort.Tensor} */ (results[name]))]),
  );
  const tensors = Object.fromEntries(
    Object.entries(results).flatMap(([name, t]) => (name in kept ? [] : [[name, toArray(t)]])),
  );
  return { residents: kept, tensors, milliseconds };
};

/** @type {(request: Request) => Promise<Reply>} */
const answer = async (request) => {
  switch (request._tag) {
    case 'Load': {
      const { model, options } = request;
      const id = fresh();
      // onnxruntime writes nothing where there is no folder, and does not say so.
      if (options.profileFilePrefix !== undefined) mkdirSync(dirname(options.profileFilePrefix), { recursive: true });
      sessions.set(id, await onnxruntime.InferenceSession.create(model, options));
      discard([model]);
      return { session: id };
    }
    case 'Upload':
      // All or none: a tensor that cannot be made leaves none of the others behind.
      return { residents: mapRecord(mapRecord(request.tensors, toTensor), keep) };
    case 'Run':
      return run(request);
    case 'Download':
      return { tensors: mapRecord(request.residents, copied) };
    case 'Free':
      free(request.residents);
      return {};
    case 'Release': {
      const session = sessions.get(request.session);
      sessions.delete(request.session);
      await session?.release();
      return {};
    }
  }
};

/**
 * Fetched outputs belong to nobody here any more: their memory is moved, not copied.
 * @type {(request: Request, reply: Reply) => ArrayBuffer[]}
 */
const movable = (request, reply) =>
  request._tag === 'Run'
    ? Object.values(reply.tensors ?? {}).map((a) => /** @type {ArrayBuffer} */ (a.data.buffer))
    : [];

/** @type {(answer: Answer, moved?: ArrayBuffer[]) => void} */
const post = (message, moved = []) => parentPort?.postMessage(message, moved);

// As in Protocol.ts, of which this file can only read the types.
const BUSY = 0;
const STOP = 1;

/** It is done, well or not: who waits for it need wait no longer. @type {() => void} */
const rest = () => {
  Atomics.store(flags, BUSY, 0);
  Atomics.notify(flags, BUSY);
};

/** @type {(envelope: Envelope) => Promise<void>} */
const handle = async ({ id, request }) => {
  Atomics.store(flags, BUSY, 1);
  try {
    if (Atomics.load(flags, STOP) === 1) throw new Error('the runtime was closed');
    const reply = await answer(request);
    post({ id, ok: true, reply }, movable(request, reply));
  } catch (error) {
    post({ id, ok: false, message: error instanceof Error ? error.message : String(error) });
  } finally {
    rest();
  }
};

const end = async () => {
  for (const session of sessions.values()) await session.release();
  parentPort?.close();
};

// Imported here, not above: where it cannot be, the thread ends with that error, but first says that it is not busy any more.
const loaded = import('onnxruntime-node')
  .then((library) => {
    onnxruntime = library;
  })
  .finally(rest);

// One request after the other, in the order in which they came: no session is released while it runs.
let done = loaded;

parentPort?.on('message', (/** @type {Envelope | undefined} */ envelope) => {
  done = done.then(() => (envelope === undefined ? end() : handle(envelope)));
});
