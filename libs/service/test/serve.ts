import { silentLogger, systemClock } from '@staddle/kernel';
import { createAuthenticator, createService, signToken, type Problem, type Service, type ServiceOptions } from '@staddle/service';
import { onTestFinished } from 'vitest';

export const SECRET = 'a secret of the tests, 32 bytes or more';

/** A service on a free port of the loopback, stopped at the end of the test. It is built, not started. */
export async function build(options: Partial<ServiceOptions> = {}): Promise<Service> {
  const service = await createService({
    name: 'demo',
    version: '1.2.3',
    host: '127.0.0.1',
    port: 0,
    logger: silentLogger,
    authenticate: createAuthenticator({ secret: SECRET }),
    routes: () => {},
    ...options,
  });
  // A test that stopped it itself, and expected an error, must not fail here again.
  onTestFinished(() => service.stop().catch(() => {}));
  return service;
}

/** The same, started and ready. */
export async function serve(options: Partial<ServiceOptions> = {}): Promise<Service> {
  const service = await build(options);
  await service.start();
  await service.ready;
  return service;
}

/** The authorization header of `sub`. */
export async function as(sub: string, roles: readonly string[] = []): Promise<{ authorization: string }> {
  return { authorization: `Bearer ${await signToken({ secret: SECRET, sub, roles, ttlMs: 60_000, now: systemClock.now() })}` };
}

/** Status, headers and parsed body of one request. */
export async function call(service: Service, path: string, init: RequestInit = {}): Promise<{ status: number; headers: Headers; body: unknown }> {
  const response = await fetch(service.url + path, init);
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') && text !== '';
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

/** Sends `value` as a JSON body. */
export function post(value: unknown, headers: Record<string, string> = {}): RequestInit {
  return { method: 'POST', body: JSON.stringify(value), headers: { 'content-type': 'application/json', ...headers } };
}

export function problemIn({ body }: { body: unknown }): Problem {
  return body as Problem;
}
