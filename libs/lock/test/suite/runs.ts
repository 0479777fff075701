import { waitFor } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import type { House, HouseLocks, Worker } from './house.ts';

const FIRE_TIME = Date.UTC(2026, 0, 1, 3);
const MINUTE = 60_000;

/** One run per scheduled instant. */
export function describeRuns(house: () => House): void {
  /** What a killed process held for the run of 03:00 is over. */
  const expire = async (locks: HouseLocks): Promise<void> => {
    for (const key of [{ kind: 'run', name: `report@${FIRE_TIME}` }, { kind: 'mutex', name: 'report' }] as const) {
      const { holders = [] } = (await locks.inspect(key.name, key)) ?? {};
      await house().expire(key, holders.map(({ token }) => token));
    }
  };

  describe('40: runOnce', () => {
    it('runs each of 200 instants once, among six processes whose clocks differ by up to two seconds', async () => {
      const fireTimes = Array.from({ length: 200 }, (_, n) => FIRE_TIME + n * MINUTE);
      const workers = await Promise.all([-2_000, -700, 0, 0, 900, 2_000].map((skewMs) => house().worker({ do: 'schedule', job: 'report', fireTimes, options: { overlap: 'allow' } }, skewMs)));
      await Promise.all(workers.map((worker) => worker.line('end')));
      const runs = workers.flatMap(({ lines }) => lines.filter((line) => line.startsWith('ran ')));
      expect(runs.toSorted()).toEqual(fireTimes.map((fireTime) => `ran ${fireTime}`));
      // Somebody who comes ten minutes late.
      const late = await house().process();
      expect(await late.runOnce('report', FIRE_TIME, async () => 'again')).toMatchObject({ ran: false, reason: 'done' });
    });

    it('gives the value and the fence of the run, and says who has it otherwise', async () => {
      const locks = await house().process({ instance: 'first' });
      const other = await house().process();
      const running = Promise.withResolvers<void>();
      const finish = Promise.withResolvers<void>();
      const first = locks.runOnce('report', new Date(FIRE_TIME), async ({ fence, names }) => {
        running.resolve();
        await finish.promise;
        return { fence, names };
      });
      await running.promise;
      const by = expect.stringMatching(/^first_/);
      expect(await other.runOnce('report', FIRE_TIME, async () => {})).toEqual({ ran: false, reason: 'claimed', by });
      expect(await other.inspect(`report@${FIRE_TIME}`, { kind: 'run' })).toMatchObject({ state: 'running', holders: [{ instance: by }] });
      finish.resolve();
      const result = await first;
      expect(result).toMatchObject({ ran: true, value: { names: [`report@${FIRE_TIME}`, 'report'] } });
      expect(result.ran && result.fence === result.value.fence && result.fence > 0n).toBe(true);
      expect(await other.runOnce('report', FIRE_TIME, async () => {})).toEqual({ ran: false, reason: 'done', by });
      expect(await other.inspect(`report@${FIRE_TIME}`, { kind: 'run' })).toMatchObject({ state: 'done', holders: [] });
      expect(await other.inspect('report')).toBeUndefined();
    });

    it('counts a run that throws as one that has been', async () => {
      const locks = await house().process();
      await expect(locks.runOnce('report', FIRE_TIME, () => Promise.reject(new TypeError('no paper')))).rejects.toThrow(new TypeError('no paper'));
      expect(await locks.runOnce('report', FIRE_TIME, async () => {}, { onCrash: 'retry' })).toMatchObject({ ran: false, reason: 'done' });
    });

    it('tells work that has lost its claim, and its caller', async () => {
      const locks = await house().process();
      const lost = locks.runOnce('report', FIRE_TIME, async (lease) => {
        await locks.forceRelease(`report@${FIRE_TIME}`, { kind: 'run' });
        await lease.renew().catch(() => {});
        return lease.signal.aborted;
      });
      await expect(lost).rejects.toMatchObject({ code: 'ERR_LOCK_LOST', result: true });
    });

    it.each([
      { onCrash: 'skip', runsAgain: 0 },
      { onCrash: 'retry', runsAgain: 1 },
    ] as const)('runs $runsAgain more times after its process was killed, when told to $onCrash', async ({ onCrash, runsAgain }) => {
      const locks = await house().process();
      const dying = await house().worker({ do: 'run', job: 'report', fireTime: FIRE_TIME, options: { onCrash }, hang: true });
      await dying.line('runs');
      const tryAgain = (): Promise<{ ran: boolean; reason?: string }> => locks.runOnce('report', FIRE_TIME, async () => {}, { onCrash, overlap: 'wait' });
      expect(await tryAgain()).toMatchObject({ ran: false, reason: 'claimed' });
      await dying.kill();
      await expire(locks);
      expect(await tryAgain()).toMatchObject(runsAgain === 1 ? { ran: true } : { ran: false, reason: 'crashed' });
      expect(await tryAgain()).toMatchObject({ ran: false, reason: runsAgain === 1 ? 'done' : 'crashed' });
    });

    describe('while the instant before is still running', () => {
      /** Starts the run of 03:00 and gives what ends it. */
      async function running(): Promise<Worker> {
        const worker = await house().worker({ do: 'run', job: 'report', fireTime: FIRE_TIME, options: {}, hang: true });
        await worker.line('runs');
        return worker;
      }

      it('skips the next ones, and remembers that', async () => {
        const before = await running();
        const locks = await house().process();
        for (const n of [1, 2, 3]) expect(await locks.runOnce('report', FIRE_TIME + n * MINUTE, async () => {})).toMatchObject({ ran: false, reason: 'overlap', by: expect.any(String) });
        await before.kill();
        await expire(locks);
        expect(await locks.runOnce('report', FIRE_TIME + MINUTE, async () => {})).toMatchObject({ ran: false, reason: 'done' });
      });

      it('waits for it when told to', async () => {
        const before = await running();
        const locks = await house().process();
        await expect(locks.runOnce('report', FIRE_TIME + MINUTE, async () => {}, { overlap: 'wait', waitMs: 50 })).resolves.toMatchObject({ ran: false, reason: 'overlap' });
        let isDone = false;
        const next = locks.runOnce('report', FIRE_TIME + 2 * MINUTE, async () => 'ran', { overlap: 'wait' }).finally(() => (isDone = true));
        await waitFor(async () => (await locks.inspect('report'))?.waiters.length === 1, { what: 'the next run to wait' });
        expect(isDone).toBe(false);
        await before.kill();
        await expire(locks);
        expect(await next).toMatchObject({ ran: true, value: 'ran' });
      });

      it('runs beside it when allowed to', async () => {
        await running();
        const locks = await house().process();
        expect(await locks.runOnce('report', FIRE_TIME + MINUTE, async () => 'ran', { overlap: 'allow' })).toMatchObject({ ran: true, value: 'ran' });
      });
    });

    it('forgets a run when its time is over', async () => {
      const locks = await house().process();
      const options = { keepMs: 101, ttlMs: 100, renew: false };
      expect(await locks.runOnce('report', FIRE_TIME, async () => 'ran', { ...options, ttlMs: 100 }).catch(() => ({ ran: true }))).toMatchObject({ ran: true });
      await waitFor(async () => (await locks.inspect(`report@${FIRE_TIME}`, { kind: 'run' })) === undefined, { what: 'the record to go' });
    });

    it.each([
      [{ keepMs: 30_000 }, 'keepMs'],
      [{ onCrash: 'again' }, 'onCrash'],
      [{ overlap: 'never' }, 'overlap'],
      [{ waitMs: -1 }, 'waitMs'],
      [{ ttlMs: 0 }, 'ttlMs'],
    ])('refuses %o before it claims anything', async (options, field) => {
      const locks = await house().process();
      await expect(locks.runOnce('report', FIRE_TIME, async () => {}, options as object)).rejects.toMatchObject({ code: 'ERR_LOCK_OPTION', field });
      await expect(locks.runOnce('report', Number.NaN, async () => {})).rejects.toMatchObject({ code: 'ERR_LOCK_OPTION', field: 'fireTime' });
      await expect(locks.runOnce('', FIRE_TIME, async () => {})).rejects.toMatchObject({ code: 'ERR_LOCK_OPTION', field: 'job' });
      expect(await locks.inspect(`report@${FIRE_TIME}`, { kind: 'run' })).toBeUndefined();
    });
  });
}
