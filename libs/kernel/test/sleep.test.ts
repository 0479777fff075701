import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { sleep, systemClock, type Clock } from '@staddle/kernel';
import { runNode } from './fixtures/run-node.ts';

describe('sleep', () => {
  it('resolves after the time, and not before', async () => {
    const startedAt = systemClock.monotonic();
    await sleep(15);
    expect(systemClock.monotonic() - startedAt).toBeGreaterThanOrEqual(15);
  });

  it('rejects with the reason of the signal, and drops its timer', async () => {
    const controller = new AbortController();
    const asleep = sleep(3_600_000, { signal: controller.signal });
    controller.abort(new Error('stopping'));
    await expect(asleep).rejects.toThrow('stopping');
  });

  it('rejects at once when the signal is aborted already, and sets no timer', async () => {
    let timers = 0;
    const clock: Clock = { ...systemClock, setTimer: (...args) => (timers++, systemClock.setTimer(...args)) };
    await expect(sleep(5, { clock, signal: AbortSignal.abort('too late') })).rejects.toBe('too late');
    expect(timers).toBe(0);
  });

  it('leaves no listener behind, whether it ends or is aborted', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    for (let round = 0; round < 20; round++) await sleep(0, { signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    const asleep = [sleep(60_000, { signal }), sleep(60_000, { signal })];
    expect(getEventListeners(signal, 'abort')).toHaveLength(2);
    controller.abort();
    expect(await Promise.allSettled(asleep)).toEqual(asleep.map(() => ({ status: 'rejected', reason: signal.reason })));
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('is not disturbed by an abort after its end', async () => {
    const controller = new AbortController();
    const asleep = sleep(0, { signal: controller.signal });
    await asleep;
    controller.abort();
    expect(await asleep).toBeUndefined();
  });

  it('sleeps by the clock that it is given', async () => {
    const set: unknown[] = [];
    let wake = (): void => {};
    const clock: Clock = {
      ...systemClock,
      setTimer(callback, delayMs, options) {
        set.push([delayMs, options]);
        wake = callback;
        return { cancel: () => set.push('cancelled') };
      },
    };
    const asleep = sleep(86_400_000, { clock, keepAlive: false });
    wake();
    await asleep;
    expect(set).toEqual([[86_400_000, { keepAlive: false }]]);

    const controller = new AbortController();
    const aborted = sleep(1, { clock, signal: controller.signal });
    controller.abort('stop');
    await expect(aborted).rejects.toBe('stop');
    expect(set.slice(1)).toEqual([[1, { keepAlive: true }], 'cancelled']);
  });

  it('lets the process end when it is told not to keep it alive', async () => {
    const script = "import('@staddle/kernel').then(({ sleep }) => void sleep(3_600_000, { keepAlive: false })); process.on('exit', () => console.log('ended'))";
    expect((await runNode('--eval', script)).stdout).toBe('ended\n');
  });
});
