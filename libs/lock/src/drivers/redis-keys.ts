import type { LockKey, LockKind } from '../driver.ts';

/*
 * Keys are `PREFIX:v1:KIND:{NAME}`, the lock, and the same followed by `:fence`, `:queue`, `:owners` or `:claim`. What they hold
 * is told in redis-scripts.ts.
 *
 * - The braces put all keys of a lock in one slot of a cluster. A brace in the name could end the tag early, and make one
 *   lock's key look like another's, so braces (and `%`) are written in percent. Nothing else needs to be.
 * - `v1` is the version of the format. A version that cannot read what another wrote has another number, and finds nothing.
 */

const FORMAT = 'v1';

export function lockKey(prefix: string, { kind, name }: LockKey): string {
  return `${beginning(prefix, kind)}${encode(name)}}`;
}

/** Of the key without expiry by whose absence one knows that the server has lost its data. */
export function epochKey(prefix: string): string {
  return `${prefix}:${FORMAT}:epoch`;
}

/** What the channel of an instance begins with. */
export function channelPrefix(prefix: string): string {
  return `${prefix}:${FORMAT}:wake:`;
}

/** Pattern for SCAN that finds the keys of all locks of a kind whose names begin with `namePrefix`, and no others. */
export function lockPattern(prefix: string, kind: LockKind, namePrefix: string): string {
  return `${(beginning(prefix, kind) + encode(namePrefix)).replaceAll(/[*?[\]\\]/g, String.raw`\$&`)}*`;
}

/** The name of the lock whose existence this key proves; undefined for keys that outlive it. */
export function lockNameOf(prefix: string, kind: LockKind, key: string): string | undefined {
  const [name, rest] = key.slice(beginning(prefix, kind).length).split('}', 2) as [string, string?];
  return rest === '' || rest === ':queue' || rest === ':claim' ? name.replaceAll(/%(?:25|7B|7D)/g, decodeURIComponent) : undefined;
}

function beginning(prefix: string, kind: LockKind): string {
  return `${prefix}:${FORMAT}:${kind}:{`;
}

function encode(name: string): string {
  return /[%{}]/.test(name) ? name.replaceAll(/[%{}]/g, encodeURIComponent) : name;
}
