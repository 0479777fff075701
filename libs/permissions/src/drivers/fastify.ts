/**
 * A Fastify plugin that lets a request reach its route only with the permission that the route declares.
 *
 * 1. Every route of the instance that registers it, and of the plugins below, declares `config.permission` or
 *    `config.public`. `ready()` fails with the list of those that do not, so a forgotten line cannot be deployed.
 * 2. What counts is the declaration of the matched route. The URL is never looked at: case, encoding, double slashes
 *    and queries decide which route matches, not what it needs.
 * 3. It runs as an `onRequest` hook, before the body is read. Hooks of one phase run in the order of registration, so
 *    authentication, if it is an `onRequest` hook, must be registered before the guard; otherwise there is no subject
 *    yet and every request is answered 401.
 * 4. Fastify gives a hook to all routes of a scope, but tells a plugin only of the routes registered after it.
 *    Earlier ones are found in the printed route table and reported like undeclared ones: `await app.register(permissionGuard, …)` first.
 * 5. The refusal tells nothing about the policy; the log does.
 *
 * A HEAD route that Fastify makes for a GET route has the declaration of that route. The not-found handler is no route
 * and is not guarded.
 */
import { silentLogger, type Logger } from '@staddle/kernel';
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest, HTTPMethods, onRequestHookHandler, RouteOptions } from 'fastify';
import { PermissionDeniedError, PolicyNotLoadedError, RouteDeclarationError, SubjectMissingError, UndeclaredRouteError, UnknownPermissionError } from '../errors.ts';
import type { Permissions } from '../permissions.ts';
import type { Subject } from '../subject.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The permission that a caller needs, or several of which it needs all. */
    permission?: string | readonly string[];
    /** True: the route answers anybody. */
    public?: boolean;
  }
  interface FastifyInstance {
    permissionGuard: PermissionGuard;
  }
}

/** A route's `config` with names checked by the compiler: `config: { permission: 'task:read' } satisfies RouteAccess<Name>`. */
export type RouteAccess<Name extends string> =
  | { readonly permission: Name | readonly [Name, ...Name[]]; readonly public?: false }
  | { readonly public: true; readonly permission?: never };

export interface PermissionGuardOptions {
  readonly permissions: Permissions;
  /** The authenticated caller of a request, or `undefined` when there is none. */
  readonly subject: (request: FastifyRequest) => Subject | undefined;
  /** The tenant that a request is about. Default: the tenant of the subject. */
  readonly tenant?: (request: FastifyRequest) => string | undefined;
  /** Gets one line for every refusal, with its reason. */
  readonly logger?: Logger;
}

/** What a route of the guarded scope asks of its callers. */
export interface RouteAccessEntry {
  readonly method: string;
  readonly url: string;
  /** `'public'`, or all the permissions that are needed. */
  readonly access: 'public' | readonly string[];
}

export interface PermissionGuard {
  /** Every guarded route, sorted by URL and method; complete once the app is ready. Made to be pinned by a snapshot test. */
  inventory(): readonly RouteAccessEntry[];
}

// Part of the hooks' names, by which the printed route table tells the routes of one guard from those of another.
let guards = 0;

const plugin: FastifyPluginAsync<PermissionGuardOptions> = async (app, options) => {
  const { permissions, subject, tenant, logger = silentLogger } = options;
  const routes: GuardedRoute[] = [];
  const guardId = ++guards;

  const refuse = (request: FastifyRequest): Error | undefined => {
    if (request.is404) return undefined;
    const access = accessOf(request.routeOptions.config);
    if (access === 'public') return undefined;
    const asker = subject(request);
    if (asker === undefined || asker === null) return new SubjectMissingError();
    const asked = tenant?.(request);
    // Without a declaration ready() has failed; whoever goes on regardless is refused here.
    for (const permission of access ?? ['']) {
      const { allow, reason } = permissions.decide(asker, permission, { tenant: asked });
      if (allow) continue;
      logger.info({ 'user.id': asker.id, tenant: asked, permission, route: `${request.method} ${request.routeOptions.url ?? ''}`, reason }, 'permission denied');
      return reason === 'POLICY_NOT_LOADED' ? new PolicyNotLoadedError() : new PermissionDeniedError();
    }
    return undefined;
  };

  const enforce = named<onRequestHookHandler>(`permissionGuard${guardId}`, (request, _reply, done) => done(refuse(request)));
  // Does nothing but show in the route table that the route was seen. Comparing URLs instead would mistake every
  // optional parameter and every prefix with two spellings for a route that was not.
  const seen = named<onRequestHookHandler>(`permissionGuard${guardId}Seen`, (_request, _reply, done) => done());

  app.decorate('permissionGuard', { inventory: () => inventoryOf(routes) });
  app.addHook('onRoute', (route) => {
    checkDeclaration(route, permissions);
    route.onRequest = [route.onRequest ?? [], seen].flat();
    // Fastify goes on to use the object for the other spelling of a prefix, but later hooks may still replace its config.
    routes.push({ names: namesOf(route), url: route.url, config: () => route.config });
  });
  app.addHook('onRequest', enforce);
  app.addHook('onReady', async () => {
    const undeclared = routes.filter(({ config }) => accessOf(config()) === undefined).flatMap(({ names }) => names);
    const faults = [...new Set([...undeclared, ...routesWithHook(app, enforce.name, seen.name)])];
    const shown = faults.filter((name) => !name.startsWith('HEAD ') || !faults.includes(`GET ${plain(name.slice(5))}`));
    if (shown.length > 0) throw new UndeclaredRouteError(shown.toSorted());
  });
};

