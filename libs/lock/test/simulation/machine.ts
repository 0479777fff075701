import type { Clock } from '@staddle/kernel';
import type { Chance } from './chance.ts';
import type { Timeline } from './timeline.ts';

/** `paused`: as by SIGSTOP, its clocks go on. `suspended`: as a laptop, its monotonic clock stands still and the wall clock does not. */
export type MachineState = 'running' | 'paused' | 'suspended' | 'dead';

export interface MachineOptions {
  readonly name: string;
  readonly timeline: Timeline;
  readonly chance: Chance;
  /** How fast its clocks go: 1 is right. */
  readonly rate: number;
  /** Epoch ms of its wall clock at the start of the simulation. */
  readonly wallAtStart: number;
  /** By how much its timers are late at most, in ms. */
  readonly latenessMs: number;
}

/** A timer that the machine's own clock says when to run. */
interface Pending {
  readonly dueMonotonic: number;
  readonly run: () => void;
}

/**
 * A simulated process on a computer of its own: clocks, timers, and an inbox that it gets round to as long as it runs. What
 * comes while it stands still waits, and then runs before anything else.
 */
export class Machine {
  readonly name: string;
  readonly clock: Clock;
  /** The running process looks at its leases first thing, before it gets round to a timer or an answer. */
  onGoesOn: () => void = () => {};
  readonly #timeline: Timeline;
  readonly #chance: Chance;
  readonly #rate: number;
  readonly #latenessMs: number;
  readonly #timers = new Set<Pending>();
  readonly #originMonotonic: number;
  #wallAtStart: number;
  #state: MachineState = 'running';
  #stoppedAt = 0;
  #stoppedMs = 0;
  #suspendedMs = 0;
  #wentOnAt = -Infinity;
  #lastSuspendedAt = -Infinity;
  #lateTimers: Pending[] = [];
  #lateArrivals: (() => void)[] = [];

  constructor({ name, timeline, chance, rate, wallAtStart, latenessMs }: MachineOptions) {
    this.name = name;
    this.#timeline = timeline;
    this.#chance = chance;
    this.#rate = rate;
    this.#wallAtStart = wallAtStart;
    this.#latenessMs = latenessMs;
    this.#originMonotonic = chance.between(0, 1e6);
    this.clock = {
      now: () => Math.floor(this.#wallAtStart + timeline.now * rate),
      monotonic: () => this.#monotonic(),
      setTimer: (callback, delayMs) => {
        if (this.#state === 'dead') return { cancel() {} };
        // As setTimeout: less than a millisecond is one.
        const timer: Pending = { dueMonotonic: this.#monotonic() + Math.max(1, delayMs || 0), run: callback };
        this.#timers.add(timer);
        this.#plan(timer);
        return { cancel: () => void this.#timers.delete(timer) };
      },
    };
  }

  get state(): MachineState {
    return this.#state;
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** For how long it has stood still so far. */
  get stoppedMs(): number {
    return this.#stoppedMs + (this.#state === 'paused' || this.#state === 'suspended' ? this.#timeline.now - this.#stoppedAt : 0);
  }

  /** When it last went on after it had stood still. */
  get wentOnAt(): number {
    return this.#wentOnAt;
  }

  get lastSuspendedAt(): number {
    return this.#lastSuspendedAt;
  }

  /** Runs something in the process, at once or when it goes on. */
  deliver(arrival: () => void): void {
    if (this.#state === 'running') arrival();
    else if (this.#state !== 'dead') this.#lateArrivals.push(arrival);
  }

  stop(state: 'paused' | 'suspended'): void {
    if (this.#state !== 'running') return;
    this.#state = state;
    this.#stoppedAt = this.#timeline.now;
  }

  goOn(): void {
    const state = this.#state;
    if (state !== 'paused' && state !== 'suspended') return;
    const stoppedMs = this.#timeline.now - this.#stoppedAt;
    this.#stoppedMs += stoppedMs;
    this.#wentOnAt = this.#timeline.now;
    if (state === 'suspended') {
      this.#suspendedMs += stoppedMs;
      this.#lastSuspendedAt = this.#timeline.now;
    }
    this.#state = 'running';
    this.onGoesOn();
    const timers = this.#lateTimers.toSorted((a, b) => a.dueMonotonic - b.dueMonotonic).map((timer) => () => this.#fire(timer));
    const arrivals = this.#lateArrivals.map((arrival) => () => this.deliver(arrival));
    this.#lateTimers = [];
    this.#lateArrivals = [];
    for (const task of this.#chance.is(0.5) ? [...timers, ...arrivals] : [...arrivals, ...timers]) this.#timeline.after(0, task);
  }

  die(): void {
    this.#state = 'dead';
    this.#timers.clear();
    this.#lateTimers = [];
    this.#lateArrivals = [];
  }

  /** Somebody sets the clock, or NTP does. */
  jumpWall(byMs: number): void {
    this.#wallAtStart += byMs;
  }

  #monotonic(): number {
    const standsStillMs = this.#state === 'suspended' ? this.#timeline.now - this.#stoppedAt : 0;
    return this.#originMonotonic + (this.#timeline.now - this.#suspendedMs - standsStillMs) * this.#rate;
  }

  #plan(timer: Pending): void {
    const inMs = (timer.dueMonotonic - this.#monotonic()) / this.#rate;
    this.#timeline.after(Math.max(0, inMs) + this.#chance.random() * this.#latenessMs, () => this.#fire(timer));
  }

  #fire(timer: Pending): void {
    if (!this.#timers.has(timer)) return;
    if (this.#state !== 'running') this.#lateTimers.push(timer);
    // The clock that it goes by stood still meanwhile.
    else if (this.#monotonic() < timer.dueMonotonic - 1e-6) this.#plan(timer);
    else {
      this.#timers.delete(timer);
      timer.run();
    }
  }
}
