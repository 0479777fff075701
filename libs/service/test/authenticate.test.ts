import { createTestClock } from '@staddle/testing';
import { createAuthenticator, identityOf, signToken } from '@staddle/service';
import { generateKeyPair, SignJWT } from 'jose';
import { expect, it } from 'vitest';

import { as, call, problemIn, SECRET, serve } from './serve.ts';

const clock = createTestClock();
const now = clock.now();
const authenticate = createAuthenticator({ secret: SECRET, clock });
const key = new TextEncoder().encode(SECRET);

/** A token with any claims and header, signed with our secret. */
function forge(claims: Record<string, unknown>, header: { alg: string } = { alg: 'HS256' }): Promise<string> {
  return new SignJWT({ sub: 'alice', aud: 'staddle', exp: Math.floor(now / 1_000) + 60, ...claims }).setProtectedHeader(header).sign(key);
}

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

it('reads subject, roles, tenant and expiry of a token of ours', async () => {
  const token = await signToken({ secret: SECRET, sub: 'alice', roles: ['editor'], tenant: 'acme', ttlMs: 60_000, now });
  expect(await authenticate(token)).toEqual({
    sub: 'alice',
    roles: ['editor'],
    tenant: 'acme',
    expiresAt: now + 60_000,
    claims: { sub: 'alice', aud: 'staddle', roles: ['editor'], tenant: 'acme', iat: now / 1_000, exp: now / 1_000 + 60 },
  });
  expect(await authenticate(await signToken({ secret: SECRET, sub: 'bob', ttlMs: 1, now }))).toMatchObject({ sub: 'bob', roles: [] });
});

it.each([
  ['text', 'not a token'],
  ['an unsigned token', `${base64({ alg: 'none' })}.${base64({ sub: 'alice', aud: 'staddle', exp: 9_999_999_999 })}.`],
  ['a token signed with another secret', await signToken({ secret: 'x'.repeat(32), sub: 'alice', ttlMs: 60_000, now })],
  ['a token for another audience', await forge({ aud: 'elsewhere' })],
  ['a token without an audience', await forge({ aud: undefined })],
  ['a token that never expires', await forge({ exp: undefined })],
  ['a token that expires at a text', await forge({ exp: 'tomorrow' })],
  ['a token without a subject', await forge({ sub: undefined })],
  ['a token with an empty subject', await forge({ sub: '' })],
  ['a token whose subject is a number', await forge({ sub: 7 })],
  ['a token whose roles are a text', await forge({ roles: 'admin' })],
  ['a token whose tenant is an object', await forge({ tenant: {} })],
  ['a token that is not valid yet', await forge({ nbf: now / 1_000 + 60 })],
  ['our secret with another algorithm', await forge({}, { alg: 'HS512' })],
  ['a token signed with a key pair', await new SignJWT({ sub: 'alice', aud: 'staddle', exp: 9_999_999_999 }).setProtectedHeader({ alg: 'ES256' }).sign((await generateKeyPair('ES256')).privateKey)],
  ['a token whose payload was changed', (await forge({})).replace(/\.(.)/, (_all, first: string) => `.${first === 'e' ? 'f' : 'e'}`)],
])('refuses %s', async (_what, token) => {
  await expect(authenticate(token)).rejects.toMatchObject({ code: 'ERR_SERVICE_AUTH_INVALID', statusCode: 401 });
});

it('asks for the issuer when told to', async () => {
  const strict = createAuthenticator({ secret: SECRET, issuer: 'https://login.example', clock });
  await expect(strict(await forge({}))).rejects.toMatchObject({ code: 'ERR_SERVICE_AUTH_INVALID' });
  const token = await signToken({ secret: SECRET, sub: 'alice', ttlMs: 60_000, now, issuer: 'https://login.example' });
  expect(await strict(token)).toMatchObject({ sub: 'alice' });
});

