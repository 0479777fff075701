import type { RunChange } from '@staddle/dispatch';
import { noMetrics, sleep } from '@staddle/kernel';
import { createTestClock, recordingLogger, stressLifecycle } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import type { Publish } from '../src/publish.ts';
import { createRunAnnouncer } from '../src/run-announcer.ts';

const change = (runUid: string): RunChange => ({
  runUid,
  taskUid: 'task',
  module: 'demo',
  handler: 'log',
  state: 'READY',
  flags: [],
  scheduledAt: 0,
  attempt: 1,
  error: undefined,
  at: 1_000,
});

function setup(publish: Publish) {
  const clock = createTestClock();
  const logger = recordingLogger();
  const counted: Record<string, number> = {};
  const metrics = {
    ...noMetrics,
    counter: () => ({ add: (value = 1, labels?: object) => void (counted[(labels as { outcome: string }).outcome] = (counted[(labels as { outcome: string }).outcome] ?? 0) + value) }),
  } as typeof noMetrics;
  return { clock, logger, counted, announcer: createRunAnnouncer({ publish, clock, logger, metrics }) };
}

describe('run announcer', () => {
  it('publishes one change after the other to the channel of the module', async () => {
    const published: unknown[] = [];
    const { announcer, clock, counted } = setup(async (channel, data) => void published.push([channel, data]));
    await announcer.start();
    announcer.announce(change('one'));
    announcer.announce(change('two'));
    await clock.advance(1);
    await announcer.stop();
    expect(published).toMatchObject([
      ['runs:demo', { runUid: 'one', state: 'READY', scheduledAt: '1970-01-01T00:00:00.000Z', at: '1970-01-01T00:00:01.000Z' }],
      ['runs:demo', { runUid: 'two' }],
    ]);
    expect(counted).toEqual({ sent: 2 });
    expect(clock.pendingTimers).toBe(0);
  });

  it('counts what does not arrive, and logs the beginning and the end of the trouble', async () => {
    let there = false;
    const { announcer, clock, logger, counted } = setup(async () => {
      if (!there) throw new Error('refused');
    });
    await announcer.start();
    for (let n = 0; n < 5; n++) announcer.announce(change(String(n)));
    await clock.advance(1);
    there = true;
    announcer.announce(change('last'));
    await clock.advance(1);
    await announcer.stop();
    expect(counted).toEqual({ dropped: 5, sent: 1 });
    expect(logger.lines.map(({ level, fields }) => [level, fields.dropped])).toEqual([['warn', undefined], ['info', 5]]);
  });

  it('logs a burst that is too much for the push service once, however often a change gets through in between', async () => {
    const { announcer, clock, logger, counted } = setup(async () => {
      await sleep(1, { clock });
      // The scheduler is faster: two changes for each that is taken.
      if (left-- > 0) for (const uid of ['one', 'two']) announcer.announce(change(uid));
    });
    let left = 50;
    await announcer.start();
    for (let n = 0; n < 10_000; n++) announcer.announce(change(String(n)));
    await clock.advance(20_000);
    await announcer.stop();
    expect(counted).toEqual({ sent: 10_050, dropped: 50 });
    expect(logger.lines.map(({ level, fields }) => [level, fields.dropped])).toEqual([['warn', undefined], ['info', 50]]);
  });

  it('gives up on a push service that hangs, and keeps a bounded number of changes meanwhile', async () => {
    const { announcer, clock, counted } = setup(() => new Promise(() => {}));
    await announcer.start();
    for (let n = 0; n < 10_500; n++) announcer.announce(change(String(n)));
    // The oldest 500 were pushed out, all at once.
    expect(counted).toEqual({ dropped: 500 });
    await clock.advance(6_000);
    expect(counted).toEqual({ dropped: 503 });
    const stopped = announcer.stop();
    await clock.advance(2_000);
    await stopped;
    expect(counted).toEqual({ dropped: 10_500 });
  });

  it('sends what waits before it stops', async () => {
    const published: string[] = [];
    const { announcer } = setup(async (_channel, data) => void published.push((data as { runUid: string }).runUid));
    await announcer.start();
    for (const uid of ['one', 'two', 'three']) announcer.announce(change(uid));
    await announcer.stop();
    expect(published).toEqual(['one', 'two', 'three']);
  });

  it('bears starts and stops in any order', async () => {
    await expect(stressLifecycle(() => setup(async () => {}).announcer, { rounds: 3 })).resolves.toBeUndefined();
  });
});
