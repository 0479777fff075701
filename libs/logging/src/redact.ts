// What must not be read in a log, in three nets: by the name of a key, by known values, by the look of a text.
// Whatever is a `Secret` never gets as far as here.

export const REDACTED = '[redacted]';

export interface Redactor {
  /** Whether the value under this key must not be shown. */
  hides(key: string, value: unknown): boolean;
  /** The text without secrets and with at most `limit` characters. */
  text(text: string, limit: number): string;
}

// Shorter values are words: scrubbing the secret "admin" would make every log unreadable and tell the secret on the way.
const SHORTEST_KNOWN_SECRET = 12;

// Compared without case and without '-', '_', '.': X-Api-Key, api_key and apiKey are one name.
const HIDING_PART = /password|passwd|passphrase|secret|authorization|cookie|apikey|accesskey|privatekey|signingkey|encryptionkey|credential/;
const HIDING_END = /(?:token|tokens|sessionid)$/;
const HIDING_WORD = new Set(['auth', 'bearer', 'jwt', 'otp', 'pass', 'pin', 'pwd', 'sid']);

// Every quantifier has a bound, so that a hostile text costs linear time.
const URL_USERINFO = /(:\/\/)(?:[^\s/?#@"'<>]{0,256}:(?!\d{1,5}(?:[/?#]|$))[^\s"'<>]{0,512}@|[^\s/?#"'<>]{1,512}@)/g;
const AUTH_SCHEME = /\b(bearer|basic|digest|negotiate)(\s+)(?=[\w.~+/=-]{0,64}[\d._~+/=-]|[\w.~+/=-]{16})[\w.~+/=-]{6,}/gi;
const JWT = /\beyJ[\w-]{6,4096}\.[\w-]{6,}\.[\w-]*/g;
const PRIVATE_KEY = /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g;
const HEADER = /\b((?:proxy-)?authorization|(?:set-)?cookie|x-api-key|x-auth-token)(\\?["']?\s{0,8}[:=]\s{0,8})(\\?"[^"]*"?|'[^']*'?|[^\r\n"']+)/gi;
// password=x, "password":"x", password: 'x'; not `password: x`, which is how sentences about passwords look.
const ASSIGNMENT =
  /((?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)[\w-]{0,24}\\?["']?\s{0,8}(?:=|:(?=\s{0,8}\\?["']))\s{0,8})(\\?"[^"]*"?|\\?'[^']*'?|[^\s&;,"'<>)\]}]+)/gi;
const WORTH_A_LOOK = /[=@:]|eyJ|bearer|basic|digest|negotiate|-----/i;

/** `secrets` are values that must not appear in any text; those shorter than 12 characters are ignored. */
export function createRedactor(secrets: Iterable<unknown>): Redactor {
  const known = knownValues(secrets);
  const longest = known.reduce((most, value) => Math.max(most, value.length), 0);
  const pattern = known.length > 0 ? new RegExp(known.map((value) => value.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'g') : undefined;
  const names = new Map<string, 'any' | 'text' | 'none'>();

  const scrub = (text: string): string => {
    const clean = pattern ? text.replace(pattern, REDACTED) : text;
    if (!WORTH_A_LOOK.test(clean)) return clean;
    return clean
      .replace(PRIVATE_KEY, REDACTED)
      .replace(URL_USERINFO, `$1${REDACTED}@`)
      .replace(HEADER, `$1$2${REDACTED}`)
      .replace(AUTH_SCHEME, `$1$2${REDACTED}`)
      .replace(JWT, REDACTED)
      .replace(ASSIGNMENT, `$1${REDACTED}`);
  };

  return {
    hides(key, value) {
      if (value === null || value === undefined || typeof value === 'boolean') return false;
      let name = names.get(key);
      if (name === undefined) {
        name = classify(key);
        // Keys can be data. A full memory of names only costs the time to classify again.
        if (names.size < 1_000) names.set(key, name);
      }
      // A number under `token` counts or fences; nobody authenticates with it.
      return name === 'any' || (name === 'text' && typeof value !== 'number' && typeof value !== 'bigint');
    },
    text(text, limit) {
      if (text.length <= limit) return scrub(text);
      // The cut may go through a secret whose first half no pattern knows: look further than shown, and drop the doubtful end.
      const clean = scrub(text.slice(0, limit + longest));
      return `${clean.slice(0, Math.max(0, Math.min(limit, clean.length - longest)))}… ${text.length} characters`;
    },
  };
}

function classify(key: string): 'any' | 'text' | 'none' {
  const name = key.slice(0, 256).toLowerCase().replace(/[^a-z0-9]/g, '');
  if (HIDING_PART.test(name) || HIDING_WORD.has(name)) return 'any';
  return HIDING_END.test(name) ? 'text' : 'none';
}

/** Secrets as they may appear in a text, the longest first, so that none hides a part of another. */
function knownValues(secrets: Iterable<unknown>): string[] {
  const values = new Set<string>();
  for (const secret of secrets) {
    const value = typeof secret === 'object' && secret !== null && 'reveal' in secret && typeof secret.reveal === 'function' ? (secret.reveal() as unknown) : secret;
    if (typeof value !== 'string' || value.length < SHORTEST_KNOWN_SECRET) continue;
    for (const form of [value, value.trim(), encodeURIComponent(value.toWellFormed()), JSON.stringify(value).slice(1, -1)]) if (form.length >= SHORTEST_KNOWN_SECRET) values.add(form);
  }
  return Array.from(values).toSorted((a, b) => b.length - a.length);
}
