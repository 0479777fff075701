export { type Broker, type BrokerEvents } from './broker.ts';
export { parseChannel, tryChannel, type ChannelName } from './channel-name.ts';
export { closeCodes, isReconnecting, unsubscribeCodes, type CloseCode } from './close-codes.ts';
export { type ChannelAction, type PushIdentity } from './connection.ts';
export {
  BrokerUnavailableError,
  HubNotRunningError,
  InvalidChannelError,
  InvalidDataError,
  InvalidOptionError,
  InvalidTokenError,
  PublicationTooLargeError,
  TokenExpiredError,
  type PushErrorCode,
} from './errors.ts';
export { isOriginPattern } from './origins.ts';
export { createPushHub, type PushHub, type PushHubOptions } from './hub.ts';
export { type PushLimits } from './limits.ts';
export { replyErrors, type ReplyError } from './reply-errors.ts';
export { type Connection, type Transport } from './transport.ts';
