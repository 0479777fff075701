/**
 * The Casbin model of every policy: roles per tenant, a tree of resources, deny over allow.
 *
 * - `r.sub` is the asker by name; `g` follows the stored assignments of that name in the tenant, then inheritance.
 * - `r.roles` are the roles that the asker's token asserts, with all they inherit; `asserted` looks into them.
 *   Both kinds meet in one pass over the rules, so a deny reached through either beats every allow.
 * - `p.dom` is a tenant, or `*` for the built-in rules that hold in all of them. No request has the tenant `*`.
 * - `g2` leads from a resource to those it lies within.
 *
 * Cheap comparisons come first: Casbin evaluates the matcher for every rule.
 */
export const RBAC_TENANT_DENY = `
[request_definition]
r = sub, roles, dom, obj, act

[policy_definition]
p = sub, dom, obj, act, eft

[role_definition]
g = _, _, _
g2 = _, _

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))

[matchers]
m = p.act == r.act && (p.dom == r.dom || p.dom == "*") && g2(r.obj, p.obj) && (g(r.sub, p.sub, r.dom) || asserted(r.roles, p.sub))
`;
