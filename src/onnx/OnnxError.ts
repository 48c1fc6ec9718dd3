/**
 * What can go wrong between graphs and ONNX files.
 */

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type OnnxError =
  /** The opset asked for is not one that graphs can be written for. */
  | { readonly _tag: 'UnsupportedOpset'; readonly opset: number; readonly message: string }
  /** An operator, or the way it is used here, does not exist in the opset asked for. */
  | { readonly _tag: 'NotExpressible'; readonly operator: string; readonly message: string }
  /** A value reads an input that no graph around it declares. */
  | { readonly _tag: 'UnboundInput'; readonly name: string; readonly message: string }
  /** Two inputs or outputs of the graph have the same name. */
  | { readonly _tag: 'DuplicateName'; readonly name: string; readonly message: string }
  /** A constant's data and its shape disagree, or an attribute holds a number that its type cannot. */
  | { readonly _tag: 'IllFormed'; readonly message: string }
  /** ONNX files are protobuf messages, which end at 2 GiB. */
  | { readonly _tag: 'TooLarge'; readonly bytes: number; readonly message: string }
  /** The bytes are not an ONNX model. */
  | { readonly _tag: 'MalformedModel'; readonly message: string };

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

export const unsupportedOpset = (opset: number, lowest: number, highest: number): OnnxError => ({
  _tag: 'UnsupportedOpset',
  opset,
  message: `opset ${opset} is not supported: expected a whole number from ${lowest} to ${highest}`,
});

export const notExpressible = (operator: string, why: string): OnnxError => ({
  _tag: 'NotExpressible',
  operator,
  message: `${operator}: ${why}`,
});

export const unboundInput = (name: string, graph: string): OnnxError => ({
  _tag: 'UnboundInput',
  name,
  message: `graph '${graph}' reads the input '${name}', which is not among its inputs: add it to them`,
});

export const duplicateName = (name: string, graph: string): OnnxError => ({
  _tag: 'DuplicateName',
  name,
  message: `graph '${graph}' has more than one input or output named '${name}': rename one of them`,
});

export const illFormed = (message: string): OnnxError => ({ _tag: 'IllFormed', message });

export const tooLarge = (bytes: number, limit: number): OnnxError => ({
  _tag: 'TooLarge',
  bytes,
  message: `the graph's constants are ${bytes} bytes, an ONNX file holds less than ${limit}: put them in files beside it (encodeExternal, or exportOnnx with externalData)`,
});

export const malformedModel = (message: string): OnnxError => ({ _tag: 'MalformedModel', message });
