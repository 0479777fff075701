import { instanceOf } from './contenders.ts';
import type { LockDriver, LockKey, LockRecord } from './driver.ts';
import { LockUnavailableError } from './errors.ts';
import type { LockInfo, LockParty, Locks } from './locks.ts';
import { checkKind, checkName, checkText } from './options.ts';

export interface InspectionOptions {
  readonly driver: LockDriver;
  /** @throws LockUnavailableError (`ERR_LOCK_UNAVAILABLE`) */
  ask<T>(name: string, what: string, operation: () => Promise<T>): Promise<T>;
  /** The leases of these owners, or of all owners of the key, were ended by force. */
  revoke(key: LockKey, owner: string | undefined): void;
}

/** What people ask of locks that they do not hold. */
export function createInspection({ driver, ask, revoke }: InspectionOptions): Pick<Locks, 'inspect' | 'list' | 'forceRelease' | 'diagnose'> {
  const lookUp = async (key: LockKey): Promise<LockInfo | undefined> => {
    const record = await ask(key.name, 'inspected', () => driver.inspect(key));
    return record && infoOf(key, record);
  };
  return {
    async inspect(name, { kind = 'mutex' } = {}) {
      checkName(name);
      checkKind(kind);
      return lookUp({ kind, name });
    },
    async *list(prefix, { kind = 'mutex' } = {}) {
      checkText('prefix', prefix);
      checkKind(kind);
      try {
        for await (const key of driver.list({ kind, prefix })) {
          const info = await lookUp(key);
          if (info) yield info;
        }
      } catch (cause) {
        throw cause instanceof LockUnavailableError ? cause : new LockUnavailableError(`${prefix}*`, 'listed', { cause });
      }
    },
    async forceRelease(name, { kind = 'mutex', token } = {}) {
      checkName(name);
      checkKind(kind);
      const key = { kind, name };
      const ended = await ask(name, 'released by force', () => driver.forceRelease(key, token));
      if (ended) revoke(key, token);
      return ended;
    },
    diagnose: async () => driver.diagnose?.() ?? [],
  };
}

function infoOf({ kind, name }: LockKey, { holders, waiters, state }: LockRecord): LockInfo {
  const partyOf = ({ owner, weight, meta }: { owner: string; weight: number; meta?: string | undefined }): LockParty => ({
    token: owner,
    instance: instanceOf(owner),
    permits: weight,
    meta: meta === undefined ? {} : (JSON.parse(meta) as Record<string, string>),
  });
  return {
    kind,
    name,
    holders: holders.map((holder) => ({ ...partyOf(holder), fence: holder.fence, expiresInMs: holder.expiresInMs })),
    waiters: waiters.map((waiter) => ({ ...partyOf(waiter), priority: waiter.priority })),
    ...(state && { state }),
  };
}
