// Faults of casbin itself that src/enforcer.ts works around. One that fails here was mended in casbin: see then
// whether the workaround can go.
import { newEnforcer, newModelFromString, type Enforcer } from 'casbin';
import { expect, it } from 'vitest';

const MODEL = `
[request_definition]
r = sub, dom, obj
[policy_definition]
p = sub, dom, obj
[role_definition]
g = _, _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub, p.dom) && r.obj == p.obj
`;

async function enforcer(rules: string[][], links: string[][]): Promise<Enforcer> {
  const made = await newEnforcer(newModelFromString(MODEL));
  await made.addPolicies(rules);
  await made.addGroupingPolicies(links);
  return made;
}

it('casbin allows an empty request under an empty policy', async () => {
  expect((await enforcer([], [])).enforceSync('', '', '')).toBe(true);
});

it('casbin takes an array for the text that it prints as', async () => {
  const made = await enforcer([['a', 'd', 'x']], []);
  expect(made.enforceSync('a', 'd', ['x'])).toBe(true);
});

it('casbin remembers role links under joined names', async () => {
  const made = await enforcer(
    [
      ['x', 'y,z', 'open'],
      ['x,y', 'z', 'secret'],
    ],
    [['alice', 'x', 'y,z']],
  );
  expect(made.enforceSync('alice', 'd', 'secret')).toBe(true);
});

it('casbin follows ten role links and then stops without a word', async () => {
  const links = Array.from({ length: 11 }, (_, index) => [`r${index}`, `r${index + 1}`, 'd']);
  const made = await enforcer([['r10', 'd', 'x'], ['r11', 'd', 'y']], links);
  expect([made.enforceSync('r0', 'd', 'x'), made.enforceSync('r0', 'd', 'y')]).toEqual([true, false]);
});
