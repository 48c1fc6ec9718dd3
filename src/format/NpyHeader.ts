/**
 * The header of an npy file: the literal of a Python dictionary with `descr`, `fortran_order` and `shape`
 * (numpy.lib.format, versions 1.0 to 3.0).
 */
import * as E from 'fp-ts/lib/Either.js';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface NpyHeader {
  /** `<f4`, `|u1`, ...: byte order, kind, bytes of an element. A structured type is given as it stands in the file. */
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

// -------------------------------------------------------------------------------------
// decoding
// -------------------------------------------------------------------------------------

/** Of the literals that numpy writes here: texts, True and False, tuples of integers (with Python 2's `L`), lists. */
type Literal =
  | { readonly _tag: 'Text'; readonly text: string }
  | { readonly _tag: 'Bool'; readonly value: boolean }
  | { readonly _tag: 'Tuple'; readonly items: readonly number[] }
  | { readonly _tag: 'Other'; readonly source: string };

const patterns = {
  space: /[ \t\n\r]*/y,
  text: /'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"/y,
  bool: /True|False/y,
  tuple: /\(\s*((?:\d+L?\s*,\s*)*(?:\d+L?)?)\s*,?\s*\)/y,
} as const;

const match = (pattern: RegExp, text: string, at: number): RegExpExecArray | null => {
  pattern.lastIndex = at;
  return pattern.exec(text);
};

const afterSpace = (text: string, at: number): number => at + (match(patterns.space, text, at)?.[0].length ?? 0);

/** The end of a bracketed literal, texts in it skipped. */
const closing = (text: string, at: number): number | undefined => {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    const quoted = match(patterns.text, text, i);
    if (quoted !== null) i += quoted[0].length - 1;
    else if ('([{'.includes(text[i] ?? '')) depth++;
    else if (')]}'.includes(text[i] ?? '')) depth--;
    if (depth === 0) return i + 1;
  }
  return undefined;
};

const literal = (text: string, at: number): readonly [Literal, number] | undefined => {
  const string = match(patterns.text, text, at);
  if (string !== null) return [{ _tag: 'Text', text: string[1] ?? string[2] ?? '' }, at + string[0].length];
  const bool = match(patterns.bool, text, at);
  if (bool !== null) return [{ _tag: 'Bool', value: bool[0] === 'True' }, at + bool[0].length];
  const tuple = match(patterns.tuple, text, at);
  if (tuple !== null) {
    const items = (tuple[1] ?? '')
      .split(',')
      .flatMap((item) => (item.trim() === '' ? [] : [Number.parseInt(item, 10)]));
    return [{ _tag: 'Tuple', items }, at + tuple[0].length];
  }
  if (!'([{'.includes(text[at] ?? ' ')) return undefined;
  const end = closing(text, at);
  return end === undefined ? undefined : [{ _tag: 'Other', source: text.slice(at, end) }, end];
};

const entries = (text: string): ReadonlyMap<string, Literal> | undefined => {
  const found = new Map<string, Literal>();
  let at = afterSpace(text, 0);
  if (text[at] !== '{') return undefined;
  at = afterSpace(text, at + 1);
  while (text[at] !== '}') {
    const key = literal(text, at);
    if (key === undefined || key[0]._tag !== 'Text') return undefined;
    at = afterSpace(text, key[1]);
    if (text[at] !== ':') return undefined;
    const value = literal(text, afterSpace(text, at + 1));
    if (value === undefined) return undefined;
    found.set(key[0].text, value[0]);
    at = afterSpace(text, value[1]);
    if (text[at] === ',') at = afterSpace(text, at + 1);
    else if (text[at] !== '}') return undefined;
  }
  return afterSpace(text, at + 1) === text.length ? found : undefined;
};

/** The three entries, or what is wrong, in words. */
export const decodeHeader = (text: string): E.Either<string, NpyHeader> => {
  const found = entries(text);
  if (found === undefined) return E.left(`the header is no Python dictionary: ${JSON.stringify(text.slice(0, 60))}`);
  const [descr, order, shape] = ['descr', 'fortran_order', 'shape'].map((key) => found.get(key));
  if (found.size !== 3 || descr === undefined || order === undefined || shape === undefined)
    return E.left(
      `the header has the entries ${[...found.keys()].join(', ') || 'none'}, expected descr, fortran_order, shape`,
    );
  if (order._tag !== 'Bool') return E.left('fortran_order in the header is neither True nor False');
  if (shape._tag !== 'Tuple' || !shape.items.every(Number.isSafeInteger))
    return E.left('the shape in the header is no tuple of sizes');
  if (descr._tag !== 'Text' && descr._tag !== 'Other') return E.left('descr in the header is no element type');
  return E.right({
    descr: descr._tag === 'Text' ? descr.text : descr.source,
    fortranOrder: order.value,
    shape: shape.items,
  });
};

// -------------------------------------------------------------------------------------
// encoding
// -------------------------------------------------------------------------------------

/** As numpy writes it. */
export const encodeHeader = ({ descr, fortranOrder, shape }: NpyHeader): string => {
  const sizes = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  return `{'descr': '${descr}', 'fortran_order': ${fortranOrder ? 'True' : 'False'}, 'shape': ${sizes}, }`;
};
