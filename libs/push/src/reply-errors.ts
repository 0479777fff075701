/** An error reply of the Centrifuge client protocol. A temporary one makes the client's SDK try the command again. */
export interface ReplyError {
  readonly code: number;
  readonly message: string;
  readonly temporary?: true;
}

/**
 * The protocol's numbers for failed commands, 100 to 112. Numbers are part of the wire format: none is ever reused.
 * A subscription that gets one without `temporary` is given up by the SDK, except for 109.
 */
export const replyErrors = {
  internal: { code: 100, message: 'internal server error', temporary: true },
  unauthorized: { code: 101, message: 'unauthorized' },
  unknownChannel: { code: 102, message: 'unknown channel' },
  permissionDenied: { code: 103, message: 'permission denied' },
  methodNotFound: { code: 104, message: 'method not found' },
  alreadySubscribed: { code: 105, message: 'already subscribed' },
  limitExceeded: { code: 106, message: 'limit exceeded' },
  badRequest: { code: 107, message: 'bad request' },
  notAvailable: { code: 108, message: 'not available' },
  tokenExpired: { code: 109, message: 'token expired' },
  expired: { code: 110, message: 'expired' },
  tooManyRequests: { code: 111, message: 'too many requests', temporary: true },
  unrecoverablePosition: { code: 112, message: 'unrecoverable position' },
} as const;
