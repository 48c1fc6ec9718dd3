/**
 * Why an ONNX file could not become a model.
 */
import { malformedModel, type OnnxError } from '../OnnxError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** A node of the file, and what is wrong with it. */
export interface NodeFault {
  /** After its domain unless that is ai.onnx: `com.microsoft:Attention`. */
  readonly operator: string;
  readonly node: string;
  readonly reason: string;
}

export type ImportError =
  /** The bytes are not an ONNX model, or contradict themselves. */
  | Extract<OnnxError, { readonly _tag: 'MalformedModel' }>
  /** Larger or deeper than the limits that were given. */
  | {
      readonly _tag: 'LimitExceeded';
      readonly limit: string;
      readonly allowed: number;
      readonly got: number;
      readonly message: string;
    }
  /** All nodes whose operator, or form of it, cannot be imported. */
  | { readonly _tag: 'UnsupportedNodes'; readonly nodes: readonly NodeFault[]; readonly message: string }
  /** A value of a type that models do not have here: sequences, optionals, text, small integers. */
  | { readonly _tag: 'UnsupportedType'; readonly value: string; readonly message: string }
  /** The file does not have the inputs and outputs that were declared. */
  | { readonly _tag: 'Unexpected'; readonly message: string }
  /** Tensors in other files: missing, too short, or outside the model's folder. */
  | { readonly _tag: 'ExternalData'; readonly location: string; readonly message: string }
  /** There is no value of that name. */
  | {
      readonly _tag: 'UnknownName';
      readonly name: string;
      /** The names nearest to it. */
      readonly near: readonly string[];
      readonly message: string;
    };

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

export const malformed = (message: string): ImportError => malformedModel(message) as ImportError;

export const limitExceeded = (limit: string, allowed: number, got: number): ImportError => ({
  _tag: 'LimitExceeded',
  limit,
  allowed,
  got,
  message: `the model has ${got} ${limit}, more than the limit of ${allowed}: if the file can be trusted, raise it with { limits: { ... } }`,
});

export const unsupportedNodes = (nodes: readonly NodeFault[]): ImportError => ({
  _tag: 'UnsupportedNodes',
  nodes,
  message: [
    `${nodes.length} node${nodes.length === 1 ? '' : 's'} of the file cannot be imported:`,
    ...nodes.map(({ operator, node, reason }) => `  ${operator} (${node}): ${reason}`),
    'Cut the model before them, bind inputs that they depend on to constants, or export it in another form.',
  ].join('\n'),
});

export const unsupportedType = (value: string, type: string): ImportError => ({
  _tag: 'UnsupportedType',
  value,
  message: `'${value}' is ${type}: expected a tensor of float32, float64, float16, int32, int64, uint8, uint32 or bool`,
});

export const unexpected = (message: string): ImportError => ({ _tag: 'Unexpected', message });

export const externalData = (location: string, message: string): ImportError => ({
  _tag: 'ExternalData',
  location,
  message: `external data '${location}': ${message}`,
});

// -------------------------------------------------------------------------------------
// names
// -------------------------------------------------------------------------------------

/** Edit distance, cut off: names further apart than `most` count as that far. */
const distance = (a: string, b: string, most: number): number => {
  if (Math.abs(a.length - b.length) >= most) return most;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(
        Math.min(
          (row[j] ?? 0) + 1,
          (next[j - 1] ?? 0) + 1,
          (row[j - 1] ?? 0) + (a[i - 1]?.toLowerCase() === b[j - 1]?.toLowerCase() ? 0 : 1),
        ),
      );
    row = next;
  }
  return Math.min(most, row[b.length] ?? most);
};

/** At most five names that look like the one given: the nearest first, otherwise the first ones. */
export const nearest = (name: string, names: readonly string[]): readonly string[] => {
  // Long names cost their product, and nobody mistypes a thousand letters.
  const candidates = names.filter((n) => n.length <= 200).slice(0, 5000);
  const most = Math.max(3, Math.ceil(name.length / 2));
  const contains = (n: string) => n.toLowerCase().includes(name.toLowerCase()) || name.includes(n);
  const scored = candidates.map((n) => ({
    n,
    d: contains(n) ? 1 : name.length > 200 ? most : distance(name, n, most),
  }));
  const close = scored.filter(({ d }) => d < most).sort((a, b) => a.d - b.d);
  return (close.length > 0 ? close : scored).slice(0, 5).map(({ n }) => n);
};

export const unknownName = (what: string, name: string, names: readonly string[]): ImportError => {
  const near = nearest(name, names);
  return {
    _tag: 'UnknownName',
    name,
    near,
    message: `there is no ${what} '${name}'${near.length === 0 ? '' : `; near it: ${near.map((n) => `'${n}'`).join(', ')}`}`,
  };
};

// -------------------------------------------------------------------------------------
// control flow inside the importer
// -------------------------------------------------------------------------------------

/** Leaves a walk through a file early. It never leaves this folder: see `attempt`. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly error: ImportError;
  constructor(error: ImportError) {
    super(error.message);
    this.error = error;
  }
}

export const refuse = (error: ImportError): never => {
  throw new Refusal(error);
};
