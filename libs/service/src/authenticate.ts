import { createSecretKey, type KeyObject } from 'node:crypto';

import { systemClock, type Clock } from '@staddle/kernel';
import { errors as joseErrors, jwtVerify, SignJWT, type JWTPayload } from 'jose';

import { AuthExpiredError, AuthInvalidError, AuthSecretError } from './errors.ts';

/** Who sent a request, as a verified token says. */
export interface Identity {
  readonly sub: string;
  /** Roles that the token asserts; empty when it asserts none. */
  readonly roles: readonly string[];
  readonly tenant?: string;
  /** End of the token's life, epoch ms. */
  readonly expiresAt?: number;
  /** All claims, verified. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/**
 * Turns a token into an identity.
 * Throws an error with `statusCode` 401 (`ERR_SERVICE_AUTH_INVALID`, `ERR_SERVICE_AUTH_EXPIRED`) for any other token.
 */
export type Authenticate = (token: string) => Promise<Identity>;

export interface AuthenticatorOptions {
  /** Key of HS256, at least 32 bytes (text counts as UTF-8). */
  readonly secret: string | Uint8Array;
  /** The token must name it in `aud`. Default `'staddle'`. */
  readonly audience?: string;
  /** The token must name it in `iss`. Default: any issuer. */
  readonly issuer?: string;
  /** How far the clocks of issuer and service may differ. Default 5000. */
  readonly clockToleranceMs?: number;
  readonly clock?: Clock;
}

/** What `aud` must hold unless an option says otherwise. */
export const DEFAULT_AUDIENCE = 'staddle';

const DEFAULT_CLOCK_TOLERANCE_MS = 5_000;

// Verified tokens that are remembered. A verification costs some 30 µs and a slot about 1 KB; one slot per active caller is enough.
const CACHE_SIZE = 1_000;

/**
 * Verifies JWTs that were signed with one shared secret: HS256 and nothing else, `exp` and a non-empty `sub` required.
 * A verified token is remembered until it expires.
 * @throws AuthSecretError (`ERR_SERVICE_AUTH_SECRET`) for a secret under 32 bytes
 */
export function createAuthenticator(options: AuthenticatorOptions): Authenticate {
  const { audience = DEFAULT_AUDIENCE, issuer, clockToleranceMs = DEFAULT_CLOCK_TOLERANCE_MS, clock = systemClock } = options;
  const key = secretKey(options.secret);
  const verified = new Map<string, Identity>();

  async function verify(token: string): Promise<Identity> {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: ['HS256'],
        audience,
        ...(issuer === undefined ? {} : { issuer }),
        requiredClaims: ['exp', 'sub'],
        clockTolerance: clockToleranceMs / 1_000,
        currentDate: new Date(clock.now()),
      });
      return identityOf(payload);
    } catch (error) {
      throw authError(error);
    }
  }

  return async (token) => {
    const known = verified.get(token);
    if (known) {
      if (clock.now() < known.expiresAt! + clockToleranceMs) return known;
      verified.delete(token);
      throw new AuthExpiredError(known.expiresAt!);
    }
    const identity = await verify(token);
    if (verified.size >= CACHE_SIZE) verified.delete(verified.keys().next().value!);
    verified.set(token, identity);
    return identity;
  };
}

export interface SignTokenOptions {
  readonly secret: string | Uint8Array;
  readonly sub: string;
  /** Life of the token; rounded up to whole seconds, which is all a JWT can say. */
  readonly ttlMs: number;
  readonly roles?: readonly string[];
  readonly tenant?: string;
  /** Epoch ms. */
  readonly now: number;
  readonly audience?: string;
  readonly issuer?: string;
}

/**
 * Signs a token that {@link createAuthenticator} accepts.
 * @throws AuthSecretError (`ERR_SERVICE_AUTH_SECRET`) for a secret under 32 bytes
 */
export function signToken(options: SignTokenOptions): Promise<string> {
  const { secret, sub, ttlMs, roles, tenant, now, audience = DEFAULT_AUDIENCE, issuer } = options;
  const token = new SignJWT({ ...(roles ? { roles } : {}), ...(tenant === undefined ? {} : { tenant }) })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(sub)
    .setAudience(audience)
    .setIssuedAt(Math.floor(now / 1_000))
    .setExpirationTime(Math.ceil((now + ttlMs) / 1_000));
  if (issuer !== undefined) token.setIssuer(issuer);
  return token.sign(secretKey(secret));
}

function secretKey(secret: string | Uint8Array): KeyObject {
  const bytes = typeof secret === 'string' ? Buffer.from(secret, 'utf8') : secret;
  if (bytes.byteLength < 32) throw new AuthSecretError(bytes.byteLength);
  return createSecretKey(bytes);
}

function identityOf(payload: JWTPayload): Identity {
  const { sub, roles, tenant, exp } = payload;
  if (typeof sub !== 'string' || sub === '') throw new AuthInvalidError('"sub" is not a non-empty string');
  if (roles !== undefined && !isStringArray(roles)) throw new AuthInvalidError('"roles" is not an array of strings');
  if (tenant !== undefined && typeof tenant !== 'string') throw new AuthInvalidError('"tenant" is not a string');
  return Object.freeze({
    sub,
    roles: Object.freeze([...(roles ?? [])]),
    ...(tenant === undefined ? {} : { tenant }),
    expiresAt: exp! * 1_000,
    claims: Object.freeze(payload),
  });
}

function isStringArray(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

function authError(error: unknown): Error {
  if (error instanceof AuthInvalidError) return error;
  if (error instanceof joseErrors.JWTExpired) return new AuthExpiredError((error.payload.exp ?? 0) * 1_000);
  // jose's messages name the claim or the header that is wrong, never its value.
  if (error instanceof joseErrors.JOSEError) return new AuthInvalidError(error.message, { cause: error });
  return new AuthInvalidError('it cannot be read', { cause: error });
}
