// For `--require`: native libraries cannot be loaded, as where onnxruntime-node was not installed as it should be.
const { isMainThread } = require('node:worker_threads');

if (!isMainThread)
  process.dlopen = () => {
    throw new Error('broken on purpose');
  };
