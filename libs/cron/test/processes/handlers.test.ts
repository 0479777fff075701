import { interval } from '@staddle/cron';
import { expect, it } from 'vitest';
import type { ProcessSchedule } from './fixtures/scheduler-process.ts';
import type { Work } from './fixtures/work.ts';
import { createStage, skipped, type Stage } from './stage.ts';

const OFTEN = interval({ every: 200, anchor: 0 });

function schedule(work: Work, options: ProcessSchedule['options'] = {}, name: string = work): ProcessSchedule {
  return { name, trigger: OFTEN.toJSON(), work, options };
}

/** Every instant since its start is one run or in one range that was skipped, as many as `planned` says. */
function expectWhole(stage: Stage, name: string): void {
  const ran = stage.entries('run').filter((run) => run.name === name).map(({ scheduledAt }) => scheduledAt);
  const all = [...ran, ...(['overlap', 'misfire', 'cancelled'] as const).flatMap((reason) => skipped(stage, name, OFTEN, reason))].toSorted((a, b) => a - b);
  const { at: startedAt } = stage.entry('started');
  const { counts } = stage.entry('stopped');
  expect(all, name).toEqual(OFTEN.between(all[0]!, all.at(-1)! + 1, 10_000));
  expect(all[0]).toBeLessThanOrEqual(OFTEN.next(startedAt)!);
  expect(counts[name]!.planned).toBe(all.length);
}

it('handlers that throw, reject, never end, ignore their signal or block the process hurt no other schedule', async () => {
  await using stage = await createStage();
  const patient = { misfire: { graceMs: 60_000 } };
  const late = (mode: 'latest' | 'all' | 'none') => ({ overlap: 'allow', misfire: { mode, graceMs: 1_000 } }) as const;
  const schedules = [
    ...(['throws', 'rejects', 'throwsUndefined', 'falsePromise'] as const).map((work) => schedule(work, { ...patient, overlap: 'allow' })),
    schedule('never', { ...patient, timeoutMs: 100 }),
    schedule('short', { ...patient, overlap: 'allow' }),
    schedule('blocksOnce', { ...patient, overlap: 'allow' }),
    schedule('short', late('latest'), 'late latest'),
    schedule('short', late('all'), 'late all'),
    schedule('short', late('none'), 'late none'),
  ];
  const player = await stage.start({ url: undefined, schedules, drainMs: 0 });
  await stage.runs('short', 20);
  await player.end();

  for (const { name } of schedules) expectWhole(stage, name);
  const { counts } = stage.entry('stopped');
  for (const name of ['throws', 'rejects', 'throwsUndefined', 'falsePromise']) {
    expect(counts[name]).toMatchObject({ succeeded: 0, skipped: { overlap: 0, misfire: 0 } });
    expect(counts[name]!.failed).toBeGreaterThanOrEqual(19);
  }
  // Told to abort, and still running when the process stopped waiting for it.
  expect(counts['never']).toMatchObject({ open: 1, succeeded: 0, failed: 0 });
  expect(stage.entries('event').filter(({ event }) => event.type === 'aborted' && event.name === 'never')).toMatchObject([{ event: { reason: 'timeout' } }]);
  expect(counts['short']).toMatchObject({ failed: 0, skipped: { overlap: 0, misfire: 0 } });
  // Three seconds were blocked, of which one is grace.
  expect(counts['late none']!.skipped.misfire).toBeGreaterThanOrEqual(9);
  expect(counts['late latest']!.skipped.misfire).toBeGreaterThanOrEqual(9);
  expect(counts['late all']!.skipped.misfire).toBe(0);
});

it('what a handler throws later, from a timer of its own, is an uncaught exception of the process: it is not hidden', async () => {
  await using stage = await createStage();
  const { child } = await stage.start({ url: undefined, schedules: [schedule('throwsLater')] });
  expect(await child.exit).toEqual({ code: 1, signal: null });
  expect(child.stderr()).toContain('thrown by a timer on purpose');
});
