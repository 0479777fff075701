/**
 * The Centrifuge client protocol, JSON, version 2: text frames, each one or more JSON objects joined by line feeds.
 * Source: the `centrifuge` SDK and https://github.com/centrifugal/protocol (client.proto, JSON mapping).
 *
 *   client -> server  {"id":1,"connect":{"token":"…"}}   {"id":2,"subscribe":{"channel":"a:b"}}   {} (pong)
 *   server -> client  {"id":1,"connect":{…}}   {"id":2,"error":{…}}   {"push":{"channel":"a:b","pub":{…}}}   {} (ping)
 */
import type { CloseCode } from './close-codes.ts';
import { nestsDeeperThan } from './publication.ts';
import type { ReplyError } from './reply-errors.ts';

/** One command of a client. `params` is an object of which nothing is checked yet. */
export interface Command {
  /** 1 to 2^32 - 1; 0 for `send`, which has no reply. */
  readonly id: number;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** The empty object: the answer to the server's ping. */
export const PONG: unique symbol = Symbol('pong');

const LARGEST_ID = 2 ** 32 - 1;

/**
 * Reads one line of a frame; undefined for anything that no client of this protocol would send.
 * Unknown methods and parameters pass: newer SDKs may send them.
 */
export function parseCommand(line: string, maxDepth: number): Command | typeof PONG | undefined {
  if (nestsDeeperThan(line, maxDepth)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined; // Not JSON.
  }
  if (!isRecord(value)) return undefined;
  const { id = 0, ...methods } = value;
  const [method, ...more] = Object.keys(methods);
  if (method === undefined) return id === 0 ? PONG : undefined;
  const params = methods[method];
  if (more.length > 0 || !isRecord(params)) return undefined;
  if (!Number.isInteger(id) || (id as number) < 0 || (id as number) > LARGEST_ID) return undefined;
  // Without an id there is no way to answer.
  if (id === 0 && method !== 'send') return undefined;
  return { id: id as number, method, params };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The server's ping. */
export const PING_FRAME: Buffer = Buffer.from('{}');

/** One line: the result of a command. */
export function resultLine(command: Command, result: object): string {
  return JSON.stringify({ id: command.id, [command.method]: result });
}

/** One line: the failure of a command. */
export function errorLine(command: Command, error: ReplyError): string {
  return JSON.stringify({ id: command.id, error });
}

/** Lines as one frame. */
export function toFrame(lines: readonly string[]): Buffer {
  return Buffer.from(lines.join('\n'));
}

/** A publication for all subscribers of a channel; `publication` is one line of JSON. */
export function publicationFrame(channel: string, publication: string): Buffer {
  return Buffer.from(`{"push":{"channel":${JSON.stringify(channel)},"pub":${publication}}}`);
}

/** Tells a client that the server ended one of its subscriptions. */
export function unsubscribeFrame(channel: string, { code, reason }: CloseCode): Buffer {
  return Buffer.from(JSON.stringify({ push: { channel, unsubscribe: { code, reason } } }));
}
