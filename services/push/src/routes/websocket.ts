import type { ServiceApp } from '@staddle/service';
import { UpgradeRequiredError } from '../errors.ts';

export const WEBSOCKET_PATH = '/connection/websocket';

/** Requests that should have been an upgrade: those that are never come here. Public, because it says the same to all. */
export function websocketHint(app: ServiceApp): void {
  app.get(WEBSOCKET_PATH, { config: { public: true }, schema: { hide: true } }, async (_request, reply) => {
    reply.header('upgrade', 'websocket');
    throw new UpgradeRequiredError();
  });
}
