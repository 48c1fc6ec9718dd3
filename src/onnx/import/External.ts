/**
 * Tensors in files beside the model: which files, and that none of them is outside the model's folder.
 */
import type { GraphProto, ModelProto, NodeProto, TensorProto } from '../proto/onnx_pb.ts';
import { externalData, refuse } from './ImportError.ts';
import { type Location, locationOf, type ReadExternal } from './Tensors.ts';

// -------------------------------------------------------------------------------------
// paths
// -------------------------------------------------------------------------------------

/** The location as path parts below the model's folder; refuses what could lead out of it. */
export const partsOf = (location: string): readonly string[] => {
  const bad = (why: string): never =>
    refuse(externalData(location, `${why}; a model may only name files in its own folder`));
  if (location === '' || location.includes('\0')) return bad('is not a path');
  if (/^([/\\]|[a-z]:|[a-z][a-z0-9+.-]*:\/\/)/i.test(location)) return bad('is an absolute path');
  const parts = location.split(/[/\\]/).filter((p) => p !== '' && p !== '.');
  return parts.length === 0 || parts.includes('..') ? bad('leaves the folder') : parts;
};

// -------------------------------------------------------------------------------------
// locations
// -------------------------------------------------------------------------------------

const ofNodes = (nodes: readonly NodeProto[], depth: number): readonly TensorProto[] =>
  nodes.flatMap((n) =>
    n.attribute.flatMap((a) => [
      ...(a.t === undefined ? [] : [a.t]),
      ...(a.g === undefined ? [] : ofGraph(a.g, depth + 1)),
    ]),
  );

/** Deeper graphs than any limit allows are not looked into: they are refused when they are read. */
const ofGraph = (graph: GraphProto, depth = 0): readonly TensorProto[] =>
  depth > 256 ? [] : [...graph.initializer, ...ofNodes(graph.node, depth)];

/** Every place outside the file that a tensor of it lies in. */
export const locationsOf = (model: ModelProto): readonly Location[] =>
  [
    ...(model.graph === undefined ? [] : ofGraph(model.graph)),
    ...model.functions.flatMap((f) => ofNodes(f.node, 0)),
  ].flatMap((t) => locationOf(t) ?? []);

export const keyOf = ({ location, offset, length }: Location): string => `${offset}:${length ?? ''}:${location}`;

// -------------------------------------------------------------------------------------
// readers
// -------------------------------------------------------------------------------------

/** From bytes that are at hand, by location. */
export const fromFiles =
  (files: Readonly<Record<string, Uint8Array>>): ReadExternal =>
  ({ location, offset, length }, tensor) => {
    partsOf(location);
    const bytes = Object.hasOwn(files, location) ? files[location] : undefined;
    if (bytes === undefined)
      return refuse(
        externalData(
          location,
          `tensor '${tensor}' lies in it: pass its bytes as { external: { '${location}': bytes } }`,
        ),
      );
    const end = length === undefined ? bytes.length : offset + length;
    return end > bytes.length || offset > bytes.length
      ? refuse(externalData(location, `tensor '${tensor}' takes bytes ${offset} to ${end}, it has ${bytes.length}`))
      : bytes.slice(offset, end);
  };

/** From parts that have been read, by `keyOf`. */
export const fromParts =
  (parts: ReadonlyMap<string, Uint8Array>): ReadExternal =>
  (at, tensor) =>
    parts.get(keyOf(at)) ?? refuse(externalData(at.location, `tensor '${tensor}' lies in it, and it was not read`));
