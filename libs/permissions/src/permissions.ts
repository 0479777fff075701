/**
 * Permissions: who may do what, answered in memory from a policy that lives in a store.
 *
 * 1. Default deny. What is malformed, unknown, not granted or not yet loaded is refused; `can` and `decide` never
 *    throw, and no input makes them allow.
 * 2. Deny beats allow, over every role that the subject holds: assigned in the store, asserted by its token, and
 *    inherited from either. The roles are judged together, in one pass over the rules.
 * 3. A decision sees one whole policy. A new version is read and compiled aside, and put in place by one assignment;
 *    a reload that fails leaves the version before in force.
 * 4. A role holds in one tenant. Roles of a token hold in the tenant of the token. Built-in policies without a tenant
 *    hold in every one, and a tenant's own role extends the built-in role of the same code.
 * 5. Expiry is decided by the store's clock. The process counts from the moment of asking, on both of its clocks, and
 *    can therefore only end an assignment early.
 * 6. A change is checked against the version that it replaces: it is written with compare-and-set on the version,
 *    and planned again when another process was faster.
 *
 * Other processes see a change when they ask the store for its version: every `pollMs`, or by `refresh()`.
 */
import { backoffMs, silentLogger, sleep, systemClock, type Clock, type Lifecycle, type Logger, type Timer } from '@staddle/kernel';
import type { PermissionDefinitions } from './definitions.ts';
import { casbinEngine, type Engine } from './enforcer.ts';
import { InvalidPolicyError, PolicyConflictError } from './errors.ts';
import type { PermissionStore, StoredPolicy } from './permission-store.ts';
import { builtInRows, compilePolicy, type Assignment, type CompiledPolicy, type PolicyRows, type PolicyRule, type RolePolicy } from './policy.ts';
import { planAssignment, planGrant, planRole, type Grant, type PolicyPlan, type RoleAssignment, type RoleDefinition } from './policy-change.ts';
import { isLabel, readSubject, roleName, TENANT_MAX, tenantName, type Subject } from './subject.ts';

export interface PermissionsOptions<Name extends string> {
  readonly definitions: PermissionDefinitions<Name>;
  readonly store: PermissionStore;
  /** Policies that are part of the program; stored rows add to them and cannot take away from them. */
  readonly policies?: readonly RolePolicy<Name>[];
  /** How often the store is asked for a new version, in ms; `0` for never. Default 1000. */
  readonly pollMs?: number;
  /**
   * False leaves the store alone until `start()`, and refuses everything until then: for a program that comes up
   * before its database does. Default true.
   */
  readonly autoStart?: boolean;
  readonly logger?: Logger;
  readonly clock?: Clock;
}

const DEFAULTS = Object.freeze({ pollMs: 1000, autoStart: true });

export type DecisionReason =
  | 'ALLOWED'
  /** The subject or the tenant is missing or malformed. */
  | 'INVALID_REQUEST'
  | 'UNKNOWN_PERMISSION'
  | 'POLICY_NOT_LOADED'
  /** No role of the subject is known in the tenant. */
  | 'NO_ROLE_IN_TENANT'
  /** It had a role there, and the assignment has expired. */
  | 'ROLE_EXPIRED'
  /** Its roles do not have the permission. */
  | 'NOT_GRANTED'
  | 'DENIED_BY_RULE'
  /** A fault of this library or of the subject object; logged. */
  | 'ENGINE_ERROR';

export interface Decision {
  readonly allow: boolean;
  readonly reason: DecisionReason;
  /** The rule that allowed or denied. */
  readonly matched?: PolicyRule;
  /** Version of the policy that was asked. */
  readonly policyVersion?: number;
}

export interface Permissions<Name extends string = string> extends Lifecycle {
  readonly definitions: PermissionDefinitions<Name>;
  /** Version of the policy in force; `undefined` before the first one was read. */
  readonly version: number | undefined;
  /** True if the subject holds the permission in `tenant` (default: the subject's). Never throws. */
  can(subject: Subject | undefined, permission: Name, options?: { readonly tenant?: string | undefined }): boolean;
  /** As `can`, with the reason. For logs and tests: it tells about the policy, so it is not for the caller. */
  decide(subject: Subject | undefined, permission: Name, options?: { readonly tenant?: string | undefined }): Decision;
  /** Reads the policy if its version changed; resolves with the version in force, at least as new as this call. */
  refresh(): Promise<number>;

  // Changes. Each resolves with the version that holds it; when nothing had to change, with the present one.
  /** Makes a role, or gives it another parent. */
  defineRole(role: RoleDefinition): Promise<number>;
  grant(grant: Grant<Name>): Promise<number>;
  revoke(grant: Grant<Name>): Promise<number>;
  assign(assignment: RoleAssignment): Promise<number>;
  unassign(assignment: Omit<RoleAssignment, 'expiresAt'>): Promise<number>;

