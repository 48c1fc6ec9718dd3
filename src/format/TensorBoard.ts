/**
 * TensorBoard's event files: records (`TensorBoardRecord.ts`) of `Event` messages in Protocol Buffers' encoding. The messages
 * are those of TensorFlow's `event.proto`, `summary.proto` and `graph.proto`; what is here is the part that is written.
 *
 * Law: the bytes are those that Protocol Buffers' own writer makes of the same message: fields in the order of their numbers, what
 * has its default value left out.
 */
import { encode as encodeRecord } from './TensorBoardRecord.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** `counts[i]` values are above `limits[i - 1]` and at most `limits[i]`. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  readonly num: number;
  readonly sum: number;
  readonly sumSquares: number;
  readonly limits: ReadonlyArray<number>;
  readonly counts: ReadonlyArray<number>;
}

export type Value =
  | { readonly _tag: 'Scalar'; readonly tag: string; readonly value: number }
  | { readonly _tag: 'Histogram'; readonly tag: string; readonly histogram: Histogram };

export interface GraphNode {
  /** Slashes make groups: `backbone/conv2d`. */
  readonly name: string;
  /** What kind it is: `Conv2D`, `dense`, ... */
  readonly op: string;
  /** Names of the nodes it reads. */
  readonly inputs: ReadonlyArray<string>;
}

/** What happened; `seconds` since 1970. */
export type TensorBoardEvent =
  /** The first of every file. */
  | { readonly _tag: 'Version'; readonly seconds: number }
  | {
      readonly _tag: 'Summary';
      readonly seconds: number;
      readonly step: number;
      readonly values: ReadonlyArray<Value>;
    }
  | { readonly _tag: 'Graph'; readonly seconds: number; readonly nodes: ReadonlyArray<GraphNode> };

// -------------------------------------------------------------------------------------
// Protocol Buffers
// -------------------------------------------------------------------------------------

type Bytes = ReadonlyArray<number> | Uint8Array;

const varint = (n: number | bigint): ReadonlyArray<number> => {
  const bytes: number[] = [];
  // Negative numbers are their 64 bits of two's complement.
  let rest = BigInt.asUintN(64, BigInt(n));
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return [...bytes, Number(rest)];
};

/** How a field is written. */
const Wire = { Varint: 0, Fixed64: 1, Bytes: 2, Fixed32: 5 } as const;

const field = (number: number, wire: (typeof Wire)[keyof typeof Wire], content: Bytes): Bytes => [
  ...varint((number << 3) | wire),
  ...content,
];

const numberBytes = (n: number, width: 4 | 8): Uint8Array => {
  const bytes = new Uint8Array(width);
  const view = new DataView(bytes.buffer);
  if (width === 4) view.setFloat32(0, n, true);
  else view.setFloat64(0, n, true);
  return bytes;
};

const isDefault = (n: number): boolean => Object.is(n, 0);

const double = (number: number, n: number): Bytes =>
  isDefault(n) ? [] : field(number, Wire.Fixed64, numberBytes(n, 8));
const int64 = (number: number, n: number): Bytes => (n === 0 ? [] : field(number, Wire.Varint, varint(n)));
/** In a `oneof`, where the default value is written too. */
const float = (number: number, n: number): Bytes => field(number, Wire.Fixed32, numberBytes(n, 4));
const message = (number: number, content: Bytes): Bytes =>
  field(number, Wire.Bytes, [...varint(content.length), ...content]);
const text = (number: number, s: string): Bytes => (s === '' ? [] : message(number, new TextEncoder().encode(s)));
const doubles = (number: number, all: ReadonlyArray<number>): Bytes =>
  all.length === 0
    ? []
    : message(
        number,
        all.flatMap((n) => [...numberBytes(n, 8)]),
      );

const join = (...parts: ReadonlyArray<Bytes>): Bytes => parts.flatMap((part) => [...part]);

// -------------------------------------------------------------------------------------
// messages
// -------------------------------------------------------------------------------------

const histogramProto = (h: Histogram): Bytes =>
  join(
    double(1, h.min),
    double(2, h.max),
    double(3, h.num),
    double(4, h.sum),
    double(5, h.sumSquares),
    doubles(6, h.limits),
    doubles(7, h.counts),
  );

const valueProto = (value: Value): Bytes =>
  join(
    text(1, value.tag),
    value._tag === 'Scalar' ? float(2, value.value) : message(5, histogramProto(value.histogram)),
  );

const nodeProto = ({ name, op, inputs }: GraphNode): Bytes =>
  join(text(1, name), text(2, op), ...inputs.map((input) => message(3, new TextEncoder().encode(input))));

/** The graph; its version is that which PyTorch writes. */
const graphProto = (nodes: ReadonlyArray<GraphNode>): Bytes =>
  join(...nodes.map((node) => message(1, nodeProto(node))), message(4, int64(1, 22)));

/** The message alone, as `Event` of `event.proto`. */
export const eventProto = (event: TensorBoardEvent): Uint8Array => {
  switch (event._tag) {
    case 'Version':
      return Uint8Array.from(join(double(1, event.seconds), text(3, 'brain.Event:2')));
    case 'Summary':
      return Uint8Array.from(
        join(
          double(1, event.seconds),
          int64(2, event.step),
          message(5, join(...event.values.map((value) => message(1, valueProto(value))))),
        ),
      );
    case 'Graph':
      return Uint8Array.from(join(double(1, event.seconds), message(4, graphProto(event.nodes))));
  }
};

/** The event as a file has it. */
export const encode = (event: TensorBoardEvent): Uint8Array => encodeRecord(eventProto(event));

/** The name of a file that begins then: TensorBoard reads what has `tfevents` in its name, in the order of names. */
export const fileName = (milliseconds: number): string =>
  `events.out.tfevents.${String(Math.floor(milliseconds / 1000)).padStart(10, '0')}.` +
  `${String(Math.floor(milliseconds) % 1000).padStart(3, '0')}.grad-ts`;

// -------------------------------------------------------------------------------------
// histograms
// -------------------------------------------------------------------------------------

/**
 * Values in buckets of equal widths, 30 as TensorFlow's `summary.histogram` has it. Values that are no finite numbers are left
 * out; `undefined` if none is left.
 */
export const histogramOf = (values: ArrayLike<number | bigint>, buckets = 30): Histogram | undefined => {
  // Twice over the values as they are: a copy of a large model's weights would be felt.
  const each = (f: (value: number) => void): void => {
    for (let i = 0; i < values.length; i++) {
      const value = Number(values[i]);
      if (Number.isFinite(value)) f(value);
    }
  };
  let [num, min, max, sum, sumSquares] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  each((value) => {
    num += 1;
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
    sumSquares += value * value;
  });
  if (num === 0) return undefined;
  const n = max > min ? buckets : 1;
  const width = (max - min) / n;
  const counts = new Array<number>(n).fill(0);
  each((value) => {
    const i = width > 0 ? Math.min(n - 1, Math.max(0, Math.ceil((value - min) / width) - 1)) : 0;
    counts[i] = (counts[i] ?? 0) + 1;
  });
  const limits = counts.map((_, i) => (i === n - 1 ? max : min + (i + 1) * width));
  return { min, max, num, sum, sumSquares, limits, counts };
};
