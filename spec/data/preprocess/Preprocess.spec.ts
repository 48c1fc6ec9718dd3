/** Laws, typed rows, errors, folds, and the way into a model. */
import fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { describe, expect, it } from 'vitest';
import * as D from '../../../src/data/Data.ts';
import * as P from '../../../src/data/preprocess/Preprocess.ts';
import { input } from '../../../src/graph/Graph.ts';
import * as L from '../../../src/layer/Layer.ts';
import * as Model from '../../../src/model/Model.ts';
import { resolvedOf, runModel } from '../../interpret/support.ts';
import { f32, graphOf, run } from '../../support/evaluate.ts';
import { expectError, left, right } from '../support.ts';

const finite = fc.integer({ min: -4000, max: 4000 }).map((i) => i / 16);
const gappy = fc.oneof({ weight: 5, arbitrary: finite }, { weight: 1, arbitrary: fc.constant(Number.NaN) });
const rowsOf = (cell: fc.Arbitrary<number>) => fc.array(fc.tuple(cell, cell, cell), { minLength: 3, maxLength: 25 });
/** A first row without gaps, so that each column has a number. */
const gappyRows = fc.tuple(fc.tuple(finite, finite, finite), rowsOf(gappy)).map(([a, rest]) => [a, ...rest]);
const tableOf = (rows: readonly (readonly number[])[], names = ['a', 'b', 'c']) => right(P.table(rows, names));
const same = (a: P.Table, b: P.Table): void => {
  expect(a.names).toEqual(b.names);
  expect(a.data).toEqual(b.data);
};

describe('the category of fitted stages', () => {
  const three = (rows: readonly (readonly number[])[]) => {
    const x = tableOf(rows);
    const f = right(P.fit(P.impute('mean', { indicator: true }))(x));
    const g = right(P.fit(P.standardise())(right(f.transform(x))));
    const h = right(P.fit(P.bins(3))(right(g.transform(right(f.transform(x))))));
    return { x, f, g, h };
  };

  it('composes associatively, in specs too, and the identity changes nothing', () => {
    fc.assert(
      fc.property(gappyRows, (rows) => {
        const { x, f, g, h } = three(rows);
        const one = pipe(f, P.compose(g), P.compose(h));
        const other = pipe(f, P.compose(pipe(g, P.compose(h))));
        expect(one.spec).toEqual(other.spec);
        same(right(one.transform(x)), right(other.transform(x)));
        expect(pipe(P.identity<P.Table>(), P.compose(f)).spec).toEqual(f.spec);
        expect(pipe(f, P.compose(P.identity<P.Table>())).spec).toEqual(f.spec);
        same(right(one.transform(x)), right(pipe(f.transform(x), E.chain(g.transform), E.chain(h.transform))));
      }),
      { numRuns: 40 },
    );
  });

  it('composes preprocessors associatively', () => {
    fc.assert(
      fc.property(gappyRows, (rows) => {
        const [f, g, h] = [P.impute('median'), P.quantiles(), P.minMax({ range: [-1, 1] })];
        const x = tableOf(rows);
        const one = pipe(f, P.andThen(g), P.andThen(h));
        const other = pipe(f, P.andThen(pipe(g, P.andThen(h))));
        expect(right(P.fit(one)(x)).spec).toEqual(right(P.fit(other)(x)).spec);
        expect(right(P.fit(pipe(P.pass<P.Table>(), P.andThen(f)))(x)).spec).toEqual(right(P.fit(f)(x)).spec);
      }),
      { numRuns: 40 },
    );
  });

  it('inverts a chain backwards', () => {
    fc.assert(
      fc.property(rowsOf(finite), (rows) => {
        const x = tableOf(rows);
        const chain = right(
          P.fit(pipe(P.robust(), P.andThen(P.standardise()), P.andThen(P.pca({ whiten: false }))))(x),
        );
        const back = right(pipe(chain.transform(x), E.chain(P.invert(chain))));
        x.data.forEach((v, i) => expect(back.data[i]).toBeCloseTo(v, 6));
      }),
      { numRuns: 40 },
    );
  });

  it('standardise fits the data: mean 0 and deviation 1, or 0 of a constant', () => {
    fc.assert(
      fc.property(rowsOf(finite), (rows) => {
        const y = right(
          pipe(
            tableOf(rows),
            P.fit(P.standardise()),
            E.chain((f) => f.transform(tableOf(rows))),
          ),
        );
        for (const j of [0, 1, 2]) {
          const column = P.toRows(y).map((row) => row[j] ?? 0);
          const constant = new Set(rows.map((row) => row[j])).size === 1;
          expect(column.reduce((a, b) => a + b, 0) / rows.length).toBeCloseTo(0, 9);
          expect(column.reduce((a, b) => a + b * b, 0) / rows.length).toBeCloseTo(constant ? 0 : 1, 9);
        }
      }),
      { numRuns: 40 },
    );
  });
});

