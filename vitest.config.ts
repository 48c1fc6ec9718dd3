import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['spec/**/*.spec.ts'],
    exclude: ['spec/slow/**', '**/*.slow.spec.ts', '**/node_modules/**'],
    setupFiles: ['spec/support/properties.ts'],
    testTimeout: 60_000,
    // Processes, not threads: onnxruntime runs in worker threads of its own.
    pool: 'forks',
    maxWorkers: 2,
  },
});
