import { createHash } from 'node:crypto';

// Bytes of the longest value that is stored as it is. Longer ones keep their beginning and a hash: enough to see what
// kind of value it was, and to prove which.
const VALUE_BYTES_MAX = 4_096;

// Quoting the text once more at most doubles it, and the object around it takes about 120 bytes.
const BEGINNING_BYTES = 1_900;

/** Beginning of a value that is longer than 4 KB, as it is stored. */
export interface TruncatedValue {
  readonly truncated: string;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * JSON with sorted keys, so that equal values have equal texts. Bytes become `base64:…`, bigint becomes decimal text.
 * Undefined for what JSON cannot say: functions, symbols, cycles, undefined; and for what it would make {} or null of,
 * so that a change of it could not be seen: Map, Set, Error, NaN and their like.
 */
export function canonicalJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, function (this: Record<string, unknown>, key, inner: unknown) {
      // Not `inner`: a Buffer has already been through its toJSON.
      const original = this[key];
      if (original instanceof Uint8Array) return `base64:${Buffer.from(original).toString('base64')}`;
      if (typeof inner === 'bigint') return inner.toString();
      if (isLost(original, inner)) throw new TypeError('no JSON value');
      if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
      return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    });
  } catch {
    // A cycle, a toJSON that throws, or a value that would be lost.
    return undefined;
  }
}

const SAYABLE = new Set(['[object Object]', '[object Array]', '[object Null]', '[object Undefined]', '[object String]', '[object Number]', '[object Boolean]']);

/** `inner` is what is left of `original` after its toJSON. */
function isLost(original: unknown, inner: unknown): boolean {
  if (typeof inner === 'number') return !Number.isFinite(inner);
  // Of a date that is none, toJSON says null.
  return !SAYABLE.has(Object.prototype.toString.call(inner)) || (inner === null && original !== null);
}

/** What is stored for a canonical text: itself, its hash when it is secret, or its beginning when it is long. */
export function storedText(json: string, options: { readonly secret: boolean }): string {
  // That there was none is no secret, and the hash of null would not hide it.
  if (options.secret) return json === 'null' ? json : JSON.stringify(`sha256:${sha256(json)}`);
  const bytes = Buffer.byteLength(json);
  if (bytes <= VALUE_BYTES_MAX) return json;
  // `stream` keeps the decoder from putting a replacement for the character that the cut went through.
  const truncated = new TextDecoder().decode(Buffer.from(json).subarray(0, BEGINNING_BYTES), { stream: true });
  const value: TruncatedValue = { truncated, bytes, sha256: sha256(json) };
  return JSON.stringify(value);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
