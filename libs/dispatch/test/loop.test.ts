import { createTestClock, recordingLogger } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import { createLoop } from '../src/loop.ts';

function setup(tick: (round: number) => number | Promise<number>) {
  const clock = createTestClock();
  const logger = recordingLogger();
  const rounds: number[] = [];
  const loop = createLoop({
    name: 'test',
    clock,
    logger,
    async tick() {
      rounds.push(clock.monotonic());
      return tick(rounds.length);
    },
  });
  return { clock, logger, rounds, loop };
}

describe('loop', () => {
  it('repeats when the last round asked for it', async () => {
    const { clock, rounds, loop } = setup((round) => round * 100);
    loop.start();
    await clock.advance(650);
    await loop.stop();
    expect(rounds).toEqual([0, 100, 300, 600]);
  });

  it('runs at once when woken, also when woken during a round', async () => {
    const { clock, rounds, loop } = setup((round) => {
      if (round === 2) loop.wake();
      return 1_000;
    });
    loop.start();
    await clock.advance(10);
    loop.wake();
    await clock.advance(10);
    expect(rounds).toEqual([0, 10, 10]);
    await loop.stop();
  });

  it('survives rounds that throw, and logs the beginning and the end of the trouble', async () => {
    const { clock, logger, rounds, loop } = setup((round) => {
      if (round <= 5) throw new Error('away');
      return 60_000;
    });
    loop.start();
    await clock.advance(30_000);
    await loop.stop();
    expect(rounds).toHaveLength(6);
    expect(logger.lines.map(({ level, fields }) => [level, fields.loop])).toEqual([['warn', 'test'], ['info', 'test']]);
  });

  it('stops in the middle of a pause and leaves no timer behind', async () => {
    const { clock, rounds, loop } = setup(() => 60_000);
    loop.start();
    await clock.advance(1);
    await loop.stop();
    expect(clock.pendingTimers).toBe(0);
    loop.start();
    await clock.advance(1);
    await loop.stop();
    expect(rounds).toHaveLength(2);
  });

  it('lets the round that is under way end before it has stopped', async () => {
    const { promise, resolve } = Promise.withResolvers<number>();
    const { clock, loop } = setup(() => promise);
    loop.start();
    await clock.advance(1);
    let stopped = false;
    const stopping = loop.stop().then(() => (stopped = true));
    await clock.advance(1_000);
    expect(stopped).toBe(false);
    resolve(5);
    await stopping;
    expect(clock.pendingTimers).toBe(0);
  });
});
