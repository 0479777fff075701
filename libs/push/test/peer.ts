import { createPushHub, InvalidTokenError, TokenExpiredError, type Connection, type PushHub, type PushHubOptions, type PushIdentity, type Transport } from '@staddle/push';
import { memoryBroker } from '@staddle/push/memory';
import { createTestClock, recordingLogger, type RecordingLogger, type TestClock } from '@staddle/testing';

export interface TestHub {
  readonly hub: PushHub;
  readonly clock: TestClock;
  readonly logger: RecordingLogger;
  peer(): Peer;
  /** A peer that has sent its connect command and seen the reply. */
  connected(token?: string): Promise<Peer>;
}

/**
 * A started hub on the memory broker and a clock that stands still. Tokens: `NAME` or `NAME until EPOCH_MS` are good, `expired`,
 * `forged` and `broken` are what they say. Everybody may do everything outside of `secret:`.
 */
export async function startHub(options: Partial<PushHubOptions> = {}): Promise<TestHub> {
  const clock = createTestClock();
  const logger = recordingLogger();
  const hub = createPushHub({ broker: memoryBroker(), authenticate, authorize: (_identity, channel) => !channel.startsWith('secret:'), clock, logger, ...options });
  await hub.start();
  const peer = (): Peer => new Peer(hub);
  return {
    hub,
    clock,
    logger,
    peer,
    async connected(token = 'alice') {
      const one = peer();
      await one.ask({ connect: { token } });
      return one;
    },
  };
}

export async function authenticate(token: string): Promise<PushIdentity> {
  if (token === 'expired') throw new TokenExpiredError();
  if (token === 'forged') throw new InvalidTokenError();
  if (token === 'broken') throw new Error('the key server is away');
  const [sub = '', expiresAt] = token.split(' until ');
  return expiresAt === undefined ? { sub } : { sub, expiresAt: Number(expiresAt) };
}

/** A client without a socket: what it was sent, line by line. */
export class Peer implements Transport {
  readonly frames: Buffer[] = [];
  readonly connection: Connection;
  closedWith: { code: number; reason: string } | undefined;
  bufferedAmount = 0;
  #lastId = 0;

  constructor(hub: PushHub) {
    this.connection = hub.connect(this);
  }

  send(frame: Buffer): void {
    this.frames.push(frame);
  }

  close(code: number, reason: string): void {
    this.closedWith = { code, reason };
  }

  /** Everything it was sent so far, parsed. */
  get lines(): Record<string, unknown>[] {
    return this.frames.flatMap((frame) => frame.toString().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>));
  }

  /** The data of all publications so far, in order. */
  get publications(): unknown[] {
    return this.lines.flatMap(({ push }) => (push && 'pub' in (push as object) ? [(push as { pub: { data: unknown } }).pub.data] : []));
  }

  /** Sends commands with fresh ids in one frame; gives the ids. */
  tell(...commands: object[]): number[] {
    const numbered = commands.map((command) => ({ id: ++this.#lastId, ...command }));
    this.connection.receive(numbered.map((command) => JSON.stringify(command)).join('\n'));
    return numbered.map(({ id }) => id);
  }

  /** Sends commands in one frame and gives the replies that came without time passing; undefined for one that did not. */
  async ask(...commands: object[]): Promise<(Record<string, unknown> | undefined)[]> {
    const ids = this.tell(...commands);
    await settled();
    return ids.map((id) => this.lines.find((line) => line.id === id));
  }
}

/** All promise callbacks that wait for nothing but each other have run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** The error number of a reply. */
export function errorCode(reply: Record<string, unknown> | undefined): number | undefined {
  return (reply?.error as { code: number } | undefined)?.code;
}
