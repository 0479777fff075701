/** Why the server ends a connection or a subscription. */
export interface CloseCode {
  readonly code: number;
  /** Never empty and never JSON: the SDK takes an empty reason as "reconnect" and a JSON one as an order. At most 123 bytes. */
  readonly reason: string;
}

/**
 * WebSocket close codes of the Centrifuge client protocol.
 * 3000-3499: the client reconnects and resubscribes by itself. 3500-3999: terminal, it stays away.
 * 4000-4499 (reconnect) and 4500-4999 (terminal) are the application's own. Numbers are never reused.
 */
export const closeCodes = {
  connectionClosed: { code: 3000, reason: 'connection closed' },
  shutdown: { code: 3001, reason: 'shutdown' },
  serverError: { code: 3004, reason: 'internal server error' },
  expired: { code: 3005, reason: 'connection expired' },
  slow: { code: 3008, reason: 'slow' },
  writeError: { code: 3009, reason: 'write error' },
  insufficientState: { code: 3010, reason: 'insufficient state' },
  forceReconnect: { code: 3011, reason: 'force reconnect' },
  noPong: { code: 3012, reason: 'no pong' },
  tooManyRequests: { code: 3013, reason: 'too many requests' },
  stateInvalidated: { code: 3014, reason: 'state invalidated' },
  invalidToken: { code: 3500, reason: 'invalid token' },
  badRequest: { code: 3501, reason: 'bad request' },
  stale: { code: 3502, reason: 'stale' },
  forceDisconnect: { code: 3503, reason: 'force disconnect' },
  connectionLimit: { code: 3504, reason: 'connection limit' },
  channelLimit: { code: 3505, reason: 'channel limit' },
  inappropriateProtocol: { code: 3506, reason: 'inappropriate protocol' },
  permissionDenied: { code: 3507, reason: 'permission denied' },
  tooManyErrors: { code: 3509, reason: 'too many errors' },
} as const;

/**
 * Why the server ends one subscription while the connection lives on.
 * 2000-2499: final for the client. 2500-2999: it subscribes again by itself.
 */
export const unsubscribeCodes = {
  server: { code: 2000, reason: 'server unsubscribe' },
  insufficientState: { code: 2500, reason: 'insufficient state' },
  expired: { code: 2501, reason: 'subscription expired' },
  stateInvalidated: { code: 2502, reason: 'state invalidated' },
} as const;

/** True when an SDK that sees this close code comes back by itself. */
export function isReconnecting(code: number): boolean {
  return !((code >= 3500 && code < 4000) || (code >= 4500 && code < 5000));
}
