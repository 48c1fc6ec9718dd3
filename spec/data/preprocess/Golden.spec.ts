/** The stages give scikit-learn's numbers, and their graph forms give the stages'. */
import { readFileSync } from 'node:fs';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { describe, expect, it } from 'vitest';
import * as D from '../../../src/data/Data.ts';
import * as P from '../../../src/data/preprocess/Preprocess.ts';
import { input } from '../../../src/graph/Graph.ts';
import { f32, graphOf, run } from '../../support/evaluate.ts';
import { right } from '../support.ts';

type Rows = readonly (readonly (number | null)[])[];
interface TableCase {
  readonly name: string;
  readonly train: Rows;
  readonly test: Rows;
  readonly out: Rows;
  readonly back?: Rows;
  readonly variance?: readonly number[];
  readonly ratio?: readonly number[];
}
interface CellsCase {
  readonly name: string;
  readonly train: Readonly<Record<string, readonly P.Cell[]>>;
  readonly test: Readonly<Record<string, readonly P.Cell[]>>;
  readonly out: Rows;
}
interface TextCase {
  readonly name: string;
  readonly train: readonly string[];
  readonly test: readonly string[];
  readonly vocabulary: readonly string[];
  readonly out: Rows;
}
interface Row {
  readonly age: number | null;
  readonly fare: number;
  readonly town: string;
  readonly note: string;
}
interface FoldCase {
  readonly names: readonly string[];
  readonly train: Rows;
  readonly validation: Rows;
}
interface BytePairs {
  readonly corpus: readonly string[];
  readonly merges: readonly P.Pair[];
  readonly texts: readonly string[];
  readonly out: readonly (readonly number[])[];
}
interface Goldens {
  readonly columns: { readonly rows: readonly Row[]; readonly folds: readonly FoldCase[] };
  readonly tables: readonly TableCase[];
  readonly categories: readonly CellsCase[];
  readonly texts: readonly TextCase[];
  readonly hashes: readonly { readonly text: string; readonly seed: number; readonly hash: number }[];
}

const read = <A>(name: string): A =>
  JSON.parse(readFileSync(new URL(`../../golden/${name}`, import.meta.url), 'utf8')) as A;
const goldens = read<Goldens>('preprocess.json');

const tableOf = (rows: Rows): P.Table => right(P.table(rows.map((row) => row.map((v) => v ?? Number.NaN))));

const expectRows = (actual: P.Table, expected: Rows, digits = 9): void => {
  expect(actual.rows).toBe(expected.length);
  expect(actual.names.length).toBe(expected[0]?.length);
  const flat = expected.flat();
  actual.data.forEach((v, i) => {
    const e = flat[i];
    if (e === null || e === undefined) expect(v).toBeNaN();
    else expect(Math.abs(v - e) / Math.max(1, Math.abs(e))).toBeLessThan(10 ** -digits);
  });
};

const tables: Readonly<Record<string, P.Preprocessor<P.Table, P.Table>>> = {
  standardise: P.standardise(),
  'standardise without mean': P.standardise({ mean: false }),
  minMax: P.minMax(),
  'minMax -1 3 clip': P.minMax({ range: [-1, 3], clip: true }),
  maxAbs: P.maxAbs(),
  robust: P.robust(),
  'robust 0.1 0.9': P.robust({ quantileRange: [0.1, 0.9] }),
  'quantiles uniform': P.quantiles(),
  'quantiles uniform 7': P.quantiles({ quantiles: 7 }),
  'quantiles normal': P.quantiles({ output: 'normal', quantiles: 20 }),
  'impute mean': P.impute('mean'),
  'impute median': P.impute('median'),
  'impute mostFrequent': P.impute('mostFrequent'),
  'impute constant -7': P.impute({ constant: -7 }),
  'impute median indicator': P.impute('median', { indicator: true }),
  'unit l2': P.unit(),
  'unit l1': P.unit('l1'),
  'unit max': P.unit('max'),
  'bins 4 quantile': P.bins(4),
  'bins 5 uniform': P.bins(5, { strategy: 'uniform' }),
  'bins 3 uniform oneHot': P.bins(3, { strategy: 'uniform', output: 'oneHot' }),
  'bins 8 quantile ties': P.bins(8),
  'pca 2': P.pca({ components: 2 }),
  'pca 3 whiten': P.pca({ components: 3, whiten: true }),
  'pca 0.9': P.pca({ components: 0.9 }),
};

/** The graph form of a stage on rows of float32 numbers. */
const lowered = async (lower: P.Lowering, rows: Rows): Promise<ArrayLike<number>> => {
  const width = rows[0]?.length ?? 0;
  const y = lower(input('x', 'float32', ['batch', width]));
  const flat = rows.flat().map((v) => v ?? Number.NaN);
  const out = await run(graphOf({ y }), { x: f32(flat, [rows.length, width]) });
  return (out.y?.data ?? []) as ArrayLike<number>;
};

