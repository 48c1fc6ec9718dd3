/**
 * ZIP archives (APPNOTE 6.3: stored and deflated members, zip64), read with limits: what an archive says of itself is compared with
 * what is there before memory is taken for it, and its checksums are compared after.
 *
 * Laws: `unzip` after `zip` gives the members back; `unzip` of any bytes whatever returns, never throws, and takes no more
 * memory than `limit`.
 */
import { inflateSync, zipSync } from 'fflate';
import * as E from 'fp-ts/lib/Either.js';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface ZipError {
  readonly _tag: 'ZipError';
  readonly message: string;
  readonly name: string;
}

export interface UnzipOptions {
  /** What errors call the archive. */
  readonly name?: string;
  /** Bytes of all members together, unpacked. Default 2 GiB. */
  readonly limit?: number;
}

interface Member {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly unpacked: number;
  readonly offset: number;
}

const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;

/** Deflate cannot make more of less. */
const MOST_RATIO = 1032;

const mends = {
  damaged: 'the archive is damaged: fetch or save it again',
  cut: 'the archive is cut off: fetch or save it again',
} as const;

const error = (name: string, reason: string, mend: string): E.Either<ZipError, never> =>
  E.left({ _tag: 'ZipError', message: `${name}: ${reason}; ${mend}`, name });

// -------------------------------------------------------------------------------------
// checksum
// -------------------------------------------------------------------------------------

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

const crc32 = (bytes: Uint8Array): number => {
  let c = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) c = (table[(c ^ (bytes[i] as number)) & 255] as number) ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
};

// -------------------------------------------------------------------------------------
// directory
// -------------------------------------------------------------------------------------

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Where the directory is and how many members it has; at the end of the file, before a comment of up to 64 KiB. */
const directory = (bytes: Uint8Array): { readonly count: number; readonly offset: number } | undefined => {
  const view = viewOf(bytes);
  const first = Math.max(0, bytes.length - 22 - 65_535);
  let at = bytes.length - 22;
  while (at >= first && view.getUint32(at, true) !== END) at--;
  if (at < first) return undefined;
  const [count, offset] = [view.getUint16(at + 10, true), view.getUint32(at + 16, true)];
  if (count !== 0xffff && offset !== 0xffffffff) return { count, offset };
  const locator = at - 20;
  if (locator < 0 || view.getUint32(locator, true) !== LOCATOR64) return { count, offset };
  const end = Number(view.getBigUint64(locator + 8, true));
  if (end + 56 > bytes.length || view.getUint32(end, true) !== END64) return undefined;
  return { count: Number(view.getBigUint64(end + 32, true)), offset: Number(view.getBigUint64(end + 48, true)) };
};

/** Sizes of zip64 stand in an extra field, those only that do not fit, in this order. */
const wide = (view: DataView, at: number, length: number, short: readonly number[]): readonly number[] => {
  for (let field = at; field + 4 <= at + length; ) {
    const size = view.getUint16(field + 2, true);
    if (view.getUint16(field, true) === 1) {
      let next = field + 4;
      return short.map((value) => {
        if (value !== 0xffffffff || next + 8 > field + 4 + size) return value;
        next += 8;
        return Number(view.getBigUint64(next - 8, true));
      });
    }
    field += 4 + size;
  }
  return short;
};

const members = (name: string, bytes: Uint8Array): E.Either<ZipError, readonly Member[]> => {
  if (bytes.length < 22 || viewOf(bytes).getUint16(0, true) !== 0x4b50)
    return error(name, 'expected a ZIP archive, which starts with PK', 'check that this is the right file');
  const found = directory(bytes);
  if (found === undefined) return error(name, 'the directory at the end of the archive is missing', mends.cut);
  const view = viewOf(bytes);
  const all: Member[] = [];
  let at = found.offset;
  for (let i = 0; i < found.count; i++) {
    const where = `entry ${i + 1} of ${found.count} of the directory`;
    if (!(at + 46 <= bytes.length) || view.getUint32(at, true) !== CENTRAL)
      return error(name, `${where} is missing`, mends.damaged);
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((o) => view.getUint16(at + o, true)) as [
      number,
      number,
      number,
    ];
    const end = at + 46 + nameLength + extraLength + commentLength;
    if (end > bytes.length) return error(name, `${where} reaches beyond the end`, mends.damaged);
    const own = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    if (view.getUint16(at + 8, true) & 1)
      return error(name, `${JSON.stringify(own)} is encrypted`, 'save it without a password');
    const short = [view.getUint32(at + 24, true), view.getUint32(at + 20, true), view.getUint32(at + 42, true)];
    const [unpacked = 0, packed = 0, offset = 0] = wide(view, at + 46 + nameLength, extraLength, short);
    all.push({
      name: own,
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packed,
      unpacked,
      offset,
    });
    at = end;
  }
  return E.right(all);
};

