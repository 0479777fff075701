/**
 * Where policies live. A store keeps rows and a version; it knows no permission, checks no name and decides nothing.
 *
 * 1. `version()` changes with every committed change of a row, and only then. It is the same number in every process.
 * 2. `load()` sees one moment: the rows and the version belong together, never half of a change.
 * 3. `apply()` is atomic and a compare-and-set: it writes all edits and a new, higher version, or nothing.
 * 4. Names are compared by their bytes, without padding: `Alice`, `alice` and `alice ` are three names.
 */
export interface PermissionStore {
  /** The version of the committed policy. */
  version(): Promise<number>;
  /** All rows, also expired assignments: what they mean is decided elsewhere. */
  load(): Promise<StoredPolicy>;
  /** Writes `edits` if the version still is `ifVersion`. Resolves with the new version, or with `undefined` when it is not. */
  apply(change: { readonly edits: readonly PolicyEdit[]; readonly ifVersion: number }): Promise<number | undefined>;
}

export type Effect = 'allow' | 'deny';

export interface RoleRow {
  readonly tenant: string;
  readonly code: string;
  /** Code of the role it inherits from, in the same tenant; `''` for none. */
  readonly parent: string;
}

export interface GrantRow {
  readonly tenant: string;
  readonly role: string;
  /** A permission or a pattern: `'task:read'`, `'task:*'`, `'*'`. */
  readonly permission: string;
  readonly effect: Effect;
}

export interface AssignmentRow {
  readonly tenant: string;
  readonly subjectType: string;
  readonly subjectId: string;
  readonly role: string;
  /** Epoch ms by the store's clock; `0` for never. */
  readonly expiresAt: number;
}

export interface StoredPolicy {
  readonly version: number;
  /** The store's clock at the time of reading, epoch ms. */
  readonly readAt: number;
  readonly roles: readonly RoleRow[];
  readonly grants: readonly GrantRow[];
  readonly assignments: readonly AssignmentRow[];
}

/** `put` inserts the row or replaces the one with the same key; `delete` of a row that is not there does nothing. */
export type PolicyEdit =
  | { readonly op: 'put' | 'delete'; readonly kind: 'role'; readonly row: RoleRow }
  | { readonly op: 'put' | 'delete'; readonly kind: 'grant'; readonly row: GrantRow }
  | { readonly op: 'put' | 'delete'; readonly kind: 'assignment'; readonly row: AssignmentRow };
