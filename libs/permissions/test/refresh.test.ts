import { createPermissions, definePermissions, type Permissions, type PermissionsOptions, type PermissionStore, type StoredPolicy, type Subject } from '@staddle/permissions';
import { memoryStore } from '@staddle/permissions/memory';
import { createTestClock, recordingLogger, stressLifecycle } from '@staddle/testing';
import { describe, expect, it } from 'vitest';

const P = definePermissions({ task: ['read', 'run'] });
type Name = (typeof P)['names'][number];

const alice: Subject = { id: 'alice', type: 'user', roles: ['viewer'] };
const over = (store: PermissionStore, options: Partial<PermissionsOptions<Name>> = {}): Promise<Permissions<Name>> => createPermissions({ definitions: P, store, pollMs: 0, ...options });

/** A store whose next answers the test decides. */
function scripted(): { store: PermissionStore; calls: string[]; policy: StoredPolicy; before?: (call: 'version' | 'load') => Promise<void> } {
  const script: ReturnType<typeof scripted> = {
    calls: [],
    policy: { version: 1, readAt: 0, roles: [], grants: [], assignments: [] },
    store: {
      async version() {
        script.calls.push('version');
        await script.before?.('version');
        return script.policy.version;
      },
      async load() {
        script.calls.push('load');
        const { policy } = script;
        await script.before?.('load');
        return policy;
      },
      apply: () => Promise.resolve(undefined),
    },
  };
  return script;
}

const viewerMay = (version: number, ...permissions: string[]): StoredPolicy => ({
  version,
  readAt: 0,
  roles: [],
  grants: permissions.map((permission) => ({ tenant: 'default', role: 'viewer', permission, effect: 'allow' })),
  assignments: [],
});

describe('refresh', () => {
  it('sees what another process changed', async () => {
    const store = memoryStore();
    const [here, there] = [await over(store), await over(store)];
    await there.defineRole({ role: 'viewer' });
    const version = await there.grant({ role: 'viewer', permission: 'task:read' });
    expect(here.can(alice, 'task:read')).toBe(false);
    expect(await here.refresh()).toBe(version);
    expect(here.can(alice, 'task:read')).toBe(true);
  });

  it('reads the rows only when the version is another one', async () => {
    const script = scripted();
    const perms = await over(script.store);
    await perms.refresh();
    await perms.refresh();
    expect(script.calls).toEqual(['version', 'load', 'version', 'version']);
    // A restored backup has a lower version, and is as true as a higher one.
    script.policy = viewerMay(0, 'task:read');
    await perms.refresh();
    expect(perms.can(alice, 'task:read')).toBe(true);
    expect(perms.version).toBe(0);
  });

  it('answers from the old policy until the new one is complete', async () => {
    const script = scripted();
    script.policy = viewerMay(1, 'task:read');
    const perms = await over(script.store);
    const gate = Promise.withResolvers<void>();
    script.before = () => gate.promise;
    script.policy = viewerMay(2, 'task:run');
    const refreshed = perms.refresh();
    for (let turn = 0; turn < 20; turn++) {
      expect([perms.can(alice, 'task:read'), perms.can(alice, 'task:run'), perms.version]).toEqual([true, false, 1]);
      await Promise.resolve();
    }
    gate.resolve();
    await refreshed;
    expect([perms.can(alice, 'task:read'), perms.can(alice, 'task:run'), perms.version]).toEqual([false, true, 2]);
  });

  it('never answers from a mixture, while one policy follows the other', async () => {
    const store = memoryStore();
    const [reader, writer] = [await over(store), await over(store)];
    await writer.defineRole({ role: 'viewer' });
    await writer.grant({ role: 'viewer', permission: '*' });
    await reader.refresh();
    const change = async (): Promise<void> => {
      for (let round = 0; round < 30; round++) {
        await writer.grant({ role: 'viewer', permission: 'task:run', effect: 'deny' });
        await reader.refresh();
        await writer.revoke({ role: 'viewer', permission: 'task:run', effect: 'deny' });
        await reader.refresh();
      }
    };
    const ask = async (): Promise<void> => {
      for (let turn = 0; turn < 2000; turn++) {
        // The deny comes and goes; the allow is never missed, and nothing but the two opens.
        expect(reader.can(alice, 'task:read')).toBe(true);
        expect(reader.can({ ...alice, roles: ['other'] }, 'task:run')).toBe(false);
        await Promise.resolve();
      }
    };
    await Promise.all([change(), ask()]);
  });

  it('keeps the policy it has when the store fails, whichever call fails', async () => {
    for (const failing of ['version', 'load'] as const) {
      const script = scripted();
      script.policy = viewerMay(1, 'task:read');
      const perms = await over(script.store);
      script.policy = viewerMay(2, 'task:run');
      script.before = (call) => (call === failing ? Promise.reject(new Error(`${call} is down`)) : Promise.resolve());
      await expect(perms.refresh()).rejects.toThrow(`${failing} is down`);
      expect([perms.can(alice, 'task:read'), perms.can(alice, 'task:run'), perms.version]).toEqual([true, false, 1]);
      delete script.before;
      expect(await perms.refresh()).toBe(2);
    }
  });

  it('runs once for calls that come while one waits, and again for those that come while it runs', async () => {
    const script = scripted();
    const perms = await over(script.store);
    script.calls.length = 0;
    const gate = Promise.withResolvers<void>();
    script.before = () => gate.promise;
    const first = perms.refresh();
    await Promise.resolve();
    await Promise.resolve();
    expect(script.calls).toEqual(['version']);
    const later = [perms.refresh(), perms.refresh(), perms.refresh()];
    gate.resolve();
    await Promise.all([first, ...later]);
    expect(script.calls).toEqual(['version', 'version']);
  });

  it('warns of stored permissions that the program no longer defines', async () => {
    const logger = recordingLogger();
    const script = scripted();
    script.policy = viewerMay(1, 'task:read', 'gone:read');
    const perms = await over(script.store, { logger });
    expect(logger.lines).toMatchObject([{ level: 'warn', fields: { permissions: ['gone:read'] } }]);
    expect(perms.can(alice, 'task:read')).toBe(true);
  });
});