describe('tables', () => {
  it.each(goldens.tables)('$name', async (golden) => {
    const stage = right((tables[golden.name] as P.Preprocessor<P.Table, P.Table>).fit(tableOf(golden.train)));
    const out = right(stage.transform(tableOf(golden.test)));
    expectRows(out, golden.out, golden.name.includes('normal') ? 7 : 9);
    if (golden.back !== undefined)
      expectRows(right(P.invert(stage)(out)), golden.back, golden.name.includes('normal') ? 5 : 8);
    // In JSON and back it is the same.
    const again = right(
      P.codec('table', 'table').decode(JSON.parse(JSON.stringify(P.codec('table', 'table').encode(stage)))),
    );
    expect(again.spec).toEqual(stage.spec);
    expect(right(again.transform(tableOf(golden.test))).data).toEqual(out.data);
    // In a graph it is the same, up to float32.
    const graph = await lowered(right(stage.lower), golden.test);
    expect(graph.length).toBe(out.data.length);
    out.data.forEach((v, i) => {
      if (Number.isNaN(v)) expect(graph[i]).toBeNaN();
      else expect(Math.abs((graph[i] ?? Number.NaN) - v) / Math.max(1, Math.abs(v)), `number ${i}`).toBeLessThan(3e-4);
    });
  });

  it('principal components say their variance', () => {
    for (const golden of goldens.tables.filter(({ name }) => name.startsWith('pca'))) {
      const stage = right((tables[golden.name] as P.Preprocessor<P.Table, P.Table>).fit(tableOf(golden.train)));
      const spec = stage.spec as unknown as { variance: readonly number[]; varianceRatio: readonly number[] };
      golden.variance?.forEach((v, k) => expect((spec.variance[k] ?? 0) / v).toBeCloseTo(1, 9));
      golden.ratio?.forEach((v, k) => expect(spec.varianceRatio[k]).toBeCloseTo(v, 9));
    }
  });
});

describe('categories', () => {
  const stages: Readonly<Record<string, P.Preprocessor<P.Cells, P.Table>>> = {
    oneHot: P.oneHot(),
    'oneHot ignore': P.oneHot({ unknown: 'ignore' }),
    'oneHot drop first': P.oneHot({ drop: 'first' }),
    ordinal: P.ordinal(),
    'ordinal ignore': P.ordinal({ unknown: 'ignore' }),
    'featureHashing 16': P.featureHashing(16),
  };

  it.each(goldens.categories)('$name', (golden) => {
    const out = pipe(
      right(P.cells(golden.train)),
      P.fit(stages[golden.name] as P.Preprocessor<P.Cells, P.Table>),
      E.chain((stage) => stage.transform(right(P.cells(golden.test)))),
    );
    expectRows(right(out), golden.out);
  });

  it.each(goldens.hashes)('murmur3 of "$text" with seed $seed', ({ text, seed, hash }) => {
    expect(P.murmur3(text, seed)).toBe(hash);
  });
});

describe('texts', () => {
  const own = { standardize: 'none' } as const;
  const stages: Readonly<Record<string, P.Preprocessor<readonly string[], P.Table>>> = {
    count: P.vectorize({ ...own, outputMode: 'count' }),
    multiHot: P.vectorize({ ...own, outputMode: 'multiHot' }),
    'count ngrams 1 2': P.vectorize({ ...own, outputMode: 'count', ngrams: 2 }),
    'count character': P.vectorize({ ...own, outputMode: 'count', split: 'character' }),
    'tfIdf smooth l2': pipe(P.vectorize({ ...own, outputMode: 'tfIdf', idf: 'smooth' }), P.andThen(P.unit('l2'))),
  };

  it.each(goldens.texts)('$name', (golden) => {
    const stage = right((stages[golden.name] as P.Preprocessor<readonly string[], P.Table>).fit(golden.train));
    const out = right(stage.transform(golden.test));
    const names = right(P.vocabularyOf(stage));
    expect([...names].sort()).toEqual(['[UNK]', ...golden.vocabulary].sort());
    golden.out.forEach((row, i) => {
      golden.vocabulary.forEach((word, j) => {
        expect(out.data[i * names.length + names.indexOf(word)]).toBeCloseTo(row[j] ?? 0, 9);
      });
    });
  });
});

