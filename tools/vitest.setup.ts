import { afterEach, beforeEach, expect, vi } from 'vitest';

// Without the source condition Node resolves to dist, which may be stale: tests would pass on old code.
if (!import.meta.resolve('@staddle/kernel').endsWith('/src/index.ts')) {
  throw new Error('tests resolved @staddle/kernel to dist; run them through `npm test` or `npx nx test PROJECT`');
}

// Nx sets it for its own output; the processes that tests start would colour what the tests read.
delete process.env['FORCE_COLOR'];

// Libraries log through the logger they are given, never to the console.
const METHODS = ['log', 'info', 'warn', 'error', 'debug'] as const;

beforeEach(() => {
  for (const method of METHODS) vi.spyOn(console, method);
});

afterEach(() => {
  for (const method of METHODS) {
    const calls = vi.mocked(console[method]).mock.calls;
    vi.mocked(console[method]).mockRestore();
    expect(calls, `console.${method} was called by the code under test`).toEqual([]);
  }
});
