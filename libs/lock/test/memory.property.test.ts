import type { AcquireOutcome, LockConnection, LockDriver, LockGrant, LockKey } from '@staddle/lock';
import { memoryLockDriver } from '@staddle/lock/memory';
import { createTestClock, type TestClock } from '@staddle/testing';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { SpaceModel, type Sight, type Step } from './space-model.ts';

const KEY: LockKey = { kind: 'semaphore', name: 'seats' };
const CAPACITY = 3;

// Few owners, so that they meet.
const INSTANCES = ['a', 'b', 'c'] as const;
const instances = fc.constantFrom(...INSTANCES);
const owners = fc.constantFrom(...INSTANCES.flatMap((name) => [`${name}.1`, `${name}.2`, `${name}.3`]));
const ttls = fc.constantFrom(1, 50, 1_000, 5_000, 60_000);

// An owner repeats its request unchanged, so what it reserves follows from its name. The last is more than any test lasts.
const reserveOf = (owner: string): number => [0, 7, 5_000_000_000][Number(owner.at(-1)) - 1]!;

const asks: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('ask' as const),
  owner: owners,
  ttlMs: ttls,
  weight: fc.integer({ min: 1, max: CAPACITY }),
  priority: fc.constantFrom(0, 0, 0, 5, -5),
  queue: fc.constantFrom(true, true, true, false),
  barge: fc.constantFrom(false, false, false, true),
});
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: asks },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('release' as const), owner: owners, keepMs: fc.constantFrom(0, 0, 0, 0, 100) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('renew' as const), owner: owners, ttlMs: ttls }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('force' as const), owner: fc.oneof(owners, fc.constant(undefined)) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 60, 2_500, 100_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('die' as const, 'live' as const), instance: instances }) },
);

/** Takes the steps of the model with the driver, and notes every fence with the owner that it was first seen with. */
class DriverSide {
  readonly clock: TestClock = createTestClock();
  readonly driver: LockDriver = memoryLockDriver({ clock: this.clock });
  readonly acquisitions: { readonly owner: string; readonly fence: bigint }[] = [];
  readonly #told: LockGrant[] = [];
  readonly #connections: ReadonlyMap<string, LockConnection>;

  constructor() {
    const listener = { granted: (grant: LockGrant) => void this.#told.push(grant), next() {}, revoked() {}, ready() {} };
    this.#connections = new Map(INSTANCES.map((instance) => [instance, this.driver.connect!(instance, listener)]));
  }

  async take(step: Step): Promise<Sight> {
    const answer = await this.#answer(step);
    const { holders = [], waiters = [] } = (await this.driver.inspect(KEY)) ?? {};
    for (const { owner, fence } of holders) if (!this.acquisitions.some((known) => known.fence === fence)) this.acquisitions.push({ owner, fence });
    return {
      answer,
      holders: holders.map(({ owner, weight, expiresInMs }) => ({ owner, weight, expiresInMs })),
      waiters: waiters.map(({ owner }) => owner),
      granted: this.#told.map(({ owner }) => owner),
    };
  }

  async #answer(step: Step): Promise<unknown> {
    switch (step.do) {
      case 'ask':
        return withoutFence(await this.driver.acquire({ ...step, key: KEY, capacity: CAPACITY, fencing: true, reserve: reserveOf(step.owner) }));
      case 'renew':
        return this.driver.renew([{ ...step, key: KEY }]).then(([outcome]) => !(outcome instanceof Error) && outcome?.renewed);
      case 'release':
        return this.driver.release({ ...step, key: KEY });
      case 'force':
        return this.driver.forceRelease(KEY, step.owner);
      case 'pass':
        return this.clock.advance(step.ms);
      case 'live':
        return this.#connections.get(step.instance)?.listen();
      case 'die':
        return this.#connections.get(step.instance)?.close();
    }
  }
}

function withoutFence(outcome: AcquireOutcome): unknown {
  if (outcome.acquired) return { acquired: true };
  const { acquired, expiresInMs, position, unqueued } = outcome;
  return { acquired, expiresInMs, position, unqueued };
}

it('does what a naive model of the contract does, whatever is asked in whatever order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 5, maxLength: 60 }), async (history) => {
      const model = new SpaceModel(CAPACITY, 2_000);
      const side = new DriverSide();
      const everybodyLives = INSTANCES.map((instance): Step => ({ do: 'live', instance }));
      for (const step of [...everybodyLives, ...history]) {
        const sight = await side.take(step);
        expect(sight).toEqual(model.take(step));
        expect(sight.holders.reduce((sum, { weight }) => sum + weight, 0)).toBeLessThanOrEqual(CAPACITY);
      }

      // Every new fence is above all before it and what those reserved.
      let above = 0n;
      for (const { owner, fence } of side.acquisitions) {
        expect(fence).toBeGreaterThan(above);
        above = fence + BigInt(reserveOf(owner));
      }

      // Nothing is left when all have let go.
      const { waiters } = await side.take({ do: 'pass', ms: 0 });
      for (const owner of waiters) await side.take({ do: 'release', owner, keepMs: 0 });
      await side.take({ do: 'force', owner: undefined });
      expect(await side.driver.inspect(KEY)).toBeUndefined();
      for await (const { name } of side.driver.list({ kind: KEY.kind, prefix: '' })) expect.fail(`${name} is left`);
      expect(side.clock.pendingTimers).toBe(0);
    }),
    { numRuns: 300 },
  );
});
