import type { LockDriver } from '@staddle/lock';
import { expect, it } from 'vitest';
import { simulate } from './simulate.ts';
import type { Sabotage } from './store.ts';

// A simulation that cannot fail is useless: each of these drivers breaks one promise of the contract, and is found out.

const SEEDS = 40;

const broken: { readonly what: string; readonly found: RegExp; readonly driver: Sabotage }[] = [
  {
    what: 'ends leases before their time',
    found: /I1: .* although .* has entered/,
    driver: (driver) => ({
      ...driver,
      acquire: (request) => driver.acquire({ ...request, ttlMs: Math.ceil(request.ttlMs * 0.7) }),
      renew: (requests) => driver.renew(requests.map((request) => ({ ...request, ttlMs: Math.ceil(request.ttlMs * 0.7) }))),
    }),
  },
  {
    what: 'gives fences that go down',
    found: /I2: .* was given out after/,
    driver: withFence((fence) => 10n ** 18n - fence),
  },
  {
    what: 'gives the same fence twice',
    found: /I2: .* was given out (?:twice|after)/,
    driver: withFence((fence) => fence - (fence % 200_000n)),
  },
  {
    what: 'lets go of a lock for whoever asks',
    found: /I1: .* although .* has entered/,
    driver: (driver) => ({
      ...driver,
      async release(request) {
        const outcome = await driver.release(request);
        if (outcome === 'not-held') await driver.forceRelease(request.key);
        return outcome;
      },
    }),
  },
  {
    what: 'renews leases that are over',
    found: /I1: .* although .* has entered/,
    driver: (driver) => ({
      ...driver,
      renew: async (requests) => (await driver.renew(requests)).map((outcome) => ('renewed' in outcome && !outcome.renewed ? { renewed: true, previousMs: 1 } : outcome)),
    }),
  },
  {
    what: 'lets in one too many',
    found: /I1: .* are inside together/,
    driver: (driver) => ({ ...driver, acquire: (request) => driver.acquire({ ...request, capacity: request.capacity + 1 }) }),
  },
  {
    what: 'makes a grant that is over look fresh',
    found: /I[12]: .* entered/,
    driver: (driver) => ({
      ...driver,
      connect: (instance, listener) =>
        driver.connect!(instance, { ...listener, granted: (grant) => listener.granted({ ...grant, grantedAtStoreMs: grant.grantedAtStoreMs + grant.leaseMs }) }),
    }),
  },
  {
    what: 'frees nothing for a minute',
    found: /I4: /,
    driver: (driver) => ({ ...driver, release: (request) => driver.release({ ...request, keepMs: 60_000 }) }),
  },
  {
    what: 'never serves who waits',
    found: /I4: .* has not ended/,
    driver: (driver) => ({
      ...driver,
      acquire: async (request) => {
        const outcome = await driver.acquire({ ...request, queue: false });
        if (!outcome.acquired || !request.queue) return outcome;
        await driver.release(request);
        return { acquired: false, holder: undefined, expiresInMs: 1_000, position: 0, unqueued: false, storeNowMs: 0 };
      },
    }),
  },
  {
    what: 'forgets what has run',
    found: /I7: .* ran \d+ times/,
    driver: (driver) => ({ ...driver, settle: async () => true, claim: (request) => driver.claim({ ...request, onCrash: 'retry' }) }),
  },
];

function withFence(change: (fence: bigint) => bigint): Sabotage {
  return (driver): LockDriver => ({
    ...driver,
    async acquire(request) {
      const outcome = await driver.acquire(request);
      return outcome.acquired ? { ...outcome, fence: change(outcome.fence) } : outcome;
    },
  });
}

it.each(broken)('finds out a driver that $what', async ({ driver, found }) => {
  const others: string[] = [];
  for (let seed = 0; seed < SEEDS; seed++) {
    const { faults } = await simulate(seed, { sabotage: driver });
    if (faults.some((fault) => found.test(fault))) return;
    others.push(...faults);
  }
  expect.fail(`${SEEDS} seeds found nothing but ${others.slice(0, 5).join('\n') || 'nothing'}`);
});
