/**
 * One client of the hub: reads its commands, answers them in order, hands it publications, and ends it for a stated reason.
 *
 *   new        --connect command verified-->  connected  [#connect]
 *   new        --a command before connect, no valid connect in time, forged token-->  closed  [#take, #arm]
 *   connected  --client left, slow, no pong, token expired, protocol violated, hub stopped-->  closed  [disconnect, closed]
 *
 * Invariants
 * 1. Replies leave in the order of the commands. Neighbouring subscribe commands run side by side, so that one client's
 *    hundred channels cost one round trip; everything else runs alone.
 * 2. Nothing is done for a connection that is not connected, except verifying its token. Commands that arrive meanwhile wait.
 * 3. A publication of a channel is sent only after the reply to its subscribe command and never after the reply to its
 *    unsubscribe command.
 * 4. Every command is answered within `commandTimeoutMs`: the SDK tears the connection down after 5 s without one. What a
 *    late command still acquires is given back.
 * 5. No write is awaited. A peer whose unsent bytes pass `maxQueuedBytes` is closed, so a slow one costs at most that much.
 * 6. After the state is closed no timer, no subscription and no reference in the hub is left.
 *
 * Token expiry follows the wall clock, everything else the monotonic one.
 */
import { randomUUID } from 'node:crypto';
import { hasCode, type Clock, type Logger, type Timer } from '@staddle/kernel';
import { tryChannel } from './channel-name.ts';
import type { ChannelRegistry, Subscription } from './channels.ts';
import { closeCodes, unsubscribeCodes, type CloseCode } from './close-codes.ts';
import { withDeadline } from './deadline.ts';
import { Heartbeat } from './heartbeat.ts';
import type { PushLimits } from './limits.ts';
import { errorLine, parseCommand, PING_FRAME, PONG, resultLine, toFrame, unsubscribeFrame, type Command } from './protocol.ts';
import type { PublisherInfo } from './publication.ts';
import { replyErrors, type ReplyError } from './reply-errors.ts';
import type { Connection, Transport } from './transport.ts';

/** Who is at the other end, as `authenticate` says. Pass a wider type to see its fields again in `authorize`. */
export interface PushIdentity {
  /** The user. Stays the same when a connection refreshes its token. */
  readonly sub: string;
  /** When the token ends, epoch ms. Absent: never. */
  readonly expiresAt?: number | undefined;
}

export type ChannelAction = 'subscribe' | 'publish';

/** What a connection needs of its hub. */
export interface ConnectionHost<Identity extends PushIdentity> {
  readonly limits: PushLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly channels: ChannelRegistry;
  authenticate(token: string): Promise<Identity>;
  authorize(identity: Identity, channel: string, action: ChannelAction): boolean | Promise<boolean>;
  publishAs(info: PublisherInfo, channel: string, data: unknown): Promise<void>;
  /** `why` is undefined when the peer left by itself. */
  gone(connection: ClientConnection<Identity>, why: CloseCode | undefined): void;
  countConnect(result: 'accepted' | 'expired' | 'invalid' | 'failed'): void;
  countError(error: ReplyError): void;
  /** A command failed for a reason that is not the client's. */
  commandFailed(err: unknown, method: string, client: string): void;
}

/** What becomes of a command: a result or an error for the client, or nothing because the connection is closed. */
type Answer = { readonly result: object; readonly sent?: () => void } | { readonly error: ReplyError } | undefined;

/** One execution of a command. Abandoned when its client got another answer meanwhile. */
interface Attempt {
  abandoned: boolean;
}

export class ClientConnection<Identity extends PushIdentity> implements Connection {
  readonly id: string = randomUUID();
  readonly #host: ConnectionHost<Identity>;
  readonly #transport: Transport;
  readonly #subscriptions = new Map<string, Subscription>();
  #state: 'new' | 'connected' | 'closed' = 'new';
  #identity: Identity | undefined;
  #waiting: Command[] = [];
  #answering = false;
  /** Subscribe commands in flight; they count against `maxChannels`. */
  #opening = 0;
  #heartbeat: Heartbeat | undefined;
  /** The end of the unauthenticated time, later that of the token. */
  #endTimer: Timer | undefined;

