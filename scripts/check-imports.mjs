/**
 * Which room of `src` may import which, and which of them may use a package or Node itself: what a room is made of can
 * be read here. (Cycles between files are found by Biome's `noImportCycles`.)
 */
import { sourceImports } from './imports.mjs';

/** An entry is a room, or a path that begins with one file's name; `fp-ts` may be used everywhere. */
const allowed = {
  shape: [],
  // `Layer` is also where a reader looks for `model` and `input`; a user's own layer says its operators in graph values.
  layer: ['shape', 'model/Model', 'model/Wiring', 'graph/Graph', 'graph/Foreign', 'graph/Operators'],
  // What an imported graph makes of shapes follows from its operators.
  model: ['shape', 'layer', 'graph/Foreign', 'onnx/import/Types', 'onnx/import/Cut', 'onnx/import/ImportError'],
  // Only what users have too: the zoo shows that this is enough.
  zoo: ['shape/Shape', 'layer/Layer', 'graph/Graph', 'graph/Operators'],
  graph: ['shape'],
  autodiff: ['shape', 'graph'],
  // A loss may say where no gradient flows.
  objective: ['shape', 'graph', 'autodiff/Grad', 'training/Event'],
  optimizer: ['shape', 'graph'],
  interpret: ['shape', 'layer', 'model', 'objective', 'optimizer', 'graph', 'autodiff', 'onnx'],
  // An imported file is a layer, or a model.
  onnx: ['shape', 'graph', '@bufbuild/protobuf', 'layer', 'model/Wiring', 'training/Environment'],
  runtime: ['shape', 'format', 'training/Environment', 'onnxruntime-node', 'node:'],
  stream: [],
  format: ['shape', 'training/Environment', 'io-ts', 'fflate', 'node:'],
  callback: ['shape', 'stream', 'format', 'training/Event', 'training/Environment', 'io-ts'],
  // A fitted preprocessor is also a piece of a graph, and a layer.
  data: [
    ...['shape', 'stream', 'format', 'training/Environment', 'io-ts', 'csv-parse', 'node:'],
    ...['graph/Graph', 'graph/Operators', 'layer/custom', 'layer/Definition', 'ml-matrix', 'sharp'],
  ],
  training: [
    ...['shape', 'layer', 'model', 'objective', 'optimizer', 'graph', 'autodiff', 'interpret', 'onnx', 'runtime'],
    ...['stream', 'format', 'callback', 'data', 'io-ts', 'node:'],
  ],
  pipeline: [
    ...['shape', 'layer', 'model', 'data', 'stream', 'training', 'onnx', 'runtime', 'graph', 'format/Json', 'io-ts'],
    'node:crypto',
  ],
  report: ['shape', 'layer', 'model', 'callback', 'training', 'format'],
};

const permits = (entry, to) =>
  entry.includes('/') && !entry.startsWith('@')
    ? to === `${entry}.ts`
    : to === entry || to.startsWith(entry.endsWith(':') ? entry : `${entry}/`);

const files = sourceImports().filter(({ file }) => file.includes('/'));
const faults = files.flatMap(({ file, imports }) => {
  const room = file.slice(0, file.indexOf('/'));
  const rules = allowed[room];
  return rules === undefined
    ? [`src/${file}: the room ${room} is not in scripts/check-imports.mjs`]
    : imports
        .filter((to) => ![room, 'fp-ts', ...rules].some((entry) => permits(entry, to)))
        .map((to) => `src/${file} imports ${to}: ${room} may import ${rules.join(', ') || 'nothing but fp-ts'}`);
});

for (const fault of faults) console.error(fault);
console.log(
  `${files.length} files, ${files.flatMap(({ imports }) => imports).length} imports, ${faults.length} against the rules`,
);
if (files.length === 0 || faults.length > 0) process.exitCode = 1;
