/** Saved and loaded: the same answers; declared types, files and names are checked. */
import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import { afterAll, describe, expect, it } from 'vitest';
import { Pipeline as P } from '../../src/index.ts';
import { includes } from '../../src/pipeline/Border.ts';
import * as Manifest from '../../src/pipeline/Manifest.ts';
import { memory } from '../callback/support.ts';
import { left, runtime as make, right } from '../training/support.ts';
import { Answer, answering, Flower, fitted, flowers, kinds, trained } from './support.ts';

const runtime = make();
afterAll(() => runtime.close());

const declared = { from: P.anything, to: P.encoded(Answer), codecs: [Flower, Answer] };
const saved = async () => {
  const { env, files } = memory();
  right(await pipe(answering, P.save('out/flowers'))(env)());
  return { env: { ...env, runtime }, files };
};

const manifest = 'out/flowers/pipeline.json';
const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);
const bytes = (s: string) => new TextEncoder().encode(s);

/** The manifest changed, with the checksum that belongs to it. */
const changed = (files: Map<string, Uint8Array>, change: (body: Record<string, never>) => void) => {
  const { body } = JSON.parse(text(files.get(manifest)));
  change(body);
  files.set(manifest, bytes(Manifest.withChecksum(body)));
};

describe('save and load', () => {
  it('answers as before', async () => {
    const { env, files } = await saved();
    expect([...files.keys()].map((f) => f.replace(/[0-9a-f]{16}/, 'HASH')).sort()).toEqual([
      'out/flowers/model-HASH.onnx',
      manifest,
    ]);
    const loaded = right(await P.load('out/flowers', declared)(env)());
    const requests: readonly unknown[] = [...flowers.slice(0, 5), { length: 'x' }, { ...flowers[0], soil: 'moon' }];
    expect(await pipe(loaded, P.runAll(requests))(env)()).toEqual(await pipe(answering, P.runAll(requests))(env)());
    // What was loaded is saved as the same.
    const again = memory();
    right(await pipe(loaded, P.save('out/flowers'))(again.env)());
    expect(text(again.files.get(manifest))).toBe(text(files.get(manifest)));
  });

  it('every way of putting together, every stage', async () => {
    const { env } = memory();
    const shout = P.named('shout', 2, { from: P.oneOf(kinds), to: P.type<string>('text') })(
      P.arr((s: (typeof kinds)[number]) => s.toUpperCase()),
    );
    const scores = pipe(P.preprocess(fitted, [4]), P.andThen(P.model(trained)));
    const whole = pipe(
      P.decode(Flower),
      P.andThen(
        P.collect({
          pair: P.fanout(
            pipe(
              scores,
              P.andThen(P.fanout(P.argmax(kinds), P.topK(2, kinds))),
              P.andThen(P.first<readonly unknown[]>()(shout)),
            ),
            scores,
          ),
          many: pipe(
            scores,
            P.andThen(P.sigmoid(3)),
            P.andThen(P.threshold(kinds, { small: 0.1, middle: 0.2, large: 0.3 })),
          ),
          numbers: pipe(scores, P.andThen(P.numbers(3))),
        }),
      ),
      P.andThen(
        P.struct({
          pair: P.split(P.id<[string, readonly unknown[]]>(), P.probabilities(kinds)),
          many: P.id<readonly string[]>(),
          numbers: P.id<readonly number[]>(),
        }),
      ),
    );
    right(await pipe(whole, P.save('all'))(env)());
    const loaded = right(
      await P.load('all', { from: P.anything, to: P.anything, codecs: [Flower], stages: [shout] })(env)(),
    );
    const requests: readonly unknown[] = flowers.slice(0, 3);
    expect(await pipe(loaded, P.runAll(requests))({ ...env, runtime })()).toEqual(
      await pipe(whole, P.runAll(requests))({ ...env, runtime })(),
    );
    expect(left(await P.load('all', { from: P.anything, to: P.anything, codecs: [Flower] })(env)()).message).toContain(
      "the stage 'shout@2' is not given; given: none. Give it to load: { stages: [...] }",
    );
  });

  it('sums too', async () => {
    const { env } = memory();
    const sums = pipe(
      P.choice(P.decode(t.number), P.decode(t.string)),
      P.andThen(P.left<string>()(P.encode(t.number))),
      P.andThen(P.right<number>()(P.encode(t.string))),
    );
    right(await pipe(sums, P.save('sums'))(env)());
    const loaded = right(
      await P.load('sums', {
        from: P.either(P.anything, P.anything),
        to: P.either(P.encoded(t.number), P.encoded(t.string)),
        codecs: [t.number, t.string],
      })(env)(),
    );
    const all = [E.left(1), E.right('a'), E.left('b'), E.right(2)];
    expect(await pipe(loaded, P.runAll<E.Either<unknown, unknown>>(all))({ runtime })()).toEqual(
      await pipe(sums, P.runAll<E.Either<unknown, unknown>>(all))({})(),
    );
  });

  it('functions without a name are refused, with their place', async () => {
    const { env, files } = memory();
    const p = pipe(
      P.decode(Flower),
      P.map((f) => f.length),
    );
    expect(left(await pipe(p, P.save('no'))(env)())).toEqual({
      _tag: 'NotSaveable',
      message:
        "the pipeline, Chain 2 is a function (arr), which no file can hold: give it a name with P.named('...', 1, ends), and give it to load",
    });
    expect(files.size).toBe(0);
  });

  it('a new model takes the place of the old one, whose file goes', async () => {
    const { env, files } = await saved();
    right(await pipe(P.decode(Flower), P.save('out/flowers'))(env)());
    expect([...files.keys()]).toEqual([manifest]);
  });
});