interface Passenger {
  readonly age: number | null;
  readonly fare: number;
  readonly spot: readonly number[];
  readonly town: string | null;
  readonly deck: number;
  readonly note: string;
}

const passengers: readonly Passenger[] = [
  { age: 20, fare: 1, spot: [1, 2], town: 'Rome', deck: 1, note: 'a window, please' },
  { age: null, fare: 3, spot: [3, 4], town: null, deck: 2, note: 'a seat' },
  { age: 40, fare: 5, spot: [5, 9], town: 'Oslo', deck: 1, note: 'a window seat' },
];

const features = P.columns(
  P.numeric(['age', 'fare'], pipe(P.impute('mean', { indicator: true }), P.andThen(P.standardise()))),
  P.numeric(['spot'], P.minMax()),
  P.categorical(['town', 'deck'], P.oneHot({ unknown: 'own' })),
  P.text('note', P.vectorize({ outputMode: 'count', maxTokens: 3 })),
);

describe('columns', () => {
  const fitted = right(P.fit(features)(passengers));

  it('gives widths and names', () => {
    const y = right(fitted.transform(passengers));
    expect(y.names).toEqual(fitted.names);
    expect(fitted.names).toEqual([
      ...['age', 'fare', 'age missing', 'spot[0]', 'spot[1]', 'town=Oslo', 'town=Rome', 'town=null', 'town unknown'],
      ...['deck=1', 'deck=2', 'deck unknown', '[UNK]', 'a', 'window'],
    ]);
    expect(P.widthOf(fitted)).toBe(15);
    expect(P.toRows(y)[2]?.slice(3)).toEqual([1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 1, 1]);
    expect(right(P.toArray(15)(y)).shape).toEqual([3, 15]);
    expectError(P.toArray(14)(y), 'WidthMismatch', 'expected 14 columns, got 15');
  });

  it('is saved as JSON, and what is read is checked', () => {
    const codec = P.codec('rows', 'table');
    const json = JSON.stringify(codec.encode(fitted as P.Fitted<readonly object[], P.Table>));
    const again = right(codec.decode(JSON.parse(json)));
    same(right(again.transform(passengers)), right(fitted.transform(passengers)));
    expect(codec.is(again)).toBe(true);
    expect(E.isLeft(P.codec('table', 'table').decode(JSON.parse(json)))).toBe(true);
    for (const broken of [
      '{}',
      '{"_tag":"Nothing"}',
      json.replace('"Impute"', '"Pca"'),
      json.replace('"mean"', '"m"'),
      'null',
    ])
      if (broken !== json) expect(E.isLeft(codec.decode(JSON.parse(broken))), broken.slice(0, 60)).toBe(true);
  });

  it('reads nothing that could not be, and never throws', () => {
    const more = P.columns(
      P.categorical(['town'], P.hashing(5, { output: 'oneHot' })),
      P.categorical(['town'], P.lookup({ outputMode: 'tfIdf' })),
      P.text('note', P.bytePairs({ vocabularySize: 270 })),
      P.numeric(['fare'], pipe(P.bins(2), P.andThen(P.categoryEncoding(2)))),
      P.numeric(['fare'], P.pass()),
    );
    const codec = P.codec('rows', 'table');
    const both = [fitted, right(P.fit(more)(passengers))].map((f) => f as P.Fitted<readonly object[], P.Table>);
    const spec = { _tag: 'Parallel', stages: both.map(codec.encode) };
    expect(right(right(codec.decode(spec)).transform(passengers)).rows).toBe(3);
    // One value somewhere in it replaced by another.
    const json = JSON.stringify(spec);
    let places = 0;
    JSON.parse(json, (_, value) => {
      places++;
      return value;
    });
    fc.assert(
      fc.property(fc.nat(places - 1), fc.constantFrom<unknown>(null, -1, 1e9, 'x', [], {}), (at, other) => {
        let seen = -1;
        const changed: unknown = JSON.parse(json, (_, value) => (++seen === at ? other : value));
        const read = codec.decode(changed);
        // What is accepted transforms, or says why not.
        if (E.isRight(read)) expect(['Left', 'Right']).toContain(read.right.transform(passengers)._tag);
      }),
      { numRuns: 300 },
    );
    let deep: unknown = { _tag: 'Chain', stages: [] };
    for (let i = 0; i < 20_000; i++) deep = { _tag: 'Chain', stages: [deep] };
    expect(E.isLeft(codec.decode(deep))).toBe(true);
  });

  it('refuses what is not there', () => {
    const bad = (row: object): readonly Passenger[] => [{ ...passengers[0], ...row } as unknown as Passenger];
    expectError(
      fitted.transform(bad({ fare: 'much' })),
      'InvalidValue',
      'row 0',
      '"fare"',
      'a finite number',
      '"much"',
    );
    expectError(fitted.transform(bad({ fare: Number.POSITIVE_INFINITY })), 'InvalidValue', 'Infinity');
    expectError(fitted.transform(bad({ spot: [1] })), 'InvalidValue', 'a list of 2 finite numbers');
    expectError(fitted.transform(bad({ town: {} })), 'InvalidValue', '"town"');
    expectError(fitted.transform(bad({ note: 3 })), 'InvalidValue', 'a text');
    expectError(P.fit(features)([]), 'NothingToFit');
    expectError(fitted.transform([]), 'NothingToFit');
    expectError(fitted.lower, 'Unsupported', 'text');
    // Fields may be missing in rows, so the compiler does not see that one is misspelt.
    const misspelt = P.columns(P.numeric(['age'], P.impute('mean')), P.categorical(['twon'], P.oneHot()));
    const rows = [{ age: 3, town: 'Cork' }, { age: 4 }];
    expectError(P.fit(misspelt)(rows), 'NothingToFit', 'no row has a field "twon"', 'the first row has "age", "town"');
    expect(right(P.fit(P.columns(P.categorical(['town'], P.oneHot())))(rows)).names).toEqual([
      'town=Cork',
      'town=null',
    ]);
    // @ts-expect-error: a part of a field that rows have with another type
    P.fit(features)([{ age: 'old', note: 3 }]);
  });

  it('never throws, whatever the rows hold', () => {
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(fc.constantFrom('age', 'fare', 'spot', 'town', 'deck', 'note'), fc.anything())),
        (rows) => {
          const out = fitted.transform(rows as unknown as readonly Passenger[]);
          expect(['Left', 'Right']).toContain(out._tag);
          expect(['Left', 'Right']).toContain(P.fit(features)(rows as unknown as readonly Passenger[])._tag);
        },
      ),
    );
  });
});

