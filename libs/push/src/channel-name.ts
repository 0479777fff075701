import { InvalidChannelError } from './errors.ts';

/** The two halves of `orders:42`: whose rules apply, and what it is about. */
export interface ChannelName {
  readonly namespace: string;
  readonly rest: string;
}

// A longer name costs memory on every node and bytes in every frame; 255 is what other Centrifuge servers take.
const LONGEST = 255;

// `* & $ /` carry no meaning yet and are refused, so that patterns and private prefixes can come without a clash.
// `#` is taken only at the head of the rest, where `user:#42` names a channel of that user alone.
const GRAMMAR = /^([A-Za-z0-9][A-Za-z0-9_.-]*):(#?[A-Za-z0-9_.:,;=@|~!'()%+-]+)$/;

/**
 * Splits a channel name `namespace:rest`.
 * @throws InvalidChannelError (`ERR_PUSH_CHANNEL`)
 */
export function parseChannel(text: unknown): ChannelName {
  if (typeof text !== 'string') throw new InvalidChannelError(text, 'is not a string');
  if (text.length > LONGEST) {
    throw new InvalidChannelError(`${text.slice(0, 32)}…`, `has ${text.length} characters; at most ${LONGEST} are taken`);
  }
  const match = GRAMMAR.exec(text);
  if (!match) {
    throw new InvalidChannelError(text, "is not 'namespace:name' in letters, digits and _ . : , ; = @ | ~ ! ' ( ) % + - (with '#' allowed only at the head of the name)");
  }
  return { namespace: match[1]!, rest: match[2]! };
}

/** {@link parseChannel} for untrusted input: undefined where that throws. */
export function tryChannel(text: unknown): ChannelName | undefined {
  const match = typeof text === 'string' && text.length <= LONGEST ? GRAMMAR.exec(text) : null;
  return match ? { namespace: match[1]!, rest: match[2]! } : undefined;
}