describe('what load refuses', () => {
  const failing = async (change: (files: Map<string, Uint8Array>) => void, options: object = {}) => {
    const { env, files } = await saved();
    change(files);
    return left(await P.load('out/flowers', { ...declared, ...options })(env)());
  };
  const nothing = () => undefined;

  it('other types than declared, naming both', async () => {
    expect(await failing(nothing, { to: P.encoded(Flower) })).toEqual({
      _tag: 'TypeMismatch',
      path: manifest,
      declared: 'encoded Flower',
      saved: 'encoded Answer',
      message: `${manifest}: declared to give encoded Flower, but what was saved gives encoded Answer`,
    });
    const { env } = memory();
    right(await pipe(P.preprocess(fitted, [4]), P.andThen(P.model(trained)), P.save('m'))(env)());
    expect(left(await P.load('m', { from: P.anything, to: P.array([5]) })(env)()).message).toContain(
      'declared to give NdArray[5], but what was saved gives NdArray[3]',
    );
    right(await pipe(P.model(trained), P.save('m'))(env)());
    expect(left(await P.load('m', { from: P.anything, to: P.array([3]) })(env)()).message).toContain(
      'declared to take anything, but what was saved takes NdArray[4]',
    );
    expect(E.isRight(await P.load('m', { from: P.array([4]), to: P.array([3]) })(env)())).toBe(true);
  });

  it('codecs that are not given, or of another version', async () => {
    expect((await failing(nothing, { codecs: [Answer] })).message).toContain(
      "the codec 'Flower' is not given; given: 'Answer'",
    );
  });

  it('a model that was changed, torn or taken away', async () => {
    const file = (files: Map<string, Uint8Array>) => [...files.keys()].find((f) => f.endsWith('.onnx')) ?? '';
    expect((await failing((f) => f.set(file(f), (f.get(file(f)) as Uint8Array).with(99, 7)))).message).toContain(
      'SHA-256 differs',
    );
    expect((await failing((f) => f.set(file(f), (f.get(file(f)) as Uint8Array).slice(9)))).message).toMatch(
      /expected \d+ bytes, got \d+/,
    );
    expect((await failing((f) => f.delete(file(f))))._tag).toBe('IoError');
  });

  it('a manifest that was changed, is of another version, or is none', async () => {
    expect(
      (await failing((f) => f.set(manifest, bytes(text(f.get(manifest)).replace('"small"', '"tiny"'))))).message,
    ).toContain('its checksum is wrong');
    expect((await failing((f) => changed(f, (b) => Object.assign(b, { version: 9 })))).message).toContain(
      'it is of version 9, this is version 1',
    );
    expect((await failing((f) => f.set(manifest, bytes('{')))).message).toContain('it is no JSON');
    expect((await failing((f) => f.set(manifest, new Uint8Array([255])))).message).toContain('no UTF-8');
    expect((await failing((f) => f.set(manifest, bytes('{"a":1,"a":2}')))).message).toContain(
      "the key 'a' is there twice",
    );
    expect((await failing((f) => f.delete(manifest)))._tag).toBe('IoError');
  });

  it('files outside of its folder, stages that are unknown, that do not fit, or are nested without end', async () => {
    expect(
      (
        await failing((f) =>
          changed(f, (b) => Object.assign(b, { files: { '../../etc/passwd': { bytes: 1, sha256: '' } } })),
        )
      ).message,
    ).toContain("'../../etc/passwd' is no name");
    const stage = (s: unknown) => (f: Map<string, Uint8Array>) => changed(f, (b) => Object.assign(b, { stage: s }));
    expect((await failing(stage({ _tag: 'Data', name: 'constructor', settings: {} }))).message).toContain(
      "the stage 'constructor' is not known",
    );
    const chain = (...of: unknown[]) => ({ _tag: 'Composite', name: 'Chain', of });
    const size = (n: number) => ({ _tag: 'Data', name: 'Softmax', settings: { size: n } });
    expect((await failing(stage(chain(size(3), size(4))))).message).toBe(
      'andThen: the stage before gives NdArray[3], this one takes NdArray[4]',
    );
    expect(
      (await failing(stage(Array.from({ length: 300 }).reduce<unknown>((s) => chain(s), size(3))))).message,
    ).toContain('nested deeper than 100');
    expect((await failing(stage({ _tag: 'Composite', name: 'Split', of: [] }))).message).toContain(
      'Split is not made of 0 stages',
    );
  });

  it('property: a manifest with any byte changed is refused, and nothing throws', async () => {
    const { env, files } = await saved();
    const whole = files.get(manifest) as Uint8Array;
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
        files.set(manifest, whole.with(at, ((whole[at] ?? 0) + by) % 256));
        const result = await P.load('out/flowers', declared)(env)();
        // White space may become other white space.
        expect(
          E.isLeft(result) ||
            JSON.stringify(JSON.parse(text(files.get(manifest)))) === JSON.stringify(JSON.parse(text(whole))),
        ).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});

describe('borders', () => {
  const border: fc.Arbitrary<P.AnyBorder> = fc.letrec<{ b: P.AnyBorder }>((tie) => ({
    b: fc.oneof(
      { maxDepth: 3 },
      fc.constant<P.AnyBorder>(P.anything),
      fc.constantFrom('a', 'b').map((n): P.AnyBorder => P.type(n)),
      fc.array(fc.nat(4), { maxLength: 2 }).map((s): P.AnyBorder => P.array(s)),
      fc.tuple(tie('b'), tie('b')).map(([x, y]): P.AnyBorder => ({ _tag: 'Pair', of: [x, y] })),
      fc.dictionary(fc.constantFrom('x', 'y'), tie('b')).map((fields): P.AnyBorder => ({ _tag: 'Record', fields })),
    ),
  })).b;
  it('property: includes is reflexive, anything includes all, and JSON keeps a border', () =>
    fc.assert(
      fc.property(border, (b) => {
        expect(includes(b)(b)).toBe(true);
        expect(includes(P.anything)(b)).toBe(true);
        expect(Manifest.Border.decode(JSON.parse(JSON.stringify(b)))).toEqual(E.right(b));
      }),
    ));
});
