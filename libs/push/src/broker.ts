/**
 * Carries publications between the nodes (processes) that share channels. A broker moves opaque text and keeps no
 * policy: deadlines, typed errors, logging, reference counts and the meaning of the text belong to the hub.
 *
 * Contract, checked for every driver by `@staddle/push/testing`:
 * 1. A payload arrives unchanged, at most once per node, and only for the channel it was published to.
 * 2. Once `subscribe(channel)` has resolved, every publication to it whose `publish` is called later, on any node, is
 *    delivered to this node, except while {@link BrokerEvents.disrupted} holds.
 * 3. Publications of one node to one channel arrive in the order of the `publish` calls, on every node alike.
 * 4. Calls for one channel take effect in the order they are made, also when not awaited. Subscribing twice is
 *    subscribing once. A rejected `subscribe` leaves the channel unsubscribed.
 * 5. Channel names are literal: no pattern character has a meaning.
 * 6. When the link to other nodes breaks, `publish` and `subscribe` reject at once instead of waiting; when it returns,
 *    all channels are subscribed again without a call.
 */
export interface Broker {
  /** Shown in errors and logs: `memory`, `redis`. */
  readonly name: string;
  /** Begins to deliver. Rejects when the link cannot be made, and may then be called again. */
  start(events: BrokerEvents): Promise<void>;
  /** Drops all subscriptions; nothing is delivered after it resolves. The caller's clients stay open. */
  stop(): Promise<void>;
  publish(channel: string, payload: string): Promise<void>;
  subscribe(channel: string): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
}

/** What a broker tells its hub. Calls never throw. */
export interface BrokerEvents {
  publication(channel: string, payload: string): void;
  /** The link broke: publications of other nodes are lost until `restored`. Called once per break. */
  disrupted(error: Error): void;
  restored(): void;
}
