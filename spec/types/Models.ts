/** What must compile, with the exact types. tsc is the test: nothing here runs. */
import { pipe } from 'fp-ts/lib/function.js';
import * as L from '../../src/layer/Layer.ts';
import type { Apply, Seq } from '../../src/shape/Fn.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import type { Agree, Bind, Dim, Fits, Int, Sample, Show } from '../../src/shape/Shape.ts';
import { type Eq, is, same } from './Eq.ts';

// ----- chains
const cnn = L.model(
  L.input([1, 28, 28]),
  L.conv2d({ filters: 32, kernel: 3 }),
  L.relu(),
  L.maxPool2d(),
  L.flatten(),
  L.dense(10),
);
is<L.Model<['batch', 1, 28, 28], ['batch', 10]>>()(cnn);
is<L.Model<['batch', 5408], ['batch', 10]>>()(L.model(L.input([5408]), L.dense(10)));
is<L.Model<['batch', 4], ['batch', 4]>>()(L.model(L.input([4])));

const moa = L.model(
  L.input([875]),
  L.batchNormalization(),
  L.dropout(0.2),
  L.weightNormalization(L.dense(2048, { activation: 'relu' })),
  L.batchNormalization(),
  L.dropout(0.2),
  L.weightNormalization(L.dense(1024, { activation: 'relu' })),
  L.batchNormalization(),
  L.dropout(0.2),
  L.weightNormalization(L.dense(512, { activation: 'relu' })),
  L.batchNormalization(),
  L.dropout(0.2),
  L.weightNormalization(L.dense(206, { activation: 'sigmoid' })),
);
is<L.Model<['batch', 875], ['batch', 206]>>()(moa);

// ----- generic blocks, checked where they are used
const block = <F extends number, O extends number>(f: F, o: O) =>
  L.residual(
    L.sequential(
      L.conv2d({ filters: f, kernel: 1 }),
      L.batchNormalization(),
      L.relu(),
      L.conv2d({ filters: f, kernel: 3, padding: 'same', useBias: false, kernelInitializer: L.Initializer.heNormal }),
      L.conv2d({ filters: o, kernel: 1 }),
    ),
    L.conv2d({ filters: o, kernel: 1 }),
  );
is<L.Model<['batch', 64, 56, 56], ['batch', 1000]>>()(
  L.model(L.input([64, 56, 56]), block(64, 256), block(64, 256), L.globalAveragePool2d(), L.dense(1000)),
);
const tower = <N extends number>(units: N) => L.sequential(L.dropout(0.5), L.dense(units), L.tanh());
is<L.Model<['batch', 8], ['batch', 3]>>()(L.model(L.input([8]), tower(16), tower(3)));

// ----- pipe on symbolic tensors; pipe on layers
is<L.Tensor<['batch', 10]>>()(
  pipe(L.input([1, 28, 28]), L.conv2d({ filters: 32, kernel: 3 }), L.relu(), L.flatten(), L.dense(10)),
);
const head = pipe(L.flatten(), L.andThen(L.dense(64)), L.andThen(L.relu()), L.andThen(L.dense(10)));
is<L.Model<['batch', 512, 7, 7], ['batch', 10]>>()(L.model(L.input([512, 7, 7]), head));

// ----- category laws, on shapes
type F = L.Conv2d<{ filters: 8; kernel: 3 }>;
type G = L.Flatten;
type H = L.Dense<5>;
type S = ['batch', 3, 9, 9];
same<Eq<Apply<Seq<[L.Id, F]>, S>, Apply<F, S>>>();
same<Eq<Apply<Seq<[F, L.Id]>, S>, Apply<F, S>>>();
same<Eq<Apply<Seq<[Seq<[F, G]>, H]>, S>, Apply<Seq<[F, Seq<[G, H]>]>, S>>>();
same<Eq<Apply<Seq<[]>, S>, S>>();

