import { readFileSync } from 'node:fs';
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import * as L from '../../src/layer/Layer.ts';
import { type SummaryOptions, summary } from '../../src/model/Summary.ts';

const goldens: readonly { readonly id: string; readonly kind: string; readonly expected: { readonly text: string } }[] =
  JSON.parse(readFileSync(new URL('../golden/keras-goldens.json', import.meta.url), 'utf8')).cases;
const golden = (id: string): string => goldens.find((c) => c.id === id)?.expected.text ?? '';
const text = (m: L.Model<never, unknown>, options?: SummaryOptions): string => {
  const s = summary(m, options);
  if (E.isLeft(s)) throw new Error(JSON.stringify(s.left));
  return s.right;
};

describe('summary', () => {
  // Left out: sequential_compiled_adam and show_trainable, of a compiled model with an optimizer and frozen layers.
  it('of a chain is the reference, frame and all', () => {
    const m = L.model(
      L.input([8]),
      L.named('hidden', L.dense(16)),
      L.named('bn', L.batchNormalization()),
      L.named('drop', L.dropout(0.5)),
      L.named('out', L.dense(3)),
    );
    expect(text(m, { lineLength: 80, name: 'net' })).toBe(golden('summary/sequential_uncompiled/01'));
  });

  it('of a graph is the reference, with connections', () => {
    const m = L.graph({ i: [4] }, ({ i }) => L.add(L.named('a', L.dense(2))(i), L.named('b', L.dense(2))(i)));
    expect(text(m, { lineLength: 80, name: 'fn' })).toBe(golden('summary/functional_branching/01'));
  });

  it('counts shared layers once, and shows where each use comes from', () => {
    const m = L.graph({ a: [1000], b: [1000] }, ({ a, b }) => {
      const encode = L.named('encoder', L.dense(2000));
      return L.add(encode(a), encode(b));
    });
    const s = text(m, { lineLength: 120 });
    expect(s.match(/encoder \(Dense\)/g)).toHaveLength(1);
    expect(s).toContain('a[0][0], b[0][0]');
    expect(s).toContain('encoder[0][0],');
    expect(s).toContain('encoder[1][0]');
    expect(s).toContain(
      ' Total params: 2,002,000 (7.64 MB)\n Trainable params: 2,002,000 (7.64 MB)\n Non-trainable params: 0 (0.00 B)\n',
    );
  });

  it('prints sizes that are not known as None, and breaks long names', () => {
    const m = L.model(L.input([3, 'h', 'w']), L.conv2d({ filters: 2, kernel: 3 }), L.globalAveragePool2d());
    const s = text(m, { lineLength: 60 });
    expect(s).toContain('│ conv2d (Conv2D)          │ (None, 2, None,   │        56 │');
    expect(s).toContain('│ global_average_pooling2d │ (None, 2)         │         0 │');
    expect(s).toContain('│ (GlobalAveragePooling2D) │');
    expect(
      new Set(
        s
          .split('\n')
          .slice(1, -5)
          .map((line) => line.length),
      ),
    ).toEqual(new Set([60]));
  });

  it('of a model with shape errors is its errors', () => {
    const size: number = 3;
    const m = L.model(L.input([1, size, size]), L.conv2d({ filters: 2, kernel: 5 }));
    expect(summary(m)).toEqual(
      E.left([{ _tag: 'ShapeError', path: 'conv2d', message: 'conv2d: kernel 5x5 is larger than input 3x3' }]),
    );
  });
});