describe('errors', () => {
  const x = tableOf([
    [1, 2, 3],
    [4, 5, Number.NaN],
  ]);

  it('tells what is wrong with data', () => {
    expectError(P.table([]), 'NothingToFit');
    expectError(P.table([[1, 2], [3]]), 'WidthMismatch', 'row 1');
    expectError(P.table([[Number.NEGATIVE_INFINITY]]), 'InvalidValue');
    const empty = tableOf([[1, Number.NaN, 2]]);
    for (const p of [P.standardise(), P.minMax(), P.quantiles(), P.robust(), P.impute('mean'), P.bins(2)])
      expectError(P.fit(p)(empty), 'NothingToFit', '"b"', 'no number');
    expectError(P.fit(P.pca())(x), 'InvalidValue', 'row 1', '"c"', 'impute');
    const bins = right(P.fit(P.bins(2))(x));
    expectError(bins.transform(x), 'InvalidValue', '"c"');
    expectError(bins.transform(tableOf([[1]], ['a'])), 'WidthMismatch', 'expected 3');
    expectError(P.toArray(3)(x), 'InvalidValue', 'NaN');
    const towns = right(P.cells({ town: ['Rome', 'Oslo'] }));
    const other = right(P.cells({ town: ['Oslo', 'Paris'] }));
    for (const p of [P.oneHot(), P.ordinal(), P.lookup({ oovIndices: 0 })]) {
      const error = left(right(P.fit(p)(towns)).transform(other));
      expect(error).toMatchObject({ _tag: 'UnknownCategory', row: 1, column: 'town', value: 'Paris' });
    }
    expectError(right(P.fit(P.categoryEncoding(3))(x)).transform(tableOf([[0, 1, 3]])), 'InvalidValue', '0 to 2');
  });

  it('tells what is wrong with options', () => {
    const all: readonly P.Preprocessor<P.Table, P.Table>[] = [
      ...[P.minMax({ range: [1, 1] }), P.robust({ quantileRange: [0.7, 0.2] }), P.quantiles({ quantiles: 0 })],
      ...[P.bins(1), P.binsAt([2, 1]), P.categoryEncoding(0), P.impute({ constant: Number.NaN })],
      P.normalization({ mean: [1], variance: [1] }),
    ];
    for (const p of all) expect(left(P.fit(p)(x))._tag).toBe('InvalidOption');
    expectError(
      P.fit(P.pca({ components: 4 }))(
        tableOf([
          [1, 2, 3],
          [4, 5, 6],
        ]),
      ),
      'InvalidOption',
      '1 to 2',
    );
    for (const p of [
      P.hashing(0),
      P.lookup({ maxTokens: 1 }),
      P.oneHot({ categories: [] }),
      P.hashing(1, { mask: 'x' }),
    ])
      expect(left(P.fit(p)(right(P.cells({ a: [1] }))))._tag).toBe('InvalidOption');
    for (const p of [P.vectorize({ ngrams: 0 }), P.vectorize({ maxTokens: 2 }), P.bytePairs({ vocabularySize: 10 })])
      expect(left(P.fit(p)(['a b']))._tag).toBe('InvalidOption');
    expectError(P.fit(P.vectorize())([' ']), 'NothingToFit', 'no token');
  });

  it('says why a stage has no inverse and no graph', () => {
    const unit = right(P.fit(P.unit())(x));
    expectError(P.invert(unit)(x), 'Unsupported', 'no inverse');
    expectError(right(P.fit(P.hashing(4))(right(P.cells({ a: ['x'] })))).lower, 'Unsupported', 'text');
  });
});

