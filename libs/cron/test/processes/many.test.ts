import { cron, date, interval } from '@staddle/cron';
import { waitFor } from '@staddle/testing';
import { expect, it } from 'vitest';
import type { ProcessSchedule } from './fixtures/scheduler-process.ts';
import { account, createStage, type Stage } from './stage.ts';

const EVERY_SECOND = cron('* * * * * *', { tz: 'Europe/Paris' });
const ODD_SECONDS = cron('1/2 * * * * *', { tz: 'UTC' });
const OFTEN = interval({ every: 200, anchor: 0 });
// However late the processes of a busy machine are, every instant is asked for; and none is left out because the one before still runs.
const PATIENT = { overlap: 'allow', misfire: { graceMs: 60_000 } } as const;

const SCHEDULES: readonly ProcessSchedule[] = [
  { name: 'every second', trigger: EVERY_SECOND.toJSON(), options: PATIENT },
  { name: 'odd seconds', trigger: ODD_SECONDS.toJSON(), options: PATIENT },
  { name: 'often', trigger: OFTEN.toJSON(), options: PATIENT },
  { name: 'one at a time', trigger: OFTEN.toJSON(), options: { ...PATIENT, overlap: 'buffer_all' } },
];

/** In the order in which they began. */
function staysOf(stage: Stage, name: string): { from: number; to: number; fence: bigint }[] {
  const ended = stage.entries('ended').filter((entry) => entry.name === name);
  return stage
    .entries('run')
    .filter((run) => run.name === name)
    .map(({ at, scheduledAt, fence }) => ({ from: at, to: ended.find((end) => end.scheduledAt === scheduledAt)!.at, fence: BigInt(fence!) }))
    .toSorted((a, b) => a.from - b.from);
}

const EXACT = { twice: [], missing: [], foreign: [] };

it('two processes, then five, then one: every instant runs once, and none is missing', async () => {
  await using stage = await createStage();
  const start = () => stage.start({ schedules: SCHEDULES });
  const [first, second] = await Promise.all([start(), start()]);
  await stage.runs('often', 10);
  const later = await Promise.all([start(), start(), start()]);
  await stage.runs('often', 10);
  await Promise.all([first.end(), ...later.map(({ end }) => end())]);
  await stage.runs('every second', 2);
  await second.end();

  expect(account(stage, 'every second', EVERY_SECOND)).toEqual(EXACT);
  expect(account(stage, 'odd seconds', ODD_SECONDS)).toEqual(EXACT);
  expect(account(stage, 'often', OFTEN)).toEqual(EXACT);
  expect(account(stage, 'one at a time', OFTEN)).toEqual(EXACT);
  const stays = staysOf(stage, 'one at a time');
  for (const [index, stay] of stays.slice(1).entries()) {
    expect(stay.from).toBeGreaterThanOrEqual(stays[index]!.to);
    expect(stay.fence).toBeGreaterThan(stays[index]!.fence);
  }
  for (const { counts, process } of stage.entries('stopped')) {
    for (const [name, { planned, open, succeeded, failed, skipped }] of Object.entries(counts)) {
      expect(succeeded + failed + Object.values(skipped).reduce((sum, each) => sum + each, 0), `the ledger of ${name} in ${process}`).toBe(planned);
      expect(open).toBe(0);
      expect(skipped).toMatchObject({ misfire: 0, unavailable: 0, paused: 0 });
    }
  }
});

it('28: three hundred dates that are due at one millisecond run once each in five processes', async () => {
  await using stage = await createStage();
  // A process that is not up by then finds them late, and done.
  const at = Date.now() + 3_000;
  const schedules = Array.from({ length: 300 }, (_, index): ProcessSchedule => ({ name: `date ${index}`, trigger: date({ at }).toJSON() }));
  const players = await Promise.all([0, 0, 0, 0, 0].map(() => stage.start({ schedules })));
  const finished = (): number => stage.entries('event').filter(({ event }) => event.type === 'finished').length;
  await waitFor(() => finished() === 5 * 300, { what: 'every process to know about every date', timeoutMs: 30_000 });
  await Promise.all(players.map(({ end }) => end()));
  expect(stage.entries('run').map(({ name }) => name).toSorted()).toEqual(schedules.map(({ name }) => name).toSorted());
  expect(new Set(stage.entries('event').map(({ event }) => (event.type === 'skipped' ? event.reason : event.type)))).toEqual(new Set(['elsewhere', 'finished']));
  expect(stage.entries('stopped').map(({ counts }) => counts)).toEqual([{}, {}, {}, {}, {}]);
});