describe('a change that cannot be read back', () => {
  it('has happened all the same, and says so in the log', async () => {
    const logger = recordingLogger();
    const memory = memoryStore([{ role: 'viewer', allow: ['task:read'] }]);
    let written = false;
    const store: PermissionStore = {
      ...memory,
      version: () => (written ? Promise.reject(new Error('away')) : memory.version()),
      async apply(change) {
        const version = await memory.apply(change);
        written = true;
        return version;
      },
    };
    const perms = await over(store, { logger });
    const version = await perms.assign({ subject: { id: 'bob', type: 'user' }, role: 'viewer' });
    expect(logger.lines).toMatchObject([{ level: 'warn', fields: { version, err: { message: 'away' } } }]);
    written = false;
    await perms.refresh();
    expect(perms.can({ id: 'bob', type: 'user' }, 'task:read')).toBe(true);
  });
});

describe('polling', () => {
  it('looks for a new version every pollMs, and no more after close', async () => {
    const clock = createTestClock();
    const script = scripted();
    const perms = await over(script.store, { clock, pollMs: 1000 });
    script.policy = viewerMay(2, 'task:read');
    await clock.advance(999);
    expect(perms.version).toBe(1);
    await clock.advance(1);
    expect([perms.version, perms.can(alice, 'task:read')]).toEqual([2, true]);
    await perms.close();
    script.policy = viewerMay(3);
    await clock.advance(10_000);
    expect(clock.pendingTimers).toBe(0);
    expect([perms.version, perms.can(alice, 'task:read')]).toEqual([2, true]);
  });

  it('goes on through an outage of the store, and logs its beginning and its end', async () => {
    const clock = createTestClock();
    const logger = recordingLogger();
    const script = scripted();
    script.policy = viewerMay(1, 'task:read');
    const perms = await over(script.store, { clock, logger, pollMs: 1000 });
    script.before = () => Promise.reject(new Error('away'));
    await clock.advance(5000);
    expect(perms.can(alice, 'task:read')).toBe(true);
    delete script.before;
    script.policy = viewerMay(2);
    await clock.advance(1000);
    expect(perms.can(alice, 'task:read')).toBe(false);
    expect(logger.lines.map(({ level }) => level)).toEqual(['warn', 'info']);
    await perms.close();
  });

  it('can be switched off, and refuses intervals that are none', async () => {
    const clock = createTestClock();
    const perms = await over(memoryStore(), { clock, pollMs: 0 });
    expect(clock.pendingTimers).toBe(0);
    await perms.close();
    for (const pollMs of [-1, 0.5, Number.NaN, Infinity]) await expect(over(memoryStore(), { pollMs })).rejects.toMatchObject({ code: 'ERR_PERMISSIONS_POLICY', field: 'pollMs' });
  });
});

describe('start and stop', () => {
  it('refuses everything until it has read a policy', async () => {
    const perms = await over(memoryStore([{ role: 'viewer', allow: ['*'] }]), { autoStart: false });
    expect(perms.version).toBeUndefined();
    expect(perms.decide(alice, 'task:read')).toEqual({ allow: false, reason: 'POLICY_NOT_LOADED' });
    await perms.start();
    expect(perms.can(alice, 'task:read')).toBe(true);
    await perms.stop();
  });

  it('fails to start without its store, and can be started later', async () => {
    const clock = createTestClock();
    const script = scripted();
    script.before = () => Promise.reject(new Error('away'));
    const perms = await over(script.store, { autoStart: false, clock, pollMs: 1000 });
    await expect(perms.start()).rejects.toThrow('away');
    expect(clock.pendingTimers).toBe(0);
    await expect(over(script.store)).rejects.toThrow('away');
    delete script.before;
    await perms.start();
    expect(perms.version).toBe(1);
    await perms.stop();
  });

  it('leaves at the deadline even if the store hangs', async () => {
    const script = scripted();
    const perms = await over(script.store);
    script.before = () => new Promise(() => {});
    void perms.refresh();
    await Promise.resolve();
    await expect(perms.stop(AbortSignal.abort())).resolves.toBeUndefined();
    const deadline = new AbortController();
    const stopped = perms.stop(deadline.signal);
    deadline.abort();
    await expect(stopped).resolves.toBeUndefined();
  });

  it('survives starts and stops in any order', async () => {
    await expect(stressLifecycle(() => over(memoryStore(), { autoStart: false, pollMs: 1 }))).resolves.toBeUndefined();
  });
});