it('refuses a token from its expiry on, within the tolerance for clocks, remembered or not', async () => {
  const ours = createTestClock(now);
  const remembering = createAuthenticator({ secret: SECRET, clock: ours, clockToleranceMs: 2_000 });
  const token = await signToken({ secret: SECRET, sub: 'alice', ttlMs: 60_000, now });
  await ours.advance(61_999);
  const first = await remembering(token);
  expect(await remembering(token)).toBe(first);
  await ours.advance(1);
  await expect(remembering(token)).rejects.toMatchObject({ code: 'ERR_SERVICE_AUTH_EXPIRED', statusCode: 401, expiredAt: now + 60_000 });
  await expect(remembering(token)).rejects.toMatchObject({ code: 'ERR_SERVICE_AUTH_EXPIRED' });
});

it('remembers a bounded number of tokens', async () => {
  const first = await signToken({ secret: SECRET, sub: 'first', ttlMs: 60_000, now });
  const identity = await authenticate(first);
  for (let index = 0; index < 1_000; index++) await authenticate(await signToken({ secret: SECRET, sub: `user-${index}`, ttlMs: 60_000, now }));
  const again = await authenticate(first);
  expect(again).not.toBe(identity);
  expect(again).toEqual(identity);
});

it('refuses a secret that is too short to be one, and does not show it', async () => {
  expect(() => createAuthenticator({ secret: 'x'.repeat(31) })).toThrow(expect.objectContaining({ code: 'ERR_SERVICE_AUTH_SECRET', field: 'secret', message: expect.not.stringContaining('xxx') }));
  expect(() => createAuthenticator({ secret: new Uint8Array(31) })).toThrow(expect.objectContaining({ code: 'ERR_SERVICE_AUTH_SECRET' }));
  expect(() => createAuthenticator({ secret: new Uint8Array(32) })).not.toThrow();
  expect(() => signToken({ secret: 'short', sub: 'alice', ttlMs: 1, now })).toThrow(expect.objectContaining({ code: 'ERR_SERVICE_AUTH_SECRET' }));
});

it('lets nobody without an identity into a route that is not public, whatever its method', async () => {
  const service = await serve({
    routes: (app) => {
      app.get('/private', (request) => ({ sub: identityOf(request).sub }));
      app.get('/public', { config: { public: true } }, (request) => ({ identity: request.identity ?? null }));
      app.get('/confused', { config: { public: true } }, (request) => identityOf(request));
    },
  });
  for (const method of ['GET', 'HEAD']) {
    const { status, headers } = await call(service, '/private', { method });
    expect({ status, challenge: headers.get('www-authenticate') }).toEqual({ status: 401, challenge: 'Bearer realm="staddle"' });
  }
  expect(problemIn(await call(service, '/private'))).toMatchObject({ code: 'ERR_SERVICE_AUTH_MISSING' });
  expect(problemIn(await call(service, '/private', { headers: { authorization: 'Basic YTpi' } }))).toMatchObject({ code: 'ERR_SERVICE_AUTH_MISSING' });

  const forged = await call(service, '/private', { headers: { authorization: 'Bearer a.b.c' } });
  expect(problemIn(forged)).toMatchObject({ status: 401, code: 'ERR_SERVICE_AUTH_INVALID' });
  expect(forged.headers.get('www-authenticate')).toBe('Bearer realm="staddle", error="invalid_token"');
  const expired = await signToken({ secret: SECRET, sub: 'alice', ttlMs: 1_000, now: 0 });
  expect(problemIn(await call(service, '/private', { headers: { authorization: `Bearer ${expired}` } }))).toMatchObject({ code: 'ERR_SERVICE_AUTH_EXPIRED' });

  const alice = await as('alice');
  expect((await call(service, '/private', { headers: alice })).body).toEqual({ sub: 'alice' });
  expect((await call(service, '/private', { headers: { authorization: alice.authorization.replace('Bearer', 'bearer') } })).status).toBe(200);
  expect((await call(service, '/private', { method: 'HEAD', headers: alice })).status).toBe(200);

  // A public route does not look at tokens, so a stale one in a browser does not break a redirect.
  expect((await call(service, '/public', { headers: { authorization: 'Bearer a.b.c' } })).body).toEqual({ identity: null });
  expect((await call(service, '/public', { method: 'HEAD' })).status).toBe(200);
  expect(problemIn(await call(service, '/confused'))).toMatchObject({ status: 401, code: 'ERR_SERVICE_AUTH_MISSING' });
});
