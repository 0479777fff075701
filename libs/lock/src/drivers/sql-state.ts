import { createHash } from 'node:crypto';
import { storeNow, type Database } from '@staddle/database';
import { sql } from 'kysely';
import type { AcquireRequest, LockKey } from '../driver.ts';
import type { LockTables } from './sql-tables.ts';

/** What the tables say of one key at one moment of the store's clock. */
export interface KeyState {
  readonly id: string;
  readonly nowMs: number;
  /** The fence in the row of the key, which every grant raises; undefined when there is no row. */
  readonly rowFence: bigint | undefined;
  /** The highest fence that was given out or reserved, as far as it is remembered. */
  readonly lastFence: bigint;
  /** Of kind `run`: the claim, unless it is forgotten. */
  readonly claim: { readonly owner: string; readonly done: boolean } | undefined;
  /** In the order of their fences. */
  readonly holders: readonly OwnerState[];
  /** In the order in which they will be granted. */
  readonly waiters: readonly OwnerState[];
  /** Rows whose time is over, those that nobody will come back to first. */
  readonly spent: readonly OwnerState[];
  readonly nextSlot: number;
  readonly nextPlace: number;
}

export interface OwnerState {
  readonly slot: number;
  readonly owner: string;
  /** Undefined while it waits. */
  readonly fence: bigint | undefined;
  readonly weight: number;
  readonly priority: number;
  readonly place: number;
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
  slot: number | null;
  owner: string;
  fence: string | null;
  lastFence: string | null;
  weight: number;
  priority: number;
  place: number;
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
      o.slot as slot, o.owner as owner, cast(o.fence as char) as fence, cast(o.last_fence as char) as lastFence, o.weight as weight,
      o.priority as priority, o.place as place, o.ends_at as endsAt, o.kept as kept, ${withMeta ? sql.ref('o.meta') : sql.lit(null)} as meta
    from (select 1 as x) as one
    left join lock_key as k on k.id = ${id}
    left join lock_owner as o on o.key_id = ${id}`.execute(database.query<LockTables>());
  const { nowMs, rowFence, claimOwner, claimDone, forgetAt } = rows[0]!;
  const owners = rows.filter(({ slot }) => slot !== null).map(ownerOf);
  const alive = owners.filter(({ endsAt }) => endsAt >= nowMs);
  const holders = alive.filter(isHolder).toSorted((a, b) => Number(a.fence! - b.fence!));
  // A claim is remembered while its lease lives, however short it was to be kept.
  const isRemembered = forgetAt !== null && (forgetAt >= nowMs || holders.length > 0);
  return {
    id,
    nowMs,
    rowFence: rowFence === null ? undefined : BigInt(rowFence),
    lastFence: [rowFence, ...rows.map((row) => row.lastFence)].reduce((last, fence) => (fence !== null && BigInt(fence) > last ? BigInt(fence) : last), 0n),
    claim: claimOwner !== null && isRemembered ? { owner: claimOwner, done: claimDone === 1 } : undefined,
    holders,
    waiters: alive.filter((owner) => !isHolder(owner)).toSorted((a, b) => b.priority - a.priority || inOrder(a, b)),
    spent: owners.filter(({ endsAt }) => endsAt < nowMs).toSorted((a, b) => a.endsAt - b.endsAt),
    nextSlot: Math.max(-1, ...owners.map(({ slot }) => slot)) + 1,
    nextPlace: Math.max(0, ...owners.map(({ place }) => place)) + 1,
  };
}

/** What a request meets. */
export type Verdict =
  /** The owner holds it already. */
  | { readonly is: 'held'; readonly own: OwnerState }
  /** `own`: its row in the queue, if it has one. `ahead`: who stands before it. `takesOver`: it needs what a dead holder had. */
  | { readonly is: 'free'; readonly own: OwnerState | undefined; readonly ahead: readonly OwnerState[]; readonly takesOver: boolean }
  | { readonly is: 'taken'; readonly own: OwnerState | undefined; readonly ahead: readonly OwnerState[] }
  /** The owner has let go of it, and it is kept: this is its acquire, late. */
  | { readonly is: 'over'; readonly own: undefined; readonly ahead: readonly OwnerState[] };

/** Whether the owner may have the key: it fits beside the holders, and nobody who is alive stands before it. */
export function judge({ holders, waiters, spent }: KeyState, { owner, weight, capacity, priority, queue, barge }: AcquireRequest): Verdict {
  const held = holders.find((holder) => holder.owner === owner);
  if (held) return held.kept ? { is: 'over', own: undefined, ahead: waiters } : { is: 'held', own: held };
  // A waiter that was silent for too long and asks again before anybody took its turn has its place back.
  const own = [...waiters, ...spent].find((other) => other.owner === owner && !isHolder(other) && other.endsAt > 0);
  const isAhead = (other: OwnerState): boolean => {
    if (other.owner === owner) return false;
    if (!own && !queue) return true;
    return other.priority === priority ? !own || inOrder(other, own) < 0 : other.priority > priority;
  };
  const ahead = waiters.filter(isAhead);
  const used = weightOf(holders);
  if (used + weight > capacity || (ahead.length > 0 && !barge)) return { is: 'taken', own, ahead };
  return { is: 'free', own, ahead, takesOver: used + weightOf(spent.filter(isExpiredHolder)) + weight > capacity };
}

/** It held the key until its time was over, and may not know it yet. */
export function isExpiredHolder({ fence, endsAt }: OwnerState): boolean {
  return fence !== undefined && endsAt > 0;
}

function isHolder({ fence }: OwnerState): boolean {
  return fence !== undefined;
}

function weightOf(owners: readonly OwnerState[]): number {
  return owners.reduce((sum, { weight }) => sum + weight, 0);
}

// Those who came at the same moment have the same place; any order will do for them, as long as it is one.
function inOrder(a: OwnerState, b: OwnerState): number {
  return a.place - b.place || a.slot - b.slot;
}

function ownerOf({ slot, fence, kept, meta, owner, weight, priority, place, endsAt }: StateRow): OwnerState {
  return { slot: slot!, owner, weight, priority, place, endsAt, fence: fence === null ? undefined : BigInt(fence), kept: kept === 1, meta: meta ?? undefined };
}
