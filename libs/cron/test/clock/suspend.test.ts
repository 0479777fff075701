import { mkdtempDisposable, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cron, interval, type MisfirePolicy } from '@staddle/cron';
import { waitFor } from '@staddle/testing';
import { expect, it } from 'vitest';
import { createStage } from '../processes/stage.ts';
import { iso } from './witness.ts';

const HOUR = 3_600_000;
const START = Date.UTC(2026, 0, 1, 0, 7);
const QUARTERS = cron('*/15 * * * *', { tz: 'UTC' });

it('27: a machine that was suspended for three hours goes on as the misfire policies say', async () => {
  await using stage = await createStage();
  await using folder = await mkdtempDisposable(join(tmpdir(), 'staddle-cron-'));
  const clockPath = join(folder.path, 'clock');
  const setClock = async (aheadMs: number): Promise<void> => {
    // In one step: the process may look at any moment.
    await writeFile(`${clockPath}.new`, String(aheadMs));
    await rename(`${clockPath}.new`, clockPath);
  };
  const schedule = (name: string, misfire: Partial<MisfirePolicy>) => ({ name, trigger: QUARTERS.toJSON(), options: { misfire } });
  const aheadMs = START - Date.now();
  await setClock(aheadMs);
  const { child, process, end } = await stage.start({
    url: undefined,
    clockPath,
    schedules: [
      { name: 'pulse', trigger: interval({ every: '1s', anchor: 0 }).toJSON() },
      schedule('latest', {}),
      schedule('earliest', { mode: 'earliest' }),
      schedule('all', { mode: 'all', windowMs: 4 * HOUR }),
      schedule('all of an hour', { mode: 'all' }),
      schedule('at most five', { mode: 'all', windowMs: 4 * HOUR, max: 5 }),
      schedule('none', { mode: 'none' }),
    ],
  });
  await stage.runs('pulse', 1);
  child.kill('SIGSTOP');
  await setClock(aheadMs + 3 * HOUR);
  child.kill('SIGCONT');
  await waitFor(() => stage.entries('ended', process).filter(({ name }) => name === 'all').length === 12, { what: 'the last of twelve to end' });
  await waitFor(() => stage.entries('ended', process).filter(({ name }) => name === 'at most five').length === 5, { what: 'the last of five to end' });
  // A run that ends may be the first to look at the clock; the jump is reported with the next timer.
  const jumps = () => stage.entries('event').flatMap(({ event }) => (event.type === 'clock-jump' ? [Math.round(event.byMs / HOUR)] : []));
  await waitFor(() => jumps().length > 0, { what: 'the jump to be reported' });
  await end();

  const happened = (wanted: string): string[] => [
    ...stage.entries('run').flatMap(({ name, scheduledAt }) => (name === wanted ? [iso(scheduledAt).slice(11)] : [])),
    ...stage.entries('event').flatMap(({ event }) => (event.type === 'skipped' && event.name === wanted ? [`${iso(event.fromAt).slice(11)}-${iso(event.toAt).slice(11)} x${event.count} ${event.reason}`] : [])),
  ];
  const quarters = ['00:15Z', '00:30Z', '00:45Z', '01:00Z', '01:15Z', '01:30Z', '01:45Z', '02:00Z', '02:15Z', '02:30Z', '02:45Z', '03:00Z'];
  expect(happened('latest')).toEqual(['03:00Z', '00:15Z-02:45Z x11 misfire']);
  expect(happened('earliest')).toEqual(['02:15Z', '00:15Z-02:00Z x8 misfire', '02:30Z-03:00Z x3 misfire']);
  expect(happened('all')).toEqual(quarters);
  expect(happened('all of an hour')).toEqual([...quarters.slice(8), '00:15Z-02:00Z x8 misfire']);
  expect(happened('at most five')).toEqual([...quarters.slice(7), '00:15Z-01:45Z x7 misfire']);
  expect(happened('none')).toEqual(['00:15Z-03:00Z x12 misfire']);
  expect(jumps()).toEqual([3]);
});
