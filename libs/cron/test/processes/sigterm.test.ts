import { interval } from '@staddle/cron';
import { waitFor } from '@staddle/testing';
import { expect, it } from 'vitest';
import { account, createStage, skipped } from './stage.ts';

const OFTEN = interval({ every: 200, anchor: 0 });
const SELDOM = interval({ every: 1_000, anchor: 0 });

it('SIGTERM: what runs is finished, nothing that comes later begins, the exit code is 0, and other processes go on without a gap', async () => {
  await using stage = await createStage();
  const misfire = { graceMs: 60_000 };
  const schedules = [
    { name: 'often', trigger: OFTEN.toJSON(), options: { overlap: 'allow', misfire } },
    { name: 'one at a time', trigger: OFTEN.toJSON(), options: { overlap: 'buffer_all', misfire } },
    { name: 'slow', trigger: SELDOM.toJSON(), options: { overlap: 'allow', misfire }, work: 'untilSigterm' },
  ] as const;
  const leaving = await stage.start({ schedules, aheadMs: 50 });
  const staying = await stage.start({ schedules });
  const running = await waitFor(() => stage.entries('run', leaving.process).find(({ name }) => name === 'slow'), { what: 'a run that has not ended' });
  await leaving.end();
  await stage.runs('often', 5);
  await staying.end();

  const { at: stoppingAt } = stage.entry('stopping', leaving.process);
  expect(stage.entries('ended', leaving.process)).toContainEqual(expect.objectContaining({ name: 'slow', scheduledAt: running.scheduledAt }));
  expect(stage.entries('ended', leaving.process).filter(({ aborted }) => aborted !== undefined)).toEqual([]);
  expect(stage.entries('run', leaving.process).filter(({ scheduledAt }) => scheduledAt > stoppingAt)).toEqual([]);
  for (const [name, trigger] of [['often', OFTEN], ['slow', SELDOM]] as const) expect(account(stage, name, trigger), name).toEqual({ twice: [], missing: [], foreign: [] });
  const { twice, missing, foreign } = account(stage, 'one at a time', OFTEN);
  expect({ twice, foreign }).toEqual({ twice: [], foreign: [] });
  // They waited for a run of the other process when theirs was stopped.
  expect(missing.filter((at) => !skipped(stage, 'one at a time', OFTEN, 'cancelled', leaving.process).includes(at))).toEqual([]);
});
