import type { Broker, BrokerEvents } from '../broker.ts';

/** What the memory brokers of one process share. Hubs on brokers of one bus act like nodes of one cluster. */
export interface MemoryBus {
  readonly brokers: Set<MemoryBroker>;
}

export interface MemoryBrokerOptions {
  /** Default: a bus of its own, which is right for the single hub of a process. */
  readonly bus?: MemoryBus;
}

export function createMemoryBus(): MemoryBus {
  return { brokers: new Set() };
}

/** A broker for one process, without any server. */
export function memoryBroker({ bus = createMemoryBus() }: MemoryBrokerOptions = {}): Broker {
  return new MemoryBroker(bus);
}

class MemoryBroker implements Broker {
  readonly name = 'memory';
  readonly #bus: MemoryBus;
  readonly #channels = new Set<string>();
  #events: BrokerEvents | undefined;

  constructor(bus: MemoryBus) {
    this.#bus = bus;
  }

  async start(events: BrokerEvents): Promise<void> {
    this.#events = events;
    this.#bus.brokers.add(this);
  }

  async stop(): Promise<void> {
    this.#bus.brokers.delete(this);
    this.#channels.clear();
    this.#events = undefined;
  }

  // Delivered within the call, which keeps the order of the calls on every node.
  async publish(channel: string, payload: string): Promise<void> {
    for (const broker of this.#bus.brokers) broker.deliver(channel, payload);
  }

  async subscribe(channel: string): Promise<void> {
    this.#channels.add(channel);
  }

  async unsubscribe(channel: string): Promise<void> {
    this.#channels.delete(channel);
  }

  deliver(channel: string, payload: string): void {
    if (this.#channels.has(channel)) this.#events?.publication(channel, payload);
  }
}
