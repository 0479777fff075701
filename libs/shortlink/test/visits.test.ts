import { createShortlinks, type Link, type LinkStore, type Shortlinks } from '@staddle/shortlink';
import { memoryLinkStore } from '@staddle/shortlink/memory';
import { createTestClock, recordingLogger, stressLifecycle, type RecordingLogger, type TestClock } from '@staddle/testing';
import { beforeEach, describe, expect, it } from 'vitest';

let clock: TestClock;
let memory: LinkStore;
let logger: RecordingLogger;
/** What the store was asked to add, one map for each statement. */
let writes: ReadonlyMap<number, number>[];
let write: LinkStore['addVisits'];
let links: Shortlinks;
let link: Link;

beforeEach(async () => {
  clock = createTestClock();
  memory = memoryLinkStore({ clock });
  logger = recordingLogger();
  writes = [];
  write = (visits) => memory.addVisits(visits);
  const store: LinkStore = {
    ...memory,
    addVisits(visits) {
      writes.push(visits);
      return write(visits);
    },
  };
  links = createShortlinks({ store, baseUrl: 'https://sho.rt', clock, logger });
  link = await links.create({ longUrl: 'https://example.com/', slug: 'sale' });
});

const visit = async (times: number, slug = 'sale'): Promise<void> => {
  for (let count = 0; count < times; count++) await links.visit(slug);
};
const counted = async (): Promise<number> => (await links.get(link.uid))!.visits;
const messages = (): string[] => logger.lines.map(({ level, message }) => `${level}: ${message}`);

describe('visits', () => {
  it('resolve as usual and are written together after a second', async () => {
    await links.start();
    expect(await links.visit('sale')).toEqual(await links.resolve('sale'));
    await visit(9);
    await clock.advance(999);
    expect(await counted()).toBe(0);
    await clock.advance(1);
    expect(await counted()).toBe(10);
    expect(writes).toHaveLength(1);
  });

  it('are one row for each link, in one statement for up to 1000 of them', async () => {
    const slugs = Array.from({ length: 1_500 }, (_, index) => `s${index}`);
    for (const slug of slugs) await links.create({ longUrl: 'https://example.com/', slug });
    await links.start();
    for (const slug of [...slugs, ...slugs]) await links.visit(slug);
    await clock.advance(1_000);
    expect(writes.map((visits) => visits.size)).toEqual([1_000, 500]);
    expect(writes.every((visits) => [...visits.values()].every((count) => count === 2))).toBe(true);
  });

  it('count for active links only, and not for those who only ask', async () => {
    await links.start();
    const other = await links.create({ longUrl: 'https://example.com/', slug: 'gone' });
    await links.delete(other.uid);
    await visit(3, 'gone');
    await visit(3, 'nothing');
    await links.resolve('sale');
    await clock.advance(10_000);
    expect(writes).toEqual([]);
    expect(await links.get(other.uid)).toMatchObject({ visits: 0 });
  });

  it('set no timer while there are none', async () => {
    await links.start();
    expect(clock.pendingTimers).toBe(0);
    await visit(1);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(1_000);
    expect(clock.pendingTimers).toBe(0);
  });

  it('are written at the stop, also those that come while it writes', async () => {
    await links.start();
    await visit(2);
    const first = Promise.withResolvers<void>();
    write = async (visits) => {
      await first.promise;
      return memory.addVisits(visits);
    };
    await clock.advance(1_000);
    await visit(5);
    const stopped = links.stop();
    first.resolve();
    await stopped;
    expect(await counted()).toBe(7);
    expect(clock.pendingTimers).toBe(0);
  });

  it('wait for the start when they come before it', async () => {
    await visit(3);
    await clock.advance(5_000);
    expect(writes).toEqual([]);
    await links.start();
    await clock.advance(1_000);
    expect(await counted()).toBe(3);
  });

  it('are kept while the store is away, with one line in the log', async () => {
    write = () => Promise.reject(new Error('down'));
    await links.start();
    await visit(3);
    await clock.advance(5_000);
    await visit(4);
    await clock.advance(5_000);
    expect(await counted()).toBe(0);
    write = (visits) => memory.addVisits(visits);
    await clock.advance(1_000);
    expect(await counted()).toBe(7);
    expect(messages()).toEqual(['warn: visits cannot be stored: trying again', 'info: visits are stored again']);
  });

  it('that failed to be written at the stop are written after the next start', async () => {
    write = () => Promise.reject(new Error('down'));
    await links.start();
    await visit(3);
    await links.stop();
    expect(messages()).toContain('warn: stopped with visits that are not stored');
    expect(logger.lines.at(-1)!.fields).toEqual({ visits: 3 });
    write = (visits) => memory.addVisits(visits);
    await links.start();
    await clock.advance(1_000);
    expect(await counted()).toBe(3);
  });

  it('are not written twice when the first write may have happened', async () => {
    write = async (visits) => {
      await memory.addVisits(visits);
      throw Object.assign(new Error('the answer was lost'), { outcomeUnknown: true });
    };
    await links.start();
    await visit(3);
    await clock.advance(1_000);
    write = (visits) => memory.addVisits(visits);
    await visit(1);
    await clock.advance(1_000);
    expect(await counted()).toBe(4);
    expect(logger.lines[0]).toMatchObject({ level: 'warn', fields: { visits: 3 }, message: 'the write of visits was cut off: they may not have been counted' });
  });

  it('do not hold up a stop beyond its deadline', async () => {
    write = () => new Promise(() => {});
    await links.start();
    await visit(1);
    const deadline = new AbortController();
    const stopped = links.stop(deadline.signal);
    deadline.abort();
    await stopped;
    expect(logger.lines.at(-1)).toMatchObject({ level: 'warn', fields: { visits: 1 }, message: 'stopped with visits that are not stored' });
    await expect(links.stop(AbortSignal.abort())).resolves.toBeUndefined();
  });
});

it('starts and stops in any order', async () => {
  await expect(stressLifecycle(() => createShortlinks({ store: memory, baseUrl: 'https://sho.rt' }), { rounds: 3 })).resolves.toBeUndefined();
});

it('counts what it does', async () => {
  const counts: Record<string, number> = {};
  const metrics = {
    counter: ({ name }: { name: string }) => ({ add: (value = 1, labels: object = {}) => void (counts[`${name}${Object.values(labels).join()}`] = (counts[`${name}${Object.values(labels).join()}`] ?? 0) + value) }),
    gauge: () => ({ set() {} }),
    histogram: () => ({ observe() {} }),
  };
  const codes = ['aa', 'aa', 'bb'];
  const store: LinkStore = { ...memory, addVisits: () => Promise.reject(Object.assign(new Error('lost'), { outcomeUnknown: true })) };
  const counting = createShortlinks({ store, baseUrl: 'https://sho.rt', clock, metrics, newCode: () => codes.shift()! });
  await counting.start();
  const made = await counting.create({ longUrl: 'https://example.com/' });
  await counting.create({ longUrl: 'https://example.com/' });
  await counting.visit('bb');
  await counting.delete(made.uid);
  for (const slug of ['aa', 'sale', 'nothing', 'no.slug']) await counting.resolve(slug);
  await counting.stop();
  expect(counts).toEqual({
    shortlink_code_collisions_total: 1,
    shortlink_resolutions_totalactive: 2,
    shortlink_resolutions_totaldeleted: 1,
    shortlink_resolutions_totalunknown: 2,
    shortlink_visits_lost_total: 1,
  });
});