describe('texts', () => {
  const texts = ['The cat, the dog!', 'a cat and  a dog', "the dog's cat"];

  it("numbers tokens as Keras's TextVectorization does", () => {
    const stage = right(P.fit(P.vectorize({ maxTokens: 6, outputSequenceLength: 5 }))(texts));
    // cat 3, the 3; dog 2, a 2; among equals the last in order first.
    expect(right(P.vocabularyOf(stage))).toEqual(['', '[UNK]', 'the', 'cat', 'dog', 'a']);
    expect(P.toRows(right(stage.transform(['A cat met the dog again.', ''])))).toEqual([
      [5, 3, 1, 2, 4],
      [0, 0, 0, 0, 0],
    ]);
    expect(right(pipe(stage.transform(['the cat ran']), E.chain(P.invert(stage))))).toEqual(['the cat [UNK]']);
  });

  it("weighs tokens with Keras's formula, [UNK] with their mean", () => {
    const stage = right(P.fit(P.vectorize({ outputMode: 'tfIdf', maxTokens: 4 }))(texts));
    const idf = (df: number) => Math.log(1 + 3 / (1 + df));
    expect(right(P.vocabularyOf(stage))).toEqual(['[UNK]', 'the', 'cat', 'dog']);
    const [row = []] = P.toRows(right(stage.transform(['the the bird'])));
    expect(row[0]).toBeCloseTo((idf(2) + idf(3) + idf(2)) / 3, 12);
    expect(row[1]).toBeCloseTo(2 * idf(2), 12);
    expect(row.slice(2)).toEqual([0, 0]);
  });

  it('byte pairs give every text back, in fewer tokens than bytes where pairs were learned', () => {
    const corpus = ['low lower lowest', 'new newer newest', 'wide wider widest low low new'];
    const stage = right(P.fit(P.bytePairs({ vocabularySize: 290, outputSequenceLength: 400 }))(corpus));
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        expect(right(pipe(stage.transform([text]), E.chain(P.invert(stage))))).toEqual([text]);
      }),
    );
    const used = (text: string) => right(stage.transform([text])).data.filter((id) => id > 0).length;
    expect(used('lowest newest')).toBeLessThan(6);
    expect(used('qzx')).toBe(3);
  });

  it('lookup has the mask first, then what is unknown', () => {
    const x = right(P.cells({ a: ['x', 'y', 'y', 'z'], b: ['y', 'x', '', 'y'] }));
    const int = right(P.fit(P.lookup({ mask: '' }))(x));
    expect(P.toRows(right(int.transform(right(P.cells({ a: ['', 'q', 'y'], b: ['x', 'z', 'y'] })))))).toEqual([
      [0, 3],
      [1, 4],
      [2, 2],
    ]);
    expect(right(pipe(int.transform(x), E.chain(P.invert(int))))).toEqual(x);
    const count = right(P.fit(P.lookup({ vocabulary: ['x', 'y'], outputMode: 'count' }))(x));
    expect(P.toRows(right(count.transform(x)))[3]).toEqual([1, 0, 1]);
  });

  it('hashes into range, and the mask to 0', () => {
    const x = right(P.cells({ a: ['x', 'y', '', 'z'], b: [1, 2, 3, 4] }));
    const masked = P.toRows(right(right(P.fit(P.hashing(5, { mask: '' }))(x)).transform(x)));
    expect(masked[2]?.[0]).toBe(0);
    for (const row of masked)
      for (const [j, v] of row.entries()) expect(v === 0 && j === 0 ? true : v >= 0 && v < 5).toBe(true);
    const crossed = right(right(P.fit(P.hashedCrossing(50))(x)).transform(x));
    expect(crossed.names).toEqual(['a*b']);
    expect(Array.from(crossed.data)).toEqual(['x_X_1', 'y_X_2', '_X_3', 'z_X_4'].map((s) => (P.murmur3(s) >>> 0) % 50));
  });
});

