import type { CloseCode } from './close-codes.ts';

/** The sending half of a connection. Calls do not throw and do not wait. */
export interface Transport {
  /** Queues one text frame. The buffer is shared between connections and must not be changed. */
  send(frame: Buffer): void;
  /** Sends a close frame behind what is queued, and drops the peer if it does not answer it. */
  close(code: number, reason: string): void;
  /** Bytes taken by `send` that did not reach the operating system. */
  readonly bufferedAmount: number;
}

/** The receiving half of a connection: the transport calls it. */
export interface Connection {
  /** The client id that peers see. */
  readonly id: string;
  /** One text frame from the peer. */
  receive(frame: string): void;
  /** Ends the connection for the given reason; further frames are ignored. Idempotent. */
  disconnect(why: CloseCode): void;
  /** The peer is gone. Idempotent. */
  closed(): void;
}
