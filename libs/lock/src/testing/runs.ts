import { describe, expect, it } from 'vitest';
import type { ClaimOutcome, ClaimRequest } from '../driver.ts';
import { TTL_MS, type LockUnderTest, type Stage } from './stage.ts';

const KEEP_MS = TTL_MS * 2;

/** Claims of runs, and the records that outlive them. */
export function describeRuns(stage: () => Stage): void {
  const claim = (run: LockUnderTest, owner: string, changes: Partial<ClaimRequest> = {}): Promise<ClaimOutcome> =>
    stage().driver.claim({ key: run.key, owner, ttlMs: TTL_MS, keepMs: KEEP_MS, onCrash: 'skip', ...changes });
  const settle = (run: LockUnderTest, owner: string, keepMs: number = KEEP_MS): Promise<boolean> => stage().driver.settle({ key: run.key, owner, keepMs });
  const claimed = { claimed: true, fence: expect.any(BigInt) };

  describe('claim', () => {
    it('gives a run to one owner, and tells others who has it', async () => {
      const run = stage().lock('run');
      expect(await claim(run, 'a.1')).toEqual(claimed);
      expect(await claim(run, 'b.1')).toEqual({ claimed: false, state: 'running', owner: 'a.1' });
      expect(await claim(run, 'b.1', { onCrash: 'retry' })).toEqual({ claimed: false, state: 'running', owner: 'a.1' });
      expect(await run.inspect()).toMatchObject({ state: 'running', holders: [{ owner: 'a.1', weight: 1 }], waiters: [] });
    });

    it.each(['skip', 'retry'] as const)('gives a run to one of many racing owners (%s)', async (onCrash) => {
      const run = stage().lock('run');
      const sides = [stage().driver, await stage().another()];
      const outcomes = await Promise.all(
        Array.from({ length: 30 }, (_, index) => sides[index % 2]!.claim({ key: run.key, owner: `a.${index}`, ttlMs: TTL_MS, keepMs: KEEP_MS, onCrash })),
      );
      expect(outcomes.filter((outcome) => outcome.claimed)).toHaveLength(1);
    });

    it.each(['skip', 'retry'] as const)('gives its owner the same fence when it claims again (%s)', async (onCrash) => {
      const run = stage().lock('run');
      const first = await claim(run, 'a.1', { onCrash });
      expect(await claim(run, 'a.1', { onCrash })).toEqual(first);
      expect((await run.inspect())?.holders).toHaveLength(1);
    });

    it('has a lease that is renewed like a lock', async () => {
      const run = stage().lock('run');
      await claim(run, 'a.1');
      expect(await run.renew('a.1')).toEqual({ renewed: true, previousMs: expect.toSatisfy((ms: number) => ms > 0 && ms <= TTL_MS) });
      expect(await run.renew('b.1')).toEqual({ renewed: false, holder: 'a.1' });
    });

    it('is not forgotten while its lease is renewed, however short its record was to be kept', async () => {
      const run = stage().lock('run');
      await claim(run, 'a.1', { ttlMs: TTL_MS, keepMs: 1 });
      await run.renew('a.1');
      await stage().pass(20);
      expect(await claim(run, 'b.1', { onCrash: 'retry' })).toEqual({ claimed: false, state: 'running', owner: 'a.1' });
      expect(await settle(run, 'a.1')).toBe(true);
    });

    it('leaves a crashed run for good with onCrash skip', async () => {
      const run = stage().lock('run');
      await claim(run, 'a.1');
      await run.expire('a.1');
      expect(await run.inspect()).toMatchObject({ state: 'crashed', holders: [] });
      expect(await claim(run, 'b.1')).toEqual({ claimed: false, state: 'crashed', owner: 'a.1' });
      expect(await claim(run, 'c.1')).toEqual({ claimed: false, state: 'crashed', owner: 'a.1' });
    });

    it('gives a crashed run to one other with onCrash retry, under a higher fence', async () => {
      const run = stage().lock('run');
      const first = (await claim(run, 'a.1', { onCrash: 'retry' })) as { fence: bigint };
      await run.expire('a.1');
      const second = (await claim(run, 'b.1', { onCrash: 'retry' })) as { fence: bigint };
      expect(second).toEqual(claimed);
      expect(second.fence).toBeGreaterThan(first.fence);
      expect(await claim(run, 'c.1', { onCrash: 'retry' })).toEqual({ claimed: false, state: 'running', owner: 'b.1' });
      expect(await run.renew('a.1')).toEqual({ renewed: false, holder: 'b.1' });
      expect(await run.release('a.1')).toBe('not-held');
    });

    it('takes a run whose lease was released unsettled for crashed', async () => {
      const run = stage().lock('run');
      await claim(run, 'a.1');
      expect(await run.release('a.1')).toBe('released');
      expect(await run.renew('a.1')).toEqual({ renewed: false, holder: undefined });
      expect(await claim(run, 'b.1')).toEqual({ claimed: false, state: 'crashed', owner: 'a.1' });
      expect(await claim(run, 'b.2', { onCrash: 'retry' })).toEqual(claimed);
    });

    it('takes a run that was released by force for crashed', async () => {
      const run = stage().lock('run');
      await claim(run, 'a.1');
      expect(await run.forceRelease()).toBe(true);
      expect(await run.forceRelease()).toBe(false);
      expect(await claim(run, 'b.1')).toEqual({ claimed: false, state: 'crashed', owner: 'a.1' });
    });

    it('starts from nothing when the record of a crashed run is no longer kept', async () => {
      const run = stage().lock('run');
      const first = (await claim(run, 'a.1', { ttlMs: 5, keepMs: 20 })) as { fence: bigint };
      await stage().pass(50);
      expect(await run.inspect()).toBeUndefined();
      expect(await settle(run, 'a.1')).toBe(false);
      const second = (await claim(run, 'b.1')) as { fence: bigint };
      expect(second).toEqual(claimed);
      expect(second.fence).toBeGreaterThan(first.fence);
    });
  });

  describe('settle', () => {
    it('records that a run is done and frees its lease', async () => {
      const run = stage().lock('run');
      await claim(run, 'a.1');
      expect(await settle(run, 'a.1')).toBe(true);
      expect(await run.renew('a.1')).toEqual({ renewed: false, holder: undefined });
      expect(await run.release('a.1')).toBe('not-held');
      expect(await run.inspect()).toEqual({ state: 'done', holders: [], waiters: [] });
      for (const onCrash of ['skip', 'retry'] as const) {
        expect(await claim(run, 'b.1', { onCrash })).toEqual({ claimed: false, state: 'done', owner: 'a.1' });
      }
    });

    it('is for the owner of the claim alone', async () => {
      const run = stage().lock('run');
      expect(await settle(run, 'a.1')).toBe(false);
      expect(await run.inspect()).toBeUndefined();
      await claim(run, 'a.1');
      expect(await settle(run, 'b.1')).toBe(false);
      expect(await claim(run, 'c.1')).toMatchObject({ state: 'running' });
    });

    it('works for an owner whose lease has ended, as long as nobody else has claimed the run', async () => {
      const run = stage().lock('run');
      await claim(run, 'a.1', { onCrash: 'retry' });
      await run.expire('a.1');
      expect(await settle(run, 'a.1')).toBe(true);
      expect(await claim(run, 'b.1', { onCrash: 'retry' })).toEqual({ claimed: false, state: 'done', owner: 'a.1' });
    });

    it('is refused to an owner whose run was claimed anew', async () => {
      const run = stage().lock('run');
      await claim(run, 'a.1', { onCrash: 'retry' });
      await run.expire('a.1');
      await claim(run, 'b.1', { onCrash: 'retry' });
      expect(await settle(run, 'a.1')).toBe(false);
      expect(await claim(run, 'c.1', { onCrash: 'retry' })).toEqual({ claimed: false, state: 'running', owner: 'b.1' });
      expect(await settle(run, 'b.1')).toBe(true);
      expect(await settle(run, 'a.1')).toBe(false);
      expect(await claim(run, 'c.1', { onCrash: 'retry' })).toEqual({ claimed: false, state: 'done', owner: 'b.1' });
    });

    it('keeps the record for keepMs from then on', async () => {
      const run = stage().lock('run');
      const first = (await claim(run, 'a.1')) as { fence: bigint };
      await settle(run, 'a.1', 20);
      await stage().pass(50);
      expect(await run.inspect()).toBeUndefined();
      const second = (await claim(run, 'b.1')) as { fence: bigint };
      expect(second).toEqual(claimed);
      expect(second.fence).toBeGreaterThan(first.fence);
    });

    it('keeps the record longer than the claim would have', async () => {
      const run = stage().lock('run');
      await claim(run, 'a.1', { ttlMs: 500, keepMs: 1_000 });
      await settle(run, 'a.1', KEEP_MS);
      await stage().pass(1_100);
      expect(await claim(run, 'b.1')).toEqual({ claimed: false, state: 'done', owner: 'a.1' });
    });
  });
}
