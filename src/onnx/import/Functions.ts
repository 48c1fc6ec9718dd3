/**
 * Local functions of a model: nodes that call one are replaced by its nodes, under names of their own.
 *
 * A function's nodes may call further functions, and refer to the caller's attributes by name. The number of nodes is
 * counted while they are made, so that functions that double themselves end at the limit.
 */
import { fromBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  type FunctionProto,
  type GraphProto,
  type NodeProto,
} from '../proto/onnx_pb.ts';
import { malformed, refuse } from './ImportError.ts';
import { type Limits, within } from './Limits.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** A node, and the versions of the operator sets that it is written for. */
export interface Versioned {
  readonly node: NodeProto;
  readonly versions: ReadonlyMap<string, number>;
}

export type Inline = (nodes: readonly NodeProto[], versions: ReadonlyMap<string, number>) => readonly Versioned[];

/** `ai.onnx` is also written as nothing. */
export const domainOf = (domain: string): string => (domain === 'ai.onnx' ? '' : domain);

export const versionsOf = (
  imports: readonly { readonly domain: string; readonly version: bigint }[],
): ReadonlyMap<string, number> => new Map(imports.map(({ domain, version }) => [domainOf(domain), Number(version)]));

// -------------------------------------------------------------------------------------
// attributes of functions
// -------------------------------------------------------------------------------------

/** The field `attribute_proto`, younger than the messages here: defaults of attributes. */
const DEFAULTS = 11;

/** Without the length that stands before a message within a message. */
const unprefixed = (data: Uint8Array): Uint8Array => data.subarray(data.findIndex((b) => b < 0x80) + 1);

const defaultsOf = (f: FunctionProto): readonly AttributeProto[] =>
  (f.$unknown ?? []).flatMap(({ no, wireType, data }) =>
    no === DEFAULTS && wireType === 2 ? [fromBinary(AttributeProtoSchema, unprefixed(data))] : [],
  );

/**
 * Attributes that name one of the caller's get its value, or go where the caller has none. Tensors are the function's
 * own, however often it is called: copies would grow out of all bounds.
 */
const bound = (
  attributes: readonly AttributeProto[],
  given: ReadonlyMap<string, AttributeProto>,
  rename: (name: string) => string,
): AttributeProto[] =>
  attributes.flatMap((a) => {
    if (a.refAttrName === '') return a.g === undefined ? [a] : [{ ...a, g: bodyOf(a.g, given, rename) }];
    const value = given.get(a.refAttrName);
    return value === undefined ? [] : [{ ...value, name: a.name }];
  });

/** A branch of a function's node, with the function's names for its values. */
const bodyOf = (
  body: GraphProto,
  given: ReadonlyMap<string, AttributeProto>,
  rename: (name: string) => string,
): GraphProto => ({
  ...body,
  node: body.node.map((n) => called(n, given, rename)),
  output: body.output.map((o) => ({ ...o, name: rename(o.name) })),
  initializer: body.initializer.map((t) => ({ ...t, name: rename(t.name) })),
});

const called = (
  node: NodeProto,
  given: ReadonlyMap<string, AttributeProto>,
  rename: (name: string) => string,
): NodeProto => ({
  ...node,
  input: node.input.map(rename),
  output: node.output.map(rename),
  attribute: bound(node.attribute, given, rename),
});

// -------------------------------------------------------------------------------------
// inlining
// -------------------------------------------------------------------------------------

const key = (domain: string, name: string): string => `${domainOf(domain)}:${name}`;

export const inlining = (functions: readonly FunctionProto[], limits: Required<Limits>): Inline => {
  const byKey = new Map(functions.map((f) => [key(f.domain, f.name), f]));
  let made = 0;
  let calls = 0;
  const expand = (
    nodes: readonly NodeProto[],
    versions: ReadonlyMap<string, number>,
    path: readonly string[],
  ): readonly Versioned[] =>
    nodes.flatMap((node): readonly Versioned[] => {
      within('nodes', limits.nodes, ++made);
      const name = key(node.domain, node.opType);
      const f = byKey.get(name);
      if (f === undefined) return [{ node, versions }];
      if (path.includes(name)) refuse(malformed(`function ${name} calls itself: ${[...path, name].join(' > ')}`));
      within('functions within functions', limits.depth, path.length + 1);
      // Every call costs its lists of inputs and outputs, however little is in the function.
      made += Math.floor((f.input.length + f.output.length) / 64);
      if (node.input.length > f.input.length || node.output.length > f.output.length)
        refuse(
          malformed(
            `node '${node.name}' calls ${name} with ${node.input.length} inputs and ${node.output.length} outputs, it has ` +
              `${f.input.length} and ${f.output.length}`,
          ),
        );
      const prefix = `${node.name || f.name}#${calls++}/`;
      const names = new Map([
        ...f.input.map((formal, i) => [formal, node.input[i] ?? ''] as const),
        // An output that the caller does not take still has a name inside.
        ...f.output.map((formal, i) => [formal, node.output[i] || `${prefix}${formal}`] as const),
      ]);
      const rename = (value: string): string => (value === '' ? '' : (names.get(value) ?? `${prefix}${value}`));
      const given = new Map([...defaultsOf(f), ...node.attribute].map((a) => [a.name, a]));
      const inner = f.node.map((n) => ({ ...called(n, given, rename), name: `${prefix}${n.name || n.opType}` }));
      // An output that is an input is passed on.
      const places = new Map(f.input.map((formal, i) => [formal, i]));
      const passed = f.output.flatMap((o, i) => {
        const place = places.get(o);
        const output = node.output[i];
        return place === undefined || !output
          ? []
          : [
              {
                ...node,
                domain: '',
                opType: 'Identity',
                attribute: [],
                input: [node.input[place] ?? ''],
                output: [output],
              },
            ];
      });
      const own = f.opsetImport.length === 0 ? versions : versionsOf(f.opsetImport);
      return [
        ...expand(inner, own, [...path, name]),
        ...passed.map((n) => ({ node: n, versions: new Map([['', 18]]) })),
      ];
    });
  return (nodes, versions) => expand(nodes, versions, []);
};
