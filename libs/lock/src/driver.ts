/**
 * What a lock is to a store.
 *
 * - `mutex`: one holder.
 * - `read-write`, `semaphore`: holders with weights that must fit into a capacity. A reader weighs 1 and a writer all of it.
 * - `run`: the lease of a claimed run ({@link LockDriver.claim}); renewed and released like a mutex.
 *
 * Locks of different kinds never meet, also when their names are equal.
 */
export type LockKind = 'mutex' | 'read-write' | 'semaphore' | 'run';

export interface LockKey {
  readonly kind: LockKind;
  /** Any non-empty, well-formed text. A driver that builds keys or messages from it must encode it. */
  readonly name: string;
}

/** A request that an owner makes for a key. Sent again unchanged when its answer was lost. */
export interface AcquireRequest {
  readonly key: LockKey;
  /**
   * Unique per acquisition, never per client or process: `INSTANCE.SUFFIX`, both of `A-Z a-z 0-9 _ -`. INSTANCE is what
   * {@link LockDriver.connect} was given, so that a store knows from the owner alone whom to tell.
   */
  readonly owner: string;
  readonly ttlMs: number;
  /** What it needs of {@link capacity}. A mutex has 1 of 1. */
  readonly weight: number;
  /** Weights of all holders together never exceed the capacity that the youngest of them asked with. */
  readonly capacity: number;
  /** Stand in the queue when refused, or stay there. Without it a refusal leaves nothing behind. */
  readonly queue: boolean;
  /** -100 to 100, higher first; equals in the order in which the store first saw them. */
  readonly priority: number;
  /** False: a lock that others queue for is refused even when it is free, unless this owner is the first of the queue. */
  readonly barge: boolean;
  /** False lets a driver take a faster way that gives no fence: the outcome's fence is then 0n. Only for a mutex. */
  readonly fencing: boolean;
  /** How many fences after the given one belong to this acquisition as well: for hand-offs inside the holder's process. */
  readonly reserve: number;
  /** JSON text, at most 4 KB, shown by `inspect`. */
  readonly meta?: string | undefined;
  /** How many replicas must confirm the acquisition, and how long they may take. For stores with replication. */
  readonly replicas?: { readonly count: number; readonly timeoutMs: number } | undefined;
}

/** What a store answered to a request. A refusal is not an error: somebody else holds the lock, or is before us. */
export type AcquireOutcome =
  | {
      readonly acquired: true;
      readonly fence: bigint;
      /** Confirmed by fewer replicas than were asked for; the caller gives the lock back. Absent when enough did, or none were asked for. */
      readonly missingReplicas?: number;
      /** The owner was not in the queue when it was granted. True after the store has lost its queue. */
      readonly unqueued?: boolean;
    }
  | {
      readonly acquired: false;
      /** One of those who hold the key; undefined when none does (others are before us, or the store is in quarantine). */
      readonly holder: string | undefined;
      /** Milliseconds until the first present holder's lease ends unless it is renewed: when asking again may help. */
      readonly expiresInMs: number;
      /** Number of those before us in the queue; undefined when not queued. */
      readonly position: number | undefined;
      /** The queue did not know this owner before. True on a repeated request after the store has lost its queue. */
      readonly unqueued: boolean;
      /** The store's clock when it answered, in ms with fractions. Compared only with {@link LockGrant.grantedAtStoreMs}. */
      readonly storeNowMs: number;
    };

export interface RenewRequest {
  readonly key: LockKey;
  readonly owner: string;
  readonly ttlMs: number;
}

export type RenewOutcome =
  /** `previousMs`: what was left of the lease when the store renewed it, by its clock. Shows jumps of that clock. */
  | { readonly renewed: true; readonly previousMs: number }
  /** `holder`: who has it now; undefined when nobody does. */
  | { readonly renewed: false; readonly holder: string | undefined };

export interface ReleaseRequest {
  readonly key: LockKey;
  readonly owner: string;
  /** Keep the key locked for this long instead of freeing it, without an owner who could renew it. Default 0. */
  readonly keepMs?: number | undefined;
}

/**
 * `released`: freed, nobody was waiting. `handed-off`: given to the next of the queue. `kept`: locked until `keepMs` is
 * over. `dequeued`: it did not hold the key but stood in the queue, and has left it. `not-held`: neither.
 */
export type ReleaseOutcome = 'released' | 'handed-off' | 'kept' | 'dequeued' | 'not-held';

export interface ClaimRequest {
  /** Of kind `run`. */
  readonly key: LockKey;
  readonly owner: string;
  readonly ttlMs: number;
  /** How long the record of the claim is kept after its last change. Longer than `ttlMs`. */
  readonly keepMs: number;
  /** What to do with a claim whose lease ended before it was settled: leave it for good, or claim it anew. */
  readonly onCrash: 'skip' | 'retry';
}

export type ClaimOutcome =
  | { readonly claimed: true; readonly fence: bigint }
  /** `running`: its owner's lease lives. `done`: settled. `crashed`: the lease ended unsettled and `onCrash` is `skip`. */
  | { readonly claimed: false; readonly state: 'running' | 'done' | 'crashed'; readonly owner: string };

export interface SettleRequest {
  readonly key: LockKey;
  readonly owner: string;
  readonly keepMs: number;
}

export interface HolderRecord {
  /** Empty for a lock that is kept after its release. */
  readonly owner: string;
  readonly fence: bigint;
  readonly weight: number;
  readonly expiresInMs: number;
  readonly meta?: string | undefined;
}

