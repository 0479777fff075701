/** How bad a line is. Shares are of requests or messages. */
export interface LineFaults {
  /** One way, in ms: between a tenth of it and all. */
  readonly latencyMs: number;
  /** Packets that take up to `stallMs`, with all that follows them. */
  readonly stalled: number;
  readonly stallMs: number;
  /** Requests that the store answers with an error; half of them it has done. */
  readonly failed: number;
  /** Requests that are never answered; half of them are done. */
  readonly unanswered: number;
  /** Requests that arrive twice. */
  readonly twice: number;
  readonly lostMessages: number;
  /** Messages that take up to `stallMs`, with all that follow them. */
  readonly slowMessages: number;
  /** Messages overtake each other. */
  readonly shuffled: boolean;
  /** After a break the client sends again what was not answered, and meanwhile keeps what it is asked; otherwise both fail. */
  readonly resends: boolean;
  /** What was on its way at a break may arrive after what is sent on the next connection. */
  readonly stragglers: boolean;
}

export const SOUND: LineFaults = {
  latencyMs: 2,
  stalled: 0,
  stallMs: 1,
  failed: 0,
  unanswered: 0,
  twice: 0,
  lostMessages: 0,
  slowMessages: 0,
  shuffled: false,
  resends: true,
  stragglers: false,
};
