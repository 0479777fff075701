import { createPermissions, definePermissions, type Permissions, type PermissionStore, type Subject } from '@staddle/permissions';
import { memoryStore } from '@staddle/permissions/memory';
import { createTestClock } from '@staddle/testing';
import { describe, expect, it } from 'vitest';

const P = definePermissions({ task: ['read'] });
const alice: Subject = { id: 'alice', type: 'user' };
const START = Date.UTC(2026, 5, 1);

type Name = 'task:read';

async function world({ processAt = START }: { processAt?: number } = {}): Promise<{
  clock: ReturnType<typeof createTestClock>;
  storeClock: ReturnType<typeof createTestClock>;
  store: PermissionStore;
  perms: Permissions<Name>;
}> {
  const clock = createTestClock(processAt);
  const storeClock = createTestClock(START);
  const store = memoryStore([{ role: 'viewer', allow: ['*'] }], { clock: storeClock });
  return { clock, storeClock, store, perms: await createPermissions({ definitions: P, store, clock, pollMs: 0 }) };
}

describe('an assignment with an end', () => {
  it('ends at that millisecond, without a word from the store', async () => {
    const { clock, perms } = await world();
    await perms.assign({ subject: alice, role: 'viewer', expiresAt: START + 60_000 });
    await clock.advance(59_999);
    expect(perms.can(alice, 'task:read')).toBe(true);
    await clock.advance(1);
    expect(perms.decide(alice, 'task:read')).toMatchObject({ allow: false, reason: 'ROLE_EXPIRED' });
  });

  it('ends by the time of the store when the clock of the process is slow', async () => {
    const { clock, perms } = await world({ processAt: START - 3_600_000 });
    await perms.assign({ subject: alice, role: 'viewer', expiresAt: START + 60_000 });
    await clock.advance(59_999);
    expect(perms.can(alice, 'task:read')).toBe(true);
    await clock.advance(1);
    expect(perms.can(alice, 'task:read')).toBe(false);
  });

  it('ends early when the clock of the process jumps ahead, and never late when it jumps back', async () => {
    const { clock, perms } = await world();
    await perms.assign({ subject: alice, role: 'viewer', expiresAt: START + 60_000 });
    clock.setWall(START + 60_000);
    expect(perms.can(alice, 'task:read')).toBe(false);
    clock.setWall(START - 86_400_000);
    expect(perms.can(alice, 'task:read')).toBe(true);
    await clock.advance(60_000);
    expect(perms.can(alice, 'task:read')).toBe(false);
  });

  it('has no effect when the end was reached before it was read', async () => {
    const { perms } = await world({ processAt: START - 86_400_000 });
    await perms.assign({ subject: alice, role: 'viewer', expiresAt: START });
    expect(perms.decide(alice, 'task:read')).toMatchObject({ allow: false, reason: 'ROLE_EXPIRED' });
  });

  it('leaves the other roles alone, and can be prolonged or made to last', async () => {
    const { clock, storeClock, perms } = await world();
    await perms.defineRole({ role: 'other' });
    await perms.assign({ subject: alice, role: 'other' });
    await perms.assign({ subject: alice, role: 'viewer', expiresAt: START + 10 });
    await clock.advance(10);
    await storeClock.advance(10);
    expect(perms.decide(alice, 'task:read').reason).toBe('NOT_GRANTED');
    await perms.assign({ subject: alice, role: 'viewer', expiresAt: START + 20 });
    expect(perms.can(alice, 'task:read')).toBe(true);
    await perms.assign({ subject: alice, role: 'viewer' });
    await clock.advance(1_000_000);
    expect(perms.can(alice, 'task:read')).toBe(true);
  });

  it('counts from before the store was asked, so that a slow answer does not prolong it', async () => {
    const { clock, storeClock, store, perms } = await world();
    await perms.assign({ subject: alice, role: 'viewer', expiresAt: START + 60_000 });
    const slow: PermissionStore = {
      ...store,
      async load() {
        const policy = await store.load();
        await clock.advance(5_000);
        return policy;
      },
    };
    const other = await createPermissions({ definitions: P, store: slow, clock, pollMs: 0 });
    clock.setWall(START);
    await clock.advance(54_999);
    expect(other.can(alice, 'task:read')).toBe(true);
    await clock.advance(1);
    expect(other.can(alice, 'task:read')).toBe(false);
    expect(storeClock.now()).toBe(START);
  });
});
