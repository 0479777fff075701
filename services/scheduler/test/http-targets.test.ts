import type { LookupAddress } from 'node:dns';
import { describe, expect, it } from 'vitest';
import { createTargetList, isTargetPattern, LOOPBACK } from '../src/handlers/http-targets.ts';

const objection = (patterns: readonly string[], url: string): string | undefined => createTargetList(patterns).objection(new URL(url));

/** The addresses that a connection may use when DNS answers with these. */
function resolved(patterns: readonly string[], name: string, answer: readonly string[], port = 80): Promise<string[] | string> {
  const addresses: LookupAddress[] = answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  const dns = ((_name: string, _options: object, callback: (error: null, found: LookupAddress[]) => void) => callback(null, addresses)) as never;
  return new Promise((resolve) => {
    createTargetList(patterns, dns).lookupFor(port)(name, { all: true }, (error, found) => {
      resolve(error ? (error as NodeJS.ErrnoException).code! : (found as LookupAddress[]).map(({ address }) => address));
    });
  });
}

describe('targets of the http handler', () => {
  it.each([
    [['example.com'], 'http://example.com/x'],
    [['example.com'], 'https://EXAMPLE.com./x'],
    [['example.com:8080'], 'http://example.com:8080/'],
    [['example.com:443'], 'https://example.com/'],
    [['*.example.com'], 'http://a.b.example.com/'],
    [['bücher.example'], 'http://xn--bcher-kva.example/'],
    [['*'], 'http://anything.example/'],
    [['*'], 'http://8.8.8.8/'],
    [['10.0.0.5'], 'http://10.0.0.5/'],
    [['10.0.0.0/8'], 'http://10.1.2.3:81/'],
    [['10.0.0.0/8'], 'http://[::ffff:10.1.2.3]/'],
    [['[fd00::1]:80'], 'http://[fd00:0::1]/'],
    [['fd00::/8'], 'http://[fd12::7]/'],
    [LOOPBACK, 'http://localhost:4300/readyz'],
    [LOOPBACK, 'http://127.0.0.1:4300/'],
    [LOOPBACK, 'http://[::1]:4300/'],
    [LOOPBACK, 'http://0x7f.1/'],
  ])('%o allow %s', (patterns, url) => {
    expect(objection(patterns, url)).toBeUndefined();
  });

  it.each([
    [[], 'http://example.com/', 'not among'],
    [['example.com'], 'http://evil-example.com/', 'not among'],
    [['example.com'], 'http://www.example.com/', 'not among'],
    [['*.example.com'], 'http://example.com/', 'not among'],
    [['example.com:8080'], 'http://example.com/', 'not among'],
    [['example.com'], 'ftp://example.com/', 'scheme'],
    [['example.com'], 'javascript:alert(1)', 'scheme'],
    [['example.com'], 'http://user@example.com/', 'user name'],
    [['example.com'], 'http://example.com:pass@evil.example/', 'user name'],
    [['*'], 'http://169.254.169.254/latest/meta-data', 'not among'],
    [['*'], 'http://127.0.0.1/', 'not among'],
    [['*'], 'http://2130706433/', 'not among'],
    [['*'], 'http://[::ffff:127.0.0.1]/', 'not among'],
    [['*'], 'http://[64:ff9b::7f00:1]/', 'not among'],
    [['10.0.0.0/8'], 'http://11.0.0.1/', 'not among'],
    [['127.0.0.1:80'], 'http://127.0.0.1:81/', 'not among'],
  ])('%o refuse %s', (patterns, url, reason) => {
    expect(objection(patterns, url)).toContain(reason);
  });

  it('let a name lead to public addresses only', async () => {
    expect(await resolved(['example.com'], 'example.com', ['93.184.216.34', '10.0.0.1', 'fe80::1%eth0', '2606:2800:220:1::1'])).toEqual(['93.184.216.34', '2606:2800:220:1::1']);
    expect(await resolved(['example.com'], 'example.com', ['10.0.0.1'])).toBe('ERR_SCHEDULER_HTTP_TARGET');
    expect(await resolved(['*'], 'localtest.example', ['127.0.0.1', '::1', '::ffff:192.168.0.1', '0.0.0.0'])).toBe('ERR_SCHEDULER_HTTP_TARGET');
  });

  it('let a name lead inside where the address is listed too', async () => {
    expect(await resolved(['intranet.example', '10.0.0.0/8'], 'intranet.example', ['10.0.0.1', '192.168.0.1'])).toEqual(['10.0.0.1']);
    expect(await resolved(['intranet.example', '10.0.0.1:8080'], 'intranet.example', ['10.0.0.1'], 8_080)).toEqual(['10.0.0.1']);
    expect(await resolved(['intranet.example', '10.0.0.1:8080'], 'intranet.example', ['10.0.0.1'], 80)).toBe('ERR_SCHEDULER_HTTP_TARGET');
  });

  it('let localhost lead to loopback and nowhere else inside', async () => {
    expect(await resolved(['localhost:80'], 'localhost', ['127.0.0.1', '::1', '10.0.0.1'])).toEqual(['127.0.0.1', '::1']);
    expect(await resolved(['*'], 'localhost', ['127.0.0.1', '::1'])).toBe('ERR_SCHEDULER_HTTP_TARGET');
    expect(await resolved(['localhost:81', '*'], 'localhost', ['127.0.0.1', '::1'])).toBe('ERR_SCHEDULER_HTTP_TARGET');
  });

  it.each(['example.com', '*.example.com:8080', '*', '*:443', '[::1]', '[::1]:80', '10.0.0.0/8', 'fd00::/8', '127.0.0.1:80'])('know the pattern %s', (text) => {
    expect(isTargetPattern(text)).toBe(true);
  });

  it.each(['', 'http://example.com', 'example.com/path', 'a b', 'exam*ple.com', 'example.com:0', 'example.com:70000', '10.0.0.0/33', '10.0.0/8', '*.10.0.0.1', 'user@host', '::1'])('do not know the pattern %s', (text) => {
    expect(isTargetPattern(text)).toBe(false);
  });
});