// ----- windows
type Conv<C extends { filters: number; kernel: number | readonly [number, number] }, I> = Apply<L.Conv2d<C>, I>;
same<Eq<Conv<{ filters: 4; kernel: [5, 3]; strides: [2, 3]; padding: 1 }, ['b', 3, 32, 32]>, ['b', 4, 15, 11]>>();
same<Eq<Conv<{ filters: 4; kernel: 3; padding: [0, 2]; dilation: [1, 2] }, ['b', 3, 8, 8]>, ['b', 4, 6, 8]>>();
same<Eq<Conv<{ filters: 4; kernel: 7; strides: 2; padding: 3 }, ['b', 3, 224, 224]>, ['b', 4, 112, 112]>>();
same<Eq<Conv<{ filters: 4; kernel: 3; strides: 2; padding: 'same' }, ['b', 3, 7, 8]>, ['b', 4, 4, 4]>>();
same<Eq<Conv<{ filters: 6; kernel: 1; groups: 3 }, ['b', 9, 'h', 'w']>, ['b', 6, 'h', 'w']>>();
same<Eq<Conv<{ filters: 6; kernel: 3 }, ['b', 9, 'h', 5]>, ['b', 6, number, 3]>>();
is<L.Model<['batch', 3, 9, 9], ['batch', 3, 5, 5]>>()(
  L.model(L.input([3, 9, 9]), L.maxPool2d({ kernel: 3, strides: 2, padding: 1 })),
);
is<L.Model<['batch', 3, 9, 9], ['batch', 3, 5, 5]>>()(
  L.model(L.input([3, 9, 9]), L.averagePool2d({ padding: 'same' })),
);

// ----- exact arithmetic at size
is<L.Model<['batch', 10, 25, 625], ['batch', 156250]>>()(L.model(L.input([10, 25, 625]), L.flatten()));
is<L.Model<['batch', 784], ['batch', 1, 28, 28]>>()(L.model(L.input([784]), L.reshape([1, 28, 28])));
is<L.Model<['batch', 784], ['batch', 49, 16]>>()(L.model(L.input([784]), L.reshape([-1, 16])));

// ----- symbolic and unknown dimensions
is<L.Model<Int<['batch', 'seq']>, Int<['batch', 'seq']>>>()(L.model(L.tokens(['seq']), L.identity()));
is<L.Model<['batch', 'seq', 16], ['batch', 'seq', 10]>>()(L.model(L.input(['seq', 16]), L.dense(10), L.softmax()));
is<L.Model<['batch', 1, 28, number], ['batch', 10]>>()(
  L.model(L.input([1, 28, 28 as number]), L.conv2d({ filters: 32, kernel: 3 }), L.flatten(), L.dense(10)),
);
declare const some: readonly L.Layer<L.Id>[];
is<L.Model<['batch', 28], readonly Dim[]>>()(L.model(L.input([28]), ...some));
declare const coin: boolean;
is<L.Model<['batch', 4], readonly Dim[]>>()(L.model(L.input([4]), coin ? L.dense(2) : L.dense(3)));
declare const anyShape: L.Shape;
is<L.Model<readonly Dim[], readonly Dim[]>>()(L.model(L.input(anyShape), L.dense(3)));
// widened configurations are left to run time
const config = { filters: 8, kernel: 3 };
is<L.Model<['batch', 1, 28, 28], ['batch', number, number, number]>>()(L.model(L.input([1, 28, 28]), L.conv2d(config)));
declare const declared: L.Conv2dOptions;
is<L.Model<['batch', 1, 28, 28], ['batch', number, number, number]>>()(
  L.model(L.input([1, 28, 28]), L.conv2d(declared)),
);

// ----- side by side
is<L.Model<['batch', 3, 8, 8], ['batch', 12, 8, 8]>>()(
  L.model(
    L.input([3, 8, 8]),
    L.concat(L.conv2d({ filters: 4, kernel: 1 }), L.conv2d({ filters: 5, kernel: 3, padding: 'same' }), L.identity()),
  ),
);
is<L.Model<['batch', 4], ['batch', 7]>>()(L.model(L.input([4]), L.concat(L.dense(3), L.identity())));
is<L.Model<['batch', 5, 4], ['batch', 10, 4]>>()(L.model(L.input([5, 4]), L.concatOn(1)(L.identity(), L.dense(4))));
is<L.Model<['batch', 5, 4], ['batch', 5, 8]>>()(L.model(L.input([5, 4]), L.concatOn(-1)(L.relu(), L.identity())));
is<L.Model<['batch', 8], ['batch', 8]>>()(L.model(L.input([8]), L.repeat(3, L.residual(L.dense(8)))));

