/**
 * A pipeline's server over HTTP, with nothing but node:http: JSON in, JSON out, and for everything that can be wrong the status that
 * says so and one line of text.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as E from 'fp-ts/lib/Either.js';
import type { Pipeline as P } from 'grad-ts';

export interface HttpOptions {
  /** Where requests are POSTed: `/predict`. */
  readonly path: string;
  /** Bytes of a request's body at most. Default 64 KiB. */
  readonly maxBody?: number;
  /** Milliseconds that open connections have to end when the server closes. Default 5000. */
  readonly patience?: number;
}

export interface Listening {
  readonly url: string;
  /** Takes no more connections, answers the requests that are there, then ends. */
  readonly close: () => Promise<void>;
}

interface Failure {
  readonly _tag: string;
  readonly message: string;
}

const isInvalid = (error: Failure): error is P.InvalidRequest => error._tag === 'InvalidRequest';

interface Reply {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The rest of the request is not read: the connection cannot be used again. */
  readonly last?: boolean;
}

const problem = (
  status: number,
  error: string,
  more: Partial<Reply> & { readonly issues?: readonly P.Issue[] } = {},
): Reply => ({
  status,
  body: { error, ...(more.issues === undefined ? {} : { issues: more.issues }) },
  ...(more.headers === undefined ? {} : { headers: more.headers }),
  ...(more.last === undefined ? {} : { last: more.last }),
});

/** What is the asker's fault, what is the hour's, and what is ours: of that only our own log is told more. */
const failed = (error: Failure): Reply => {
  if (isInvalid(error)) return problem(400, error.message, { issues: error.issues });
  switch (error._tag) {
    case 'UnknownCategory':
    case 'InvalidValue':
      return problem(400, error.message);
    case 'Overloaded':
    case 'Closed':
      return problem(503, error.message, { headers: { 'retry-after': '1' } });
    default:
      console.error(`${error._tag}: ${error.message}`);
      return problem(500, 'the prediction failed');
  }
};

/** The body as text; a reply if it is too large. What is declared too large is not read at all. */
const read = async (request: IncomingMessage, maxBody: number): Promise<E.Either<Reply, Buffer>> => {
  const tooLarge = E.left(problem(413, `the body is larger than ${maxBody} bytes`, { last: true }));
  if (Number(request.headers['content-length'] ?? 0) > maxBody) return tooLarge;
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxBody) return tooLarge;
    parts.push(part);
  }
  return E.right(Buffer.concat(parts));
};

const parsed = (bytes: Buffer): E.Either<Reply, unknown> =>
  E.tryCatch(
    () => JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown,
    (e) => problem(400, `the body is no JSON: ${e instanceof Error ? e.message : String(e)}`),
  );

const send = (response: ServerResponse, { status, body, headers, last }: Reply): void => {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    ...(last === true ? { connection: 'close' } : {}),
    ...headers,
  });
  response.end(text);
};

const answer = async <Err extends Failure, B>(
  request: IncomingMessage,
  server: P.Server<Err, unknown, B>,
  { path, maxBody = 64 * 1024 }: HttpOptions,
): Promise<Reply> => {
  const asked = (request.url ?? '').split('?')[0];
  if (asked === '/health')
    return request.method === 'GET'
      ? { status: 200, body: server.stats() }
      : problem(405, `expected GET /health, got ${request.method}`, { headers: { allow: 'GET' } });
  if (asked !== path) return problem(404, `there is nothing at ${asked}; POST a request to ${path}`);
  if (request.method !== 'POST')
    return problem(405, `expected POST ${path}, got ${request.method}`, { headers: { allow: 'POST' } });
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') return problem(415, `expected content-type application/json, got ${type ?? 'none'}`);
  const body = await read(request, maxBody);
  if (E.isLeft(body)) return body.left;
  const json = parsed(body.right);
  if (E.isLeft(json)) return json.left;
  const result = await server.submit(json.right)();
  return E.isLeft(result) ? failed(result.left) : { status: 200, body: result.right };
};

const listening = (http: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, '127.0.0.1', () => resolve());
  });

/** Listens on this machine alone; port 0 is any that is free. */
export const listen = async <Err extends Failure, B>(
  server: P.Server<Err, unknown, B>,
  port: number,
  options: HttpOptions,
): Promise<E.Either<Failure, Listening>> => {
  const http = createServer({ requestTimeout: 10_000 }, (request, response) => {
    answer(request, server, options).then(
      (reply) => {
        if (!http.listening) response.setHeader('connection', 'close');
        send(response, reply);
      },
      // The asker went away in the middle of the request: there is nobody to answer.
      () => response.destroy(),
    );
  });
  try {
    await listening(http, port);
  } catch (e) {
    return E.left({ _tag: 'ListenError', message: `port ${port}: ${e instanceof Error ? e.message : String(e)}` });
  }
  const { port: actual } = http.address() as AddressInfo;
  return E.right({
    url: `http://127.0.0.1:${actual}`,
    close: () =>
      new Promise((resolve) => {
        const late = setTimeout(() => http.closeAllConnections(), options.patience ?? 5000);
        http.close(() => {
          clearTimeout(late);
          resolve();
        });
        http.closeIdleConnections();
      }),
  });
};
