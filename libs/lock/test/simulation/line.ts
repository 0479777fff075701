import type { LockConnection, LockDriver, LockListener } from '@staddle/lock';
import type { Chance } from './chance.ts';
import type { Machine } from './machine.ts';
import type { Store } from './store.ts';
import type { Timeline } from './timeline.ts';
import type { Note } from './trace.ts';

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

/** So late at the latest the store notices that a connection for messages is gone. */
export const NOTICED_MS = 5_000;

export interface LineOptions {
  readonly timeline: Timeline;
  readonly chance: Chance;
  readonly machine: Machine;
  readonly store: Store;
  readonly faults: LineFaults;
  readonly note: Note;
}

interface Call {
  readonly name: string;
  readonly request: unknown;
  readonly operation: (driver: LockDriver) => Promise<unknown>;
  readonly settle: PromiseWithResolvers<unknown>;
}

/** A call on its way, once: a call that is sent again has another. */
interface Transmission {
  readonly call: Call;
  arrived: boolean;
  isLost: boolean;
  answerIsLost: boolean;
}

/** In the order of sending. */
class Lane {
  #last = 0;

  /** When something arrives that is sent now and takes `ms`. */
  next(now: number, ms: number): number {
    this.#last = Math.max(this.#last, now + ms);
    return this.#last;
  }

  reset(): void {
    this.#last = 0;
  }
}

/**
 * The network between one machine and the store: a connection for requests, on which they arrive in the order of sending, and
 * one for messages.
 */
export class Line {
  readonly driver: LockDriver;
  #faults: LineFaults;
  readonly #timeline: Timeline;
  readonly #chance: Chance;
  readonly #machine: Machine;
  readonly #store: Store;
  readonly #note: Note;

  readonly #requests = new Lane();
  readonly #answers = new Lane();
  readonly #messages = new Lane();
  #isUp = true;
  #onTheWay: Transmission[] = [];
  #unanswered = new Set<Call>();
  #offline: Call[] = [];

  #subscription: { readonly instance: string; readonly listener: LockListener } | undefined;
  /** The store's end of the connection for messages. */
  #remote: LockConnection | undefined;
  #wantsMessages = false;
  #messagesUp = true;
  #listening = false;
  #opening: Promise<void> | undefined;
  /** Counts the connections for messages, so that nothing comes from an earlier one. */
  #listened = 0;

