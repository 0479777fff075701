import { defineConfig } from 'vitest/config';

// One configuration for every package: `vitest run --config ../../tools/vitest.config.ts` in the package's folder.
const conditions = ['@staddle/source'];

export default defineConfig({
  root: process.cwd(),
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: [`${import.meta.dirname}/vitest.servers.ts`],
    setupFiles: [`${import.meta.dirname}/vitest.setup.ts`],
    // The counts that `npm test` adds up.
    reporters: ['default', ['json', { outputFile: '.vitest/results.json' }]],
    pool: 'forks',
    // Child processes and dynamic imports in tests resolve to source as well.
    execArgv: conditions.map((condition) => `--conditions=${condition}`),
    // A hanging test must end the run; nothing here asserts speed.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores, and several packages at a time: more workers only add noise to timing-sensitive tests.
    maxWorkers: 2,
  },
});
