export { createAudit, type Audit, type AuditOptions, type RecordOptions, type UpdateOptions } from './audit.ts';
export { createdFields, deletedFields, type Actor, type ChangeContext, type FieldChange } from './change.ts';
export {
  AuditActorError,
  AuditInputError,
  AuditKeyError,
  AuditReasonError,
  AuditTransactionError,
  type AuditErrorCode,
} from './errors.ts';
export { type TruncatedValue } from './field-value.ts';
export { type AuditEntry, type AuditHistory, type HistoryOptions } from './history.ts';
export { auditMigrations, type AuditTables } from './stores/tables.ts';
