import { runExample } from '@staddle/testing';
import { expect, it } from 'vitest';

async function linesOf(name: string): Promise<string[]> {
  const { code, stdout, stderr } = await runExample(`examples/${name}.ts`);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout.trimEnd().split('\n');
}

it('next-times.ts prints what its comments say', async () => {
  expect(await linesOf('next-times')).toEqual([
    '2025-03-08T07:30:00.000Z',
    '2025-03-09T07:00:00.000Z',
    '2025-03-10T06:30:00.000Z',
    '{"v":1,"kind":"date","at":"2026-11-20T10:30:00.000Z"}',
    '300000',
  ]);
});

it('explain.ts prints sentences, warnings, and times with what clocks do to them', async () => {
  const lines = await linesOf('explain');
  expect(lines[0]).toBe('at 02:30 every day (Europe/Paris)');
  expect(lines).toContain('  2026-03-29 03:00:00 +02:00  Sunday    clocks go forward from 02:00 to 03:00: stands for 02:30');
  expect(lines).toContain('每月最后一天 09:00（Asia/Shanghai）');
  expect(lines).toContain('either-day: day of month 31 or day of week FRI: either is enough; write +FRI for both');
});

it('in-process.ts runs a second, and ends with all that it has begun', async () => {
  expect((await linesOf('in-process')).join('\n')).toBe(
    "0\n[\n  'beat: every second (UTC)',\n  'invoices: at 02:30 every day (Europe/Paris), each up to 5 minutes later'\n]",
  );
});
