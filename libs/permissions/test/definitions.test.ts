import { definePermissions, PermissionDefinitionError } from '@staddle/permissions';
import { describe, expect, it } from 'vitest';

const P = definePermissions({ task: ['read', 'run'], link: ['read'] });

describe('definePermissions', () => {
  it('names each permission resource:action, in the order of definition', () => {
    expect(P.names).toEqual(['task:read', 'task:run', 'link:read']);
  });

  it('knows its own names and nothing else', () => {
    expect(P.has('task:run')).toBe(true);
    for (const name of ['task:delete', 'task', 'task:', ':read', 'task:*', '*', '', '__proto__', 'constructor', 'TASK:READ', undefined, null, 1, ['task:run']]) {
      expect(P.has(name), String(name)).toBe(false);
      expect(P.find(name)).toBeUndefined();
    }
    expect(P.find('task:run')).toEqual({ name: 'task:run', resource: 'task', action: 'run' });
  });

  it('expands a name, a resource and everything', () => {
    expect(P.expand('task:run')).toEqual(['task:run']);
    expect(P.expand('task:*')).toEqual(['task:read', 'task:run']);
    expect(P.expand('*')).toEqual(P.names);
    for (const pattern of ['*:read', 'ta*', 'task*', 'job:*', '**', '', undefined]) expect(P.expand(pattern), String(pattern)).toBeUndefined();
  });

  it.each([
    ['a colon in a resource', { 'task:x': ['read'] }],
    ['a wildcard as action', { task: ['*'] }],
    ['a comma', { 'a,b': ['read'] }],
    ['an empty action', { task: [''] }],
    ['a space', { task: ['read it'] }],
    ['a leading digit', { '1task': ['read'] }],
    ['a word that is too long', { task: ['x'.repeat(65)] }],
    ['a non-ASCII letter', { täsk: ['read'] }],
    ['the same permission twice', { task: ['read', 'read'] }],
  ])('refuses %s', (_what, shape) => {
    expect(() => definePermissions(shape as Record<string, string[]>)).toThrow(PermissionDefinitionError);
  });

  it('answers a word that nearly fits without backtracking for ever', () => {
    expect(() => definePermissions({ [`${'a'.repeat(63)}!`]: ['read'] })).toThrow(PermissionDefinitionError);
  });

  it('refuses resources within each other or within none that is defined', () => {
    const shape = { a: ['x'], b: ['x'], c: ['x'] };
    expect(() => definePermissions(shape, { within: { a: 'b', b: 'c', c: 'a' } })).toThrow('resources a -> b -> c -> a lie within each other');
    expect(() => definePermissions(shape, { within: { a: 'a' } })).toThrow('a -> a');
    expect(() => definePermissions(shape, { within: { a: 'toString' as 'b' } })).toThrow('resource "toString", which is not defined');
  });
});
