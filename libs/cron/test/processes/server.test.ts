import { interval } from '@staddle/cron';
import { createFaultProxy, waitFor } from '@staddle/testing';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import type { ProcessSchedule } from './fixtures/scheduler-process.ts';
import { account, createStage, skipped, type Player } from './stage.ts';

const OFTEN = interval({ every: 200, anchor: 0 });
const NAMES = ['often', 'one at a time'] as const;

it('Redis stands still, is paused, restarts, and one process is cut off: an instant runs once or is skipped as unavailable, and all goes on afterwards', async () => {
  await using stage = await createStage();
  await using proxy = await createFaultProxy({ target: stage.server.url });
  const schedules: readonly ProcessSchedule[] = [
    { name: 'often', trigger: OFTEN.toJSON(), options: { overlap: 'allow', misfire: { graceMs: 60_000 } } },
    { name: 'one at a time', trigger: OFTEN.toJSON(), options: { overlap: 'skip', misfire: { graceMs: 60_000 } } },
  ];
  const start = (url: string) => stage.start({ schedules, ttlMs: 1_000, url });
  const [far, near] = await Promise.all([start(proxy.url()), start(stage.server.url)]);
  const goesOn = () => Promise.all(NAMES.map((name) => stage.runs(name, 3)));
  const givesUp = async ({ process }: Player): Promise<void> => {
    const count = () => skipped(stage, 'often', OFTEN, 'unavailable', process).length;
    const known = count();
    await waitFor(() => count() > known, { what: `process ${process} to give up`, timeoutMs: 30_000 });
  };
  await goesOn();

  await stage.server.pause();
  await Promise.all([givesUp(far), givesUp(near)]);
  await stage.server.resume();
  await goesOn();

  const admin = new Redis(stage.server.url);
  await admin.client('PAUSE', 1_500, 'WRITE');
  admin.disconnect();
  await goesOn();

  await stage.server.restart();
  await goesOn();

  for (const breakLine of [() => proxy.blackhole(), () => proxy.cut()]) {
    breakLine();
    await givesUp(far);
    await goesOn();
    proxy.restore();
    await goesOn();
  }
  for (const { end } of [far, near]) await end();

  for (const name of NAMES) {
    const { twice, missing, foreign } = account(stage, name, OFTEN);
    expect({ twice, foreign }).toEqual({ twice: [], foreign: [] });
    const explained = new Set((['unavailable', 'overlap'] as const).flatMap((reason) => skipped(stage, name, OFTEN, reason)));
    expect(missing.filter((at) => !explained.has(at)), name).toEqual([]);
  }
  for (const { counts } of stage.entries('stopped')) {
    expect(counts['often']).toMatchObject({ open: 0, failed: 0, skipped: { overlap: 0, misfire: 0 } });
    for (const { planned, succeeded, failed, skipped: skips } of Object.values(counts)) {
      expect(succeeded + failed + Object.values(skips).reduce((sum, count) => sum + count, 0)).toBe(planned);
    }
  }
});
