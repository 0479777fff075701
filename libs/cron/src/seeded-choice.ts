/**
 * A whole number from 0 to `count - 1` that depends on nothing but seed and number: what `H` and jitter are drawn with. Stored
 * triggers rely on it, so it must never change. FNV-1a over the UTF-16 units of the seed, then both words of the number, each
 * followed by the finaliser of MurmurHash3 (Austin Appleby, public domain).
 */
export function seededChoice(seed: string, number: number, count: number): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < seed.length; at++) hash = Math.imul(hash ^ seed.charCodeAt(at), 0x01000193);
  hash = mix(hash ^ (number % 0x1_0000_0000));
  hash = mix(hash ^ Math.floor(number / 0x1_0000_0000));
  return Math.floor(((hash >>> 0) / 0x1_0000_0000) * count);
}

function mix(hash: number): number {
  let mixed = hash;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
