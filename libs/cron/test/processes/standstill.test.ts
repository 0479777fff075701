import { date, interval } from '@staddle/cron';
import { waitFor } from '@staddle/testing';
import { expect, it } from 'vitest';
import type { ProcessSchedule } from './fixtures/scheduler-process.ts';
import { account, createStage, skipped } from './stage.ts';

const OFTEN = interval({ every: 200, anchor: 0 });

it('a process that stood still for longer than its leases is told of it, its misfire policy decides about what it missed, and nothing runs twice but what is to be retried', async () => {
  await using stage = await createStage();
  const often = (name: string, options: ProcessSchedule['options']): ProcessSchedule => ({ name, trigger: OFTEN.toJSON(), options: { overlap: 'allow', ...options } });
  const schedules: readonly ProcessSchedule[] = [
    { name: 'held', trigger: OFTEN.toJSON(), work: 'untilAborted' },
    { name: 'retried', trigger: date({ at: Date.now() }).toJSON(), options: { lock: { onCrash: 'retry', ttlMs: 1_000 } }, work: 'untilAborted' },
    often('latest', { misfire: { graceMs: 1_000 } }),
    often('all', { misfire: { mode: 'all', graceMs: 1_000, max: 10_000 } }),
    often('in grace', { misfire: { mode: 'none', graceMs: 60_000 } }),
  ];
  // Ahead, so that it is the one that gets the instants.
  const frozen = await stage.start({ schedules, ttlMs: 1_000, aheadMs: 100, drainMs: 0 });
  const other = await stage.start({ schedules, ttlMs: 1_000, drainMs: 0 });
  const lasting = ['held', 'retried'];
  const areRun = (process: string) => () => lasting.every((wanted) => stage.entries('run', process).some(({ name }) => name === wanted));
  await waitFor(areRun(frozen.process), { what: 'runs that last' });

  frozen.child.kill('SIGSTOP');
  // Its leases are over when the other process has runs of the same schedules.
  await waitFor(areRun(other.process), { what: 'the other process to take over', timeoutMs: 30_000 });
  // More than the second of grace, by any clock.
  await stage.runs('in grace', 8);
  frozen.child.kill('SIGCONT');
  const ended = (wanted: string) => waitFor(() => stage.entries('ended', frozen.process).find(({ name }) => name === wanted), { what: `the stale run of ${wanted} to end` });
  const { aborted, at: wokeAt } = await ended('held');
  expect([aborted, (await ended('retried')).aborted]).toEqual(['LockLostError', 'LockLostError']);
  await waitFor(() => stage.entries('run', frozen.process).some(({ scheduledAt }) => scheduledAt > wokeAt), { what: 'the process to run something new' });
  await frozen.end();
  await other.end();

  expect(stage.entries('event', frozen.process).filter(({ event }) => event.type === 'aborted' && event.name === 'held')[0]).toMatchObject({ event: { reason: 'lost' } });
  const retried = stage.entries('run').filter(({ name }) => name === 'retried');
  expect(retried[0]!.process).toBe(frozen.process);
  expect(BigInt(retried.at(-1)!.fence!)).toBeGreaterThan(BigInt(retried[0]!.fence!));
  expect(account(stage, 'held', OFTEN)).toMatchObject({ twice: [], foreign: [] });
  for (const name of ['latest', 'all', 'in grace']) {
    const { twice, missing, foreign } = account(stage, name, OFTEN);
    expect({ twice, foreign }).toEqual({ twice: [], foreign: [] });
    // What it had claimed when it was stopped, and did not begin in time.
    expect(missing.filter((at) => !skipped(stage, name, OFTEN, 'unavailable', frozen.process).includes(at)), name).toEqual([]);
  }
  const { counts } = stage.entry('stopped', frozen.process);
  expect(counts['latest']!.skipped.misfire).toBeGreaterThan(0);
  expect(counts['all']!.skipped.misfire).toBe(0);
  expect(counts['in grace']!.skipped.misfire).toBe(0);
  // What ran in the other process meanwhile was asked for, and found to have run.
  const ranElsewhere = stage.entries('run', other.process).filter(({ name, scheduledAt }) => name === 'all' && scheduledAt < wokeAt - 100).map(({ scheduledAt }) => scheduledAt);
  const known = skipped(stage, 'all', OFTEN, 'elsewhere', frozen.process);
  const { at: startedAt } = stage.entry('started', frozen.process);
  expect(ranElsewhere.filter((at) => at > startedAt && !known.includes(at))).toEqual([]);
});