  constructor({ timeline, chance, machine, store, faults, note }: LineOptions) {
    this.#timeline = timeline;
    this.#chance = chance;
    this.#machine = machine;
    this.#store = store;
    this.#faults = faults;
    this.#note = note;
    const call = <T>(name: string, request: unknown, operation: (driver: LockDriver) => Promise<T>): Promise<T> => this.#call(name, request, operation);
    this.driver = {
      name: 'simulated',
      acquire: (request) => call('acquire', request, (driver) => driver.acquire(request)),
      renew: (requests) => call('renew', requests, async (driver) => this.#spoilt(await driver.renew(requests))),
      release: (request) => call('release', request, (driver) => driver.release(request)),
      claim: (request) => call('claim', request, (driver) => driver.claim(request)),
      settle: (request) => call('settle', request, (driver) => driver.settle(request)),
      inspect: (key) => call('inspect', key, (driver) => driver.inspect(key)),
      list: (filter) => this.#store.driver.list(filter),
      forceRelease: (key, owner) => call('force', key, (driver) => driver.forceRelease(key, owner)),
      connect: (instance, listener) => {
        this.#subscription = { instance, listener };
        const line = this;
        return {
          get listening() {
            return line.#listening;
          },
          listen: () => line.#listen(),
          close: () => line.#hangUp(),
        };
      },
    };
  }

  /** From now on it is a good line; what is broken is mended. */
  heal(): void {
    this.#faults = { ...SOUND, resends: this.#faults.resends };
    this.mend();
    this.mendMessages();
  }

  /** The connection for requests is gone: what was on its way arrives up to some point, and no answer does. */
  break(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    const inFlight = this.#onTheWay.filter(({ arrived }) => !arrived);
    const arriving = this.#chance.whole(0, inFlight.length);
    for (const each of this.#onTheWay) each.answerIsLost = true;
    for (const each of inFlight.slice(arriving)) each.isLost = true;
    this.#onTheWay = [];
    this.#answers.reset();
    if (this.#faults.stragglers) this.#requests.reset();
    if (this.#faults.resends) this.#offline.unshift(...this.#unanswered);
    else for (const { settle } of this.#unanswered) this.#machine.deliver(() => settle.reject(new Error('the connection was lost')));
    this.#unanswered = new Set();
  }

  mend(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    for (const call of this.#offline.splice(0)) this.#send(call);
  }

  /** The connection for messages is gone. The store finds out now or later: until then it talks to nobody. */
  breakMessages(): void {
    if (!this.#messagesUp) return;
    this.#messagesUp = false;
    this.#machine.deliver(() => {
      this.#listening = false;
    });
    this.#dropRemote(this.#chance.is(0.5) ? 0 : this.#chance.spread(10, NOTICED_MS));
  }

  mendMessages(): void {
    if (this.#messagesUp) return;
    this.#messagesUp = true;
    if (!this.#wantsMessages) return;
    this.#timeline.after(this.#latencyMs(), () => this.#subscribe());
  }

  /** The process is dead: its requests may arrive, but the store finds out at some time that nobody listens. */
  die(): void {
    this.#isUp = false;
    this.#messagesUp = false;
    this.#wantsMessages = false;
    this.#dropRemote(this.#chance.is(0.5) ? this.#latencyMs() : this.#chance.spread(100, NOTICED_MS));
  }

  async #call<T>(name: string, request: unknown, operation: (driver: LockDriver) => Promise<T>): Promise<T> {
    const call: Call = { name, request, operation, settle: Promise.withResolvers<unknown>() };
    if (this.#isUp) this.#send(call);
    else if (this.#faults.resends) this.#offline.push(call);
    else throw new Error('there is no connection');
    return call.settle.promise as Promise<T>;
  }

  #send(call: Call): void {
    this.#unanswered.add(call);
    const transmission: Transmission = { call, arrived: false, isLost: false, answerIsLost: false };
    this.#onTheWay.push(transmission);
    this.#timeline.at(this.#requests.next(this.#timeline.now, this.#delayMs()), () => this.#store.serve(() => void this.#arrive(transmission)));
  }

  async #arrive(transmission: Transmission): Promise<void> {
    transmission.arrived = true;
    if (transmission.isLost) return;
    const { call } = transmission;
    const { failed, unanswered, twice } = this.#faults;
    const { driver } = this.#store;
    if (this.#chance.is(unanswered)) {
      this.#note(this.#machine.name, call.name, call.request, 'is not answered');
      if (this.#chance.is(0.5)) await call.operation(driver);
      this.#unanswered.delete(call);
      return;
    }
    let settle: () => void;
    if (this.#chance.is(failed)) {
      this.#note(this.#machine.name, call.name, call.request, 'fails');
      if (this.#chance.is(0.5)) await call.operation(driver);
      settle = () => call.settle.reject(new Error('the store failed'));
    } else {
      let outcome = await call.operation(driver);
      if (this.#chance.is(twice)) outcome = await call.operation(driver);
      this.#note(this.#machine.name, call.name, call.request, '->', outcome);
      settle = () => call.settle.resolve(outcome);
    }
    this.#timeline.at(this.#answers.next(this.#timeline.now, this.#delayMs()), () => {
      this.#machine.deliver(() => {
        if (transmission.answerIsLost) return;
        this.#onTheWay = this.#onTheWay.filter((each) => each !== transmission);
        this.#unanswered.delete(call);
        settle();
      });
    });
  }

  #spoilt<T>(outcomes: readonly (T | Error)[]): (T | Error)[] {
    return outcomes.map((outcome) => (this.#chance.is(this.#faults.failed) ? new Error('the store failed for one of them') : outcome));
  }

  async #listen(): Promise<void> {
    if (this.#listening) return;
    this.#wantsMessages = true;
    if (!this.#messagesUp) throw new Error('there is no connection for messages');
    if (this.#opening === undefined) {
      const opening = Promise.withResolvers<void>();
      this.#opening = opening.promise.finally(() => {
        this.#opening = undefined;
      });
      this.#timeline.after(this.#delayMs(), () => this.#subscribe(opening));
    }
    await this.#opening;
  }

  /** Arrives at the store, and the confirmation comes back. */
  #subscribe(settle?: PromiseWithResolvers<void>): void {
    if (!this.#messagesUp || !this.#wantsMessages) {
      settle?.reject(new Error('the connection for messages was lost'));
      return;
    }
    this.#listened += 1;
    const listened = this.#listened;
    const { instance, listener } = this.#subscription!;
    const hear = (tell: () => void): void => this.#message(listened, tell);
    const before = this.#remote;
    this.#remote = this.#store.driver.connect!(instance, {
      granted: (grant) => {
        this.#note(this.#machine.name, 'is granted', grant);
        hear(() => listener.granted(grant));
      },
      next: (hint) => hear(() => listener.next(hint)),
      revoked: (owner) => hear(() => listener.revoked(owner)),
      ready() {},
    });
    void before?.close();
    void this.#remote.listen();
    this.#timeline.after(this.#delayMs(), () => {
      this.#machine.deliver(() => {
        if (listened !== this.#listened || !this.#messagesUp) {
          settle?.reject(new Error('the connection for messages was lost'));
          return;
        }
        this.#listening = true;
        settle?.resolve();
        if (settle === undefined) listener.ready();
      });
    });
  }

  #message(listened: number, tell: () => void): void {
    if (this.#chance.is(this.#faults.lostMessages)) return;
    const ms = this.#delayMs(this.#faults.slowMessages);
    const at = this.#faults.shuffled ? this.#timeline.now + ms : this.#messages.next(this.#timeline.now, ms);
    this.#timeline.at(at, () => {
      if (!this.#messagesUp || listened !== this.#listened) return;
      this.#machine.deliver(tell);
    });
  }

  async #hangUp(): Promise<void> {
    this.#wantsMessages = false;
    this.#listening = false;
    this.#dropRemote(this.#latencyMs());
  }

  #dropRemote(ms: number): void {
    const remote = this.#remote;
    this.#timeline.after(ms, () => {
      void remote?.close();
      if (this.#remote === remote) this.#remote = undefined;
    });
  }

  #latencyMs(): number {
    return this.#faults.latencyMs * this.#chance.between(0.1, 1);
  }

  #delayMs(stalled: number = this.#faults.stalled): number {
    return this.#chance.is(stalled) ? this.#chance.spread(this.#faults.latencyMs, this.#faults.stallMs) : this.#latencyMs();
  }
}
