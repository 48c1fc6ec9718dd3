/** Rows of anything that gives them one by one: a database's cursor, a message queue, a generator. */
import { type LazyArg, pipe } from 'fp-ts/lib/function.js';
import type * as t from 'io-ts';
import * as S from '../../stream/Stream.ts';
import { type DataError, sourceFailed } from '../DataError.ts';
import { type DataStream, fromStream } from '../streamed/Model.ts';
import { decoded, type OnBadRow, settled } from './Records.ts';

/**
 * The elements of an `AsyncIterable` or `Iterable`, made anew for each pass, through a codec. `name` is what errors call it. It is asked
 * for an element when one is needed, and closed when nobody reads on.
 *
 * Errors: what it throws (`SourceFailed`), and of rows, by their number from 1, as `onBadRow` says.
 *
 * @example
 * // node:sqlite or better-sqlite3
 * D.fromAsyncIterable(() => database.prepare('SELECT age, income FROM person').iterate(), Person, { name: 'person' })
 */
export const fromAsyncIterable = <A, R = unknown, Err = never>(
  make: LazyArg<AsyncIterable<unknown> | Iterable<unknown>>,
  codec: t.Decoder<unknown, A>,
  options: { readonly name?: string; readonly size?: number; readonly onBadRow?: OnBadRow<R, Err> } = {},
): DataStream<R, Err | DataError, A> => {
  const { name = 'source', size, onBadRow = 'stop' } = options;
  const decode = decoded(codec, name, 'row');
  const numbered = async function* (): AsyncGenerator<readonly [unknown, number]> {
    let row = 0;
    for await (const element of make()) {
      row++;
      yield [element, row];
    }
  };
  return fromStream(
    pipe(
      numbered,
      S.fromAsyncIterable((thrown) => sourceFailed(name, thrown)),
      S.map(([element, row]) => decode(element, row)),
      settled(onBadRow),
    ),
    size === undefined ? {} : { size },
  );
};
