import type { HandlerNames } from './handler.ts';
import type { RunEnd, RunReturn } from './machines.ts';
import type { RunPhase, RunWord } from './states.ts';

/** A row of dispatch_run. Times are epoch ms of the store's clock. */
export interface RunRecord {
  readonly id: number;
  readonly uid: string;
  readonly taskId: number;
  readonly taskUid: string;
  readonly module: string;
  readonly handler: string;
  readonly occKey: string;
  readonly scheduledAt: number;
  /** Not to be started before this. */
  readonly fireAt: number;
  readonly state: RunWord;
  readonly attempt: number;
  readonly claims: number;
  readonly fence: number;
  readonly owner: string | null;
  readonly leaseUntil: number | null;
  /** JSON texts. */
  readonly payload: string;
  readonly result: string | null;
  readonly error: string | null;
  readonly createdAt: number;
  readonly claimedAt: number | null;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
}

/** A run that this process owns, with what its handler needs of the task. */
export interface ClaimedRun extends RunRecord {
  readonly taskTitle: string | null;
  readonly taskUserName: string | null;
  readonly taskBizKey: string | null;
}

/** One claim of one run: what every write of its owner must match. */
export interface RunRef {
  readonly id: number;
  readonly fence: number;
}

interface ClaimOptions {
  readonly owner: string;
  readonly limit: number;
  readonly leaseMs: number;
  /** Runs of other handlers stay for processes that have them. */
  readonly handlers: HandlerNames;
}

export interface RunOutcome {
  readonly event: RunEnd;
  readonly result: string | null;
  readonly error: string | null;
}

interface RunQuery {
  readonly taskId: number | undefined;
  readonly phase: RunPhase | undefined;
  readonly afterId: number | undefined;
  readonly limit: number;
}

/**
 * Where runs live. Each method is atomic. Every write by an owner is an event of runMachine that the row allows, under the
 * fence of its claim: a claim that was taken over changes nothing any more. A write that this claim has done before answers
 * true and changes nothing, for the answer may have been lost. Leases begin and end on the store's clock.
 */
export interface RunStore {
  /** The store's time, and the earliest `fireAt` of a READY run that one of the handlers can take. */
  nextReady(handlers: HandlerNames): Promise<{ readonly nowMs: number; readonly readyAt: number | undefined }>;
  /** Takes up to `limit` READY runs that are due and that nobody else is just taking, earliest first: fence and claims grow by one. */
  claim(options: ClaimOptions): Promise<ClaimedRun[]>;
  /** CLAIMED to RUNNING. */
  start(ref: RunRef): Promise<boolean>;
  /** Writes the outcome. */
  finish(ref: RunRef, outcome: RunOutcome): Promise<boolean>;
  /** Back to READY for anyone, and takes the claim back, so that being stopped does not count against the run. */
  release(ref: RunRef, event: RunReturn): Promise<boolean>;
  /** Extends the leases that `owner` still holds and gives back those refs. */
  renew(owner: string, refs: readonly RunRef[], leaseMs: number): Promise<RunRef[]>;
  /** Runs whose lease ended: back to READY, or FAILED with `poison` after `maxClaims` claims. Gives them as they are now. */
  reclaim(options: { readonly limit: number; readonly maxClaims: number; readonly poison: (claims: number) => string }): Promise<RunRecord[]>;
  get(uid: string): Promise<RunRecord | undefined>;
  list(query: RunQuery): Promise<RunRecord[]>;
}
