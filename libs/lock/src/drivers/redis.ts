import type { AcquireOutcome, AcquireRequest, LockDriver, LockKey, ReleaseOutcome, RenewOutcome, RenewRequest } from '../driver.ts';
import { InvalidLockOptionError } from '../errors.ts';
import { checkMs } from '../options.ts';
import { acquireOutcome, claimOutcome, lockRecord, renewOutcomes, type AcquireAnswer, type ClaimAnswer, type InspectAnswer, type RenewAnswer } from './redis-answers.ts';
import { defineScripts, isCluster, masters, type RedisClient } from './redis-commands.ts';
import { watchdogSource } from './redis-connection.ts';
import { diagnoseRedis } from './redis-health.ts';
import { channelPrefix, epochKey, lockKeys, lockNameOf, lockPattern } from './redis-keys.ts';
import { RedisMessages } from './redis-messages.ts';

export interface RedisLockDriverOptions {
  /** Begins every key and channel, after the client's own `keyPrefix` (keys only). Default `lock`; letters, digits and `_ - . : /`. */
  readonly prefix?: string;
  /**
   * How long the last fence of a free lock is remembered, in ms. Default one day. After that the next fence is the
   * server's time in microseconds, which is higher unless the server's clock went back by more than this.
   */
  readonly fenceMemoryMs?: number;
  /**
   * The lease of a waiter that was given the lock and has not yet answered, in ms: how long one that died or hangs unnoticed
   * holds up the others. Default 2000.
   */
  readonly handoffMs?: number;
  /**
   * Gives no lock for this long after the server has lost its data, in ms: at least the longest ttl in use, so that holders
   * from before have noticed. Also at the very first use. Not for a Cluster. Default 0, off.
   */
  readonly restartGuardMs?: number;
}

const DEFAULTS: Required<RedisLockDriverOptions> = Object.freeze({ prefix: 'lock', fenceMemoryMs: 86_400_000, handoffMs: 2_000, restartGuardMs: 0 });

/** Leases in one script. More would hold up the server's other clients for longer than a millisecond. */
const RENEWALS_PER_SCRIPT = 100;

const RELEASED: readonly ReleaseOutcome[] = ['not-held', 'released', 'handed-off', 'kept', 'dequeued'];

/**
 * Locks on one Redis (6.2 or newer, also behind Sentinel) or a Cluster of them. The caller owns the client. Leases, fences and
 * the order of the queue go by the server's clock.
 *
 * 1. Each operation is one script on the keys of one lock; what they hold is told in redis-scripts.ts.
 * 2. A released lock is given to the next waiter by the script that releases it, which tells the waiter's instance in one
 *    message; the lock is its own from then on, for `handoffMs`.
 * 3. An instance that receives no messages is dead, and its waiters are left out. In a Cluster that cannot be known: there
 *    a dead waiter costs `handoffMs`. Nor can it where somebody else listens to all channels.
 * 4. Where a user may not PUBLISH, nothing is handed on: the queue then has no effect, and waiters ask again and again.
 *
 * @throws InvalidLockOptionError (`ERR_LOCK_OPTION`)
 */