describe('columns of typed rows', () => {
  const features = P.columns(
    P.numeric(['age', 'fare'], pipe(P.impute('median'), P.andThen(P.standardise()))),
    P.categorical(['town'], P.oneHot({ unknown: 'ignore' })),
    P.text('note', P.vectorize({ standardize: 'none', outputMode: 'count' })),
  );

  it('give what a ColumnTransformer gives that is fitted on the training part of each fold', () => {
    const { rows, folds } = goldens.columns;
    const fitted = right(pipe(rows, P.crossFit(features, D.kFold(3, { shuffle: false }))));
    expect(fitted.length).toBe(folds.length);
    fitted.forEach(({ train, validation }, k) => {
      const golden = folds[k] as FoldCase;
      // Tokens come by how often they are here, in the order of the alphabet there, and without [UNK].
      const places = golden.names.map((name) => train.names.indexOf(name));
      expect(train.names.length).toBe(golden.names.length + 1);
      expect(Math.min(...places)).toBe(0);
      const pick = (table: P.Table) => P.toRows(table).map((row) => places.map((j) => row[j] ?? Number.NaN));
      for (const [table, expected] of [
        [train, golden.train],
        [validation, golden.validation],
      ] as const)
        pick(table).forEach((row, i) => row.forEach((v, j) => expect(v).toBeCloseTo(expected[i]?.[j] ?? 0, 9)));
    });
  });
});

describe('byte pairs', () => {
  const golden = read<BytePairs>('bytepairs.json');
  const width = 100;
  const padded = (tokens: readonly number[]) => Array.from({ length: width }, (_, i) => tokens[i] ?? 0);

  it("with the merges of Hugging Face's tokenizers give its tokens, and the texts back", () => {
    const stage = right(P.codec('texts', 'table').decode({ _tag: 'BytePair', merges: golden.merges, width }));
    const tokens = right(stage.transform(golden.texts));
    expect(P.toRows(tokens)).toEqual(golden.out.map(padded));
    expect(right(P.invert(stage)(tokens))).toEqual(golden.texts);
  });

  it('are learned greedily: each is one of those that come most often when it is its turn, here and there', () => {
    const size = golden.merges.length;
    const own = right(P.fit(P.bytePairs({ vocabularySize: 257 + size }))(golden.corpus)).spec as unknown as BytePairs;
    expect(own.merges.length).toBe(size);
    // Until the first tie they are the same.
    expect(own.merges.slice(0, 4)).toEqual(golden.merges.slice(0, 4));
    const byteWords = golden.corpus.flatMap(
      (text) => text.match(/'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu) ?? [],
    );
    for (const merges of [own.merges, golden.merges]) {
      let words = byteWords.map((word) => Array.from(new TextEncoder().encode(word), (byte) => byte + 1));
      merges.forEach(([a, b], i) => {
        const counts = new Map<string, number>();
        for (const word of words)
          for (let j = 0; j + 1 < word.length; j++) {
            const key = `${word[j]} ${word[j + 1]}`;
            counts.set(key, (counts.get(key) ?? 0) + 1);
          }
        expect(counts.get(`${a} ${b}`), `merge ${i}`).toBe(Math.max(...counts.values()));
        words = words.map((word) => {
          const out: number[] = [];
          for (let j = 0; j < word.length; j++) {
            const isPair = word[j] === a && word[j + 1] === b;
            out.push(isPair ? 257 + i : (word[j] ?? 0));
            if (isPair) j++;
          }
          return out;
        });
      });
    }
  });
});

interface KerasCase {
  readonly id: string;
  readonly name: string;
  readonly hyperparameters: Readonly<Record<string, unknown>>;
  readonly inputs: {
    readonly args: readonly { readonly shape: readonly number[]; readonly data: readonly number[] }[];
  };
  readonly expected: { readonly output: { readonly data: readonly number[] } };
}

describe('Keras', () => {
  const cases = read<{ readonly cases: readonly KerasCase[] }>('keras-goldens.json').cases.filter(({ name }) =>
    ['Normalization', 'CategoryEncoding', 'Discretization'].includes(name),
  );
  const stageOf = ({ name, hyperparameters: h }: KerasCase): P.Preprocessor<P.Table, P.Table> => {
    if (name === 'Normalization')
      return P.normalization({ mean: h.mean as readonly number[], variance: h.variance as readonly number[] });
    if (name === 'Discretization') return P.binsAt(h.bin_boundaries as readonly number[]);
    const modes = { one_hot: 'oneHot', multi_hot: 'multiHot', count: 'count' } as const;
    return P.categoryEncoding(h.num_tokens as number, { outputMode: modes[h.output_mode as keyof typeof modes] });
  };

  it('has cases', () => expect(cases.length).toBe(5));

  it.each(cases)('$id', async (golden) => {
    const [arg] = golden.inputs.args;
    const [rows = 1, width = 1] = arg?.shape ?? [];
    const x = Array.from({ length: rows }, (_, i) => arg?.data.slice(i * width, (i + 1) * width) ?? []);
    const stage = right(stageOf(golden).fit(tableOf(x)));
    const out = Array.from(right(stage.transform(tableOf(x))).data);
    golden.expected.output.data.forEach((v, i) => expect(out[i]).toBeCloseTo(v, 5));
    const graph = await lowered(right(stage.lower), x);
    golden.expected.output.data.forEach((v, i) => expect(graph[i]).toBeCloseTo(v, 5));
  });
});
