import type { FastifyInstance, FastifyRequest } from 'fastify';

import type { Authenticate, Identity } from './authenticate.ts';
import { AuthMissingError } from './errors.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The verified caller; undefined only on public routes. */
    identity: Identity | undefined;
  }
  interface FastifyContextConfig {
    /** True: the route answers anybody. Every other route needs an identity. */
    public?: boolean;
    /** True: the route answers before all components have started. */
    beforeReady?: boolean;
  }
}

// RFC 6750, section 2.1; the scheme is case-insensitive (RFC 9110, section 11.1).
const BEARER = /^bearer +([\w.~+/-]+=*) *$/i;

/** Lets no request past that has no identity, unless its route is public or does not exist. */
export function requireIdentity(app: FastifyInstance, authenticate: Authenticate): void {
  app.decorateRequest('identity', undefined);
  app.addHook('onRequest', async (request) => {
    if (request.is404 || request.routeOptions.config.public === true) return;
    const token = BEARER.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined) throw new AuthMissingError();
    request.identity = await authenticate(token);
  });
}

/**
 * The caller of a route that is not public.
 * @throws AuthMissingError (`ERR_SERVICE_AUTH_MISSING`, status 401) on a public route, where nobody is verified
 */
export function identityOf(request: FastifyRequest): Identity {
  if (!request.identity) throw new AuthMissingError();
  return request.identity;
}
