import { format, inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Secret, SecretUrl } from '@staddle/config';

const VALUE = 'correct-horse-battery-staple';
const secret = new Secret(VALUE);

describe('Secret', () => {
  it('gives its value to reveal and to nothing else', () => {
    expect(secret.reveal()).toBe(VALUE);
  });

  it.each<[string, () => unknown]>([
    ['a template literal', () => `${secret}`],
    ['+', () => '' + (secret as unknown as string)],
    ['String()', () => String(secret)],
    ['toString', () => secret.toString()],
    ['join', () => [secret].join()],
    ['JSON.stringify', () => JSON.parse(JSON.stringify(secret))],
    ['util.inspect', () => inspect(secret)],
    ['util.inspect with everything shown', () => inspect(secret, { showHidden: true, depth: null, getters: true })],
    ['%s', () => format('%s', secret)],
    ['%o', () => format('%o', secret)],
    ['toLocaleString', () => secret.toLocaleString()],
  ])('prints [redacted] through %s', (_name, print) => {
    expect(print()).toBe('[redacted]');
  });

  it('stays hidden inside other values', () => {
    for (const text of [inspect({ a: [secret] }, { showHidden: true }), JSON.stringify({ a: [secret] }), format('%j', { secret }), inspect(new Map([[secret, secret]]))]) {
      expect(text).toContain('[redacted]');
      expect(text).not.toContain(VALUE);
    }
  });

  it('has no enumerable, symbol or hidden property that holds the value', () => {
    const reachable = [secret, Object.getPrototypeOf(secret) as object].flatMap((object) => Reflect.ownKeys(object).map((key) => Reflect.get(object, key) as unknown));
    expect(reachable).not.toContain(VALUE);
    expect(Object.assign({}, secret)).toEqual({});
    expect(JSON.stringify(structuredClone(secret))).toBe('{}');
    expect(Number(secret)).toBeNaN();
  });

  it('cannot be changed', () => {
    expect(() => Object.assign(secret, { toString: () => VALUE })).toThrow(TypeError);
  });
});

describe('SecretUrl', () => {
  it.each([
    ['mysql://app:pw@db:3306/staddle', 'mysql://[redacted]@db:3306/staddle'],
    ['redis://:pw@cache:6379/1', 'redis://[redacted]@cache:6379/1'],
    ['redis://cache:6379', 'redis://cache:6379'],
    ['mysql://app:p/w@x#y@db/staddle', '[redacted]'],
    ['mysql://db/staddle?password=pw&ssl=on', 'mysql://db/staddle?password=[redacted]&ssl=on'],
    ['sqlite:.staddle/staddle.db', 'sqlite:.staddle/staddle.db'],
    ['app:pw@db/staddle', 'app:[redacted]@db/staddle'],
    ['pw', '[redacted]'],
  ])('prints %s as %s', (url, shown) => {
    const value = new SecretUrl(url);
    expect([`${value}`, inspect(value), JSON.parse(JSON.stringify(value))]).toEqual([shown, shown, shown]);
    expect(value.reveal()).toBe(url);
  });

  it('knows the password that is inside, decoded', () => {
    expect(new SecretUrl('mysql://app:p%40ss@db/staddle').password()?.reveal()).toBe('p@ss');
    expect(new SecretUrl('mysql://app:100%@db/staddle').password()?.reveal()).toMatch(/^100%/);
    expect(new SecretUrl('mysql://app@db/staddle').password()).toBeUndefined();
    expect(new SecretUrl('no url').password()).toBeUndefined();
  });
});
