/**
 * Who may do what on this server.
 *
 * 1. Roles decide first: admin, operator and service subscribe and publish everywhere, viewer subscribes everywhere.
 * 2. A user without such a role may subscribe to the channels of open namespaces (`public:news`) and to their own channel in
 *    personal ones (`user:#alice` for the user alice). Nothing else, and never publish.
 * 3. Channels are not parted by tenants yet. The roles of a token that is bound to a tenant hold only there, and so not here:
 *    its bearer is a user without roles.
 */
import { hasCode, type Logger } from '@staddle/kernel';
import { createPermissions, DEFAULT_TENANT, definePermissions, type PermissionDefinitions, type Permissions, type Subject } from '@staddle/permissions';
import { memoryStore } from '@staddle/permissions/memory';
import { InvalidTokenError, TokenExpiredError, tryChannel, type ChannelAction } from '@staddle/push';
import type { Authenticate, Identity } from '@staddle/service';
import type { PushConfig } from './config.ts';

export type ChannelPermission = `channel:${ChannelAction}`;
const channelPermissions: PermissionDefinitions<ChannelPermission> = definePermissions({ channel: ['subscribe', 'publish'] });

/** Permissions from code alone: the push service needs no database. */
export function createChannelPermissions(logger: Logger): Promise<Permissions<ChannelPermission>> {
  return createPermissions<ChannelPermission>({
    definitions: channelPermissions,
    store: memoryStore(),
    policies: [
      { role: 'admin', allow: ['channel:*'] },
      { role: 'operator', allow: ['channel:*'] },
      { role: 'service', allow: ['channel:*'] },
      { role: 'viewer', allow: ['channel:subscribe'] },
    ],
    // A store that nobody writes to need not be asked again.
    pollMs: 0,
    logger,
  });
}

/** The bearer of a token, as the permissions see them. */
export function subjectOf({ sub, roles, tenant }: Identity): Subject {
  return { id: sub, type: 'user', roles, tenant };
}

export type Authorize = (identity: Identity, channel: string, action: ChannelAction) => boolean;

/** Decides for the commands of WebSocket clients. */
export function channelAuthorizer(
  permissions: Permissions<ChannelPermission>,
  { openNamespaces, personalNamespaces }: Pick<PushConfig['push'], 'openNamespaces' | 'personalNamespaces'>,
): Authorize {
  return (identity, channel, action) => {
    if (permissions.can(subjectOf(identity), `channel:${action}`, { tenant: DEFAULT_TENANT })) return true;
    const name = tryChannel(channel);
    if (action !== 'subscribe' || !name) return false;
    if (openNamespaces.includes(name.namespace)) return true;
    // A comma is kept for channels of several users: the user 'a,b' must not become owner of the channel of a and b.
    return personalNamespaces.includes(name.namespace) && !identity.sub.includes(',') && name.rest === `#${identity.sub}`;
  };
}

/** The chassis' authenticator in the words of the hub. */
export function tokenVerifier(authenticate: Authenticate): (token: string) => Promise<Identity> {
  return async (token) => {
    try {
      return await authenticate(token);
    } catch (cause) {
      if (hasCode(cause, 'ERR_SERVICE_AUTH_EXPIRED')) throw new TokenExpiredError({ cause });
      if (hasCode(cause, 'ERR_SERVICE_AUTH_INVALID')) throw new InvalidTokenError({ cause });
      throw cause;
    }
  };
}
