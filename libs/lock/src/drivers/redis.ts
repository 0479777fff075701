import type { AcquireOutcome, AcquireRequest, LockDriver, LockKey, ReleaseOutcome, RenewOutcome, RenewRequest } from '../driver.ts';
import { InvalidLockOptionError } from '../errors.ts';
import { checkMs } from '../options.ts';
import { acquireOutcome, claimOutcome, lockRecord, renewOutcomes, type AcquireAnswer, type ClaimAnswer, type InspectAnswer, type RenewAnswer } from './redis-answers.ts';
import { defineScripts, isCluster, masters, type RedisClient } from './redis-commands.ts';
import { watchdogSource } from './redis-connection.ts';
import { diagnoseRedis } from './redis-health.ts';
import { channelPrefix, epochKey, lockKey, lockNameOf, lockPattern } from './redis-keys.ts';
import { redisMessages } from './redis-messages.ts';

export interface RedisLockDriverOptions {
  /** Begins every key and channel; a `keyPrefix` of the client comes before it in keys. Letters, digits and `_ - . : /`. Default `lock`. */
  readonly prefix?: string;
  /** How long the last fence of a free lock is remembered, in ms: how far the server's clock may go back. Default one day. */
  readonly fenceMemoryMs?: number;
  /**
   * The lease of a waiter that was given the lock and has not yet answered, in ms: how long one that died unnoticed holds up
   * the others. Default 2000.
   */
  readonly handoffMs?: number;
  /**
   * Gives no lock for this long after the server has lost its data, in ms, so that holders from before have noticed: at least
   * the longest ttl in use. Also before the very first use. Not for a Cluster. Default 0, which is off.
   */
  readonly restartGuardMs?: number;
}

const DEFAULTS: Required<RedisLockDriverOptions> = Object.freeze({ prefix: 'lock', fenceMemoryMs: 86_400_000, handoffMs: 2_000, restartGuardMs: 0 });

/** Leases in one script. More would hold up the server's other clients for longer than a millisecond. */
const RENEWALS_PER_SCRIPT = 100;

const RELEASED: readonly ReleaseOutcome[] = ['not-held', 'released', 'handed-off', 'kept', 'dequeued'];

/**
 * Locks on one Redis (6.2 or newer, also behind Sentinel) or on a Cluster. The caller owns the client.
 *
 * 1. Each operation is one script on the keys of one lock (redis-scripts.ts), by the server's clock.
 * 2. The script that frees a lock gives it to the next waiter and tells the waiter's instance, in one message.
 * 3. An instance that receives no messages is dead, and its waiters are passed by. In a Cluster that cannot be known, nor where
 *    somebody else listens to every channel: there a dead waiter holds up the others for `handoffMs`.
 * 4. Where the user may not publish, nothing is handed on, and waiters ask again and again.
 *
 * @throws InvalidLockOptionError (`ERR_LOCK_OPTION`)
 */