describe('folds', () => {
  const rows = Array.from({ length: 23 }, (_, i) => ({ ...(passengers[i % 3] as Passenger), fare: i * i }));

  it('learns from the training part alone: other validation rows change nothing', () => {
    const folding = D.kFold(4, { seed: 3 });
    const folds = right(pipe(rows, P.crossFit(features, folding)));
    expect(folds.length).toBe(4);
    for (const { index, fitted, train, validation, validationIndices } of folds) {
      const spoilt = rows.map((row, i) =>
        validationIndices.includes(i) ? { ...row, fare: 1e9, town: 'Mars', note: 'odd' } : row,
      );
      const again = right(pipe(spoilt, P.crossFit(features, folding)))[index];
      expect(again?.fitted.spec).toEqual(fitted.spec);
      same(again?.train as P.Table, train);
      expect(train.rows + validation.rows).toBe(rows.length);
      // And the training rows do matter.
      expect(folds[(index + 1) % 4]?.fitted.spec).not.toEqual(fitted.spec);
    }
  });

  it('brings the folds of a data set to another width, with its type', () => {
    const numbers = rows.map((r) => [r.fare, r.deck, r.fare * 2 + 1]);
    const data = right(
      D.dataset({
        x: D.floats([3], numbers),
        y: D.ints(
          [],
          rows.map((_, i) => i % 2),
        ),
      }),
    );
    const folds = right(
      pipe(
        data,
        D.kFold(3, { seed: 1 }),
        E.chainW(E.traverseArray(P.onFold(pipe(P.standardise(), P.andThen(P.pca({ components: 2 }))), 2))),
      ),
    );
    for (const fold of folds) {
      const train: D.Dataset<[2], L.Int<[]>> = fold.train;
      expect(train.x.shape).toEqual([fold.trainIndices.length, 2]);
      expect(fold.validation.y.data.length).toBe(fold.validationIndices.length);
    }
    const [fold] = right(D.kFold(3, { seed: 1 })(data));
    if (fold !== undefined) expectError(P.onSplit(P.standardise(), 2)(fold), 'WidthMismatch');
  });
});

