import { AuditActorError, AuditInputError, AuditReasonError } from './errors.ts';
import { canonicalJson, storedText } from './field-value.ts';

/** Longest texts, in characters, as the columns have them: a larger one needs a migration. */
export const LENGTHS = {
  tenant: 64,
  actorId: 200,
  action: 64,
  entity: 64,
  entityId: 200,
  field: 64,
  reason: 500,
  requestId: 128,
} as const;

/** Who is answerable for a change. */
export interface Actor {
  /** `system` for what the program decided by itself. */
  readonly type: 'user' | 'service' | 'system';
  readonly id: string;
}

/** What every audited change must say. */
export interface ChangeContext {
  readonly actor: Actor;
  /** Why, in the words of the actor: up to 500 characters, not blank. */
  readonly reason: string;
  /** Default none. */
  readonly tenant?: string;
}

/** One field before and after. Leave `from` out for a field that is new, and `to` for one that is gone. */
export interface FieldChange {
  readonly field: string;
  readonly from?: unknown;
  readonly to?: unknown;
}

/** A field's texts as they are stored; null where the field did not exist. */
export interface StoredChange {
  readonly field: string;
  readonly old_value: string | null;
  readonly new_value: string | null;
}

/** Fields of a new row, for `record({ action: 'create', changes: createdFields(row) })`. */
export function createdFields(row: object): FieldChange[] {
  return Object.entries(row).map(([field, to]) => ({ field, to: to as unknown }));
}

/** Fields of a row that is deleted, for `record({ action: 'delete', changes: deletedFields(row) })`. */
export function deletedFields(row: object): FieldChange[] {
  return Object.entries(row).map(([field, from]) => ({ field, from: from as unknown }));
}

/** Leaves out fields that did not change, and hides or shortens values that may not be stored whole. */
export function storedChanges(changes: readonly FieldChange[], secret: ReadonlySet<string>): StoredChange[] {
  const stored: StoredChange[] = [];
  for (const change of changes) {
    const { field } = change;
    assertText('changes.field', field, LENGTHS.field);
    const before = textOf(change, 'from');
    const after = textOf(change, 'to');
    // Compared whole and in plain: a change behind the cut of a long value is a change.
    if (before === after) continue;
    const options = { secret: secret.has(field) };
    stored.push({
      field,
      old_value: before === null ? null : storedText(before, options),
      new_value: after === null ? null : storedText(after, options),
    });
  }
  return stored;
}

function textOf(change: FieldChange, side: 'from' | 'to'): string | null {
  if (change[side] === undefined) return null;
  const json = canonicalJson(change[side]);
  if (json === undefined) throw new AuditInputError(`changes.${change.field}`, 'is no JSON value');
  return json;
}

/** @throws AuditActorError (`ERR_AUDIT_ACTOR`), AuditReasonError (`ERR_AUDIT_REASON`), AuditInputError (`ERR_AUDIT_INPUT`) */
export function assertContext({ actor, reason, tenant }: ChangeContext): void {
  // Called from plain JavaScript and with unchecked request data, too.
  const { type, id } = (actor ?? {}) as Partial<Actor>;
  if (type !== 'user' && type !== 'service' && type !== 'system') {
    throw new AuditActorError('actor.type', 'is none of user, service, system');
  }
  const actorFault = textFault(id, LENGTHS.actorId);
  if (actorFault) throw new AuditActorError('actor.id', actorFault);
  const reasonFault = textFault(reason, LENGTHS.reason);
  if (reasonFault) throw new AuditReasonError(reasonFault);
  if (tenant !== undefined) assertText('tenant', tenant, LENGTHS.tenant);
}

/** @throws AuditInputError (`ERR_AUDIT_INPUT`) unless `value` is text that is not blank and not longer than `lengthMax` */
export function assertText(field: string, value: unknown, lengthMax: number): void {
  const fault = textFault(value, lengthMax);
  if (fault) throw new AuditInputError(field, fault);
}

function textFault(value: unknown, lengthMax: number): string | undefined {
  if (typeof value !== 'string' || value.trim() === '') return 'is missing or blank';
  return value.length > lengthMax ? `is longer than ${lengthMax} characters` : undefined;
}
