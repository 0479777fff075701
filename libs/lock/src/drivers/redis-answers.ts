import type { AcquireOutcome, AcquireRequest, ClaimOutcome, HolderRecord, LockKind, LockRecord, RenewOutcome, WaiterRecord } from '../driver.ts';

/** What the scripts answer. With the client's option `stringNumbers` its numbers are texts. */
type Numeric = number | string;

export type AcquireAnswer =
  | string
  | readonly [acquired: 1, fence: Numeric, unqueued: Numeric]
  | readonly [acquired: 0, holder: string | null, leftMs: Numeric, rank: Numeric, unqueued: Numeric, serverUs: Numeric];

export function acquireOutcome(answer: AcquireAnswer, { fencing }: AcquireRequest): AcquireOutcome {
  if (typeof answer === 'string') return { acquired: true, fence: fencing ? BigInt(answer) : 0n, unqueued: true };
  const [acquired, value, ...rest] = answer;
  if (Number(acquired)) {
    const [unqueued] = rest;
    return { acquired: true, fence: fencing ? BigInt(value!) : 0n, ...(Number(unqueued) === 1 && { unqueued: true }) };
  }
  const [leftMs, rank, unqueued, serverUs] = rest;
  return {
    acquired: false,
    holder: holderOf(value as string | null),
    // Redis keeps a key until the millisecond of its expiry is over.
    expiresInMs: Math.max(1, Number(leftMs)),
    position: Number(rank) < 0 ? undefined : Number(rank),
    unqueued: Number(unqueued) === 1,
    storeNowMs: Number(serverUs) / 1_000,
  };
}

/** For each lease: how much of it was left, or -1, and who holds the lock. */
export type RenewAnswer = readonly (Numeric | string | null)[];

export function renewOutcomes(answer: RenewAnswer): RenewOutcome[] {
  return Array.from({ length: answer.length / 2 }, (_, index): RenewOutcome => {
    const previousMs = Number(answer[2 * index]);
    return previousMs < 0 ? { renewed: false, holder: holderOf(answer[2 * index + 1] as string | null) } : { renewed: true, previousMs };
  });
}

export type ClaimAnswer = readonly [claimed: Numeric, fence: Numeric] | readonly [claimed: Numeric, state: 'running' | 'done' | 'crashed', owner: string];

export function claimOutcome([claimed, value, owner]: ClaimAnswer): ClaimOutcome {
  if (Number(claimed)) return { claimed: true, fence: BigInt(value) };
  return { claimed: false, state: value as 'running' | 'done' | 'crashed', owner: owner!.replace(/^=/, '') };
}

export type InspectAnswer = readonly [
  serverUs: Numeric,
  holdersAndEnds: readonly string[],
  lastFence: string | null,
  waiters: readonly string[],
  ownersAndRecords: readonly string[],
  state: 'running' | 'done' | null,
];

export function lockRecord(kind: LockKind, [serverUs, holdersAndEnds, lastFence, waiting, ownersAndRecords, state]: InspectAnswer): LockRecord | undefined {
  const records = new Map(pairs(ownersAndRecords).map(([owner, text]) => [owner, ownerRecord(text)]));
  const holders = pairs(holdersAndEnds).map(([holder, endsUs]): HolderRecord => {
    const record = records.get(holder);
    const expiresInMs = (Number(endsUs) - Number(serverUs)) / 1_000;
    const ofPermits = kind === 'read-write' || kind === 'semaphore';
    const fence = ofPermits ? record?.fence : /^\d+/.exec(lastFence ?? '')?.[0];
    return { owner: holderOf(holder) ?? '', fence: BigInt(fence ?? 0), weight: ofPermits ? (record?.weight ?? 1) : 1, expiresInMs, ...metaOf(record) };
  });
  const waiters = waiting.map((owner): WaiterRecord => {
    const record = records.get(owner);
    return { owner, weight: record?.weight ?? 1, priority: record?.priority ?? 0, ...metaOf(record) };
  });
  if (holders.length === 0 && waiters.length === 0 && state === null) return undefined;
  return {
    holders: holders.toSorted((a, b) => (a.fence < b.fence ? -1 : 1)),
    waiters,
    ...(state !== null && { state: state === 'running' && holders.length === 0 ? 'crashed' : state }),
  };
}

interface OwnerRecord {
  readonly fence: string;
  readonly weight: number;
  readonly priority: number;
  readonly meta: string | undefined;
}

function ownerRecord(text: string): OwnerRecord | undefined {
  const [, fence, weight, priority, meta] = /^(\d+) \d+ (\d+) \d+ \d+ (-?\d+)(?: (.*))?$/s.exec(text) ?? [];
  return fence === undefined ? undefined : { fence, weight: Number(weight), priority: Number(priority), meta };
}

function metaOf(record: OwnerRecord | undefined): { meta?: string } {
  return record?.meta === undefined ? {} : { meta: record.meta };
}

/** Undefined for nobody, and for a lock that is kept: its owner let go of it. */
function holderOf(holder: string | null): string | undefined {
  return holder === null || holder.startsWith('=') ? undefined : holder;
}

function pairs(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index]!, flat[2 * index + 1]!]);
}