// ----- graphs
is<L.Model<{ a: ['batch', 8]; b: ['batch', 8] }, { same: ['batch', 1]; code: ['batch', 64] }>>()(
  L.graph({ a: [8], b: [8] }, ({ a, b }) => {
    const encode = L.named('encoder', L.dense(64));
    return { same: pipe(L.concatenate(encode(a), encode(b)), L.dense(1)), code: encode(a) };
  }),
);
is<L.Model<['batch', 8], ['batch', 8]>>()(L.graph([8], (x) => L.add(L.dense(8)(x), x)));
is<L.Model<['batch', 8], ['batch', 3]>>()(
  L.graph([8], (x) => L.through(L.add(L.dense(8)(x), x), L.relu(), L.dense(3))),
);
is<L.Model<['batch', 3, 4, 4], ['batch', 3, 8, 4]>>()(L.graph([3, 4, 4], (x) => L.concatenate(x, x, 2)));
is<L.Model<{ ids: Int<['batch', 'seq']>; x: ['batch', 2] }, ['batch', 3]>>()(
  L.graph({ ids: L.int(['seq']), x: [2] }, ({ x }) => L.dense(3)(x)),
);

// ----- a model is a layer again; its input may be less known than what comes
is<L.Model<['batch', 1, 28, 28], ['batch', 2]>>()(L.model(L.input([1, 28, 28]), L.asLayer(cnn), L.dense(2)));

// ----- variance: contravariant in the input, covariant in the output
declare const loose: L.Model<readonly ['batch', number], ['batch', 10]>;
const strict: L.Model<readonly ['batch', 28], readonly ['batch', number]> = loose;
declare const narrow: L.Model<readonly ['batch', 28], ['batch', 10]>;
// @ts-expect-error a model that takes 28 features does not take any number of them
const wide: L.Model<readonly ['batch', number], ['batch', 10]> = narrow;
void strict;
void wide;

// ----- a message is a type too
same<Eq<Conv<{ filters: 1; kernel: 5 }, ['batch', 1, 3, 3]>, 'conv2d: kernel 5x5 is larger than input 3x3'>>();

// ----- named groups
const transfer = L.model(
  L.input([1, 28, 28]),
  L.named('backbone', L.sequential(L.named('stem', L.conv2d({ filters: 4, kernel: 3 })), L.flatten())),
  L.named('head', L.dense(10)),
);
is<L.Model<['batch', 1, 28, 28], ['batch', 10]> & L.Groups<'backbone' | 'backbone.stem' | 'head'>>()(transfer);
same<Eq<L.GroupsOf<typeof transfer>, 'backbone' | 'backbone.stem' | 'head'>>();
same<Eq<L.GroupsOf<typeof cnn>, string>>();

// ----- shapes
same<Eq<Sample<['batch', 3, 4]>, [3, 4]>>();
same<Eq<Sample<Int<['batch']>>, Int<[]>>>();
same<Eq<Sample<{ a: ['batch', 2]; b: Int<['batch', 'seq']> }>, { a: [2]; b: Int<['seq']> }>>();
same<Eq<Bind<['batch', 10], 32>, [32, 10]>>();
same<Eq<Bind<{ a: ['batch', 10]; b: Int<['batch']> }, 32>, { a: [32, 10]; b: Int<[32]> }>>();
same<Eq<Agree<[28, number], [28, 5]>, true>>();
same<Eq<Agree<[28], [28, 5]>, false>>();
same<Eq<Agree<[28], Int<[28]>>, false>>();
same<Eq<Agree<{ a: [2]; b: [number] }, { a: [2]; b: [3] }>, true>>();
same<Eq<Agree<{ a: [2] }, { a: [3] }>, false>>();
same<Eq<Agree<{ a: [2] }, { b: [2] }>, false>>();
same<Eq<Agree<['seq'], ['seq']>, true>>();
same<Eq<Agree<readonly Dim[], [1]>, true>>();
same<Eq<Show<Int<['batch', 'seq']>>, 'int32[batch,seq]'>>();
same<Eq<Show<[number, 3]>, '[?,3]'>>();
same<Eq<Fits<"fit: the model's input", [784], "the dataset's", [784]>, unknown>>();
same<
  Eq<
    Fits<"fit: the model's input", [784], "the dataset's", [28, 28]>,
    "fit: the model's input is [784], the dataset's [28,28]"
  >
>();

// ----- arrays are covariant in what is known
declare const known: NdArray<[32, 10]>;
const unknownRows: NdArray<[number, 10]> = known;
void unknownRows;

// ----- a user's own rule is one interface
interface Doubled extends L.Leaf {
  readonly out: this['in'] extends [infer B, infer N extends number] ? [B, N, 2] : 'doubled: expects [batch,n]';
}
declare const doubled: L.Layer<Doubled>;
is<L.Model<['batch', 4], ['batch', 4, 2]>>()(L.model(L.input([4]), doubled));