// -------------------------------------------------------------------------------------
// decoding
// -------------------------------------------------------------------------------------

const checkSizes = (name: string, all: readonly Member[], limit: number): E.Either<ZipError, void> => {
  const total = all.reduce((n, { unpacked }) => n + unpacked, 0);
  if (!(total <= limit)) {
    const mend = 'raise the limit if you know what is in it';
    return error(name, `the members have ${total} bytes unpacked, the limit is ${limit}`, mend);
  }
  const twice = all.find((member, i) => all.findIndex((other) => other.name === member.name) !== i);
  if (twice !== undefined) return error(name, `the member ${JSON.stringify(twice.name)} is there twice`, mends.damaged);
  const liar = all.find(({ unpacked, packed }) => unpacked > packed * MOST_RATIO);
  return liar === undefined
    ? E.right(undefined)
    : error(
        name,
        `${JSON.stringify(liar.name)} claims ${liar.unpacked} bytes in ${liar.packed}, which hold less`,
        mends.damaged,
      );
};

const unpack = (name: string, bytes: Uint8Array, member: Member): E.Either<ZipError, Uint8Array> => {
  const own = `${name}: ${member.name}`;
  const view = viewOf(bytes);
  const { offset, packed, unpacked } = member;
  if (!(offset + 30 <= bytes.length) || view.getUint32(offset, true) !== LOCAL)
    return error(own, 'its data are missing', mends.damaged);
  const start = offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  if (!(start + packed <= bytes.length)) return error(own, `its ${packed} bytes reach beyond the end`, mends.cut);
  const data = bytes.subarray(start, start + packed);
  if (member.method !== 0 && member.method !== 8)
    return error(
      own,
      `packed by method ${member.method}, expected 0 (stored) or 8 (deflated)`,
      'save it with another tool',
    );
  const content = E.tryCatch(
    () => (member.method === 0 ? data : inflateSync(data, { out: new Uint8Array(unpacked) })),
    (e): ZipError => ({
      _tag: 'ZipError',
      message: `${own}: the packed data are damaged (${e instanceof Error ? e.message : String(e)}); ${mends.damaged}`,
      name: own,
    }),
  );
  if (E.isLeft(content)) return content;
  if (content.right.length !== unpacked)
    return error(own, `expected ${unpacked} bytes, got ${content.right.length}`, mends.damaged);
  return crc32(content.right) === member.crc ? content : error(own, 'the checksum does not match', mends.damaged);
};

/**
 * The members of an archive by name; folders are left out. Stored members are views of `bytes`.
 *
 * Errors: no archive, cut off or damaged, encrypted, packed by other methods; more than `limit` bytes unpacked; sizes that cannot be.
 */
export const unzip = (
  bytes: Uint8Array,
  options: UnzipOptions = {},
): E.Either<ZipError, Readonly<Record<string, Uint8Array>>> => {
  const { name = 'zip', limit = 2 ** 31 } = options;
  const found = members(name, bytes);
  if (E.isLeft(found)) return found;
  const files = found.right.filter((member) => !member.name.endsWith('/'));
  const fits = checkSizes(name, files, limit);
  if (E.isLeft(fits)) return fits;
  const contents: [string, Uint8Array][] = [];
  for (const member of files) {
    const content = unpack(name, bytes, member);
    if (E.isLeft(content)) return content;
    contents.push([member.name, content.right]);
  }
  return E.right(Object.fromEntries(contents));
};

// -------------------------------------------------------------------------------------
// encoding
// -------------------------------------------------------------------------------------

/** Equal members make equal bytes: the time in the archive is that of its format's beginning. */
const EPOCH = '1980-01-01T00:00:00';

/**
 * An archive of these members, in their order, stored or (`compress`) deflated. Error: 4 GiB or more together.
 */
export const zip = (
  contents: Readonly<Record<string, Uint8Array>>,
  options: { readonly compress?: boolean; readonly name?: string } = {},
): E.Either<ZipError, Uint8Array> => {
  const { compress = false, name = 'zip' } = options;
  const total = Object.values(contents).reduce((n, { length }) => n + length, 0);
  if (total > 0xffff_0000)
    return error(name, `the members have ${total} bytes, the format holds less than 4 GiB`, 'split them');
  return E.tryCatch(
    () => zipSync({ ...contents }, { level: compress ? 6 : 0, mtime: EPOCH }),
    (e): ZipError => ({
      _tag: 'ZipError',
      message: `${name}: ${e instanceof Error ? e.message : String(e)}; shorten the names`,
      name,
    }),
  );
};
