/**
 * HTTP requests of this machine, by `fetch`.
 */
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { Http, HttpError, HttpRequest } from '../training/Environment.ts';

const failed =
  ({ url, timeout }: HttpRequest) =>
  (thrown: unknown): HttpError => {
    const { name, message, cause } = thrown instanceof Error ? thrown : new Error(String(thrown));
    const isTimeout = name === 'TimeoutError' || name === 'AbortError';
    const why = isTimeout
      ? `no answer within ${timeout} ms; allow for more time or look at the server`
      : `${cause instanceof Error ? cause.message || cause.name : message}; is the server running, and the address right?`;
    return { _tag: 'HttpError', message: `could not POST to ${url}: ${why}`, url, status: undefined };
  };

const refused = (url: string, status: number): HttpError => ({
  _tag: 'HttpError',
  message: `POST to ${url}: expected a status of 200 to 299, got ${status}; look at the server's log`,
  url,
  status,
});

/** `Http` on `fetch`. The answer's content is not read. */
export const nodeHttp: Http = {
  post: (request) =>
    pipe(
      TE.tryCatch(async () => {
        const { url, headers, body, timeout } = request;
        const answer = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(timeout) });
        await answer.body?.cancel();
        return answer;
      }, failed(request)),
      TE.chain(({ ok, status }) => (ok ? TE.right(undefined) : TE.left(refused(request.url, status)))),
    ),
};
