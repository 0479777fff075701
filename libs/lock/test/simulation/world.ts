import { createLocks, type Locks } from '@staddle/lock';
import { Chance } from './chance.ts';
import { Line } from './line.ts';
import { SOUND } from './line-faults.ts';
import { Machine } from './machine.ts';
import { Oracle } from './oracle.ts';
import { planOf, type Plan } from './plan.ts';
import { Resources } from './resources.ts';
import { Runs } from './runs.ts';
import { Store, type Sabotage } from './store.ts';
import { refuseUnexpected, task, type Scene } from './tasks.ts';
import { Timeline } from './timeline.ts';
import { traceTo, type Note } from './trace.ts';

/** A process, its machine and its line to the store. */
export interface Participant {
  readonly machine: Machine;
  readonly line: Line;
  readonly locks: Locks;
  readonly tasks: Promise<void>[];
  isClosing: boolean;
}

export interface WorldOptions {
  readonly seed: number;
  /** Keep the history: slow. */
  readonly trace: boolean;
  readonly sabotage: Sabotage | undefined;
}

const START = Date.UTC(2026, 0, 1);

/** Machines and a store on one time line, and whoever watches them. */
export class World {
  readonly plan: Plan;
  readonly timeline: Timeline;
  readonly oracle: Oracle;
  readonly store: Store;
  readonly runs: Runs;
  readonly note: Note;
  readonly history: string[] = [];
  readonly longestTtlMs: number;
  /** Of what happens to the machines. */
  readonly events: Chance;
  /** The trouble is over: nothing goes wrong any more, and tasks begin nothing new. */
  isOver = false;
  readonly #chance: Chance;
  readonly #resources: Resources;
  readonly #participants: Participant[] = [];

  constructor({ seed, trace, sabotage }: WorldOptions) {
    this.#chance = new Chance(seed);
    this.plan = planOf(this.#chance.fork());
    const timeline = new Timeline(this.#chance.fork().random);
    this.timeline = timeline;
    this.events = this.#chance.fork();
    this.note = trace ? traceTo(this.history, timeline) : () => {};
    this.note('plan', this.plan);
    this.longestTtlMs = Math.max(...this.plan.ttls);
    const store: Store = new Store({ timeline, wallAtStart: START, onFault: (fault) => this.oracle.fault(fault), sabotage });
    this.store = store;
    this.oracle = new Oracle({ timeline, note: this.note, endsAt: (owner) => store.endsAt(owner), lastUpheavalAt: () => store.lastUpheavalAt, longestTtlMs: this.longestTtlMs });
    this.#resources = new Resources(this.oracle);
    this.runs = new Runs(this.oracle);
  }

  /** Whoever has not died. */
  alive(): Participant[] {
    return this.#participants.filter(({ machine }) => machine.state !== 'dead');
  }

  /** A process that has nothing to do. */
  enter(): Participant {
    const { timeline, plan, note, store, oracle } = this;
    const chance = this.#chance;
    const name = `p${this.#participants.length}`;
    const machine = new Machine({
      name,
      timeline,
      chance: chance.fork(),
      rate: 1 + chance.between(-plan.drift, plan.drift),
      wallAtStart: START + chance.between(-5_000, 5_000),
      latenessMs: chance.of([0, 0.5, 2]),
      stallsFor: () => this.#stallMs(),
      note,
    });
    machine.onGoesOn = () => oracle.goesOn(machine);
    const line = new Line({ timeline, chance: chance.fork(), machine, store, faults: () => (this.isOver ? SOUND : plan.line), note });
    const { commandTimeoutMs, maxLocalHandoffs } = plan;
    const onEvent = ({ type }: { readonly type: string }): void => {
      // A dead process is garbage, and its leases are collected at any time.
      if (machine.state !== 'dead') note(name, 'event', type);
    };
    const locks = createLocks({ driver: line.driver, clock: machine.clock, commandTimeoutMs, maxLocalHandoffs, instance: name, onEvent });
    const participant: Participant = { machine, line, locks, tasks: [], isClosing: false };
    this.#participants.push(participant);
    return participant;
  }

  /** A process whose tasks ask for locks. */
  join(): Participant {
    const participant = this.enter();
    for (let count = 0; count < this.plan.tasks; count++) participant.tasks.push(task(this.scene(participant, () => this.isOver || participant.isClosing)));
    return participant;
  }

  scene({ machine, locks }: Participant, isOver: () => boolean): Scene {
    const { timeline, oracle, runs, plan } = this;
    return { timeline, chance: this.#chance.fork(), machine, locks, oracle, resources: this.#resources, runs, plan, mail: (open) => this.#mail(open), isOver };
  }

  async close({ machine, locks }: Participant, drainMs: number): Promise<void> {
    await this.oracle.timed(machine, 'close', [], drainMs + 2_000, () => locks.close({ drainMs }));
  }

  #stallMs(): number {
    const { plan, timeline, events, longestTtlMs } = this;
    // It ends with the trouble.
    const mostMs = Math.min(longestTtlMs * 2, plan.troubleMs - timeline.now);
    return mostMs > 1 && events.is(plan.midway) ? events.spread(1, mostMs) : 0;
  }

  #mail(open: (recipient: Scene) => Promise<void>): void {
    const recipient = this.events.of(this.#participants as [Participant, ...Participant[]]);
    this.timeline.after(this.events.spread(0.1, 100), () => {
      recipient.machine.deliver(() => {
        const scene = this.scene(recipient, () => this.isOver);
        recipient.tasks.push(open(scene).catch((error: unknown) => refuseUnexpected(scene, error)));
      });
    });
  }
}
