import { InvalidShortlinkOptionError } from './errors.ts';

/** Where the short links of a domain live. */
export interface ShortBase {
  /** The full address of a slug. */
  shortUrl(slug: string): string;
  /** True for a target that would come back here: same host and port in any spelling, below the same path. */
  covers(target: URL): boolean;
}

/** True for what `baseUrl` may be: http:// or https://, a host and perhaps a path, such as `https://sho.rt`. */
export function isBaseUrl(text: string): boolean {
  return /^https?:\/\/[^\s\\/?#@]+(?:\/[^\s\\?#]*)?$/i.test(text) && URL.canParse(text);
}

/**
 * Reads a base such as `https://sho.rt` or `https://example.com/s`.
 * @throws InvalidShortlinkOptionError (`ERR_SHORTLINK_OPTION`)
 */
export function parseShortBase(baseUrl: string): ShortBase {
  if (!isBaseUrl(baseUrl)) throw new InvalidShortlinkOptionError('baseUrl', baseUrl, 'http:// or https://, a host and perhaps a path, such as https://sho.rt');
  const url = new URL(baseUrl);
  const path = url.pathname.endsWith('/') ? url.pathname : `${url.pathname}/`;
  const site = siteOf(url);
  return {
    shortUrl: (slug) => `${url.origin}${path}${slug}`,
    covers: (target) => siteOf(target) === site && target.pathname.startsWith(path),
  };
}

/** Host and port, with one name for the two ports that stand for "the web server of that host". */
function siteOf({ hostname, port }: URL): string {
  return `${hostname.replace(/\.+$/, '')}:${port === '80' || port === '443' ? '' : port}`;
}
