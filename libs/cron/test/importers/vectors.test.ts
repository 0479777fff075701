import { readFileSync } from 'node:fs';
import { fromApscheduler, fromCelery, fromKubernetes, fromQuartz, type Imported } from '@staddle/cron/import';
import { hasCode } from '@staddle/kernel';
import { describe, expect, it } from 'vitest';
import { tryTimeZone } from '../../src/zone/time-zone.ts';

// The files hold times that the originals themselves gave: over a year, ten years for rare ones, and around clock changes.

interface Vectors {
  readonly system: string;
  readonly version: string;
  readonly cases: readonly Case[];
}

interface Case {
  readonly schedule: string | Readonly<Record<string, unknown>>;
  readonly tz: string;
  readonly from: string;
  readonly to: string;
  /** With blanks in between. */
  readonly times: string;
}

interface Source {
  readonly file: string;
  readonly read: (schedule: Case['schedule'], tz: string) => Imported;
  /** The cases in which our times differ near a clock change. Nothing else may differ. */
  readonly atClockChanges: readonly string[];
  /** The cases in which versions of the original differ, and a note says so. */
  readonly betweenVersions?: readonly string[];
  readonly refused?: readonly string[];
}

const HALF_HOURLY = 'Australia/Lord_Howe';
const HOURLY = ['America/New_York', 'Europe/Berlin'];

function at(zones: readonly string[], schedule: string): string[] {
  return zones.map((zone) => `${schedule} ${zone}`);
}

// APScheduler loses the first run after a gap when it is in the hour after midnight.
const AFTER_A_GAP = [...at([...HOURLY, HALF_HOURLY], '{"hour":0}'), ...at(['America/New_York'], '{"day":1,"hour":0,"minute":30}')];

const SOURCES: readonly Source[] = [
  {
    file: 'apscheduler-3.9.1',
    read: (schedule, tz) => fromApscheduler({ trigger: 'cron', ...(schedule as object) }, { version: '3.10', tz }),
    atClockChanges: [
      ...at([...HOURLY, HALF_HOURLY], '{"minute":"*/20"}'),
      ...at([...HOURLY, HALF_HOURLY], '{"hour":"*","minute":30,"second":15}'),
      ...at(['America/New_York'], '{"hour":2,"minute":"*"}'),
      ...at(['Europe/Berlin'], '{"hour":"1-3","minute":"0,30"}'),
      ...at([...HOURLY, HALF_HOURLY], '{"hour":"1,2"}'),
      ...AFTER_A_GAP,
    ],
  },
  {
    file: 'apscheduler-3.11.2',
    read: (schedule, tz) => fromApscheduler({ trigger: 'cron', ...(schedule as object) }, { version: '3.11', tz }),
    atClockChanges: [...at(['America/New_York'], '{"hour":2,"minute":"*"}'), ...at([...HOURLY, HALF_HOURLY], '{"hour":"1,2"}'), ...AFTER_A_GAP],
  },
  {
    file: 'apscheduler-4',
    read: (schedule, tz) => fromApscheduler({ trigger: 'cron', ...(schedule as object) }, { version: '4', tz }),
    atClockChanges: [...at([HALF_HOURLY], '{"hour":2,"minute":30}'), ...AFTER_A_GAP],
  },
  {
    file: 'quartz-2.3.2',
    read: (schedule, tz) => fromQuartz(schedule as string, { tz }),
    atClockChanges: [...at(HOURLY, '0 0 * * * ?'), ...at([...HOURLY, HALF_HOURLY], '0 0/20 * * * ?'), ...at([...HOURLY, HALF_HOURLY], '15 30 * * * ?')],
    betweenVersions: ['0 0 12 31W * ? Asia/Shanghai', '0 0 12 1,15W * ? Asia/Shanghai', '0 0 12 1W,15W * ? Asia/Shanghai'],
    // Quartz takes them and runs something else than they say.
    refused: ['0 0 12 ? * 2#1,4', '0 0 12 ? * L-2'],
  },
  {
    file: 'robfig-cron-3.0.1',
    read: (schedule, timeZone) => fromKubernetes({ apiVersion: 'batch/v1', kind: 'CronJob', spec: { schedule, timeZone } }),
    atClockChanges: [
      ...['30 1 * * *', '0 2 * * *', '0 3 * * *', '0 0 * * *', '0 */2 * * *', '*/20 1 * * *'].map((schedule) => `${schedule} ${HALF_HOURLY}`),
      ...['0 9 25 4 *', '0 9 * * fri'].map((schedule) => `${schedule} Africa/Cairo`),
    ],
  },
  {
    file: 'celery-5.6.2',
    read: (schedule, tz) => fromCelery(schedule, { tz }),
    atClockChanges: [...at([...HOURLY, HALF_HOURLY], '{"minute":0}'), ...at([...HOURLY, HALF_HOURLY], '{"minute":"*/20"}'), ...at(['America/New_York'], '{"hour":2}')],
  },
];