export function redisLockDriver(client: RedisClient, options: RedisLockDriverOptions = {}): LockDriver {
  const settings = { ...DEFAULTS, ...options };
  checkOptions(client, settings);
  const { prefix, fenceMemoryMs, restartGuardMs } = settings;
  const channel = channelPrefix(prefix);
  const scripts = defineScripts(client, { ...settings, channel, countsReceivers: !isCluster(client) });
  const messages = new RedisMessages(client, channel);
  const epoch = restartGuardMs > 0 ? [epochKey(prefix)] : [];
  const watchdog = watchdogSource(client, { prefix, fenceMemoryMs });

  const acquireByScript = async (request: AcquireRequest): Promise<AcquireOutcome> => {
    const { key, owner, ttlMs, weight, capacity, reserve, priority, queue, barge, meta, replicas } = request;
    const keys = lockKeys(prefix, key);
    const name = isPermits(key) ? 'acquirePermits' : 'acquireMutex';
    const args = [keys.lock, keys.fence, keys.queue, keys.owners, ...epoch, owner, ttlMs, weight, capacity, reserve, priority, Number(queue), Number(barge), ...(meta === undefined ? [] : [meta])];
    // A Cluster may redirect a command, but not a pipeline.
    if (!replicas || isCluster(client)) {
      const outcome = acquireOutcome((await scripts.run(name, ...args)) as AcquireAnswer, request);
      if (!replicas || !outcome.acquired) return outcome;
    }
    // WAIT counts what its own connection has written, and a pipeline goes over one.
    const [acquired, waited] = (await scripts.add(client.pipeline(), name, ...args).wait(replicas.count, replicas.timeoutMs).exec())!;
    const error = acquired![0] ?? waited![0];
    if (error) throw error;
    const outcome = acquireOutcome(acquired![1] as AcquireAnswer, request);
    const missingReplicas = replicas.count - Number(waited![1]);
    return outcome.acquired && missingReplicas > 0 ? { ...outcome, missingReplicas } : outcome;
  };

  const renewalKeys = ({ key }: RenewRequest): string[] => {
    const { lock, fence, queue, owners, claim } = lockKeys(prefix, key);
    return [lock, fence, key.kind === 'run' ? claim : queue, owners];
  };
  const renewalArgs = ({ key, owner, ttlMs }: RenewRequest): (string | number)[] => [isPermits(key) ? 'permits' : key.kind, owner, ttlMs];

  const renewEach = (requests: readonly RenewRequest[]): Promise<(RenewOutcome | Error)[]> =>
    Promise.all(
      requests.map(async (request) => {
        try {
          return renewOutcomes((await scripts.run('renewEach', ...renewalKeys(request), ...renewalArgs(request))) as RenewAnswer)[0]!;
        } catch (error) {
          return error as Error;
        }
      }),
    );

  const renewTogether = async (requests: readonly RenewRequest[]): Promise<(RenewOutcome | Error)[]> => {
    const keys = requests.flatMap(renewalKeys);
    try {
      return renewOutcomes((await scripts.run('renew', keys.length, ...keys, ...requests.flatMap(renewalArgs))) as RenewAnswer);
    } catch (error) {
      // One key that somebody else has overwritten must not cost the others their leases.
      if (error instanceof Error && error.message.includes('WRONGTYPE')) return renewEach(requests);
      throw error;
    }
  };

  return {
    name: 'redis',

    async acquire(request) {
      const { key, owner, ttlMs, fencing, queue, barge, meta, replicas } = request;
      // The lock itself is all there is to look at, so that SET does it.
      const plain = key.kind === 'mutex' && !fencing && !queue && barge && meta === undefined && !replicas && epoch.length === 0;
      if (plain && (await client.set(lockKeys(prefix, key).lock, owner, 'PX', ttlMs, 'NX'))) return { acquired: true, fence: 0n };
      return acquireByScript(request);
    },

    async renew(requests) {
      if (requests.length === 1 || isCluster(client)) return renewEach(requests);
      const batches = Array.from({ length: Math.ceil(requests.length / RENEWALS_PER_SCRIPT) }, (_, index) =>
        renewTogether(requests.slice(index * RENEWALS_PER_SCRIPT, (index + 1) * RENEWALS_PER_SCRIPT)),
      );
      return (await Promise.all(batches)).flat();
    },

    async release({ key, owner, keepMs = 0 }) {
      const { lock, fence, queue, owners } = lockKeys(prefix, key);
      return RELEASED[Number(await scripts.run(isPermits(key) ? 'releasePermits' : 'releaseMutex', lock, fence, queue, owners, owner, keepMs))]!;
    },

    async claim({ key, owner, ttlMs, keepMs, onCrash }) {
      const { lock, fence, claim } = lockKeys(prefix, key);
      return claimOutcome((await scripts.run('claim', lock, fence, claim, ...epoch, owner, ttlMs, keepMs, onCrash)) as ClaimAnswer);
    },

    async settle({ key, owner, keepMs }) {
      const { lock, claim } = lockKeys(prefix, key);
      return Number(await scripts.run('settle', lock, claim, owner, keepMs)) === 1;
    },

    async inspect(key) {
      const { lock, fence, queue, owners, claim } = lockKeys(prefix, key);
      return lockRecord(key.kind, (await scripts.run('inspect', lock, fence, queue, owners, claim, isPermits(key) ? 'permits' : key.kind)) as InspectAnswer);
    },

    async *list({ kind, prefix: namePrefix }) {
      const whole = `${client.options.keyPrefix ?? ''}${prefix}`;
      const seen = new Set<string>();
      for (const server of await masters(client)) {
        let cursor = '0';
        do {
          const [next, keys] = await server.scan(cursor, 'MATCH', lockPattern(whole, kind, namePrefix), 'COUNT', 1_000);
          cursor = next;
          for (const key of keys) {
            const name = lockNameOf(whole, kind, key);
            if (name === undefined || seen.has(name)) continue;
            seen.add(name);
            yield { kind, name };
          }
        } while (cursor !== '0');
      }
    },

    async forceRelease(key, owner = '') {
      const { lock, fence, queue, owners } = lockKeys(prefix, key);
      return Number(await scripts.run(isPermits(key) ? 'forceReleasePermits' : 'forceReleaseMutex', lock, fence, queue, owners, owner)) > 0;
    },

    connect: (instance, listener) => messages.connect(instance, listener),
    diagnose: () => diagnoseRedis(client),
    ...(watchdog && { watchdog }),
  };
}

function isPermits({ kind }: LockKey): boolean {
  return kind === 'read-write' || kind === 'semaphore';
}

function checkOptions(client: RedisClient, { prefix, fenceMemoryMs, handoffMs, restartGuardMs }: Required<RedisLockDriverOptions>): void {
  // It stands inside of scripts, and braces would decide the slot of a cluster.
  if (typeof prefix !== 'string' || !/^[\w.:/-]{1,200}$/.test(prefix)) throw new InvalidLockOptionError('prefix', prefix, '1 to 200 characters of A-Z a-z 0-9 _ - . : /');
  checkMs('fenceMemoryMs', fenceMemoryMs, 1_000);
  checkMs('handoffMs', handoffMs, 1);
  checkMs('restartGuardMs', restartGuardMs, 0);
  if (restartGuardMs > 0 && isCluster(client)) throw new InvalidLockOptionError('restartGuardMs', restartGuardMs, '0 for a Cluster, whose servers restart one by one');
}
