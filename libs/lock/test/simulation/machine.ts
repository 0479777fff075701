import type { Clock } from '@staddle/kernel';
import type { Chance } from './chance.ts';
import type { Timeline } from './timeline.ts';
import type { Note } from './trace.ts';

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
  /** For how long it stands still at a look at its clock, in the middle of what it does, in ms: mostly 0. */
  readonly stallsFor: () => number;
  readonly note: Note;
}

/** A timer that the machine's own clock says when to run. */
interface Pending {
  readonly dueMonotonic: number;
  readonly run: () => void;
}

/**
 * A simulated process on a computer of its own: clocks, timers, and an inbox that it gets round to as long as it runs. What
 * comes while it stands still waits, and then runs before anything else.
 *
 * It may stand still in the middle of a step too. Time cannot pass there, so the process is ahead of it from then on ({@link now}),
 * and whatever it sends leaves when time has caught up.
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
  readonly #stallsFor: () => number;
  readonly #note: Note;
  readonly #timers = new Set<Pending>();
  readonly #originMonotonic: number;
  #wallAtStart: number;
  #state: MachineState = 'running';
  #stoppedAt = 0;
  #stoppedMs = 0;
  #suspendedMs = 0;
  #wentOnAt = -Infinity;
  #timersLateSince = -Infinity;
  /** Of the process, when it is ahead of the time line. */
  #now = 0;
  /** The step in which it runs, or ran last. */
  #step = -1;
  #lateTimers: Pending[] = [];
  #lateArrivals: (() => void)[] = [];

  constructor({ name, timeline, chance, rate, wallAtStart, latenessMs, stallsFor, note }: MachineOptions) {
    this.name = name;
    this.#timeline = timeline;
    this.#chance = chance;
    this.#rate = rate;
    this.#wallAtStart = wallAtStart;
    this.#latenessMs = latenessMs;
    this.#stallsFor = stallsFor;
    this.#note = note;
    this.#originMonotonic = chance.between(0, 1e6);
    this.clock = {
      now: () => {
        this.#mayStall();
        return Math.floor(this.#wallAtStart + this.now * rate);
      },
      monotonic: () => {
        this.#mayStall();
        return this.#monotonic();
      },
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

  /** The true time at which the process is. */
  get now(): number {
    return Math.max(this.#now, this.#timeline.now);
  }

  get isRunning(): boolean {
    return this.#state === 'running' && this.#now <= this.#timeline.now;
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

  /** When its timers last became late: it was suspended, or stood still between finding out how long a timer takes and setting it. */
  get timersLateSince(): number {
    return this.#timersLateSince;
  }

  /** Runs something in the process, at once or when it goes on. */
  deliver(arrival: () => void): void {
    if (this.isRunning) this.#run(arrival);
    else if (this.#state !== 'dead') this.#lateArrivals.push(arrival);
  }

  stop(state: 'paused' | 'suspended'): void {
    if (!this.isRunning) return;
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
      this.#timersLateSince = this.#timeline.now;
    }
    this.#state = 'running';
    this.#catchUp();
  }

  #catchUp(): void {
    if (!this.isRunning) return;
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
    return this.#originMonotonic + (this.now - this.#suspendedMs - standsStillMs) * this.#rate;
  }

  #run(task: () => void): void {
    this.#step = this.#timeline.steps;
    task();
  }

  #mayStall(): void {
    // Others look at its clocks too.
    const ms = this.#step === this.#timeline.steps ? this.#stallsFor() : 0;
    if (ms === 0) return;
    this.#note(this.name, 'stands still for', ms);
    this.#now = this.now + ms;
    this.#stoppedMs += ms;
    this.#wentOnAt = this.#now;
    this.#timersLateSince = this.#now;
    this.#timeline.at(this.#now, () => this.#catchUp());
  }

  #plan(timer: Pending): void {
    const inMs = (timer.dueMonotonic - this.#monotonic()) / this.#rate;
    this.#timeline.at(this.now + Math.max(0, inMs) + this.#chance.random() * this.#latenessMs, () => this.#fire(timer));
  }

  #fire(timer: Pending): void {
    if (!this.#timers.has(timer)) return;
    if (!this.isRunning) this.#lateTimers.push(timer);
    // The clock that it goes by stood still meanwhile.
    else if (this.#monotonic() < timer.dueMonotonic - 1e-6) this.#plan(timer);
    else {
      this.#timers.delete(timer);
      this.#run(timer.run);
    }
  }
}
