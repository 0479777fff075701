import { DefaultRoleManager, newEnforcer, newModelFromString } from 'casbin';
import { RBAC_TENANT_DENY } from './model.ts';
import type { CompiledPolicy, PolicyRule } from './policy.ts';

// The only file that knows Casbin. It uses the model parser, the matcher and the effect of node-casbin and nothing
// that changes a policy in place: rows are pushed as arrays into a fresh model (a CSV line splits at a quote or comma
// in a name), links are answered by our own hierarchy, and an enforcer is never written to after it was built.

/** A checked request, in the names of the model. */
interface EngineRequest {
  readonly subject: string;
  /** Roles that the token asserts in this tenant, with all they inherit. */
  readonly asserted: ReadonlySet<string>;
  readonly tenant: string;
  readonly resource: string;
  readonly action: string;
}

interface EngineAnswer {
  readonly allow: boolean;
  /** The rule that allowed or denied; `undefined` when none applied. */
  readonly rule?: PolicyRule;
}

/** Judges requests against one policy. */
export interface Engine {
  decide(request: EngineRequest): EngineAnswer;
}

const NO_RULE: EngineAnswer = Object.freeze({ allow: false });

/**
 * An engine over `policy`. `holds` says whether a subject has a role in a tenant at this moment; all three come by
 * their names in the model. Every decision scans all rules, about a microsecond for each.
 */
export async function casbinEngine(policy: CompiledPolicy, holds: (subject: string, role: string, dom: string) => boolean): Promise<Engine> {
  // With no rule Casbin evaluates the matcher once against empty strings, which an empty request would satisfy.
  if (policy.rules.length === 0) return { decide: () => NO_RULE };

  const model = newModelFromString(RBAC_TENANT_DENY);
  const ruleOf = new Map<readonly string[], PolicyRule>();
  const rows = model.model.get('p')!.get('p')!.policy;
  for (const { sub, dom, obj, act, eft, rule } of policy.rules) {
    const row = [sub, dom, obj, act, eft];
    rows.push(row);
    ruleOf.set(row, rule);
  }

  const enforcer = await newEnforcer(model);
  enforcer.setNamedRoleManager('g', new Links((subject, role, dom) => holds(subject, role, dom!)));
  enforcer.setNamedRoleManager('g2', new Links((child, parent) => policy.resources.closure(child).has(parent)));
  await enforcer.addFunction('asserted', (roles: ReadonlySet<string>, role: string) => roles.has(role));
  await enforcer.buildRoleLinks();

  return {
    decide({ subject, asserted, tenant, resource, action }) {
      const [allow, row] = enforcer.enforceExSync(subject, asserted, tenant, resource, action);
      const rule = ruleOf.get(row);
      return rule ? { allow, rule } : { allow };
    },
  };
}

// Casbin asks a role manager for every `g` of the matcher. Its own one walks at most ten links, without remembering
// where it has been.
class Links extends DefaultRoleManager {
  readonly #has: (name: string, role: string, domain?: string) => boolean;

  constructor(has: (name: string, role: string, domain?: string) => boolean) {
    super(0);
    this.#has = has;
  }

  override syncedHasLink(name: string, role: string, domain?: string): boolean {
    return this.#has(name, role, domain);
  }
}
