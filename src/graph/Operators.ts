/**
 * ONNX operators as functions on values, with shape inference. Names, attributes and defaults are ONNX's (opset 18);
 * what is an input in ONNX but always known here (axes, target shapes) is an argument.
 *
 * In binary operators a plain number stands for a scalar of the other operand's type. A named dimension is a size not
 * known yet: sizes that depend on one are read off at run time (`Shape`), never guessed.
 *
 * These functions are the inner language of lowerings and gradients. Ill-typed use is a defect of the caller and throws
 * `GraphDefect`; interpreters turn one that comes from a user's own layer or loss into an error value.
 */
export { GraphDefect, int64s, scalar, tensor } from './Constants.ts';
export * from './operators/elementwise.ts';
export * from './operators/indexing.ts';
export * from './operators/loops.ts';
export { axisOf, broadcast, rank } from './operators/node.ts';
export * from './operators/products.ts';
export * from './operators/reductions.ts';
export * from './operators/shapes.ts';
export * from './operators/windows.ts';
