/** Reads what an event file says: a small reader of records and of Protocol Buffers that shares nothing with the writer. */

interface Field {
  readonly number: number;
  readonly value: bigint | Uint8Array;
}

const fieldsOf = (bytes: Uint8Array): readonly Field[] => {
  const all: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let [n, shift] = [0n, 0n];
    for (;;) {
      const byte = bytes[at++] ?? 0;
      n |= BigInt(byte & 0x7f) << shift;
      if (byte < 128) return n;
      shift += 7n;
    }
  };
  while (at < bytes.length) {
    const key = Number(varint());
    const take = (n: number): Uint8Array => {
      at += n;
      return bytes.slice(at - n, at);
    };
    const wire = key & 7;
    const value = wire === 0 ? varint() : wire === 1 ? take(8) : wire === 5 ? take(4) : take(Number(varint()));
    all.push({ number: key >> 3, value });
  }
  return all;
};

const view = (bytes: unknown): DataView =>
  bytes instanceof Uint8Array
    ? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new DataView(new ArrayBuffer(8));
const text = (bytes: unknown): string => new TextDecoder().decode(bytes as Uint8Array);

export interface Told {
  readonly seconds: number;
  readonly step: number;
  /** Scalars by tag, counts of histograms by tag, the version, or `graph`. */
  readonly what: Readonly<Record<string, number>> | string;
}

const find = (fields: readonly Field[], number: number): bigint | Uint8Array | undefined =>
  fields.find((field) => field.number === number)?.value;

const tagged = (bytes: Uint8Array): readonly [string, number] => {
  const fields = fieldsOf(bytes);
  const histogram = find(fields, 5);
  return [
    text(find(fields, 1)),
    histogram instanceof Uint8Array
      ? view(find(fieldsOf(histogram), 3)).getFloat64(0, true)
      : view(find(fields, 2)).getFloat32(0, true),
  ];
};

/** Length, its checksum, content, its checksum: the checksums are held byte for byte by `spec/format/TensorBoard.spec.ts`. */
const recordsOf = (file: Uint8Array): readonly Uint8Array[] => {
  const records: Uint8Array[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(view(file).getBigUint64(at, true));
    const end = at + 12 + length;
    if (end + 4 > file.length) throw new Error(`a record of ${length} bytes at ${at} goes beyond the end of the file`);
    records.push(file.slice(at + 12, end));
    at = end + 4;
  }
  return records;
};

export const readEvents = (file: Uint8Array | undefined): readonly Told[] =>
  recordsOf(file ?? new Uint8Array()).map((record) => {
    const fields = fieldsOf(record);
    const [version, graph, summary] = [find(fields, 3), find(fields, 4), find(fields, 5)];
    const values =
      summary instanceof Uint8Array ? fieldsOf(summary).map(({ value }) => tagged(value as Uint8Array)) : [];
    return {
      seconds: view(find(fields, 1)).getFloat64(0, true),
      step: Number(find(fields, 2) ?? 0),
      what: version !== undefined ? text(version) : graph !== undefined ? 'graph' : Object.fromEntries(values),
    };
  });
