import { interval } from '@staddle/cron';
import { waitFor } from '@staddle/testing';
import { expect, it } from 'vitest';
import type { DeathPoint, ProcessSchedule } from './fixtures/scheduler-process.ts';
import { account, createStage, skipped, type Stage } from './stage.ts';

const OFTEN = interval({ every: 200, anchor: 0 });
const PATIENT = { overlap: 'allow', misfire: { graceMs: 60_000 } } as const;
const TTL_MS = 1_000;
/** Before all others, so that it is the one that gets the instants. */
const AHEAD_MS = 100;
/** How many runs there are of an instant whose process died there, when it is to be retried. */
const AGAIN = [1, 2, 2, 1];
const POINTS: readonly DeathPoint[] = ['claimed', 'inside', 'unsettled', 'ended'];

/** One process after the other takes the lead and kills itself, each at another point, while the others go on. */
async function killAtEveryPoint(stage: Stage, schedules: readonly ProcessSchedule[], name: string): Promise<void> {
  for (const point of POINTS) {
    const doomed = await stage.start({ schedules, ttlMs: TTL_MS, aheadMs: AHEAD_MS, dies: { point, name } });
    expect(await doomed.child.exit, point).toMatchObject({ signal: 'SIGKILL' });
  }
}

it('kill -9 before the handler, inside it, behind it and after all: no instant runs twice, and none is missing but those the dead held', async () => {
  await using stage = await createStage();
  const schedules: readonly ProcessSchedule[] = [
    { name: 'often', trigger: OFTEN.toJSON(), options: PATIENT },
    { name: 'one at a time', trigger: OFTEN.toJSON(), options: { ...PATIENT, overlap: 'buffer_all' } },
  ];
  const survivors = await Promise.all([0, 0].map(() => stage.start({ schedules, ttlMs: TTL_MS })));
  await killAtEveryPoint(stage, schedules, 'often');
  // Also those that waited for a lock of the dead: it ends with its ttl.
  await stage.runs('one at a time', 5);
  for (const { end } of survivors) await end();

  const deaths = stage.entries('dies');
  const left = new Set(deaths.flatMap(({ leaves }) => leaves));
  for (const { name } of schedules) {
    const { twice, missing, foreign } = account(stage, name, OFTEN);
    expect({ twice, foreign }).toEqual({ twice: [], foreign: [] });
    // On a machine so busy that a living process loses a lease as well, it says so.
    const lost = skipped(stage, name, OFTEN, 'unavailable');
    expect(missing.filter((at) => !left.has(`${name}@${at}`) && !lost.includes(at))).toEqual([]);
  }
  const ran = stage.entries('run').filter(({ name }) => name === 'often');
  expect(deaths.map(({ scheduledAt }) => ran.filter((run) => run.scheduledAt === scheduledAt).length)).toEqual([0, 1, 1, 1]);
});

it("with onCrash 'retry' another process runs again what the dead had not settled, with a higher fence, and none is missing", async () => {
  await using stage = await createStage();
  const schedules: readonly ProcessSchedule[] = [{ name: 'often', trigger: OFTEN.toJSON(), options: { ...PATIENT, lock: { onCrash: 'retry', ttlMs: TTL_MS } } }];
  const survivors = await Promise.all([0, 0].map(() => stage.start({ schedules })));
  await killAtEveryPoint(stage, schedules, 'often');
  const runsOf = (at: number) => stage.entries('run').filter(({ scheduledAt }) => scheduledAt === at);
  const deaths = () => stage.entries('dies').map(({ scheduledAt }) => runsOf(scheduledAt).length);
  await waitFor(() => deaths().every((runs, index) => runs >= AGAIN[index]!), { what: 'all that the dead left behind to be run again' });
  for (const { end } of survivors) await end();

  const { twice, missing, foreign } = account(stage, 'often', OFTEN);
  expect({ missing, foreign }).toEqual({ missing: [], foreign: [] });
  expect(runsOf(stage.entries('dies').at(-1)!.scheduledAt)).toHaveLength(1);
  const left = new Set(stage.entries('dies').flatMap(({ leaves }) => leaves));
  const lost = new Set(stage.entries('event').flatMap(({ event }) => (event.type === 'aborted' && event.reason === 'lost' ? [event.scheduledAt] : [])));
  expect(twice.filter((at) => !left.has(`often@${at}`) && !lost.has(at))).toEqual([]);
  for (const at of twice) {
    const fences = runsOf(at).map(({ fence }) => BigInt(fence!));
    expect(fences).toEqual([...new Set(fences)].toSorted((a, b) => (a < b ? -1 : 1)));
  }
});
