import { defineConfig } from 'vitest/config';

/** Whole trainings: minutes, not seconds. One file at a time, so that they do not slow one another down. */
export default defineConfig({
  test: {
    include: ['spec/slow/**/*.spec.ts', 'spec/**/*.slow.spec.ts'],
    setupFiles: ['spec/support/properties.ts'],
    testTimeout: 20 * 60_000,
    hookTimeout: 5 * 60_000,
    pool: 'forks',
    maxWorkers: 1,
    // A soak measures what is held, not what waits to be collected.
    execArgv: ['--expose-gc'],
  },
});