/** See the head of this file. Fails `ready()` with `ERR_PERMISSIONS_ROUTE_UNDECLARED`. */
export const permissionGuard: FastifyPluginAsync<PermissionGuardOptions> = Object.assign(plugin, {
  // What fastify-plugin does: the hooks belong to the instance that registers the plugin, not to a scope of its own.
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: '@staddle/permissions',
});

interface AccessConfig {
  readonly permission?: unknown;
  readonly public?: unknown;
}

/** What a route declares; `undefined` for nothing. Whatever is malformed counts as nothing. */
function accessOf(config: AccessConfig | undefined): 'public' | readonly string[] | undefined {
  const { permission, public: open } = config ?? {};
  if (permission === undefined) return open === true ? 'public' : undefined;
  const names: unknown[] = Array.isArray(permission) ? permission : [permission];
  return names.length > 0 && names.every((name) => typeof name === 'string') ? names : undefined;
}

function checkDeclaration(route: RouteOptions, { definitions }: Permissions): void {
  const { permission, public: open }: AccessConfig = route.config ?? {};
  const name = namesOf(route).join(', ');
  if (open !== undefined && typeof open !== 'boolean') throw new RouteDeclarationError(name, 'has a config.public that is neither true nor false');
  if (permission === undefined) return;
  if (open === true) throw new RouteDeclarationError(name, 'is declared public and needs a permission');
  const access = accessOf(route.config);
  if (!access) throw new RouteDeclarationError(name, 'has a config.permission that is neither a name nor a list of names');
  for (const wanted of access) if (!definitions.has(wanted)) throw new UnknownPermissionError(wanted, `of route ${name}`);
}

/** A route as it was when it was registered. */
interface GuardedRoute {
  /** `'GET /v1/tasks'`, one for each method. */
  readonly names: readonly string[];
  readonly url: string;
  config(): AccessConfig | undefined;
}

function namesOf({ method, url }: RouteOptions): string[] {
  return [method].flat().map((name) => `${name.toUpperCase()} ${url}`);
}

function named<F extends (...args: never[]) => unknown>(name: string, hook: F): F {
  return Object.defineProperty(hook, 'name', { value: name });
}

function inventoryOf(routes: readonly GuardedRoute[]): RouteAccessEntry[] {
  const entries = routes.flatMap(({ names, url, config }) => {
    const access = accessOf(config());
    return access ? names.map((name) => ({ method: name.slice(0, name.indexOf(' ')), url, access })) : [];
  });
  const ofGet = new Map(entries.filter(({ method }) => method === 'GET').map(({ url, access }) => [url, String(access)]));
  return entries
    .filter(({ method, url, access }) => method !== 'HEAD' || ofGet.get(plain(url)) !== String(access))
    .toSorted((a, b) => compare(a.url, b.url) || compare(a.method, b.method));
}

/**
 * The URL under which the GET route of a HEAD route is listed; HEAD routes that only repeat it are not shown. Of the
 * two routes `/v1` and `/v1/` that Fastify makes for `/` below a prefix, it announces the second for HEAD alone.
 */
function plain(url: string): string {
  return url.replace(/(.)\/$/, '$1');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const NODE = /^((?:[│ ] {3})*)[├└]── (.*?)(?: \(([A-Z-]+)\)(?: \{.*\})?)?$/u;

/** `'GET /v1/tasks'` of every route that runs `hook` and not `but`, read from the tree that Fastify prints: there is no other list. */
function routesWithHook(app: FastifyInstance, hook: string, but: string): string[] {
  const found: string[] = [];
  for (const method of app.supportedMethods) {
    const path: string[] = [];
    for (const line of app.printRoutes({ method: method as HTTPMethods, commonPrefix: false, includeHooks: true }).split('\n')) {
      const node = NODE.exec(line);
      if (node) {
        path.length = node[1]!.length / 4;
        path.push(node[2]!);
      } else if (line.includes(`"${hook}()"`) && !line.includes(`"${but}()"`)) {
        found.push(`${method} ${path.join('')}`);
      }
    }
  }
  return found;
}
