import { createShortlinks, MAX_LONG_URL_BYTES } from '@staddle/shortlink';
import { memoryLinkStore } from '@staddle/shortlink/memory';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const stored = async (longUrl: string, baseUrl = 'https://sho.rt'): Promise<string> => {
  const links = createShortlinks({ store: memoryLinkStore(), baseUrl });
  const { slug } = await links.create({ longUrl });
  const resolution = await links.resolve(slug);
  if (resolution?.state !== 'ACTIVE') throw new Error(`${slug} does not resolve`);
  return resolution.longUrl;
};
const refused = async (longUrl: unknown, baseUrl?: string): Promise<string> => {
  const error = await stored(longUrl as string, baseUrl).then(
    (url) => new Error(`was accepted as ${url}`),
    (failure: Error & { code?: string; field?: string }) => failure,
  );
  expect(error).toMatchObject({ code: 'ERR_SHORTLINK_URL', field: 'longUrl' });
  return error.message;
};

describe('a long URL of ASCII', () => {
  it.each([
    'https://example.com/a%20b?x=%20c&flag&y=a|b#part?z=1',
    'https://example.com',
    'http://example.com/',
    'HTTPS://Example.COM:443/A/../b//c/./d?',
    'https://example.com?sig=a%2Fb&x=a|b',
    'https://example.com/?a=1&a=2&&=&a=b=c?d?e',
    'https://example.com/%zz%?%&%E0%A4%A',
    `https://example.com/"<>\\^\`{|}~!$&'()*+,;=:@[]`,
    'https://example.com/%0d%0aSet-Cookie:%20a=b',
    'https://example.com/#/route?x=1',
    'https://example.com/?next=https://sho.rt/abc',
    'https://user.example.com/@alice',
    'http://[::1]:8080/x',
    'http://127.0.0.1/x',
    'http://intranet/x',
    'https://example.com./x',
    'https://xn--mnchen-3ya.de/',
  ])('%s comes back byte for byte', async (url) => {
    expect(await stored(url)).toBe(url);
  });

  it('comes back byte for byte, whatever stands after the host', async () => {
    const ascii = fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCodePoint(code)), maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(ascii, fc.constantFrom('/', '?', '#'), async (rest, start) => {
        const url = `https://example.com${start}${rest}`;
        expect(await stored(url)).toBe(url);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a long URL beyond ASCII', () => {
  it.each([
    ['https://example.com/größe?q=ä+b', 'https://example.com/gr%C3%B6%C3%9Fe?q=%C3%A4+b'],
    ['https://example.com/日本#見出し', 'https://example.com/%E6%97%A5%E6%9C%AC#%E8%A6%8B%E5%87%BA%E3%81%97'],
    ['https://example.com/🦊%20x', 'https://example.com/%F0%9F%A6%8A%20x'],
    ['https://München.de/Straße', 'https://xn--mnchen-3ya.de/Stra%C3%9Fe'],
    ['https://bücher.example:8443/?a=1', 'https://xn--bcher-kva.example:8443/?a=1'],
    ['https://bücher.example:443', 'https://xn--bcher-kva.example'],
    ['http://аррӏе.com/', 'http://xn--80ak6aa92e.com/'],
    ['https://ＥＸＡＭＰＬＥ.com/Ｘ', 'https://example.com/%EF%BC%B8'],
    // Composed or not, it stays what it was.
    ['https://example.com/e\u0301', 'https://example.com/e%CC%81'],
  ])('%s is stored as %s', async (url, expected) => {
    expect(await stored(url)).toBe(expected);
  });

  it('is stored in a form that does not change when it is stored again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.webUrl({ withFragments: true, withQueryParameters: true }), fc.string({ unit: 'grapheme', maxLength: 20 }), async (url, tail) => {
        const once = await stored(`${url}/${tail.replace(/[\p{Cc}\s]/gu, '')}`);
        expect(once).toMatch(/^[\u0021-\u007e]+$/);
        expect(await stored(once)).toBe(once);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a long URL is refused', () => {
  it.each([
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'java\tscript:alert(1)',
    ' javascript:alert(1)',
    '\u0001javascript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://example.com/x',
    'about:blank',
    'ftp://example.com/',
    'mailto:a@example.com',
    '//evil.example',
    '/\\evil.example',
    'example.com',
    'https:evil.example',
    'https:/evil.example',
    'https:\\\\evil.example',
    'https:/\\/evil.example',
    'https:///evil.example',
    'http://',
    'http://?x',
    'http:///x',
    'http://#x',
    '',
  ])('unless it is http or https and names a host: %j', async (url) => {
    expect(await refused(url)).toMatch(/must be http|holds a blank/);
  });

  it.each([
    'https://example.com/\r\nSet-Cookie: a=b',
    'https://example.com/\n',
    'https://example.com/\u0000',
    'https://example.com/\u007f',
    'https://example.com/\u0085',
    'https://example.com/a b',
    'https://example.com/\ta',
    'https://exa\tmple.com/',
    ' https://example.com/',
    'https://example.com/\u00a0',
    'https://example.com/\u2028',
    '\ufeffhttps://example.com/',
    'https://example.com/\u3000',
    'https://example.com/\ud800',
    'https://example.com/\udc00\ud800',
  ])('with a blank, a control character or an unpaired surrogate: %j', async (url) => {
    expect(await refused(url)).toMatch(/holds a blank/);
  });

  it.each(['https://bank.example@evil.example/', 'https://a:b@evil.example', 'https://@evil.example', 'https://a:b@c@evil.example'])('with a user: %s', async (url) => {
    expect(await refused(url)).toMatch(/user or password/);
  });

  it.each([
    'https://bank.example\\@evil.example/',
    'https://bank.example＠evil.example/',
    'https://evil.example／path',
    'http://example.com:99999/',
    'http://example.com:x/',
    'http://[::1/',
    'http://1.2.3.4.5/',
    'http://256.1.1.1/',
    'https://xn--a/',
    'https://exa<mple.com/',
    'https://exa%00mple.com/',
    'https://%/',
    'https://\u00ad/',
    'https://a^b.example/',
    'https://a.xn--0.example/',
    'https://ev%69l.example/',
    'https://bank.example%2Eevil.example/',
    'https://m%C3%BCnchen.de/',
  ])('with a host or port that parsers do not agree on: %s', async (url) => {
    expect(await refused(url)).toMatch(/host/);
  });

  it('when it is longer than a Location may be', async () => {
    const fits = `https://example.com/${'x'.repeat(MAX_LONG_URL_BYTES - 20)}`;
    expect(await stored(fits)).toBe(fits);
    expect(await refused(`${fits}x`)).toMatch(/8001 characters, more than 8000/);
    expect(await refused(`https://example.com/${'ä'.repeat(1_400)}`)).toMatch(/8420 bytes when encoded/);
    expect((await refused(`https://example.com/${'x'.repeat(1_000_000)}`)).length).toBeLessThan(300);
  });

  it.each([
    'https://sho.rt/abc',
    'https://sho.rt',
    'HTTPS://SHO.RT/abc',
    'http://sho.rt/abc',
    'https://sho.rt:443/abc',
    'http://sho.rt:80/abc',
    'https://sho.rt:80/abc',
    'https://sho.rt./abc',
    'https://ｓｈｏ.rt/abc',
    'https://sho%2Ert/abc',
    'https://sho.rt?abc',
  ])('when it leads back to the shortener: %s', async (url) => {
    expect(await refused(url)).toMatch(/leads back/);
  });

  it.each([
    ['https://sho.rt:8443/abc', 'https://sho.rt'],
    ['https://www.sho.rt/abc', 'https://sho.rt'],
    ['https://sho.rt.example/abc', 'https://sho.rt'],
    ['https://example.com/page', 'https://example.com/s'],
    ['https://example.com/sale', 'https://example.com/s'],
    ['http://127.0.0.1:4100/', 'http://127.0.0.1:4300'],
  ])('but not for being a neighbour: %s of %s', async (url, baseUrl) => {
    expect(await stored(url, baseUrl)).toBe(url);
  });

  it.each([
    ['https://example.com/s/abc', 'https://example.com/s'],
    ['https://example.com/x/../s/abc', 'https://example.com/s/'],
    ['http://bücher.example/x', 'https://xn--bcher-kva.example'],
    ['http://127.1:4300/x', 'http://127.0.0.1:4300'],
    ['http://2130706433:4300/x', 'http://127.0.0.1:4300'],
  ])('for being the shortener in other words: %s of %s', async (url, baseUrl) => {
    expect(await refused(url, baseUrl)).toMatch(/leads back/);
  });

  it.each([undefined, null, 42, {}, ['https://example.com']])('when it is no text but %j', async (value) => {
    expect(await refused(value)).toMatch(/is not a text/);
  });

  it('without telling the password in it', async () => {
    for (const url of ['https://alice:hunter2@example.com/', 'ftp://alice:hunter2@example.com/', 'https:\\\\alice:hunter2@example.com/ x']) {
      expect(await refused(url)).not.toContain('hunter2');
    }
  });
});