  constructor(host: ConnectionHost<Identity>, transport: Transport) {
    this.#host = host;
    this.#transport = transport;
    this.#endTimer = this.#arm(host.limits.connectTimeoutMs, () => this.disconnect(closeCodes.stale));
  }

  receive(frame: string): void {
    if (this.#state === 'closed') return;
    const { maxJsonDepth, maxPendingCommands } = this.#host.limits;
    let understood = false;
    for (const line of frame.split('\n')) {
      if (line === '') continue;
      const command = parseCommand(line, maxJsonDepth);
      if (command === undefined) return this.disconnect(closeCodes.badRequest);
      understood = true;
      if (command === PONG) this.#heartbeat?.pong();
      else if (this.#waiting.push(command) > maxPendingCommands) return this.disconnect(closeCodes.tooManyRequests);
    }
    if (!understood) return this.disconnect(closeCodes.badRequest);
    void this.#answerWaiting();
  }

  /** Queues a frame for the peer, unless it is too far behind. */
  deliver(frame: Buffer): void {
    if (this.#state === 'closed') return;
    if (this.#transport.bufferedAmount + frame.length > this.#host.limits.maxQueuedBytes) this.disconnect(closeCodes.slow);
    else this.#transport.send(frame);
  }

  disconnect(why: CloseCode): void {
    if (this.#end(why)) this.#transport.close(why.code, why.reason);
  }

  closed(): void {
    this.#end(undefined);
  }

  #end(why: CloseCode | undefined): boolean {
    if (this.#state === 'closed') return false;
    this.#state = 'closed';
    this.#waiting = [];
    this.#endTimer?.cancel();
    this.#heartbeat?.stop();
    for (const subscription of this.#subscriptions.values()) subscription.end();
    this.#subscriptions.clear();
    this.#host.gone(this, why);
    return true;
  }

  async #answerWaiting(): Promise<void> {
    if (this.#answering) return;
    this.#answering = true;
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#take();
        const answers = await Promise.all(batch.map((command) => this.#answer(command)));
        this.#reply(batch, answers);
      }
    } catch (err) {
      // A transport, logger or metric that throws: this client is lost, the others must not be.
      this.#host.logger.error({ err, client: this.id }, 'a client could not be answered');
      this.disconnect(closeCodes.serverError);
    }
    this.#answering = false;
  }

  /** The next command, or the next run of subscribe commands for different channels. */
  #take(): Command[] {
    const first = this.#waiting[0]!;
    if (this.#state === 'new' && first.method !== 'connect') {
      this.disconnect(closeCodes.badRequest);
      return [];
    }
    let length = 1;
    if (first.method === 'subscribe') {
      const channels = new Set([first.params.channel]);
      for (const next of this.#waiting.slice(1)) {
        if (next.method !== 'subscribe' || channels.has(next.params.channel)) break;
        channels.add(next.params.channel);
        length++;
      }
    }
    return this.#waiting.splice(0, length);
  }

  #reply(batch: readonly Command[], answers: readonly Answer[]): void {
    const lines: string[] = [];
    for (const [index, answer] of answers.entries()) {
      const command = batch[index]!;
      if (!answer || command.id === 0) continue;
      if ('error' in answer) this.#host.countError(answer.error);
      lines.push('error' in answer ? errorLine(command, answer.error) : resultLine(command, answer.result));
    }
    if (lines.length > 0) this.deliver(toFrame(lines));
    for (const answer of answers) if (answer && 'sent' in answer) answer.sent?.();
  }

  async #answer(command: Command): Promise<Answer> {
    const { limits, clock } = this.#host;
    const attempt: Attempt = { abandoned: false };
    const late = (): Error => {
      // In the timer itself: a turn later the work could still finish and believe that its result is used.
      attempt.abandoned = true;
      return new CommandLateError(limits.commandTimeoutMs);
    };
    try {
      return await withDeadline(this.#execute(command, attempt), limits.commandTimeoutMs, clock, late);
    } catch (err) {
      if (command.method === 'connect') this.#refuse('failed');
      this.#host.commandFailed(err, command.method, this.id);
      return { error: replyErrors.internal };
    }
  }

  async #execute(command: Command, attempt: Attempt): Promise<Answer> {
    switch (command.method) {
      case 'connect':
        return this.#connect(command, attempt);
      case 'subscribe':
        return this.#subscribe(command, attempt);
      case 'unsubscribe':
        return this.#unsubscribe(command);
      case 'publish':
        return this.#publish(command);
      case 'refresh':
        return this.#refresh(command, attempt);
      case 'send':
        return undefined;
      case 'history':
      case 'presence':
      case 'presence_stats':
      case 'sub_refresh':
        return { error: replyErrors.notAvailable };
      default:
        return { error: replyErrors.methodNotFound };
    }
  }

  async #connect({ params }: Command, attempt: Attempt): Promise<Answer> {
    if (this.#state !== 'new') return this.#drop(closeCodes.badRequest);
    const verified = await this.#verify(params.token);
    if (attempt.abandoned || this.#state !== 'new') return undefined;
    if (verified === 'invalid') {
      this.#refuse('invalid');
      return this.#drop(closeCodes.invalidToken);
    }
    if (verified === 'expired') {
      this.#refuse('expired');
      return { error: replyErrors.tokenExpired };
    }
    this.#state = 'connected';
    this.#adopt(verified);
    const { limits, clock, random } = this.#host;
    this.#host.countConnect('accepted');
    this.#host.logger.debug({ client: this.id, user: verified.sub }, 'client connected');
    return {
      result: { client: this.id, ...this.#expiry(), ping: limits.pingIntervalMs / 1000, pong: true },
      sent: () => {
        if (this.#state !== 'connected') return;
        this.#heartbeat = new Heartbeat({
          clock,
          random,
          intervalMs: limits.pingIntervalMs,
          pongTimeoutMs: limits.pongTimeoutMs,
          ping: () => this.deliver(PING_FRAME),
          dead: () => this.disconnect(closeCodes.noPong),
        });
      },
    };
  }

  /** After a failed connect the client may try again in its time; what it sent along was meant for after. */
  #refuse(result: 'expired' | 'invalid' | 'failed'): void {
    this.#waiting = [];
    this.#host.countConnect(result);
  }

  async #verify(token: unknown): Promise<Identity | 'expired' | 'invalid'> {
    if (typeof token !== 'string' || token === '') return 'invalid';
    try {
      const identity = await this.#host.authenticate(token);
      // An authenticator with a leeway accepts what is over already.
      return identity.expiresAt !== undefined && identity.expiresAt <= this.#host.clock.now() ? 'expired' : identity;
    } catch (error) {
      if (hasCode(error, 'ERR_PUSH_TOKEN_EXPIRED')) return 'expired';
      if (hasCode(error, 'ERR_PUSH_TOKEN_INVALID')) return 'invalid';
      throw error;
    }
  }

  async #subscribe({ params }: Command, attempt: Attempt): Promise<Answer> {
    const { limits, channels } = this.#host;
    const channel = params.channel;
    if (typeof channel !== 'string' || !tryChannel(channel)) return { error: replyErrors.badRequest };
    // Error 105 would make the SDK give the subscription up, and the client has what it asked for.
    if (this.#subscriptions.has(channel)) return { result: subscribed(params) };
    if (this.#subscriptions.size + this.#opening >= limits.maxChannels) return { error: replyErrors.limitExceeded };
    this.#opening++;
    try {
      if (!(await this.#may(this.#identity!, channel, 'subscribe'))) return { error: replyErrors.permissionDenied };
      if (attempt.abandoned || this.#state === 'closed') return undefined;
      const subscription = await channels.open(channel, this);
      if (attempt.abandoned || this.#state !== 'connected') {
        subscription.end();
        return undefined;
      }
      this.#subscriptions.set(channel, subscription);
      return { result: subscribed(params), sent: () => subscription.activate() };
    } finally {
      this.#opening--;
    }
  }

  #unsubscribe({ params }: Command): Answer {
    if (typeof params.channel !== 'string') return { error: replyErrors.badRequest };
    this.#leave(params.channel);
    return { result: {} };
  }

  #leave(channel: string): void {
    this.#subscriptions.get(channel)?.end();
    this.#subscriptions.delete(channel);
  }

  async #publish({ params }: Command): Promise<Answer> {
    const { channel, data } = params;
    const identity = this.#identity!;
    if (typeof channel !== 'string' || !tryChannel(channel) || data === undefined) return { error: replyErrors.badRequest };
    if (!(await this.#may(identity, channel, 'publish'))) return { error: replyErrors.permissionDenied };
    try {
      await this.#host.publishAs({ user: identity.sub, client: this.id }, channel, data);
    } catch (error) {
      if (hasCode(error, 'ERR_PUSH_DATA') || hasCode(error, 'ERR_PUSH_TOO_LARGE')) return { error: replyErrors.badRequest };
      throw error;
    }
    return { result: {} };
  }

  async #refresh({ params }: Command, attempt: Attempt): Promise<Answer> {
    const verified = await this.#verify(params.token);
    if (attempt.abandoned || this.#state === 'closed') return undefined;
    // Reply 109 would end the SDK for good here; after 3005 it comes back with a fresh token.
    if (verified === 'expired') return this.#drop(closeCodes.expired);
    if (verified === 'invalid' || verified.sub !== this.#identity!.sub) return this.#drop(closeCodes.invalidToken);
    const kept = await Promise.all(
      [...this.#subscriptions.keys()].map(async (channel) => [channel, await this.#may(verified, channel, 'subscribe')] as const),
    );
    if (attempt.abandoned || this.#state !== 'connected') return undefined;
    this.#adopt(verified);
    for (const [channel, allowed] of kept) {
      if (allowed) continue;
      this.#leave(channel);
      this.deliver(unsubscribeFrame(channel, unsubscribeCodes.server));
    }
    return { result: { client: this.id, ...this.#expiry() } };
  }

  async #may(identity: Identity, channel: string, action: ChannelAction): Promise<boolean> {
    // Only `true` opens a channel: an authorizer written in plain JavaScript may return an object by mistake.
    return (await this.#host.authorize(identity, channel, action)) === true;
  }

  #adopt(identity: Identity): void {
    this.#identity = identity;
    this.#endTimer?.cancel();
    this.#endTimer = identity.expiresAt === undefined ? undefined : this.#armExpiry(identity.expiresAt + this.#host.limits.expiryGraceMs);
  }

  #armExpiry(endAt: number): Timer {
    const { clock } = this.#host;
    return this.#arm(endAt - clock.now(), () => {
      // The wall clock may have been set back since.
      if (clock.now() < endAt) this.#endTimer = this.#armExpiry(endAt);
      else this.disconnect(closeCodes.expired);
    });
  }

  #arm(delayMs: number, callback: () => void): Timer {
    return this.#host.clock.setTimer(callback, delayMs, { keepAlive: false });
  }

  /** `ttl` is in seconds on the wire, and an unsigned 32-bit number in other SDKs. */
  #expiry(): { expires?: true; ttl?: number } {
    const expiresAt = this.#identity!.expiresAt;
    if (expiresAt === undefined) return {};
    return { expires: true, ttl: Math.min(Math.max(1, Math.ceil((expiresAt - this.#host.clock.now()) / 1000)), 2 ** 31 - 1) };
  }

  #drop(why: CloseCode): undefined {
    this.disconnect(why);
    return undefined;
  }
}

/** There is no history to recover from, and the reply says so. */
function subscribed(params: Command['params']): object {
  return params.recover === true ? { recoverable: false, was_recovering: true, recovered: false } : { recoverable: false };
}

class CommandLateError extends Error {
  constructor(timeoutMs: number) {
    super(`no answer within ${timeoutMs} ms`);
  }
}
