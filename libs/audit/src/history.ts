import type { Actor } from './change.ts';
import { AuditInputError } from './errors.ts';
import type { AuditStore } from './stores/sql.ts';
import type { AuditRow } from './stores/tables.ts';

export interface AuditEntry {
  /** The entries of one change share it. */
  readonly batchId: string;
  /** Epoch ms. */
  readonly at: number;
  readonly tenant?: string;
  readonly actor: Actor;
  readonly action: string;
  /** Absent when the entry records the action as such. */
  readonly field?: string;
  /** Absent when the field did not exist before. A value of more than 4 KB is a `TruncatedValue`. */
  readonly from?: unknown;
  /** Absent when the field does not exist afterwards. */
  readonly to?: unknown;
  readonly reason: string;
  readonly requestId?: string;
}

export interface HistoryOptions {
  /** Default: all fields. */
  readonly field?: string;
  /** 1 to 1000. Default 100. */
  readonly limit?: number;
  /** `nextCursor` of the page before. */
  readonly cursor?: string;
}

export interface AuditHistory {
  /** Newest first. */
  readonly items: readonly AuditEntry[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
}

export async function readHistory(
  store: AuditStore,
  entity: string,
  entityId: string,
  { field, limit = 100, cursor }: HistoryOptions,
): Promise<AuditHistory> {
  if (!Number.isInteger(limit) || limit < 1 || limit > 1_000) throw new AuditInputError('limit', 'is no whole number from 1 to 1000');
  const beforeId = cursor === undefined ? undefined : positionOf(cursor);
  // One more than asked for tells whether there is another page.
  const rows = await store.page({ entity, entityId, field, beforeId, limit: limit + 1 });
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return { items: page.map(entryOf), ...(last ? { nextCursor: last.id.toString(36) } : {}) };
}

function entryOf(row: AuditRow): AuditEntry {
  return {
    batchId: row.batch_id,
    at: row.at,
    ...(row.tenant === '' ? {} : { tenant: row.tenant }),
    actor: { type: row.actor_type as Actor['type'], id: row.actor_id },
    action: row.action,
    ...(row.field === '' ? {} : { field: row.field }),
    ...(row.old_value === null ? {} : { from: JSON.parse(row.old_value) as unknown }),
    ...(row.new_value === null ? {} : { to: JSON.parse(row.new_value) as unknown }),
    reason: row.reason,
    ...(row.request_id === '' ? {} : { requestId: row.request_id }),
  };
}

function positionOf(cursor: string): number {
  const position = /^[0-9a-z]{1,10}$/.test(cursor) ? Number.parseInt(cursor, 36) : Number.NaN;
  if (!Number.isSafeInteger(position)) throw new AuditInputError('cursor', 'is not one that this history gave out');
  return position;
}
