/** `jsonlLogger`, `tensorBoard`, `timing`, `remote`, `remoteMonitor`: what they write and send for lists of events. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { describe, expect, it } from 'vitest';
import * as C from '../../src/callback/Callback.ts';
import { nodeHttp } from '../../src/runtime/Http.ts';
import type { Http, HttpRequest } from '../../src/training/Environment.ts';
import type { Event } from '../../src/training/Event.ts';
import { readEvents } from './eventFile.ts';
import { drive, epochEnded, epochLogs, epochStarted, memory, runEnded, started, stepEnded } from './support.ts';

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);
const step = (epoch: number, n: number, globalStep: number, loss: number, time: number): Event => ({
  ...(stepEnded(epoch, n, { loss }, time) as Extract<Event, { _tag: 'StepEnded' }>),
  globalStep,
});
const validationEnded = (epoch: number, time = 0): Event => ({
  _tag: 'ValidationEnded',
  epoch,
  logs: { val_loss: 0.5 },
  time,
});

describe('jsonlLogger', () => {
  it('writes a line for each event that is wanted', async () => {
    const m = memory();
    const script = [started(), epochEnded(0, { loss: Number.NaN, val_loss: 1 }, 0.5, 7), runEnded()];
    await drive(C.jsonlLogger('a.jsonl'), m.env, () => script);
    expect(text(m.files.get('a.jsonl'))).toBe(
      '{"event":"EpochEnded","epoch":0,"logs":{"loss":"NaN","val_loss":1},"learningRate":0.5,"time":7}\n',
    );
    await drive(C.jsonlLogger('b.jsonl', { events: 'all' }), m.env, () => script);
    const lines = text(m.files.get('b.jsonl'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ event }) => event)).toEqual(['RunStarted', 'EpochEnded', 'RunEnded']);
    expect(lines[0]).not.toHaveProperty('callbackStates');
  });

  it('has shapes in place of weights', () => {
    const data = Float32Array.of(1, 2);
    const weights = { 'dense.bias': { dtype: 'float32', shape: [2], data } as const };
    expect(C.eventJson({ _tag: 'WeightsRead', by: 'me', weights, time: 1 })).toEqual({
      event: 'WeightsRead',
      by: 'me',
      weights: { 'dense.bias': [2] },
      time: 1,
    });
  });

  it('goes on behind what the checkpoint knows, and empties the file of another run unless told to add', async () => {
    const m = memory();
    const callback = C.jsonlLogger('a.jsonl');
    const first = await drive(callback, m.env, () => [started(), epochEnded(0, { loss: 3 })]);
    const callbackStates = JSON.parse(JSON.stringify(first.world.states));
    await m.env.fileSystem.appendFile('a.jsonl', '{"event":"EpochEnded","epoch":1}\n{"eve')();
    await drive(callback, m.env, () => [started({ callbackStates }), epochEnded(1, { loss: 2 })]);
    const epochs = () =>
      text(m.files.get('a.jsonl'))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).epoch);
    expect(epochs()).toEqual([0, 1]);
    await drive(C.jsonlLogger('a.jsonl', { append: true }), m.env, () => [started(), epochEnded(5, { loss: 2 })]);
    expect(epochs()).toEqual([0, 1, 5]);
    await drive(callback, m.env, () => [started(), epochEnded(6, { loss: 2 })]);
    expect(epochs()).toEqual([6]);
  });

  it('says which file cannot be written', async () => {
    const m = memory();
    const error = {
      _tag: 'IoError',
      message: 'could not append to a.jsonl: full',
      path: 'a.jsonl',
      code: 'ENOSPC',
    } as const;
    const fileSystem = { ...m.env.fileSystem, appendFile: () => async () => E.left(error) };
    const driven = await drive(C.jsonlLogger('a.jsonl'), { ...m.env, fileSystem }, () => [
      started(),
      epochEnded(0, {}),
    ]);
    expect(driven.error).toMatchObject({ reason: 'Io', key: 'jsonlLogger(a.jsonl)' });
  });
});

describe('timing', () => {
  it('logs seconds of epochs, and steps and samples a second of training', async () => {
    const { world } = await drive(C.timing(), {}, () => [
      started(),
      epochStarted(0, 0.1, 1000),
      step(0, 0, 1, 1, 1500),
      step(0, 1, 2, 1, 3000),
      validationEnded(0, 4000),
      epochEnded(0, { loss: 1 }, 0.1, 5000),
      epochStarted(1, 0.1, 6000),
      epochEnded(1, {}, 0.1, 6000),
    ]);
    expect(epochLogs(world)).toEqual([
      { loss: 1, epoch_seconds: 4, steps_per_second: 1, samples_per_second: 32 },
      { epoch_seconds: 0 },
    ]);
  });

  it('may be monitored by what comes after it', async () => {
    const both = C.concat(C.timing(), C.earlyStopping({ monitor: 'epoch_seconds' }));
    const { error } = await drive(both, memory().env, () => [started()]);
    expect(error).toBeUndefined();
  });
});

describe('tensorBoard', () => {
  const events = (): Event[] => [
    started({ time: 1_700_000_000_000 }),
    epochStarted(0, 0.1, 1_700_000_001_000),
    step(0, 0, 1, 3, 1_700_000_001_500),
    step(0, 1, 2, 2, 1_700_000_002_000),
    validationEnded(0, 1_700_000_003_000),
    epochEnded(0, { loss: 2, val_loss: 0.5 }, 0.25, 1_700_000_003_000),
  ];
  const [train, validation] = ['train', 'validation'].map((dir) => `logs/${dir}/events.out.tfevents.`);
  const told = (files: ReadonlyMap<string, Uint8Array>, prefix: string | undefined) => {
    const names = [...files.keys()].filter((name) => name.startsWith(prefix ?? ''));
    expect(names).toHaveLength(1);
    return readEvents(files.get(names[0] ?? ''));
  };
  const brief = (all: ReturnType<typeof readEvents>) => all.map(({ step: at, what }) => [at, what]);

  it("writes epochs under Keras's tags, in a folder each for training and validation", async () => {
    const m = memory();
    await drive(C.tensorBoard(), m.env, events);
    expect(brief(told(m.files, train))).toEqual([
      [0, 'brain.Event:2'],
      [0, { epoch_loss: 2, epoch_learning_rate: 0.25 }],
    ]);
    expect(brief(told(m.files, validation))).toEqual([
      [0, 'brain.Event:2'],
      [2, { evaluation_loss_vs_iterations: 0.5 }],
      [0, { epoch_loss: 0.5 }],
    ]);
    expect(told(m.files, train)[1]?.seconds).toBe(1_700_000_003);
  });

  it('has no file for validation where there is none', async () => {
    const m = memory();
    await drive(C.tensorBoard('logs'), m.env, () => [started(), epochEnded(0, { loss: 2 })]);
    expect([...m.files.keys()].map((path) => path.split('/')[1])).toEqual(['train']);
  });

  it('writes steps, their rates, and a graph, if asked', async () => {
    const m = memory();
    const graph = [{ name: 'in', op: 'Input', inputs: [] }];
    await drive(C.tensorBoard('logs', { updateFreq: 'batch', writeStepsPerSecond: true, graph }), m.env, events);
    expect(brief(told(m.files, train))).toEqual([
      [0, 'brain.Event:2'],
      [0, 'graph'],
      [1, { batch_steps_per_second: 2, batch_loss: 3 }],
      [2, { batch_steps_per_second: 2, batch_loss: 2 }],
      [0, { epoch_loss: 2, epoch_learning_rate: 0.25, epoch_steps_per_second: 1 }],
    ]);
    const second = memory();
    await drive(C.tensorBoard('logs', { updateFreq: 2 }), second.env, events);
    expect(brief(told(second.files, train))[1]).toEqual([2, { batch_loss: 2 }]);
  });

  it('asks for weights every so many epochs and writes their histograms', async () => {
    const m = memory();
    const weights = { 'block.dense.kernel': { dtype: 'float32', shape: [3], data: Float32Array.of(1, 2, 3) } as const };
    const read = (by: string): Event => ({ _tag: 'WeightsRead', by, weights, time: 0 });
    const { world } = await drive(C.tensorBoard('logs', { histogramFreq: 2, key: 'tb' }), m.env, function* (w) {
      yield started();
      for (const epoch of [0, 1, 2]) {
        yield epochEnded(epoch, { loss: 1 });
        const last = w.signals.findLast((s) => s._tag === 'Directive');
        if (last !== undefined) yield read('another');
        if (epoch !== 1) yield read('tb');
      }
    });
    expect(world.signals.filter((s) => s._tag === 'Directive' && s.directive._tag === 'ReadWeights')).toHaveLength(2);
    expect(brief(told(m.files, train)).filter(([, what]) => Object.keys(what ?? {})[0]?.includes('/'))).toEqual([
      [0, { 'block/dense/kernel/histogram': 3 }],
      [2, { 'block/dense/kernel/histogram': 3 }],
    ]);
  });

  it('goes on in its files behind what the checkpoint knows', async () => {
    const m = memory();
    const whole = memory();
    const callback = C.tensorBoard('logs', { updateFreq: 'batch' });
    const rest = [epochStarted(1, 0.1, 5), step(1, 0, 3, 1, 6), epochEnded(1, { loss: 1, val_loss: 1 }, 0.1, 7)];
    const first = await drive(callback, m.env, events);
    const callbackStates = JSON.parse(JSON.stringify(first.world.states));
    await drive(callback, whole.env, () => [...events(), ...rest]);
    // Killed a step later: its event is in the file, but not in the checkpoint.
    const file = [...m.files.keys()].find((name) => name.startsWith(train ?? '')) ?? '';
    await m.env.fileSystem.appendFile(file, Uint8Array.of(1, 2, 3))();
    await drive(callback, m.env, () => [started({ callbackStates, time: 1_800_000_000_000 }), ...rest]);
    expect([...m.files.keys()].sort()).toEqual([...whole.files.keys()].sort());
    for (const [path, bytes] of whole.files) expect(m.files.get(path)).toEqual(bytes);
  });

  it.each([{ updateFreq: 0 }, { updateFreq: 1.5 }, { histogramFreq: -1 }])('refuses %o', async (options) => {
    const { error } = await drive(C.tensorBoard('logs', options), memory().env, () => [started()]);
    expect(error?.reason).toBe('InvalidOption');
  });
});

describe('remote', () => {
  const recorder = (answers: (n: number) => E.Either<string, void> | Promise<E.Either<string, void>>) => {
    const seen: HttpRequest[] = [];
    const counts = { active: 0, most: 0, done: 0 };
    const http: Http = {
      post: (request) => async () => {
        seen.push(request);
        counts.active += 1;
        counts.most = Math.max(counts.most, counts.active);
        const answer = await answers(seen.length);
        counts.active -= 1;
        counts.done += 1;
        return pipe(
          answer,
          E.mapLeft((message) => ({ _tag: 'HttpError', message, url: request.url, status: undefined }) as const),
        );
      },
    };
    return { seen, counts, http };
  };
  const ok = () => E.right(undefined);
  const script = () => [started(), epochEnded(0, { loss: 0.5 }), epochEnded(1, { loss: Number.NaN }), runEnded(2)];

  it('posts each event that is wanted as JSON, in order and one at a time', async () => {
    const { seen, counts, http } = recorder(async () => ok());
    const m = memory();
    await drive(C.remote('http://x/y', { headers: { a: 'b' }, timeout: 9 }), { ...m.env, http }, script);
    expect(seen.map(({ body }) => JSON.parse(body).event)).toEqual([
      'RunStarted',
      'EpochEnded',
      'EpochEnded',
      'RunEnded',
    ]);
    expect(seen[0]).toMatchObject({
      url: 'http://x/y',
      timeout: 9,
      headers: { 'content-type': 'application/json', a: 'b' },
    });
    expect(counts).toEqual({ active: 0, most: 1, done: 4 });
    const some = recorder(ok);
    await drive(C.remote('u', { events: ['RunEnded'] }), { ...m.env, http: some.http }, script);
    expect(some.seen).toHaveLength(1);
  });

  it('lets no more wait than the queue holds, and the run ends when all are sent', async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { counts, http } = recorder(async () => {
      await gate;
      return ok();
    });
    let given = 0;
    const running = drive(C.remote('u', { queue: 3 }), { ...memory().env, http }, function* () {
      yield started();
      for (let epoch = 0; epoch < 20; epoch++) {
        given = epoch;
        yield epochEnded(epoch, {});
      }
      yield runEnded();
    });
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    // Three wait; the run stands at the event whose request is one too many.
    expect(given).toBe(2);
    open();
    expect((await running).error).toBeUndefined();
    expect(counts).toMatchObject({ active: 0, most: 1, done: 22 });
  });

  it('warns once of a server that is away, and again when it was there in between', async () => {
    const { http } = recorder((n) => (n === 3 ? E.right(undefined) : E.left(`down ${n}`)));
    const m = memory();
    const { error } = await drive(C.remote('u', { queue: 0 }), { ...m.env, http }, script);
    expect(error).toBeUndefined();
    expect(m.written).toEqual([
      'Warning: remote(u): down 1; training goes on\n',
      'Warning: remote(u): down 4; training goes on\n',
    ]);
  });

  it('ends the run on a failure only if asked', async () => {
    const { http } = recorder((n) => (n === 2 ? E.left('down') : E.right(undefined)));
    const { error, world } = await drive(
      C.remote('u', { onFailure: 'fail', queue: 0 }),
      { ...memory().env, http },
      script,
    );
    expect(error).toMatchObject({ reason: 'Failed', message: 'remote(u): down' });
    expect(world.settled).toBe(1);
  });

  it("posts what Keras's RemoteMonitor does: a form, or JSON", async () => {
    const { seen, http } = recorder(ok);
    const env = { ...memory().env, http };
    await drive(C.remoteMonitor(), env, script);
    expect(seen.map(({ url }) => url)).toEqual(Array(2).fill('http://localhost:9000/publish/epoch/end/'));
    expect(seen[0]?.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect(JSON.parse(new URLSearchParams(seen[0]?.body).get('data') ?? '')).toEqual({ epoch: 0, loss: 0.5 });
    const json = recorder(ok);
    await drive(C.remoteMonitor({ root: 'r', path: '/p', sendAsJson: true }), { ...env, http: json.http }, script);
    expect(json.seen.map(({ body }) => JSON.parse(body))).toEqual([
      { epoch: 0, loss: 0.5 },
      { epoch: 1, loss: 'NaN' },
    ]);
  });
});

describe('nodeHttp', () => {
  const served = async (status: number, use: (url: string, bodies: string[]) => Promise<void>) => {
    const bodies: string[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += String(chunk);
      });
      request.on('end', () => {
        bodies.push(`${request.method} ${request.headers['x-a']} ${body}`);
        if (status > 0) response.writeHead(status).end('answer');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, bodies);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  const request = (url: string): HttpRequest => ({ url, headers: { 'x-a': '1' }, body: '{}', timeout: 2000 });

  it('posts', () =>
    served(204, async (url, bodies) => {
      expect(await nodeHttp.post(request(url))()).toEqual(E.right(undefined));
      expect(bodies).toEqual(['POST 1 {}']);
    }));

  it('gives a status that is no success, a server that is not there, and one that is silent as errors', async () => {
    let old = '';
    await served(503, async (url) => {
      old = url;
      expect(await nodeHttp.post(request(url))()).toMatchObject({ left: { _tag: 'HttpError', status: 503 } });
    });
    expect(await nodeHttp.post(request(old))()).toMatchObject({ left: { status: undefined } });
    expect(await nodeHttp.post(request('no url'))()).toMatchObject({ left: { _tag: 'HttpError' } });
    await served(0, async (url) => {
      expect(await nodeHttp.post({ ...request(url), timeout: 50 })()).toMatchObject({
        left: { message: expect.stringContaining('no answer within 50 ms') },
      });
    });
  });
});
