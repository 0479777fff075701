import { StaddleError } from '@staddle/kernel';

/** A change without someone who is answerable for it. */
export class AuditActorError extends StaddleError {
  override readonly code = 'ERR_AUDIT_ACTOR';
  override readonly field: string;

  constructor(field: string, rule: string) {
    super(`${field} of an audited change ${rule}`);
    this.field = field;
  }
}

/** A change without a reason. */
export class AuditReasonError extends StaddleError {
  override readonly code = 'ERR_AUDIT_REASON';
  override readonly field = 'reason';

  constructor(rule: string) {
    super(`reason of an audited change ${rule}`);
  }
}

/** Any other input that cannot be recorded; `field` says which. */
export class AuditInputError extends StaddleError {
  override readonly code = 'ERR_AUDIT_INPUT';
  override readonly field: string;

  constructor(field: string, rule: string) {
    super(`${field} of an audited change ${rule}`);
    this.field = field;
  }
}

/** The key of an audited update is not that of one row, or the patch changes it. */
export class AuditKeyError extends StaddleError {
  override readonly code = 'ERR_AUDIT_KEY';
  override readonly field = 'key';
  readonly table: string;

  constructor(table: string, rule: string) {
    super(`key of an audited update of ${table} ${rule}`);
    this.table = table;
  }
}

/** A write to the audit outside of a transaction, where it could not be undone together with the change. */
export class AuditTransactionError extends StaddleError {
  override readonly code = 'ERR_AUDIT_TRANSACTION';

  constructor() {
    super('an audited change needs the `trx` of a transaction, and got a connection outside of any');
  }
}

export type AuditErrorCode =
  | AuditActorError['code']
  | AuditReasonError['code']
  | AuditInputError['code']
  | AuditKeyError['code']
  | AuditTransactionError['code'];