export function redisLockDriver(client: RedisClient, options: RedisLockDriverOptions = {}): LockDriver {
  const settings = { ...DEFAULTS, ...options };
  checkOptions(client, settings);
  const { prefix, fenceMemoryMs, restartGuardMs } = settings;
  const channel = channelPrefix(prefix);
  const scripts = defineScripts(client, { ...settings, channel, countsReceivers: !isCluster(client) });
  const watchdog = watchdogSource(client, { prefix, fenceMemoryMs });
  const epoch = restartGuardMs > 0 ? [epochKey(prefix)] : [];

  const acquireArguments = ({ key, owner, ttlMs, weight, capacity, reserve, priority, queue, barge, meta }: AcquireRequest): (string | number)[] => {
    const lock = lockKey(prefix, key);
    const args = [lock, `${lock}:fence`, `${lock}:queue`, `${lock}:owners`, ...epoch, owner, ttlMs, reserve, `${weight} ${capacity} ${priority} ${queue} ${barge}`];
    if (meta !== undefined) args.push(meta);
    return args;
  };

  const acquireByScript = async (request: AcquireRequest): Promise<AcquireOutcome> =>
    acquireOutcome((await scripts[isPermits(request.key) ? 'acquirePermits' : 'acquireMutex'](...acquireArguments(request))) as AcquireAnswer, request);

  const acquirePlainly = async (request: AcquireRequest): Promise<AcquireOutcome> => {
    if (await client.set(lockKey(prefix, request.key), request.owner, 'PX', request.ttlMs, 'NX')) return { acquired: true, fence: 0n };
    return acquireByScript(request); // The owner itself may hold it.
  };

  const acquireReplicated = async (request: AcquireRequest, { count, timeoutMs }: NonNullable<AcquireRequest['replicas']>): Promise<AcquireOutcome> => {
    // A Cluster may redirect a command, but not a pipeline: asked before, it knows the way.
    const first = isCluster(client) ? await acquireByScript(request) : undefined;
    if (first && !first.acquired) return first;
    // WAIT counts what its own connection has written, and a pipeline goes over one.
    const script = isPermits(request.key) ? 'acquirePermits' : 'acquireMutex';
    const [acquired, waited] = (await scripts.pipelined(client.pipeline(), script, ...acquireArguments(request)).wait(count, timeoutMs).exec())!;
    const error = acquired![0] ?? waited![0];
    if (error) throw error;
    const outcome = acquireOutcome(acquired![1] as AcquireAnswer, request);
    const missingReplicas = count - Number(waited![1]);
    return outcome.acquired && missingReplicas > 0 ? { ...outcome, missingReplicas } : outcome;
  };

  const renewalKeys = ({ key }: RenewRequest): string[] => {
    const lock = lockKey(prefix, key);
    return [lock, `${lock}:fence`, key.kind === 'run' ? `${lock}:claim` : `${lock}:queue`, `${lock}:owners`];
  };
  const renewalArguments = ({ key, owner, ttlMs }: RenewRequest): (string | number)[] => [isPermits(key) ? 'permits' : key.kind, owner, ttlMs];

  const renewEach = (requests: readonly RenewRequest[]): Promise<(RenewOutcome | Error)[]> =>
    Promise.all(
      requests.map(async (request) => {
        try {
          return renewOutcomes((await scripts.renewEach(...renewalKeys(request), ...renewalArguments(request))) as RenewAnswer)[0]!;
        } catch (error) {
          return error as Error;
        }
      }),
    );

  const renewTogether = async (requests: readonly RenewRequest[]): Promise<(RenewOutcome | Error)[]> => {
    const keys = requests.flatMap(renewalKeys);
    try {
      return renewOutcomes((await scripts.renew(keys.length, ...keys, ...requests.flatMap(renewalArguments))) as RenewAnswer);
    } catch (error) {
      // One key that somebody else has overwritten must not cost the others their leases.
      if (error instanceof Error && error.message.includes('WRONGTYPE')) return renewEach(requests);
      throw error;
    }
  };

  return {
    name: 'redis',

    acquire(request) {
      const { key, fencing, queue, barge, meta, replicas } = request;
      if (replicas) return acquireReplicated(request, replicas);
      // Then the lock itself is all there is to look at.
      const plain = !fencing && barge && !queue && key.kind === 'mutex' && meta === undefined && epoch.length === 0;
      return plain ? acquirePlainly(request) : acquireByScript(request);
    },

    async renew(requests) {
      if (requests.length === 1 || isCluster(client)) return renewEach(requests);
      const batches = Array.from({ length: Math.ceil(requests.length / RENEWALS_PER_SCRIPT) }, (_, index) =>
        renewTogether(requests.slice(index * RENEWALS_PER_SCRIPT, (index + 1) * RENEWALS_PER_SCRIPT)),
      );
      return (await Promise.all(batches)).flat();
    },

    async release({ key, owner, keepMs = 0 }) {
      const lock = lockKey(prefix, key);
      const release = isPermits(key) ? scripts.releasePermits : scripts.releaseMutex;
      const keys = [lock, `${lock}:fence`, `${lock}:queue`, `${lock}:owners`];
      return RELEASED[Number(await (keepMs > 0 ? release(...keys, owner, keepMs) : release(...keys, owner)))]!;
    },

    async claim({ key, owner, ttlMs, keepMs, onCrash }) {
      const lock = lockKey(prefix, key);
      return claimOutcome((await scripts.claim(lock, `${lock}:fence`, `${lock}:claim`, ...epoch, owner, ttlMs, keepMs, onCrash)) as ClaimAnswer);
    },

    async settle({ key, owner, keepMs }) {
      const lock = lockKey(prefix, key);
      return Number(await scripts.settle(lock, `${lock}:claim`, owner, keepMs)) === 1;
    },

    async inspect(key) {
      const lock = lockKey(prefix, key);
      const keys = [lock, `${lock}:fence`, `${lock}:queue`, `${lock}:owners`, `${lock}:claim`];
      return lockRecord(key.kind, (await scripts.inspect(...keys, isPermits(key) ? 'permits' : key.kind)) as InspectAnswer);
    },

    async *list({ kind, prefix: namePrefix }) {
      const whole = `${client.options.keyPrefix ?? ''}${prefix}`;
      const pattern = lockPattern(whole, kind, namePrefix);
      const seen = new Set<string>();
      for (const server of await masters(client)) {
        let cursor = '0';
        do {
          const [next, keys] = await server.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000);
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
      const lock = lockKey(prefix, key);
      const release = isPermits(key) ? scripts.forceReleasePermits : scripts.forceReleaseMutex;
      return Number(await release(lock, `${lock}:fence`, `${lock}:queue`, `${lock}:owners`, owner)) > 0;
    },

    connect: (instance, listener) => redisMessages(client).connect(channel + instance, listener),
    diagnose: () => diagnoseRedis(client),
    ...(watchdog && { watchdog }),
  };
}

function isPermits({ kind }: LockKey): boolean {
  return kind === 'read-write' || kind === 'semaphore';
}

function checkOptions(client: RedisClient, { prefix, fenceMemoryMs, handoffMs, restartGuardMs }: Required<RedisLockDriverOptions>): void {
  // It becomes part of scripts, and braces in it would decide the slot of a cluster.
  if (typeof prefix !== 'string' || !/^[\w.:/-]{1,200}$/.test(prefix)) throw new InvalidLockOptionError('prefix', prefix, '1 to 200 characters of A-Z a-z 0-9 _ - . : /');
  checkMs('fenceMemoryMs', fenceMemoryMs, 1_000);
  checkMs('handoffMs', handoffMs, 1);
  checkMs('restartGuardMs', restartGuardMs, 0);
  if (restartGuardMs > 0 && isCluster(client)) throw new InvalidLockOptionError('restartGuardMs', restartGuardMs, '0 for a Cluster, whose servers lose their data one by one');
}
