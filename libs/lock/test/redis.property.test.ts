import { randomUUID } from 'node:crypto';
import type { AcquireOutcome, LockKey } from '@staddle/lock';
import { redisLockDriver } from '@staddle/lock/redis';
import { testRedis } from '@staddle/testing';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { connect, type Heard } from './redis-stand.ts';
import { SpaceModel, type Sight, type Step } from './space-model.ts';

// The server's time cannot be moved: nothing ends by itself here.
const LONG_MS = 600_000;

const INSTANCES = ['a', 'b', 'c'] as const;
const owners = fc.constantFrom(...INSTANCES.flatMap((name) => [`${name}.1`, `${name}.2`, `${name}.3`]));

function stepsFor(capacity: number): fc.Arbitrary<Step> {
  // An owner repeats its request unchanged, so what it needs follows from its name.
  const asks: fc.Arbitrary<Step> = fc
    .record({
    do: fc.constant('ask' as const),
    owner: owners,
    ttlMs: fc.constant(LONG_MS),
    weight: fc.constant(1),
    priority: fc.constantFrom(0, 0, 0, 5, -5),
    queue: fc.constantFrom(true, true, true, false),
    barge: fc.constantFrom(false, false, false, true),
  }).map((ask) => ({ ...ask, weight: Math.min(Number(ask.owner.at(-1)), capacity) }));
  return fc.oneof(
    { weight: 10, arbitrary: asks },
    { weight: 8, arbitrary: fc.record({ do: fc.constant('release' as const), owner: owners, keepMs: fc.constantFrom(0, 0, 0, 0, 0, 0, LONG_MS) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('renew' as const), owner: owners, ttlMs: fc.constant(LONG_MS) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('force' as const), owner: fc.oneof(owners, fc.constant(undefined)) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('die' as const, 'live' as const), instance: fc.constantFrom(...INSTANCES) }) },
  );
}

it.each([
  { kind: 'mutex', capacity: 1 },
  { kind: 'semaphore', capacity: 3 },
] as const)('does what a naive model of the contract does: $kind', async ({ kind, capacity }) => {
  await using redis = await testRedis();
  const driver = redisLockDriver(redis.client(), { prefix: `${redis.prefix}lock`, handoffMs: LONG_MS });

  await fc.assert(
    fc.asyncProperty(fc.array(stepsFor(capacity), { minLength: 5, maxLength: 50 }), async (history) => {
      const key: LockKey = { kind, name: randomUUID() };
      const model = new SpaceModel(capacity, LONG_MS);
      const living = new Map<string, Heard>();
      const all: Heard[] = [];

      const answer = async (step: Step): Promise<unknown> => {
        switch (step.do) {
          case 'ask':
            return known(await driver.acquire({ ...step, key, capacity, fencing: true, reserve: 0 }));
          case 'renew':
            return driver.renew([{ ...step, key }]).then(([outcome]) => !(outcome instanceof Error) && outcome?.renewed);
          case 'release':
            // The model forgets who keeps a lock; the driver repeats its answer to a release that was sent twice.
            return driver.release({ ...step, key }).then((outcome) => (outcome === 'kept' && !held.includes(step.owner) ? 'not-held' : outcome));
          case 'force':
            return driver.forceRelease(key, step.owner);
          case 'live':
            if (living.has(step.instance)) return;
            living.set(step.instance, connect(driver, step.instance));
            all.push(living.get(step.instance)!);
            return living.get(step.instance)!.connection.listen();
          case 'die':
            await living.get(step.instance)?.connection.close();
            return void living.delete(step.instance);
          default:
            return undefined;
        }
      };

      let seen: Sight | undefined;
      let held: string[] = [];
      const everybodyLives = INSTANCES.map((instance): Step => ({ do: 'live', instance }));
      for (const step of [...everybodyLives, ...history]) {
        const given = await answer(step);
        seen = model.take(step);
        const { holders = [], waiters = [] } = (await driver.inspect(key)) ?? {};
        held = holders.map(({ owner }) => owner);
        expect({
          answer: given,
          holders: holders.map(({ owner, weight }) => ({ owner, weight })),
          waiters: waiters.map(({ owner }) => owner),
        }).toEqual({ answer: timeless(seen.answer), holders: seen.holders.map(({ owner, weight }) => ({ owner, weight })), waiters: seen.waiters });
      }
      await expect.poll(() => all.flatMap(({ granted }) => granted.map(({ owner }) => owner)).toSorted(), { timeout: 20_000, interval: 1 }).toEqual(seen!.granted.toSorted());
      for (const { connection } of living.values()) await connection.close();
    }),
    { numRuns: 100 },
  );
});

function known(outcome: AcquireOutcome): unknown {
  if (outcome.acquired) return { acquired: true };
  const { acquired, position, unqueued } = outcome;
  return { acquired, position, unqueued };
}

function timeless(answer: unknown): unknown {
  if (typeof answer !== 'object' || answer === null) return answer;
  const { expiresInMs: _, ...rest } = answer as Record<string, unknown>;
  return rest;
}
