import { lookup as systemLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { TargetRefusedError } from '../errors.ts';

/*
 * Which servers the http handler may call. Tasks come over the API, so without this list the scheduler would be a way into
 * the network it stands in: metadata services, databases, admin pages.
 *
 * 1. A target must be on the list: its name, or as an address its address or network.
 * 2. A name on the list must not lead to an address of a private network, unless that address or network is on the list as
 *    well (loopback for the listed name localhost). Otherwise whoever owns the DNS of a listed name owns the inside.
 * 3. The addresses are checked where the connection is made, with the very answer that is connected to: a second lookup
 *    could be answered differently.
 * 4. An address in any spelling (0x7f.1, ::ffff:127.0.0.1) is the same address: names are compared after the URL parser
 *    has made them canonical, and addresses as numbers.
 */

export interface TargetList {
  /** Why the URL must not be called; undefined when it may, as far as can be said without asking DNS. */
  objection(url: URL): string | undefined;
  /** A DNS lookup that gives only addresses which a connection to `port` may use. */
  lookupFor(port: number): LookupFunction;
}

interface Pattern {
  readonly port: number | undefined;
  /** The one name that the pattern stands for. */
  readonly name?: string;
  matchesName(name: string): boolean;
  matchesAddress(address: string): boolean;
}

/** What a standalone installation may call unless told otherwise: itself. */
export const LOOPBACK: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

// https://www.iana.org/assignments/iana-ipv4-special-registry and its IPv6 twin: what is not globally reachable, and the
// prefixes that carry an IPv4 address inside.
const PRIVATE = networks([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
]);
const LOOPBACK_NETWORKS = networks(['127.0.0.0/8', '::1/128']);

/** True for what {@link createTargetList} understands. */
export function isTargetPattern(text: string): boolean {
  return tryPattern(text) !== undefined;
}

export function createTargetList(patterns: readonly string[], resolve: typeof systemLookup = systemLookup): TargetList {
  const allowed = patterns.flatMap((text) => tryPattern(text) ?? []);
  const listsName = (name: string, port: number): boolean => allowed.some((pattern) => (pattern.port ?? port) === port && pattern.matchesName(name));
  const listsAddress = (address: string, port: number): boolean => allowed.some((pattern) => (pattern.port ?? port) === port && pattern.matchesAddress(address));
  const listsLocalhost = (port: number): boolean => allowed.some((pattern) => (pattern.port ?? port) === port && pattern.name === 'localhost');
  const mayConnect = (name: string, address: string, port: number): boolean =>
    !contains(PRIVATE, address) || listsAddress(address, port) || (name === 'localhost' && listsLocalhost(port) && contains(LOOPBACK_NETWORKS, address));

  return {
    objection(url) {
      if (url.protocol !== 'http:' && url.protocol !== 'https:') return `has the scheme ${url.protocol}, which is neither http: nor https:`;
      if (url.username || url.password) return 'holds a user name or password; use a header';
      const port = portOf(url);
      const host = plainHost(url.hostname);
      // The wildcard stands for the open internet.
      const listed = isIP(host) ? listsAddress(host, port) || (listsName(host, port) && !contains(PRIVATE, host)) : listsName(host, port);
      return listed ? undefined : `names the host ${url.hostname}:${port}, which is not among scheduler.http.allowedHosts`;
    },

    lookupFor: (port) => (hostname, options, callback) => {
      const name = plainHost(hostname);
      const all: LookupOptions & { all: true } = { ...options, all: true };
      resolve(hostname, all, (error, addresses) => {
        if (error) {
          callback(error, []);
          return;
        }
        const usable = addresses.filter(({ address }) => mayConnect(name, address, port));
        if (usable.length === 0) callback(new TargetRefusedError(hostname, refusal(addresses)), []);
        else if (options.all) callback(null, usable);
        else callback(null, usable[0]!.address, usable[0]!.family);
      });
    },
  };
}

export function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
}

function refusal(addresses: readonly LookupAddress[]): string {
  return `leads to ${addresses.map(({ address }) => address).join(', ') || 'no address'}, which is not reachable from outside and not among scheduler.http.allowedHosts`;
}

// `[::1]`, `example.com.` and `EXAMPLE.com` without what does not belong to the name.
function plainHost(host: string): string {
  return host.replace(/^\[|\]$|\.$/g, '').toLowerCase();
}

const HOST_AND_PORT = /^(\[[0-9a-f:.]+\]|\*|(?:\*\.)?[^\s:/?#@[\]*]+)(?::(\d{1,5}))?$/i;

function tryPattern(text: string): Pattern | undefined {
  const network = text.includes('/') ? tryNetworks([text]) : undefined;
  if (network) return { port: undefined, matchesName: () => false, matchesAddress: (address) => contains(network, address) };
  const match = HOST_AND_PORT.exec(text);
  if (!match) return undefined;
  const port = match[2] === undefined ? undefined : Number(match[2]);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  const host = match[1]!;
  if (host === '*') return { port, matchesName: () => true, matchesAddress: () => false };
  const wildcard = host.startsWith('*.');
  // The URL parser spells names and addresses as it will spell those of the targets.
  const parsed = URL.parse(`http://${wildcard ? host.slice(2) : host}`);
  if (!parsed) return undefined;
  const name = plainHost(parsed.hostname);
  if (isIP(name)) {
    if (wildcard) return undefined;
    const single = networks([`${name}/${isIP(name) === 4 ? 32 : 128}`]);
    return { port, matchesName: () => false, matchesAddress: (address) => contains(single, address) };
  }
  if (wildcard) return { port, matchesName: (candidate) => candidate.endsWith(`.${name}`), matchesAddress: () => false };
  return { port, name, matchesName: (candidate) => candidate === name, matchesAddress: () => false };
}

function networks(texts: readonly string[]): BlockList {
  const list = tryNetworks(texts);
  if (!list) throw new RangeError(`not networks: ${texts.join(', ')}`);
  return list;
}

function tryNetworks(texts: readonly string[]): BlockList | undefined {
  const list = new BlockList();
  for (const text of texts) {
    const [address = '', bits = ''] = text.split('/');
    const version = isIP(address);
    if (version === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > (version === 4 ? 32 : 128)) return undefined;
    list.addSubnet(address, Number(bits), version === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

function contains(list: BlockList, address: string): boolean {
  // A scope such as fe80::1%eth0 does not change what the address is.
  const plain = address.replace(/%.*$/, '');
  return list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
}
