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
    '{"v":1,"kind":"date","at":"2026-11-20T10:30:00.000Z"}',
    '300000',
    '',
  ]);
});

it('explain.ts prints sentences, warnings, and times with what clocks do to them', async () => {
  const { stdout } = await run(process.execPath, ['--conditions=@staddle/source', `${import.meta.dirname}/../examples/explain.ts`]);
  const lines = stdout.split('\n');
  expect(lines[0]).toBe('at 02:30 every day (Europe/Paris)');
  expect(lines).toContain('  2026-03-29 03:00:00 +02:00  Sunday    clocks go forward from 02:00 to 03:00: stands for 02:30');
  expect(lines).toContain('每月最后一天 09:00（Asia/Shanghai）');
  expect(lines).toContain('either-day: day of month 31 or day of week FRI: either is enough; write +FRI for both');
});
