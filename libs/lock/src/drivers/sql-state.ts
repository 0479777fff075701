import { createHash } from 'node:crypto';
import { storeNow, type Database } from '@staddle/database';
import { sql } from 'kysely';
import type { AcquireRequest, LockKey } from '../driver.ts';
import type { LockTables } from './sql-tables.ts';

/** What the tables say of one key at one moment of the store's clock. */
export interface KeyState {
  readonly nowMs: number;
  /** The fence in the row of the key; undefined when there is no row. Every grant raises it. */
  readonly rowFence: bigint | undefined;
  /** The highest fence that was given out or reserved, as far as it is remembered. */
  readonly lastFence: bigint;
  /** Of kind `run`: the claim, unless it is forgotten. */
  readonly claim: { readonly owner: string; readonly done: boolean } | undefined;
  /** In the order of their fences. */
  readonly holders: readonly OwnerState[];
  /** In the order in which they will be granted. */
  readonly waiters: readonly OwnerState[];
  /** Whose time is over and whose row is still there. */
  readonly dead: readonly OwnerState[];
}

export interface OwnerState {
  readonly seq: number;
  readonly owner: string;
  /** Undefined while it waits. */
  readonly fence: bigint | undefined;
  readonly weight: number;
  readonly priority: number;
  readonly endsAt: number;
  readonly kept: boolean;
  readonly meta: string | undefined;
}

interface StateRow {
  nowMs: number;
  rowFence: string | null;
  claimOwner: string | null;
  claimDone: number | null;
  forgetAt: number | null;
  seq: number | null;
  owner: string;
  fence: string | null;
  lastFence: string | null;
  weight: number;
  priority: number;
  endsAt: number;
  kept: number;
  meta: string | null;
}

/** The primary key of a lock's row: the same for equal keys only. A kind has no NUL. */
export function idOf({ kind, name }: LockKey): string {
  return createHash('sha256').update(`${kind}\0${name}`).digest('base64url');
}

/** One statement, hence one moment, without a lock: it waits for nobody, and nobody waits for it. */
export async function readState(database: Database, id: string, { withMeta = false }: { readonly withMeta?: boolean } = {}): Promise<KeyState> {
  // Owners are found also without a row of the key, so that its loss could cost a fence but never the exclusion.
  const { rows } = await sql<StateRow>`
    select ${storeNow(database)} as nowMs,
      cast(k.fence as char) as rowFence, k.claim_owner as claimOwner, k.claim_done as claimDone, k.forget_at as forgetAt,
      o.seq as seq, o.owner as owner, cast(o.fence as char) as fence, cast(o.last_fence as char) as lastFence,
      o.weight as weight, o.priority as priority, o.ends_at as endsAt, o.kept as kept, ${withMeta ? sql.ref('o.meta') : sql.lit(null)} as meta
    from (select 1 as x) as one
    left join lock_key as k on k.id = ${id}
    left join lock_owner as o on o.key_id = ${id}`.execute(database.query<LockTables>());
  const { nowMs, rowFence, claimOwner, claimDone, forgetAt } = rows[0]!;
  const owners = rows.filter(({ seq }) => seq !== null).map(ownerOf);
  const alive = owners.filter(({ endsAt }) => endsAt >= nowMs);
  const holders = alive.filter(isHolder).toSorted((a, b) => Number(a.fence! - b.fence!));
  const isRemembered = forgetAt !== null && (forgetAt >= nowMs || holders.length > 0);
  return {
    nowMs,
    rowFence: rowFence === null ? undefined : BigInt(rowFence),
    lastFence: [rowFence, ...rows.map(({ lastFence }) => lastFence)].reduce((last, fence) => (fence !== null && BigInt(fence) > last ? BigInt(fence) : last), 0n),
    claim: claimOwner !== null && isRemembered ? { owner: claimOwner, done: claimDone === 1 } : undefined,
    holders,
    waiters: alive.filter((owner) => !isHolder(owner)).toSorted((a, b) => b.priority - a.priority || a.seq - b.seq),
    dead: owners.filter(({ endsAt }) => endsAt < nowMs),
  };
}

/** What a request meets. */
export type Verdict =
  /** The owner holds it already. */
  | { readonly is: 'held'; readonly own: OwnerState }
  /** `own`: its row in the queue, if it has one. `ahead`: who stands before it. `takesOver`: it needs what a dead holder had. */
  | { readonly is: 'free'; readonly own: OwnerState | undefined; readonly ahead: readonly OwnerState[]; readonly takesOver: boolean }
  | { readonly is: 'taken'; readonly own: OwnerState | undefined; readonly ahead: readonly OwnerState[] };

/** Whether the owner may have the key: it fits beside the holders, and nobody who is alive stands before it. */
export function judge({ holders, waiters, dead }: KeyState, { owner, weight, capacity, priority, queue, barge }: AcquireRequest): Verdict {
  const held = holders.find((holder) => holder.owner === owner);
  if (held && !held.kept) return { is: 'held', own: held };
  // A waiter that was silent for too long and asks again before somebody took its turn has its place back.
  const own = [...waiters, ...dead].find((other) => other.owner === owner && !isHolder(other));
  const isAhead = (other: OwnerState): boolean => {
    if (other.owner === owner) return false;
    if (!own && !queue) return true;
    return other.priority === priority ? !own || other.seq < own.seq : other.priority > priority;
  };
  const ahead = waiters.filter(isAhead);
  const weighs = (owners: readonly OwnerState[]): number => owners.reduce((sum, { weight: each }) => sum + each, 0);
  const used = weighs(holders);
  // An owner that has let go of a kept lock does not get it back: this is its acquire, late.
  if (held || used + weight > capacity || (ahead.length > 0 && !barge)) return { is: 'taken', own, ahead };
  return { is: 'free', own, ahead, takesOver: used + weighs(dead.filter(isHolder)) + weight > capacity };
}

export function isHolder({ fence }: OwnerState): boolean {
  return fence !== undefined;
}

function ownerOf({ seq, fence, kept, meta, owner, weight, priority, endsAt }: StateRow): OwnerState {
  return { seq: seq!, owner, weight, priority, endsAt, fence: fence === null ? undefined : BigInt(fence), kept: kept === 1, meta: meta ?? undefined };
}
