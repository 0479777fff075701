import { InvalidDataError, PublicationTooLargeError } from './errors.ts';

/** Who published, when it was a client. Receivers may trust it: the hub writes it, not the client. */
export interface PublisherInfo {
  readonly user: string;
  readonly client: string;
}

export interface PublicationLimits {
  readonly maxPublicationBytes: number;
  readonly maxJsonDepth: number;
}

/**
 * The `pub` object of the protocol as one line of JSON: what brokers carry and every frame of a broadcast contains.
 * Fields may be added (`offset`, `tags`): nodes of an older version hand them on untouched.
 * @throws InvalidDataError (`ERR_PUSH_DATA`), PublicationTooLargeError (`ERR_PUSH_TOO_LARGE`)
 */
export function encodePublication(data: unknown, limits: PublicationLimits, info?: PublisherInfo): string {
  const json = toJson(data);
  const bytes = Buffer.byteLength(json);
  if (bytes > limits.maxPublicationBytes) throw new PublicationTooLargeError(bytes, limits.maxPublicationBytes);
  if (nestsDeeperThan(json, limits.maxJsonDepth)) throw new InvalidDataError(`is nested deeper than ${limits.maxJsonDepth} levels`);
  return info ? `{"data":${json},"info":${JSON.stringify(info)}}` : `{"data":${json}}`;
}

function toJson(data: unknown): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(data);
  } catch (cause) {
    // A cycle, a bigint, a throwing toJSON, or so deep that the stack ends.
    throw new InvalidDataError('cannot be written as JSON', { cause });
  }
  if (json === undefined) throw new InvalidDataError('is not a JSON value');
  return json;
}

/**
 * Checks text that came through a broker, where other programs may write too: one line of JSON with `data`, or undefined.
 * A frame with a broken line in it would throw inside the SDK of every subscriber.
 */
export function tryPublication(payload: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(payload);
  } catch {
    return undefined; // Not JSON.
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, 'data')) return undefined;
  // In valid JSON a raw line break can only be white space between tokens; on the wire it would end the object.
  return payload.replaceAll(/[\r\n]/g, ' ');
}

/**
 * True when arrays and objects of the JSON `text` nest deeper than `limit`. Node parses any depth, but JSON.stringify and
 * the parsers of other peers recurse.
 */
export function nestsDeeperThan(text: string, limit: number): boolean {
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const char = text.charCodeAt(index);
    if (quoted) {
      if (char === BACKSLASH) index++;
      else if (char === QUOTE) quoted = false;
    } else if (char === QUOTE) quoted = true;
    else if (char === BRACE_OPEN || char === BRACKET_OPEN) {
      if (++depth > limit) return true;
    } else if (char === BRACE_CLOSE || char === BRACKET_CLOSE) depth--;
  }
  return false;
}

const QUOTE = 34;
const BRACKET_OPEN = 91;
const BACKSLASH = 92;
const BRACKET_CLOSE = 93;
const BRACE_OPEN = 123;
const BRACE_CLOSE = 125;
