import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

// Not `runExample` of @staddle/testing: a package that depends on it gets database servers for its test run.
const run = promisify(execFile);

it('next-times.ts prints what its comments say', async () => {
  const { stdout } = await run(process.execPath, ['--conditions=@staddle/source', `${import.meta.dirname}/../examples/next-times.ts`]);
  expect(stdout.split('\n')).toEqual([
    '2025-03-08T07:30:00.000Z',
    '2025-03-09T07:00:00.000Z',
    '2025-03-10T06:30:00.000Z',
    '{"kind":"date","at":"2026-11-20T10:30:00.000Z"}',
    '300000',
    '',
  ]);
});
