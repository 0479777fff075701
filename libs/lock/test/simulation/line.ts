import type { LockDriver } from '@staddle/lock';
import type { Chance } from './chance.ts';
import type { LineFaults } from './line-faults.ts';
import type { Machine } from './machine.ts';
import type { Store } from './store.ts';
import { Subscription } from './subscription.ts';
import type { Timeline } from './timeline.ts';
import type { Note } from './trace.ts';

export interface LineOptions {
  readonly timeline: Timeline;
  readonly chance: Chance;
  readonly machine: Machine;
  readonly store: Store;
  /** How bad it is at present. */
  readonly faults: () => LineFaults;
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

/**
 * The network between one machine and the store: a connection for requests, on which they arrive in the order of sending, and
 * one for messages.
 */
export class Line {
  readonly driver: LockDriver;
  readonly messages: Subscription;
  readonly #options: LineOptions;
  #isUp = true;
  #onTheWay: Transmission[] = [];
  #unanswered = new Set<Call>();
  #offline: Call[] = [];
  #lastRequestAt = 0;
  #lastAnswerAt = 0;

  constructor(options: LineOptions) {
    this.#options = options;
    this.messages = new Subscription(options, (stalled) => this.#delayMs(stalled));
    this.driver = {
      name: 'simulated',
      acquire: (request) => this.#call('acquire', request, (driver) => driver.acquire(request)),
      renew: (requests) => this.#call('renew', requests, async (driver) => this.#spoilt(await driver.renew(requests))),
      release: (request) => this.#call('release', request, (driver) => driver.release(request)),
      claim: (request) => this.#call('claim', request, (driver) => driver.claim(request)),
      settle: (request) => this.#call('settle', request, (driver) => driver.settle(request)),
      inspect: (key) => this.#call('inspect', key, (driver) => driver.inspect(key)),
      list: (filter) => this.#options.store.driver.list(filter),
      forceRelease: (key, owner) => this.#call('force', key, (driver) => driver.forceRelease(key, owner)),
      connect: (instance, listener) => this.messages.open(instance, listener),
    };
  }

  /** The connection for requests is gone: what was on its way arrives up to some point, and no answer does. */
  break(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    const { chance, machine } = this.#options;
    const { resends, stragglers } = this.#options.faults();
    const inFlight = this.#onTheWay.filter(({ arrived }) => !arrived);
    const arriving = chance.whole(0, inFlight.length);
    for (const each of this.#onTheWay) each.answerIsLost = true;
    for (const each of inFlight.slice(arriving)) each.isLost = true;
    this.#onTheWay = [];
    this.#lastAnswerAt = 0;
    if (stragglers) this.#lastRequestAt = 0;
    if (resends) this.#offline.unshift(...this.#unanswered);
    else for (const { settle } of this.#unanswered) machine.deliver(() => settle.reject(new Error('the connection was lost')));
    this.#unanswered = new Set();
  }

  mend(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    for (const call of this.#offline.splice(0)) this.#send(call);
  }

  /** The process is dead: its requests may arrive, and nothing is sent any more. */
  die(): void {
    this.#isUp = false;
    this.messages.die();
  }

  async #call<T>(name: string, request: unknown, operation: (driver: LockDriver) => Promise<T>): Promise<T> {
    const call: Call = { name, request, operation, settle: Promise.withResolvers<unknown>() };
    if (this.#isUp) this.#send(call);
    else if (this.#options.faults().resends) this.#offline.push(call);
    else throw new Error('there is no connection');
    return call.settle.promise as Promise<T>;
  }

  #send(call: Call): void {
    const { timeline, store, machine } = this.#options;
    this.#unanswered.add(call);
    const transmission: Transmission = { call, arrived: false, isLost: false, answerIsLost: false };
    this.#onTheWay.push(transmission);
    this.#lastRequestAt = Math.max(this.#lastRequestAt, machine.now + this.#delayMs());
    timeline.at(this.#lastRequestAt, () => store.serve(() => void this.#arrive(transmission)));
  }

  async #arrive(transmission: Transmission): Promise<void> {
    transmission.arrived = true;
    if (transmission.isLost) return;
    const { call } = transmission;
    const { chance, machine, store, timeline, note } = this.#options;
    const { failed, unanswered, twice } = this.#options.faults();
    const { driver } = store;
    const about = [machine.name, call.name, call.request];
    if (chance.is(unanswered)) {
      note(...about, 'is not answered');
      if (chance.is(0.5)) await call.operation(driver);
      this.#unanswered.delete(call);
      return;
    }
    let settle: () => void;
    if (chance.is(failed)) {
      note(...about, 'fails');
      if (chance.is(0.5)) await call.operation(driver);
      settle = () => call.settle.reject(new Error('the store failed'));
    } else {
      let outcome = await call.operation(driver);
      if (chance.is(twice)) outcome = await call.operation(driver);
      note(...about, '->', outcome);
      settle = () => call.settle.resolve(outcome);
    }
    this.#lastAnswerAt = Math.max(this.#lastAnswerAt, timeline.now + this.#delayMs());
    timeline.at(this.#lastAnswerAt, () => {
      machine.deliver(() => {
        if (transmission.answerIsLost) return;
        this.#onTheWay = this.#onTheWay.filter((each) => each !== transmission);
        this.#unanswered.delete(call);
        settle();
      });
    });
  }

  #spoilt<T>(outcomes: readonly (T | Error)[]): (T | Error)[] {
    const { chance, faults } = this.#options;
    return outcomes.map((outcome) => (chance.is(faults().failed) ? new Error('the store failed for one of them') : outcome));
  }

  #delayMs(stalled: number = this.#options.faults().stalled): number {
    const { chance } = this.#options;
    const { latencyMs, stallMs } = this.#options.faults();
    return chance.is(stalled) ? chance.spread(latencyMs, stallMs) : latencyMs * chance.between(0.1, 1);
  }
}
