/** The names that the compiler takes for automatic ones are those of all layers with parameters, and no others. */
import { readFileSync } from 'node:fs';
import * as E from 'fp-ts/lib/Either.js';
import { expect, it } from 'vitest';
import * as L from '../../src/layer/Layer.ts';
import { automaticNames } from '../../src/model/Freezable.ts';
import { resolve } from '../../src/model/Resolve.ts';
import { convLstmModels } from '../layer/convLstmModels.ts';
import { type Any, coreModels, type Wire } from '../layer/coreModels.ts';
import { sequenceModels } from '../layer/sequenceModels.ts';

interface Case {
  readonly name: string;
  readonly integer?: boolean;
  readonly inputs: readonly { readonly shape: readonly number[] }[];
}

const read = (family: string): readonly Any[] =>
  JSON.parse(readFileSync(new URL(`../golden/${family}.json`, import.meta.url), 'utf8'));

/** First parts of the names of all parameters, but for names that were given; without their numbers. */
const namesIn = (shapes: readonly unknown[], wire: Wire): readonly string[] => {
  const model = L.graph(Object.fromEntries(shapes.map((s, i) => [`x${i}`, s])) as Any, (x: Any) =>
    wire(shapes.map((_, i) => x[`x${i}`])),
  );
  const resolved = resolve(model as Any);
  if (E.isLeft(resolved)) throw new Error(JSON.stringify(resolved.left));
  const given = new Set(L.groups(model as Any));
  const first = resolved.right.parameters.map((p) => p.name.split('.')[0] as string);
  return first.filter((name) => !given.has(name)).map((name) => name.replace(/_\d+$/, ''));
};

const ofCases = (cases: readonly Case[], models: Readonly<Record<string, Wire>>): readonly string[] =>
  cases.flatMap(({ name, inputs, integer }) =>
    namesIn(
      inputs.map(({ shape }) => (integer === true ? L.int(shape.slice(1)) : shape.slice(1))),
      models[name] as Wire,
    ),
  );

const spatial = (rank: 1 | 2 | 3): readonly Any[] =>
  (
    [
      [`conv${rank}d`, { filters: 2, kernel: 1 }],
      [`conv${rank}dTranspose`, { filters: 2, kernel: 1 }],
      ...(rank === 3
        ? []
        : [
            [`depthwiseConv${rank}d`, { kernel: 1 }],
            [`separableConv${rank}d`, { filters: 2, kernel: 1 }],
          ]),
    ] as const
  ).map(([name, options]) => (L as Any)[name as string](options));

it('are the names of layers with parameters', () => {
  const found = new Set([
    ...ofCases(read('core'), coreModels(L)),
    ...ofCases(read('sequence'), sequenceModels(L)),
    ...ofCases(read('convlstm'), convLstmModels(L)),
    ...([1, 2, 3] as const).flatMap((rank) =>
      spatial(rank).flatMap((layer) => namesIn([[2, ...Array.from({ length: rank }, () => 3)]], ([x]) => layer(x))),
    ),
    ...namesIn([[3]], ([x]) => (L.asLayer(L.model(L.input([3]), L.dense(2))) as Any)(x)),
    ...namesIn([[2, 3]], ([x]) => (L.timeDistributed(L.dense(2)) as Any)(x)),
  ]);
  expect([...found].sort()).toEqual([...automaticNames].sort());
});
