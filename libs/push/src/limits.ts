import { InvalidOptionError } from './errors.ts';

/** Bounds of a hub. Times in ms. */
export interface PushLimits {
  /** Time between two pings to a client; whole seconds, because the protocol announces seconds. Default 25 s. */
  readonly pingIntervalMs: number;
  /** How long a pong may take before the client is closed with 3012; below `pingIntervalMs`. Default 8 s. */
  readonly pongTimeoutMs: number;
  /** How long a connection may stay without a verified token before it is closed with 3502. Default 10 s. */
  readonly connectTimeoutMs: number;
  /** When a command is answered with the temporary error 100 at the latest. Default 4 s. */
  readonly commandTimeoutMs: number;
  /** How long a connection outlives its token before it is closed with 3005. Default 25 s. */
  readonly expiryGraceMs: number;
  /** Over how long `stop` spreads the closing of all connections. Default 5 s. */
  readonly drainMs: number;
  /** Channels of one connection; one more is answered with 106. Default 128. */
  readonly maxChannels: number;
  /** Commands of one connection that wait for an earlier one; one more closes it with 3013. Default 1024. */
  readonly maxPendingCommands: number;
  /** Unsent bytes of one connection; more closes it with 3008. Default 1 MiB. */
  readonly maxQueuedBytes: number;
  /** Size of a publication's data as JSON. Default 64 KiB. */
  readonly maxPublicationBytes: number;
  /** Nesting of a client's command and of published data. Default 64. */
  readonly maxJsonDepth: number;
}

const DEFAULTS: PushLimits = Object.freeze({
  // Proxies and carrier NAT drop idle sockets from 30 s on. Smaller costs wake-ups: 100 000 clients are 4000 pings a second.
  pingIntervalMs: 25_000,
  // Smaller closes phones that are waking their radio; larger keeps dead sockets.
  pongTimeoutMs: 8_000,
  // The SDK sends its connect command with the first packet; what stays silent longer only holds a socket.
  connectTimeoutMs: 10_000,
  // The SDK gives a command 5 s and then tears the connection down, with all its subscriptions.
  commandTimeoutMs: 4_000,
  // The SDK retries a failed refresh after 5 to 10 s; one failure must not cost the connection.
  expiryGraceMs: 25_000,
  // Clients come back 0.5 to 1 s after the close: closing all at once sends them all to the other nodes at once.
  drainMs: 5_000,
  maxChannels: 128,
  // A whole frame of the smallest subscribe commands fits twice; a client that is further ahead does not read its replies.
  maxPendingCommands: 1024,
  // Multiplied by the number of slow clients this is memory; smaller drops clients in a burst of large publications.
  maxQueuedBytes: 1024 * 1024,
  maxPublicationBytes: 64 * 1024,
  // Recursive JSON parsers of other platforms end at a few hundred to a thousand levels.
  maxJsonDepth: 64,
});

/**
 * The given limits over the defaults.
 * @throws InvalidOptionError (`ERR_PUSH_OPTION`)
 */
export function resolveLimits(given: Partial<PushLimits>): PushLimits {
  const limits = { ...DEFAULTS };
  for (const key of Object.keys(DEFAULTS) as (keyof PushLimits)[]) {
    const value = given[key] ?? DEFAULTS[key];
    const least = key === 'drainMs' || key === 'expiryGraceMs' ? 0 : 1;
    if (!Number.isSafeInteger(value) || value < least) throw new InvalidOptionError(key, value, `a whole number from ${least} on is needed`);
    limits[key] = value;
  }
  if (limits.pingIntervalMs % 1000 !== 0) throw new InvalidOptionError('pingIntervalMs', limits.pingIntervalMs, 'whole seconds are needed');
  if (limits.pongTimeoutMs >= limits.pingIntervalMs) {
    throw new InvalidOptionError('pongTimeoutMs', limits.pongTimeoutMs, `it must be below pingIntervalMs, ${limits.pingIntervalMs}`);
  }
  if (limits.maxPublicationBytes * 2 > limits.maxQueuedBytes) {
    // Otherwise a client with an empty queue could be called slow for one publication.
    throw new InvalidOptionError('maxPublicationBytes', limits.maxPublicationBytes, `it must be at most half of maxQueuedBytes, ${limits.maxQueuedBytes}`);
  }
  return Object.freeze(limits);
}
