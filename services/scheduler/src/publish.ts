import { systemClock, type Clock } from '@staddle/kernel';
import { signToken } from '@staddle/service';
import { Agent, request } from 'undici';
import { PushFailedError } from './errors.ts';

/** Sends data to the subscribers of a channel; rejects when the push service did not take it. */
export type Publish = (channel: string, data: unknown, signal: AbortSignal) => Promise<void>;

export interface PushApiOptions {
  /** Where the push service listens: `http://127.0.0.1:4200`. */
  readonly url: string;
  /** Signs the tokens for it. */
  readonly secret: string;
  readonly clock?: Clock;
}

export interface PushApi {
  readonly publish: Publish;
  close(): Promise<void>;
}

// Short, so that a token in a proxy's log is soon worthless; renewed while it has a while left, so that clocks may differ.
const TOKEN_TTL_MS = 120_000;
const TOKEN_RENEWAL_MS = 60_000;

/** Publishes over the HTTP API of a push service, as the service `scheduler`. */
export function createPushApi({ url, secret, clock = systemClock }: PushApiOptions): PushApi {
  const endpoint = new URL('api/publish', url.endsWith('/') ? url : `${url}/`);
  const agent = new Agent({ connect: { timeout: 5_000 } });
  let token: Promise<string> | undefined;
  let renewAt = 0;

  const currentToken = (): Promise<string> => {
    const now = clock.monotonic();
    if (!token || now >= renewAt) {
      token = signToken({ secret, sub: 'scheduler', roles: ['service'], ttlMs: TOKEN_TTL_MS, now: clock.now() });
      renewAt = now + TOKEN_RENEWAL_MS;
    }
    return token;
  };

  return {
    async publish(channel, data, signal) {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${await currentToken()}` };
      let status: number;
      try {
        const response = await request(endpoint, { method: 'POST', headers, body: JSON.stringify({ channel, data }), dispatcher: agent, signal });
        await response.body.dump();
        status = response.statusCode;
      } catch (cause) {
        throw new PushFailedError(channel, signal.aborted ? 'it took too long' : reasonOf(cause), { cause });
      }
      if (status !== 200) throw new PushFailedError(channel, `the push service answered ${status}`);
    },
    close: () => agent.destroy(),
  };
}

// The error of a host with several addresses has an empty message and says all in its code.
function reasonOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  return message || code || 'unknown error';
}
