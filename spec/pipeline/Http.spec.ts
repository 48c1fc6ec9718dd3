/** The HTTP server of the examples: every status, overload, and an end that answers what was asked. */
import { type ClientRequest, request } from 'node:http';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Listening, listen } from '../../examples/support/http.ts';
import { Pipeline as P } from '../../src/index.ts';
import { right } from '../training/support.ts';
import { settle, time } from './support.ts';

interface Answer {
  readonly status: number;
  readonly body: { readonly [key: string]: unknown };
  readonly headers: Readonly<Record<string, unknown>>;
}

const answered = (asked: ClientRequest): Promise<Answer> =>
  new Promise((resolve, reject) => {
    asked.on('error', reject);
    asked.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text), headers: response.headers }),
      );
    });
  });

const json = { 'content-type': 'application/json' };

const post = (url: string, body: string | Buffer, headers: Readonly<Record<string, string>> = json) => {
  const asked = request(`${url}/double`, { method: 'POST', headers, agent: false });
  const answer = answered(asked);
  asked.end(body);
  return answer;
};

const doubling = pipe(
  P.decode(t.type({ n: t.number })),
  P.map(({ n }) => {
    if (n === 13) throw new Error('secret');
    return { twice: 2 * n };
  }),
);

const open: Listening[] = [];
afterEach(async () => {
  for (const at of open.splice(0)) await at.close();
});

const started = async (options: P.ServeOptions) => {
  const clock = time();
  const server = right(await pipe(doubling, P.serve(options))(clock.env)());
  const at = right(await listen(server, 0, { path: '/double', maxBody: 100, patience: 200 }));
  open.push(at);
  return { ...clock, server, at, url: at.url };
};

const until = async (ready: () => boolean) => {
  while (!ready()) await settle();
};

describe('a pipeline over HTTP', () => {
  it('says what is wrong with a request', async () => {
    const { url } = await started({ maxDelay: 0 });
    const told = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const seen = await Promise.all([
      post(url, '{"n":4}'),
      post(url, '{"n":"four"}'),
      post(url, '{"n":4'),
      post(url, Buffer.from([0x22, 0xff, 0x22])),
      post(url, '{"n":4}', { 'content-type': 'text/plain' }),
      post(url, ' '.repeat(101)),
      post(url, ' '.repeat(101), { ...json, 'transfer-encoding': 'chunked' }),
      post(url, '{"n":13}'),
    ]);
    expect(seen.map(({ status }) => status)).toEqual([200, 400, 400, 400, 415, 413, 413, 500]);
    expect(seen[0]?.body).toEqual({ twice: 8 });
    expect(seen[1]?.body).toEqual({
      error: 'n: expected number, got "four"',
      issues: [{ path: 'n', expected: 'number', actual: '"four"' }],
    });
    expect(seen[5]?.body).toEqual({ error: 'the body is larger than 100 bytes' });
    // What failed here is told in our log, not to who asked.
    expect(seen[7]?.body).toEqual({ error: 'the prediction failed' });
    expect(told.mock.calls.join()).toContain('secret');
    told.mockRestore();
  });

  it('404 and 405 with what would do', async () => {
    const { url } = await started({ maxDelay: 0 });
    const get = (path: string, method = 'GET') => {
      const asked = request(`${url}${path}`, { method, agent: false });
      const answer = answered(asked);
      asked.end();
      return answer;
    };
    const [elsewhere, wrong, health] = await Promise.all([get('/'), get('/double?x=1'), get('/health')]);
    expect([elsewhere.status, elsewhere.body.error]).toEqual([404, 'there is nothing at /; POST a request to /double']);
    expect([wrong.status, wrong.headers.allow]).toEqual([405, 'POST']);
    expect([health.status, health.body.taken]).toEqual([200, 0]);
  });

  it('503 at once when too many wait; those that wait are answered', async () => {
    const { url, pass, server } = await started({ maxSize: 9, maxDelay: 1000, maxQueue: 2 });
    const waiting = [post(url, '{"n":1}'), post(url, '{"n":2}')];
    await until(() => server.stats().waiting === 2);
    const refused = await post(url, '{"n":3}');
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1']);
    await pass(1000);
    expect((await Promise.all(waiting)).map(({ body }) => body.twice)).toEqual([2, 4]);
    expect(server.stats()).toMatchObject({ batches: 1, largest: 2, refused: 1 });
  });

  it('closes when what was asked is answered, and takes no more', async () => {
    const { url, pass, server, at } = await started({ maxSize: 9, maxDelay: 1000 });
    const waiting = post(url, '{"n":1}');
    await until(() => server.stats().waiting === 1);
    const closed = at.close();
    await expect(post(url, '{"n":2}')).rejects.toThrow('ECONNREFUSED');
    await pass(1000);
    expect((await waiting).body).toEqual({ twice: 2 });
    await closed;
    open.splice(0);
  });

  it('a port that is taken is an error, not an exception', async () => {
    const { at, server } = await started({});
    const again = await listen(server, Number(new URL(at.url).port), { path: '/double' });
    expect(E.isLeft(again) && again.left.message).toContain('EADDRINUSE');
  });
});
