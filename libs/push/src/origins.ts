import { InvalidOptionError } from './errors.ts';

/** True when a page of `origin` may open a socket to `host` (the request's Host header). */
export type OriginCheck = (origin: string, host: string | undefined) => boolean;

const ENTRY = /^(https?):\/\/(\*\.)?([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d+)?$/;

/** True for what the list of origins may hold: `https://app.example`, `https://*.app.example` or `*`. */
export function isOriginPattern(text: string): boolean {
  return text === '*' || tryEntry(text) !== undefined;
}

/**
 * Guards against cross-site WebSocket hijacking: browsers open sockets across origins without asking.
 * Without a list a page may connect to the host that served it. Entries are `https://app.example`, `https://*.app.example`
 * (any depth of subdomain, not the domain itself) or `*`; scheme and port count.
 * @throws InvalidOptionError (`ERR_PUSH_OPTION`)
 */
export function originCheck(origins: readonly string[] | undefined): OriginCheck {
  if (!origins) return (origin, host) => isSameHost(origin, host);
  if (origins.includes('*')) return () => true;
  const exact = new Set<string>();
  const suffixes: { readonly scheme: string; readonly suffix: string }[] = [];
  for (const entry of origins) {
    const parsed = tryEntry(entry);
    if (!parsed) throw new InvalidOptionError('origins', entry, "an entry is 'https://app.example', 'https://*.app.example' or '*'");
    const { url, subdomains } = parsed;
    if (subdomains) suffixes.push({ scheme: url.protocol, suffix: `.${url.host}` });
    else exact.add(url.origin);
  }
  return (origin) => {
    const url = tryUrl(origin);
    // Compared at a label boundary, the suffix begins with a dot: https://evil-app.example does not pass for *.app.example.
    return !!url && (exact.has(url.origin) || suffixes.some(({ scheme, suffix }) => url.protocol === scheme && url.host.endsWith(suffix)));
  };
}

function tryEntry(entry: string): { readonly url: URL; readonly subdomains: boolean } | undefined {
  const match = ENTRY.exec(entry);
  // The grammar lets ports and addresses through that no URL can have.
  const url = match ? tryUrl(entry.replace('*.', '')) : undefined;
  return url && { url, subdomains: match![2] !== undefined };
}

function isSameHost(origin: string, host: string | undefined): boolean {
  const page = tryUrl(origin);
  // Read under the page's scheme, so that a default port is dropped on both sides.
  const server = page && host !== undefined && tryUrl(`${page.protocol}//${host}`);
  return !!server && server.host === page.host;
}

/** Undefined for `null`, the origin of sandboxed pages and files, and for anything else that is not an http(s) URL. */
function tryUrl(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url && /^https?:$/.test(url.protocol) ? url : undefined;
}
