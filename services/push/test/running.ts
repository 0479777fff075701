import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@staddle/config';
import { createPushService, pushSchema, type PushService, type PushServiceOptions } from '@staddle/push-service';
import { signToken } from '@staddle/service';
import { recordingLogger, type RecordingLogger } from '@staddle/testing';
import { Centrifuge, type Options, type Subscription } from 'centrifuge';
import { WebSocket } from 'ws';

export const SECRET = 'a secret of the tests, more than 32 bytes long';

export interface Caller {
  readonly sub?: string;
  readonly roles?: readonly string[];
  readonly tenant?: string;
  readonly ttlMs?: number;
  readonly secret?: string;
}

export function tokenOf({ sub = 'alice', ttlMs = 600_000, secret = SECRET, ...rest }: Caller = {}): Promise<string> {
  return signToken({ secret, sub, ttlMs, now: Date.now(), ...rest });
}

export interface Running extends AsyncDisposable {
  readonly service: PushService;
  readonly logger: RecordingLogger;
  /** A connecting client of the SDK with a token of its own. */
  client(caller?: Caller, options?: Partial<Options>): Promise<Centrifuge>;
  post(body: unknown, caller?: Caller | 'nobody', headers?: Record<string, string>): Promise<{ status: number; headers: Headers; body: Record<string, unknown> }>;
}

type Overrides = Partial<Omit<PushServiceOptions, 'config' | 'logger'>> & { readonly settings?: Record<string, string> };

/** A service on a free port with its own data folder; listening, and by default ready. */
export async function run({ settings = {}, ...options }: Overrides = {}, { ready = true } = {}): Promise<Running> {
  const dataDir = await mkdtemp(join(tmpdir(), 'staddle-push-'));
  const env = { STADDLE_DATA_DIR: dataDir, STADDLE_AUTH__SECRET: SECRET, STADDLE_PUSH__PORT: '0', STADDLE_PUSH__DRAIN_MS: '0', ...settings };
  const { current: config } = loadConfig({ schema: pushSchema, env, cwd: dataDir });
  const logger = recordingLogger();
  const service = await createPushService({ config, logger, ...options });
  await service.start();
  if (ready) await service.ready;
  const clients: Centrifuge[] = [];
  return {
    service,
    logger,
    async client(caller = {}, sdk = {}) {
      const url = `${service.url.replace('http', 'ws')}/connection/websocket`;
      const client = new Centrifuge(url, { websocket: WebSocket, token: await tokenOf(caller), minReconnectDelay: 20, maxReconnectDelay: 100, ...sdk });
      clients.push(client);
      client.connect();
      return client;
    },
    async post(body, caller = { roles: ['admin'] }, headers = {}) {
      const authorization = caller === 'nobody' ? undefined : `Bearer ${await tokenOf(caller)}`;
      const response = await fetch(`${service.url}/api/publish`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(authorization ? { authorization } : {}), ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, unknown> };
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.disconnect();
      await service.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Subscribes; resolves with what arrives, or with the error number of the refusal. */
export async function listen(client: Centrifuge, channel: string): Promise<{ subscription: Subscription; data: unknown[] } | number> {
  const data: unknown[] = [];
  const subscription = client.newSubscription(channel);
  subscription.on('publication', (context) => void data.push(context.data));
  const outcome = new Promise<number | undefined>((resolve) => {
    subscription.on('unsubscribed', ({ code }) => resolve(code));
    subscription.on('subscribed', () => resolve(undefined));
  });
  subscription.subscribe();
  const refusal = await outcome;
  return refusal ?? { subscription, data };
}

/** {@link listen} where no refusal is expected. */
export async function mustListen(client: Centrifuge, channel: string): Promise<{ subscription: Subscription; data: unknown[] }> {
  const listening = await listen(client, channel);
  if (typeof listening === 'number') throw new Error(`${channel} was refused with ${listening}`);
  return listening;
}