describe('in a graph', () => {
  const numeric = P.columns(
    P.numeric(['age', 'fare'], pipe(P.impute('median', { indicator: true }), P.andThen(P.standardise()))),
    P.categorical(['deck'], P.oneHot({ unknown: 'own' })),
    P.categorical(['deck'], P.ordinal({ unknown: 'ignore' })),
    P.numeric(['fare'], P.parallel(P.bins(2, { output: 'oneHot' }), P.quantiles({ output: 'normal' }), P.pass())),
  );
  const fitted = right(P.fit(numeric)(passengers));

  it('columns of numbers and categories that are numbers are one graph', async () => {
    const rows = [...passengers, { ...passengers[0], deck: 7, fare: 2.25 }] as readonly Passenger[];
    const raw = rows.flatMap((r) => [r.age ?? Number.NaN, r.fare, r.deck, r.deck, r.fare]);
    const y = right(fitted.lower)(input('x', 'float32', ['batch', 5]));
    expect(y.type.shape).toEqual(['batch', P.widthOf(fitted)]);
    const out = await run(graphOf({ y }), { x: f32(raw, [4, 5]) });
    right(fitted.transform(rows)).data.forEach((v, i) => expect(Number(out.y?.data[i])).toBeCloseTo(v, 4));
    expect(fitted.inputs).toEqual(['age', 'fare', 'deck', 'deck', 'fare']);
  });

  it('is a layer before a model, with its widths checked', async () => {
    const before = right(P.asLayer(fitted, 5, 11));
    const alone = resolvedOf(L.model(L.input([5]), before));
    const raw = passengers.flatMap((r) => [r.age ?? Number.NaN, r.fare, r.deck, r.deck, r.fare]);
    const [out] = Object.values(await runModel(alone, { [alone.inputs[0]?.name ?? '']: f32(raw, [3, 5]) }));
    right(fitted.transform(passengers)).data.forEach((v, i) => expect(Number(out?.data[i])).toBeCloseTo(v, 4));
    const model = L.model(L.input([5]), before, L.dense(2));
    expect(E.isRight(Model.resolve(model))).toBe(true);
    expectError(P.asLayer(fitted, 4, 11), 'WidthMismatch', 'expected 5');
    expectError(P.asLayer(fitted, 5, 12), 'WidthMismatch', 'expected 11');
    // @ts-expect-error: six columns where five go in
    L.model(L.input([6]), before, L.dense(2));
  });

  it('channels of images are standardised as Data.standardise does', async () => {
    const images = right(D.dataset({ x: D.bytes([2, 1, 2], [0, 2, 7, 7, 4, 6, 7, 9]), y: D.ints([], [0, 1]) }));
    const stage = P.channels(D.standardise.fit(images));
    const expected = right(D.standardise.apply(D.standardise.fit(images))(images)).x;
    const y = right(stage.lower)(input('x', 'float32', ['batch', 2, 1, 2]));
    const out = await run(graphOf({ y }), { x: f32(Array.from(images.x.data, Number), [2, 2, 1, 2]) });
    expected.data.forEach((v, i) => expect(Number(out.y?.data[i])).toBeCloseTo(Number(v), 6));
    expect(right(stage.transform(images.x)).data).toEqual(expected.data);
    const again = right(P.codec('array', 'array').decode(P.codec('array', 'array').encode(stage)));
    expect(again.spec).toEqual(stage.spec);
  });
});
