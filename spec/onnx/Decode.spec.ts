import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, test } from 'vitest';
import { input } from '../../src/graph/Graph.ts';
import * as O from '../../src/graph/Operators.ts';
import { decode, encode } from '../../src/onnx/Onnx.ts';
import { graphOf } from '../support/evaluate.ts';

const bytes = (() => {
  const encoded = encode(graphOf({ y: O.add(input('x', 'float32', ['batch', 2]), 1) }));
  return E.isRight(encoded) ? encoded.right : new Uint8Array();
})();

describe('decode', () => {
  test('gives back what was encoded', () => {
    const model = decode(bytes);
    expect(E.isRight(model) && model.right.graph?.node.map((n) => n.opType)).toEqual(['Add']);
    expect(E.isRight(model) && model.right.graph?.initializer[0]?.rawData).toEqual(
      new Uint8Array(Float32Array.of(1).buffer),
    );
  });

  test('refuses bytes that are no model, with an error value', () => {
    const texts = ['', 'PK\u0003\u0004', '{"a":1}', 'not a model at all'].map((t) => new TextEncoder().encode(t));
    for (const garbage of texts) expect(decode(garbage)).toMatchObject({ left: { _tag: 'MalformedModel' } });
  });

  test('never throws, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (garbage) => typeof decode(garbage)._tag === 'string'));
  });

  test('refuses or reads a model cut short, and never throws', () => {
    fc.assert(fc.property(fc.nat(bytes.length - 1), (n) => E.isLeft(decode(bytes.slice(0, n))) || n > 0));
    expect(decode(bytes.slice(0, bytes.length - 9))).toMatchObject({ left: { _tag: 'MalformedModel' } });
  });
});
