/**
 * The public modules, in one place: `grad-ts` exports each as a namespace, `grad-ts/NAME` is the module itself.
 * After a change here run `npm run sync:modules`, which rewrites package.json's `exports` and `src/index.ts`.
 */
export const modules = {
  Shape: 'shape/Shape',
  NdArray: 'shape/NdArray',
  Layer: 'layer/Layer',
  Model: 'model/Model',
  Surgery: 'model/Surgery',
  Weights: 'model/Weights',
  Zoo: 'zoo/Zoo',
  Loss: 'objective/Loss',
  Metric: 'objective/Metric',
  Optimizer: 'optimizer/Optimizer',
  Schedule: 'optimizer/Schedule',
  Precision: 'interpret/Precision',
  Graph: 'graph/Graph',
  Operators: 'graph/Operators',
  Onnx: 'onnx/Onnx',
  Runtime: 'runtime/Runtime',
  Stream: 'stream/Stream',
  NodeStream: 'stream/Node',
  Training: 'training/Training',
  Program: 'training/Program',
  Environment: 'runtime/Environment',
  Event: 'training/Event',
  Callback: 'callback/Callback',
  Data: 'data/Data',
  DataStream: 'data/DataStream',
  Preprocess: 'data/preprocess/Preprocess',
  Image: 'data/image/Image',
  Pipeline: 'pipeline/Pipeline',
  Safetensors: 'format/Safetensors',
  Npy: 'format/Npy',
  Npz: 'format/Npz',
};

/**
 * Node.js itself gets everything in one file, which it loads faster; bundlers, which know the condition `module`, get a file for each
 * module of `src`, so that they can leave out what is not used.
 */
const target = (name, path) => ({
  import: {
    types: `./dist/esm/${path}.d.ts`,
    module: `./dist/esm/${path}.js`,
    node: `./dist/node/${name}.js`,
    default: `./dist/esm/${path}.js`,
  },
  require: {
    types: `./dist/cjs/${path}.d.ts`,
    module: `./dist/cjs/${path}.js`,
    node: `./dist/node/${name}.cjs`,
    default: `./dist/cjs/${path}.js`,
  },
});

/** What package.json's `exports` must be. */
export const packageExports = () => ({
  '.': target('index', 'index'),
  ...Object.fromEntries(Object.entries(modules).map(([name, path]) => [`./${name}`, target(name, path)])),
  './package.json': './package.json',
});

/** What `src/index.ts` must be. */
export const indexSource = () =>
  [
    "/** All modules, as namespaces: `import { Layer as L, Training as T } from 'grad-ts'`. */",
    ...Object.entries(modules)
      .sort(([, a], [, b]) => (a < b ? -1 : 1))
      .map(([name, path]) => `export * as ${name} from './${path}.ts';`),
    '',
  ].join('\n');