  /** The same as `stop()`. The last policy stays in force. */
  close(): Promise<void>;
}

// A change that lost this many races in a row meets a storm of writers, not a coincidence.
const CHANGE_ATTEMPTS = 20;

/**
 * Makes the permissions of a program and reads its policy.
 * Throws `ERR_PERMISSIONS_POLICY`, `ERR_PERMISSIONS_UNKNOWN`, `ERR_PERMISSIONS_ROLE_UNKNOWN` or
 * `ERR_PERMISSIONS_ROLE_CYCLE` for faults in `policies`, and what the store throws.
 */
export async function createPermissions<Name extends string>(options: PermissionsOptions<Name>): Promise<Permissions<Name>> {
  const permissions = new StoredPermissions<Name>(options);
  if (options.autoStart ?? DEFAULTS.autoStart) await permissions.start();
  return permissions;
}

interface ActivePolicy {
  readonly stored: StoredPolicy;
  readonly policy: CompiledPolicy;
  readonly engine: Engine;
}

class StoredPermissions<Name extends string> implements Permissions<Name> {
  readonly name = 'permissions';
  readonly definitions: PermissionDefinitions<Name>;
  readonly #store: PermissionStore;
  readonly #builtIn: PolicyRows;
  readonly #pollMs: number;
  readonly #logger: Logger;
  readonly #clock: Clock;

  #active: ActivePolicy | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #waiting: Promise<number> | undefined;
  #writing: Promise<unknown> = Promise.resolve();
  #transition: Promise<unknown> = Promise.resolve();
  #started = false;
  #timer: Timer | undefined;
  #pollFailed = false;

  constructor({ definitions, store, policies = [], pollMs = DEFAULTS.pollMs, logger = silentLogger, clock = systemClock }: PermissionsOptions<Name>) {
    if (!Number.isSafeInteger(pollMs) || pollMs < 0) throw new InvalidPolicyError('pollMs', pollMs, 'is not a whole, non-negative number of milliseconds');
    this.definitions = definitions;
    this.#store = store;
    this.#builtIn = builtInRows(definitions, policies as readonly RolePolicy[]);
    this.#pollMs = pollMs;
    this.#logger = logger;
    this.#clock = clock;
  }

  get version(): number | undefined {
    return this.#active?.stored.version;
  }

  can(subject: Subject | undefined, permission: Name, options: { readonly tenant?: string | undefined } = {}): boolean {
    return this.decide(subject, permission, options).allow;
  }

  decide(subject: Subject | undefined, permission: Name, options: { readonly tenant?: string | undefined } = {}): Decision {
    try {
      return this.#decide(subject, permission, options);
    } catch (err) {
      this.#logger.error({ err, permission: String(permission) }, 'permission check failed and was answered with a refusal');
      return { allow: false, reason: 'ENGINE_ERROR' };
    }
  }

  #decide(subject: unknown, name: unknown, options: { readonly tenant?: unknown }): Decision {
    const known = readSubject(subject);
    const tenant = options.tenant ?? known?.tenant;
    if (!known || !isLabel(tenant, TENANT_MAX)) return refuse('INVALID_REQUEST');
    const permission = this.definitions.find(name);
    if (!permission) return refuse('UNKNOWN_PERMISSION');
    const active = this.#active;
    if (!active) return refuse('POLICY_NOT_LOADED');

    const { policy, engine, stored } = active;
    const dom = tenantName(tenant);
    const asserted = new Set<string>();
    let hasRole = false;
    // A token speaks for its own tenant only; in another one its roles are nobody's.
    for (const code of known.tenant === tenant ? known.roles : []) {
      for (const role of policy.roles.closure(roleName(tenant, code))) {
        asserted.add(role);
        hasRole ||= policy.knownRoles.has(role);
      }
    }
    const assignments = policy.assignmentsOf(known.name, dom);
    hasRole ||= assignments.some((assignment) => this.#inForce(assignment));
    const policyVersion = stored.version;
    if (!hasRole) return { allow: false, reason: assignments.length > 0 ? 'ROLE_EXPIRED' : 'NO_ROLE_IN_TENANT', policyVersion };

    const { allow, rule } = engine.decide({ subject: known.name, asserted, tenant: dom, resource: permission.resource, action: permission.action });
    if (!rule) return { allow: false, reason: 'NOT_GRANTED', policyVersion };
    return { allow, reason: allow ? 'ALLOWED' : 'DENIED_BY_RULE', matched: rule, policyVersion };
  }

