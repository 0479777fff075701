import type { Lifecycle } from '@staddle/kernel';
import { describe, expect, it } from 'vitest';
import { stressLifecycle } from '@staddle/testing';

/** A component that bears everything: starts and stops queue up behind each other. */
function sturdy(made: { running: boolean; starts: number }[] = []): Lifecycle {
  const state = { running: false, starts: 0 };
  made.push(state);
  let last: Promise<void> = Promise.resolve();
  const inTurn = (action: () => void): Promise<void> => (last = last.then(() => new Promise(setImmediate)).then(action));
  return {
    name: 'sturdy',
    start: () =>
      inTurn(() => {
        state.running = true;
        state.starts++;
      }),
    stop: () => inTurn(() => void (state.running = false)),
  };
}

describe('stressLifecycle', () => {
  it('starts and stops fresh components from several callers, and leaves them stopped', async () => {
    const made: { running: boolean; starts: number }[] = [];
    await stressLifecycle(() => sturdy(made), { rounds: 3, workers: 4, turns: 5 });
    expect(made).toEqual(Array.from({ length: 3 }, () => ({ running: false, starts: 20 })));
  });

  it('says in which call a component hangs', async () => {
    let stops = 0;
    const hangs: Lifecycle = { ...sturdy(), name: 'worker', stop: () => (++stops === 1 ? new Promise(() => {}) : Promise.resolve()) };
    await expect(stressLifecycle(() => hangs, { workers: 2, turns: 1, timeoutMs: 50 })).rejects.toMatchObject({
      code: 'ERR_TESTING_TIMEOUT',
      message: expect.stringMatching(/^waited 50 ms for worker to settle; its callers wait in (stop\(\), nothing|nothing, stop\(\))$/),
    });
  });

  it('fails with what a stop() throws', async () => {
    let stops = 0;
    const broken: Lifecycle = { ...sturdy(), stop: async () => void (++stops === 2 && (() => { throw new Error('closed twice'); })()) };
    await expect(stressLifecycle(() => broken)).rejects.toThrow('closed twice');
  });

  it('fails with what a start() throws, unless the caller allows it', async () => {
    let starts = 0;
    const once = (): Lifecycle => ({
      ...sturdy(),
      start: async () => {
        if (++starts > 1) throw new Error('started already');
      },
    });
    await expect(stressLifecycle(once)).rejects.toThrow('started already');
    await stressLifecycle(once, { allowStartError: (error) => String(error).includes('started already') });
  });
});
