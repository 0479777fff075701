import { waitFor } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import type { Drawn } from '../fixtures/contestant.ts';
import { createStage, lockKey } from './stage.ts';

const FENCE = /^\d{16}$/;

/** Pairs in which the later one asked when the earlier one already had its fence, but did not get a higher one. */
function inversions(drawn: readonly Drawn[]): string[] {
  const byAsked = drawn.toSorted((a, b) => a.askedAt - b.askedAt);
  const byGot = drawn.toSorted((a, b) => a.gotAt - b.gotAt);
  const found: string[] = [];
  let highest = 0n;
  let next = 0;
  for (const { askedAt, fence } of byAsked) {
    for (; byGot[next]!.gotAt < askedAt; next += 1) if (BigInt(byGot[next]!.fence) > highest) highest = BigInt(byGot[next]!.fence);
    if (BigInt(fence) <= highest) found.push(`${fence} came after ${highest}`);
  }
  return found;
}

describe('fences', () => {
  it('42: are compared by a check that can fail', () => {
    const drawn = (fence: number, askedAt: number, gotAt: number): Drawn => ({ fence: String(fence), askedAt, gotAt });
    expect(inversions([drawn(10, 0, 1), drawn(9, 0.5, 2), drawn(11, 3, 4)])).toEqual([]);
    expect(inversions([drawn(10, 0, 1), drawn(9, 1.5, 2)])).toEqual(['9 came after 10']);
    expect(inversions([drawn(10, 0, 1), drawn(10, 1.5, 2)])).toEqual(['10 came after 10']);
  });

  // 4 processes as in the full run of 100 000 acquisitions, with fewer of them: more only take longer.
  it('42: strictly increase over processes, through FLUSHALL and a restart', async () => {
    await using stage = await createStage();
    // Without hand-offs inside a process: after a loss of data those go on, with the fences of before, until the next renewal
    // fails. The lease is lost then, and its fence is lower than that of the new holder, as it has to be.
    const contestants = await stage.contestants(4, { locks: { maxLocalHandoffs: 0 } });
    const draws = Promise.all(contestants.map((each) => each.order<Drawn[]>({ do: 'draw', name: 'job', count: 500, lanes: 4 })));
    const fenceKey = `${lockKey('job')}:fence`;
    const fenceIn = async (): Promise<number> => Number.parseInt((await stage.admin.get(fenceKey)) ?? '0', 10);
    const drawnSince = async (fence: number): Promise<void> => void (await waitFor(async () => (await fenceIn()) > fence, { what: 'a further fence' }));
    await drawnSince(0);
    const beforeFlush = await fenceIn();
    await stage.admin.flushall();
    await drawnSince(beforeFlush);
    const beforeRestart = await fenceIn();
    await stage.server.restart();
    await drawnSince(beforeRestart);
    const drawn = (await draws).flat();
    // Some were refused while the server was away.
    expect(drawn.length).toBeGreaterThan(1_000);
    expect(drawn.filter(({ fence }) => !FENCE.test(fence))).toEqual([]);
    expect(new Set(drawn.map(({ fence }) => fence)).size).toBe(drawn.length);
    expect(inversions(drawn)).toEqual([]);
    expect(await stage.admin.get(fenceKey)).toMatch(/^\d{16}(?:\+\d+)?$/);
    expect(await stage.verdict()).toEqual([]);
  });

  it("42: increase also when the server's clock was set back by an hour", async () => {
    await using stage = await createStage();
    const locks = stage.locks();
    const fenceKey = `${lockKey('job')}:fence`;
    const first = await locks.acquire('job');
    await first.release();
    // What is left of the hour that is gone: a last fence that is ahead of the clock.
    const ahead = first.fence + 3_600_000_000n;
    await stage.admin.set(fenceKey, (await stage.admin.get(fenceKey))!.replace(/^\d+/, String(ahead)), 'PX', 60_000);
    const fences: bigint[] = [];
    for (let round = 0; round < 50; round += 1) {
      const lease = await locks.acquire('job', round % 2 ? { waitMs: 0 } : {});
      fences.push(lease.fence);
      await lease.release();
    }
    expect(fences[0]).toBeGreaterThan(ahead);
    expect(fences.toSorted((a, b) => Number(a - b))).toEqual(fences);
    expect(new Set(fences).size).toBe(50);
    expect(fences.filter((fence) => !FENCE.test(String(fence)))).toEqual([]);
    expect(await stage.verdict()).toEqual([]);
  });
});