export interface WaiterRecord {
  readonly owner: string;
  readonly weight: number;
  readonly priority: number;
  readonly meta?: string | undefined;
}

/** What a store knows of a key. */
export interface LockRecord {
  /** In the order of their fences. */
  readonly holders: readonly HolderRecord[];
  /** In the order in which they will be granted. */
  readonly waiters: readonly WaiterRecord[];
  /** Of kind `run`: what became of the claim. */
  readonly state?: 'running' | 'done' | 'crashed' | undefined;
}

/** The store gave a queued owner the lock. */
export interface LockGrant {
  readonly owner: string;
  readonly fence: bigint;
  /** How long the lease lasts from the grant on: at most the owner's ttl, often less, so that a dead one holds up nobody. */
  readonly leaseMs: number;
  /** The store's clock at the grant, in ms with fractions. */
  readonly grantedAtStoreMs: number;
}

/** Called by a driver when something happened to the owners of one instance. Must not throw. */
export interface LockListener {
  granted(grant: LockGrant): void;
  /** The owner is now the first of the queue; the present lease ends in `inMs` unless it is renewed. */
  next(hint: { readonly owner: string; readonly inMs: number }): void;
  /** The owner's lease was ended by {@link LockDriver.forceRelease}. */
  revoked(owner: string): void;
  /** The store can be reached (again), or messages may have been missed: renewals are tried and waiters ask again. */
  ready(): void;
}

/** One instance's line to the store for messages. */
export interface LockConnection {
  /**
   * Messages arrive from now on. A request with `queue: true` is only sent while this holds: a store takes a waiter that it
   * cannot reach for dead.
   */
  readonly listening: boolean;
  /** Starts to listen, once; resolves when `listening`. Rejects when it cannot; it then goes on trying and calls `ready`. */
  listen(): Promise<void>;
  /** Ends what `listen` started. Idempotent. */
  close(): Promise<void>;
}

/** How a worker thread can renew leases over a connection of its own. */
export interface WatchdogSource {
  /** URL of a module that exports `createWatchdogDriver(data): { renew: LockDriver['renew']; close(): Promise<void> }`. */
  readonly module: string;
  /** Given to it by structured clone. */
  readonly data: unknown;
}

/**
 * Where locks live. A driver offers atomic operations and no policy: waiting, renewal, deadlines and errors are written
 * once, in the core. It gets the caller's client and never closes it.
 *
 * Contract (run `describeLockDriver` of `@staddle/lock/testing` against an implementation):
 * - every operation is atomic per key and takes effect at one moment between call and answer;
 * - every operation may be sent twice: the second one changes nothing and gives the same answer, as after a lost answer;
 * - time is the store's own clock; a lease of `ttlMs` ends no sooner than `ttlMs` after the request was sent;
 * - fences strictly increase per key over every acquisition by a new owner, also after the store lost its data or restarted;
 * - no holder is ever added while the weights would exceed the capacity;
 * - the queue is strict: the first of it is granted when its weight fits, and nobody passes it without `barge`;
 * - a waiter that is known to be dead is skipped when its turn comes;
 * - a rejected promise means "unknown": the operation may or may not have happened.
 */
export interface LockDriver {
  /** Shown in logs: `redis`, `memory`, `sql`. */
  readonly name: string;

  /**
   * Gives the key to the owner for `ttlMs` when it is free, or the answer tells what is in the way. An owner that already
   * holds it starts its lease anew with the asked weight (never a larger one: a writer may become a reader) and gets its
   * fence again.
   */
  acquire(request: AcquireRequest): Promise<AcquireOutcome>;

  /** Starts leases anew whose owner still holds them. One outcome per request, in order; an Error where that one is unknown. */
  renew(requests: readonly RenewRequest[]): Promise<readonly (RenewOutcome | Error)[]>;

  /** Lets go of the key, or leaves its queue; whoever is next gets it in the same moment. */
  release(request: ReleaseRequest): Promise<ReleaseOutcome>;

  /**
   * Claims a run: at most one owner ever gets it (`onCrash: 'skip'`), or at most one at a time (`'retry'`). The lease that
   * comes with it is renewed and released under the same key.
   */
  claim(request: ClaimRequest): Promise<ClaimOutcome>;

  /** Records that the run is done and frees its lease; false when another owner has claimed it meanwhile or it is not known. */
  settle(request: SettleRequest): Promise<boolean>;

  /** Undefined when nobody holds, awaits or has claimed the key. */
  inspect(key: LockKey): Promise<LockRecord | undefined>;

  /** Keys that are held, awaited or claimed and whose name begins with `prefix`, in no order. Changes meanwhile may or may not show. */
  list(filter: { readonly kind: LockKind; readonly prefix: string }): AsyncIterable<LockKey>;

  /** Ends the leases of a key, of `owner` alone when given, hands it on and tells the holders. False when there was none. */
  forceRelease(key: LockKey, owner?: string): Promise<boolean>;

  /**
   * Messages for the owners of `instance`. A driver whose store cannot send messages leaves it out: waiters then poll.
   * The driver may call `ready` before `listen`.
   */
  connect?(instance: string, listener: LockListener): LockConnection;

  /** Absent when the store cannot be reached from a worker thread. */
  readonly watchdog?: WatchdogSource;

  /** Settings of the store that endanger locks, one sentence each; empty when it is sound. */
  diagnose?(): Promise<readonly string[]>;
}
