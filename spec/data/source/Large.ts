/** A CSV file of any size that is made as it is read, and how much memory reading it takes. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as D from '../../../src/data/Data.ts';
import * as DS from '../../../src/data/DataStream.ts';
import * as S from '../../../src/stream/Stream.ts';
import { memory } from '../support.ts';

const line = (i: number): string => `${i},${(i * 7919) % 1000},"a text, with ""quotes"" ${i % 10}",${i % 3}\n`;

/** `told` gets how many bytes have been given. */
export const source = (
  bytes: number,
  block = 1 << 18,
  told: (made: number) => void = () => undefined,
): D.TextSource<unknown, never> => ({
  name: 'large.csv',
  bytes: S.fromGenerator(async function* () {
    yield E.right(new TextEncoder().encode('id,value,text,label\n'));
    let made = 0;
    for (let i = 0; made < bytes; ) {
      let text = '';
      while (text.length < block) text += line(i++);
      made += text.length;
      told(made);
      yield E.right(new TextEncoder().encode(text));
    }
  }),
});

export const Row = D.row({
  id: D.column('id', D.integerFromCsv),
  value: D.column('value', D.numberFromCsv),
  label: D.column('label', D.integerFromCsv),
});

/** Reads, shuffles, batches it; the most heap and buffers that were in use, in MiB, above those at the start. */
export const measure = async (
  bytes: number,
): Promise<{ readonly rows: number; readonly mebibytes: number; readonly ids: number }> => {
  const used = () => {
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = used();
  const batches = pipe(
    D.csvRows(source(bytes), Row),
    DS.shuffle({ seed: 1, buffer: 1000 }),
    DS.batch(100),
    DS.mapEither((rows) =>
      D.dataset({
        x: D.floats(
          [1],
          rows.map((r) => r.value),
        ),
        y: D.ints(
          [],
          rows.map((r) => r.label),
        ),
      }),
    ),
    DS.prefetch({ capacity: 2 }),
  );
  let [rows, ids, most] = [0, 0, 0];
  for await (const e of batches.open(DS.start)(memory({}))) {
    if (E.isLeft(e)) throw new Error(e.left.message);
    rows += e.right.size;
    ids++;
    if (ids % 100 === 0) most = Math.max(most, used() - before);
  }
  return { rows, ids, mebibytes: most / 2 ** 20 };
};
