import { domainToUnicode } from 'node:url';
import { InvalidUrlError } from './errors.ts';
import type { ShortBase } from './short-base.ts';

/**
 * The longest long URL in its stored form, in bytes. Proxies hold a response's headers in one buffer of 8 KB by
 * default (nginx: `proxy_buffer_size` 4k or 8k), and answer 502 when it is too small.
 */
export const MAX_LONG_URL_BYTES = 8_000;

// WHATWG parsers strip tab, CR, LF and leading controls, so that "java\tscript:" becomes "javascript:" and a line break
// joins what stands around it. So these are refused before anything parses. \s has the Unicode spaces, U+2028 and U+FEFF.
const BLANK_OR_CONTROL = /[\p{Cc}\s]/u;

// The text itself must have the parts where parsers disagree: `https:evil.com`, `http:///x` and `https:/\evil.com` are
// hosts to a browser and paths to others. The authority ends at the first of / ? # and holds no backslash.
const PARTS = /^(https?:\/\/)([^/?#\\]+)((?:[/?#].*)?)$/is;

// A label that is still encoded after decoding never was punycode. Node's parser lets it pass, browsers do not.
const PUNYCODE = /(?:^|\.)xn--/;

const NON_ASCII = /[^\u0021-\u007e]/;
const NON_ASCII_RUNS = new RegExp(`${NON_ASCII.source}+`, 'g');

/**
 * The form of a long URL that is stored and sent as `Location`, byte for byte. ASCII input is that form already, whatever
 * its percent-encoding. Otherwise the host becomes what the WHATWG parser makes of it (IDNA, lower case, without a default
 * port), and every other character outside of ASCII its percent-encoded UTF-8.
 * @throws InvalidUrlError (`ERR_SHORTLINK_URL`)
 */
export function checkLongUrl(input: unknown, base: ShortBase): string {
  if (typeof input !== 'string') throw new InvalidUrlError(input, 'is not a text');
  // Encoding only makes it longer; so nothing below has to look through a megabyte.
  if (input.length > MAX_LONG_URL_BYTES) throw new InvalidUrlError(input, `has ${input.length} characters, more than ${MAX_LONG_URL_BYTES}`);
  if (BLANK_OR_CONTROL.test(input) || !input.isWellFormed()) throw new InvalidUrlError(input, 'holds a blank, a control character or an unpaired surrogate');
  const [, scheme, authority, rest] = PARTS.exec(input) ?? [];
  if (scheme === undefined || authority === undefined || rest === undefined) throw new InvalidUrlError(input, 'must be http:// or https:// and a host');
  // Shows one host and leads to another: https://bank.example@evil.example
  if (authority.includes('@')) throw new InvalidUrlError(input, 'must not hold a user or password');

  const url = URL.parse(`${scheme}${authority}${rest}`);
  if (!url?.hostname || PUNYCODE.test(domainToUnicode(url.hostname))) throw new InvalidUrlError(input, 'has a host or port that cannot be');
  if (base.covers(url)) throw new InvalidUrlError(input, 'leads back to this shortener');
  // evil.example to a browser, another name or an error to others: https://ev%69l.example
  if (authority.includes('%')) throw new InvalidUrlError(input, 'has a percent-encoded host');

  const host = NON_ASCII.test(authority) ? url.host : authority;
  const stored = `${scheme}${host}${rest.replace(NON_ASCII_RUNS, encodeURIComponent)}`;
  if (stored.length > MAX_LONG_URL_BYTES) throw new InvalidUrlError(input, `has ${stored.length} bytes when encoded, more than ${MAX_LONG_URL_BYTES}`);
  return stored;
}