  #inForce(assignment: Assignment): boolean {
    return this.#clock.now() < assignment.expiresAt && this.#clock.monotonic() < assignment.expiresMonotonic;
  }

  refresh(): Promise<number> {
    // At most one reload runs and one waits. A call joins the waiting one: the running one may have read before it.
    this.#waiting ??= this.#running.then(ignore, ignore).then(() => {
      const reload = this.#reload();
      this.#running = reload;
      this.#waiting = undefined;
      return reload;
    });
    return this.#waiting;
  }

  async #reload(): Promise<number> {
    const version = await this.#store.version();
    if (version === this.#active?.stored.version) return version;
    const askedAtMonotonic = this.#clock.monotonic();
    const stored = await this.#store.load();
    const policy = compilePolicy(this.definitions, {
      roles: [...this.#builtIn.roles, ...stored.roles],
      grants: [...this.#builtIn.grants, ...stored.grants],
      assignments: stored.assignments,
      readAt: stored.readAt,
      askedAtMonotonic,
    });
    const engine = await casbinEngine(policy, (subject, role, dom) =>
      policy.assignmentsOf(subject, dom).some((assignment) => this.#inForce(assignment) && policy.roles.closure(assignment.role).has(role)),
    );
    if (policy.unknown.length > 0) this.#logger.warn({ permissions: policy.unknown }, 'stored grants name permissions that are not defined, and are ignored');
    this.#active = { stored, policy, engine };
    return stored.version;
  }

  defineRole(role: RoleDefinition): Promise<number> {
    return this.#change(() => planRole(role));
  }

  grant(grant: Grant<Name>): Promise<number> {
    return this.#change(() => planGrant('put', grant as Grant));
  }

  revoke(grant: Grant<Name>): Promise<number> {
    return this.#change(() => planGrant('delete', grant as Grant));
  }

  assign(assignment: RoleAssignment): Promise<number> {
    return this.#change(() => planAssignment('put', assignment));
  }

  unassign(assignment: Omit<RoleAssignment, 'expiresAt'>): Promise<number> {
    return this.#change(() => planAssignment('delete', assignment));
  }

  /** One change of this process at a time: they would only lose races against each other. */
  #change(makePlan: () => PolicyPlan): Promise<number> {
    const change = this.#writing.then(() => this.#write(makePlan()));
    this.#writing = change.catch(ignore);
    return change;
  }

  async #write(plan: PolicyPlan): Promise<number> {
    for (let attempt = 0; attempt < CHANGE_ATTEMPTS; attempt++) {
      await this.refresh();
      const { stored } = this.#active!;
      const edits = plan({ definitions: this.definitions, builtIn: this.#builtIn, stored });
      if (edits.length === 0) return stored.version;
      const version = await this.#store.apply({ edits, ifVersion: stored.version });
      if (version !== undefined) {
        // The change is committed. If it cannot be read back now, the next poll will.
        await this.refresh().catch((err: unknown) => this.#logger.warn({ err, version }, 'policy was changed but could not be read back'));
        return version;
      }
      await sleep(backoffMs(attempt, { baseMs: 5, capMs: 250 }), { clock: this.#clock });
    }
    throw new PolicyConflictError(CHANGE_ATTEMPTS);
  }

  start(): Promise<void> {
    return this.#serially(async () => {
      if (this.#started) return;
      await this.refresh();
      this.#started = true;
      this.#schedulePoll();
    });
  }

  stop(signal?: AbortSignal): Promise<void> {
    return this.#serially(async () => {
      this.#started = false;
      this.#timer?.cancel();
      const inHand = Promise.allSettled([this.#waiting, this.#running, this.#writing]);
      // Nothing is lost by leaving at the deadline: a change is committed by the store or not at all.
      await (signal ? Promise.race([inHand, aborted(signal)]) : inHand);
    });
  }

  close(): Promise<void> {
    return this.stop();
  }

  #serially(step: () => Promise<void>): Promise<void> {
    const done = this.#transition.then(step);
    this.#transition = done.catch(ignore);
    return done;
  }

  #schedulePoll(): void {
    if (!this.#started || this.#pollMs === 0) return;
    this.#timer = this.#clock.setTimer(() => void this.#poll().finally(() => this.#schedulePoll()), this.#pollMs, { keepAlive: false });
  }

  async #poll(): Promise<void> {
    try {
      await this.refresh();
      if (this.#pollFailed) this.#logger.info({ version: this.version }, 'policy store answers again');
      this.#pollFailed = false;
    } catch (err) {
      // Once per outage, not once per poll.
      if (!this.#pollFailed) this.#logger.warn({ err, version: this.version }, 'policy store does not answer; the policy last read stays in force');
      this.#pollFailed = true;
    }
  }
}

function ignore(): void {}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

function refuse(reason: DecisionReason): Decision {
  return { allow: false, reason };
}