describe.each(SOURCES)('the times of $file', ({ file, read, atClockChanges, betweenVersions = [], refused = [] }) => {
  const { cases } = JSON.parse(readFileSync(`${import.meta.dirname}/vectors/${file}.json`, 'utf8')) as Vectors;

  const results = cases.map(({ schedule, tz, from, to, times }) => {
    const text = typeof schedule === 'string' ? schedule : JSON.stringify(schedule);
    const imported = tryRead(() => read(schedule, tz));
    const theirs = new Set(times === '' ? [] : times.split(' ').map((time) => Date.parse(time)));
    const ours = new Set(imported?.trigger.between(Date.parse(from), Date.parse(to), 20_000));
    const different = imported === undefined ? [] : [...ours.symmetricDifference(theirs)];
    return { text, name: `${text} ${tz}`, imported, different, atChange: different.every((time) => changesNear(tz, time) || changesBetween(tz, imported!.trigger.prev(time)!, time)) };
  });
  const named = (some: typeof results): string[] => [...new Set(some.map(({ name }) => name))].toSorted();
  const differing = results.filter(({ imported, different }) => imported !== undefined && different.length > 0);

  it('are ours, but for these cases', () => {
    expect(named(differing.filter(({ atChange }) => atChange))).toEqual(atClockChanges.toSorted());
    expect(named(differing.filter(({ atChange }) => !atChange))).toEqual(betweenVersions.toSorted());
    expect(results.filter(({ imported }) => imported === undefined).map(({ text }) => text)).toEqual(refused);
  });

  it('differ only where a note says so', () => {
    const silent = differing.filter(({ imported, atChange }) => !imported!.notes.some(({ rule }) => rule === (atChange ? 'clock_change' : 'version')));
    expect(named(silent)).toEqual([]);
  });
});

it('notes the clock changes only where clocks change', () => {
  for (const { read, file } of SOURCES) {
    const schedule = { quartz: '0 0 9 * * ?', robfig: '0 9 * * *' }[/^\w+/.exec(file)![0]] ?? { hour: 9, minute: 0 };
    const rules = (tz: string): string[] => read(schedule, tz).notes.map(({ rule }) => rule);
    expect(rules('Europe/Berlin'), file).toContain('clock_change');
    expect(rules('Asia/Shanghai'), file).not.toContain('clock_change');
    expect(rules('UTC'), file).not.toContain('clock_change');
  }
});

/** Undefined when it is refused. */
function tryRead(read: () => Imported): Imported | undefined {
  try {
    return read();
  } catch (error) {
    if (hasCode(error, 'ERR_CRON_IMPORT')) return undefined;
    throw error;
  }
}

const HOUR_MS = 3_600_000;

/** Whether clocks change within a day and a half. */
function changesNear(tz: string, atMs: number): boolean {
  return changesBetween(tz, atMs - 36 * HOUR_MS, atMs + 36 * HOUR_MS);
}

function changesBetween(tz: string, fromMs: number, toMs: number): boolean {
  const zone = tryTimeZone(tz)!;
  return zone.periodAt(fromMs).offsetMs !== zone.periodAt(toMs).offsetMs;
}
