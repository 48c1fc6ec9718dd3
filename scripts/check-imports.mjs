/**
 * Which room of `src` may import which, and which of them may use a package or Node itself: what a room is made of can
 * be read here. (Cycles between files are found by Biome's `noImportCycles`.)
 */
import { sourceImports } from './imports.mjs';

/** An entry is a room, or a path that begins with one file's name; `fp-ts` may be used everywhere. */
const allowed = {
  shape: [],
  // `Layer` is also where a reader looks for `model` and `input`; a user's own layer says its operators in graph values.
  layer: ['shape', 'model/Model', 'model/Wiring', 'graph/Graph'],
  model: ['shape', 'layer'],
  zoo: ['shape', 'layer', 'model'],
  graph: ['shape'],
  autodiff: ['shape', 'graph'],
  // A loss may say where no gradient flows.
  objective: ['shape', 'graph', 'autodiff/Grad', 'training/Event'],
  optimizer: ['shape', 'graph'],
  interpret: ['shape', 'layer', 'model', 'objective', 'optimizer', 'graph', 'autodiff', 'onnx'],
  onnx: ['shape', 'graph', '@bufbuild/protobuf'],
  runtime: ['shape', 'format', 'training/Environment', 'onnxruntime-node', 'node:'],
  stream: [],
  format: ['shape', 'training/Environment', 'io-ts', 'node:'],
  callback: ['shape', 'stream', 'format', 'training/Event', 'training/Environment', 'io-ts'],
  data: ['shape', 'stream', 'format', 'training/Environment', 'io-ts', 'csv-parse', 'node:buffer', 'node:zlib'],
  training: [
    ...['shape', 'layer', 'model', 'objective', 'optimizer', 'graph', 'autodiff', 'interpret', 'onnx', 'runtime'],
    ...['stream', 'format', 'callback', 'data', 'io-ts', 'node:'],
  ],
  pipeline: ['shape', 'layer', 'model', 'data', 'stream', 'training', 'onnx', 'runtime', 'graph', 'io-ts'],
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
