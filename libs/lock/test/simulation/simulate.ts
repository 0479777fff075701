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
import { NOTICED_MS } from './subscription.ts';
import { MIN_HOLD_MAX_MS, MUTEXES, PERMITS, refuseUnexpected, task, type Scene } from './tasks.ts';
import { Timeline } from './timeline.ts';
import { traceTo, type Note } from './trace.ts';

export interface SimulateOptions {
  /** Keep the history: slow. */
  readonly trace?: boolean;
  readonly sabotage?: Sabotage;
}

export interface Outcome {
  readonly plan: Plan;
  /** What went wrong, one sentence each. */
  readonly faults: readonly string[];
  /** What happened, one line each; empty without `trace`. */
  readonly history: readonly string[];
  readonly steps: number;
  readonly sections: number;
  /** How long a lock was free at most after the trouble, although somebody waited for it. */
  readonly longestVacancyMs: number;
}

/** A process, its machine and its line to the store. */
interface Participant {
  readonly machine: Machine;
  readonly line: Line;
  readonly locks: Locks;
  readonly tasks: Promise<void>[];
  isClosing: boolean;
}

const START = Date.UTC(2026, 0, 1);
/** After the trouble everybody gets what it still waits for, within this. */
const RECOVERY_MS = 120_000;
/** Of the core and of the store: how long a waiter does not ask again, and how long a hand-off to a dead one lasts. */
const ASK_AGAIN_MS = 5_000 * 1.1;
const HAND_OFF_MS = 2_000;
/** A free lock has a new holder by then when nothing goes wrong. */
const AT_ONCE_MS = 250;

/** Lets processes contend for locks through trouble that the seed decides, and tells whether every promise was kept. */
export async function simulate(seed: number, { trace = false, sabotage }: SimulateOptions = {}): Promise<Outcome> {
  const chance = new Chance(seed);
  const plan = planOf(chance.fork());
  const timeline = new Timeline(chance.fork().random);
  const history: string[] = [];
  const note: Note = trace ? traceTo(history, timeline) : () => {};
  const longestTtlMs = Math.max(...plan.ttls);
  const oracle: Oracle = new Oracle({ timeline, note, endsAt: (owner) => store.endsAt(owner), lastUpheavalAt: () => store.lastUpheavalAt, longestTtlMs });
  const store = new Store({ timeline, wallAtStart: START, onFault: (fault) => oracle.fault(fault), sabotage });
  const resources = new Resources(oracle);
  const runs = new Runs(oracle);
  const events = chance.fork();
  const participants: Participant[] = [];
  let isOver = false;
  note('plan', plan);

  const sceneOf = ({ machine, locks }: Participant, isStopped: () => boolean): Scene => ({ timeline, chance: chance.fork(), machine, locks, oracle, resources, runs, plan, mail, isOver: isStopped });
  const mail: Scene['mail'] = (open) => {
    const recipient = events.of(participants as [Participant, ...Participant[]]);
    timeline.after(events.spread(0.1, 100), () => {
      recipient.machine.deliver(() => {
        const scene = sceneOf(recipient, () => isOver);
        recipient.tasks.push(open(scene).catch((error: unknown) => refuseUnexpected(scene, error)));
      });
    });
  };

  const newcomer = (): Participant => {
    const name = `p${participants.length}`;
    const machine = new Machine({
      name,
      timeline,
      chance: chance.fork(),
      rate: 1 + chance.between(-plan.drift, plan.drift),
      wallAtStart: START + chance.between(-5_000, 5_000),
      latenessMs: chance.of([0, 0.5, 2]),
    });
    machine.onGoesOn = () => oracle.goesOn(machine);
    const line = new Line({ timeline, chance: chance.fork(), machine, store, faults: () => (isOver ? SOUND : plan.line), note });
    const { commandTimeoutMs, maxLocalHandoffs } = plan;
    const locks = createLocks({ driver: line.driver, clock: machine.clock, commandTimeoutMs, maxLocalHandoffs, instance: name, onEvent: ({ type }) => machine.state !== 'dead' && note(name, 'event', type) });
    const participant: Participant = { machine, line, locks, tasks: [], isClosing: false };
    participants.push(participant);
    return participant;
  };
  const join = (): Participant => {
    const participant = newcomer();
    for (let count = 0; count < plan.tasks; count++) participant.tasks.push(task(sceneOf(participant, () => isOver || participant.isClosing)));
    return participant;
  };

  /** Something happens to a participant at random moments, until the trouble is over. */
  const happens = (perSecond: number, toWhom: () => boolean, event: () => void): void => {
    if (perSecond === 0) return;
    const next = (): void =>
      void timeline.after(events.pause(perSecond), () => {
        if (isOver || !toWhom()) return;
        event();
        next();
      });
    next();
  };
  const leave = (participant: Participant, how: 'dies' | 'closes'): void => {
    const { machine, line, locks } = participant;
    if (how === 'dies') {
      machine.die();
      line.die();
      oracle.dies(machine);
    } else {
      participant.isClosing = true;
      participant.tasks.push(close(machine, locks, events.of([0, 0, 500])));
    }
    note(machine.name, how);
    timeline.after(events.spread(1, 2_000), () => {
      if (!isOver) trouble(join());
    });
  };
  const close = (machine: Machine, locks: Locks, drainMs: number): Promise<void> => oracle.timed(machine, 'close', [], drainMs + 2_000, () => locks.close({ drainMs }));

  const trouble = (participant: Participant): void => {
    const { machine, line } = participant;
    const isThere = (): boolean => machine.state !== 'dead' && !participant.isClosing;
    const stop = (how: 'paused' | 'suspended'): void => {
      if (!machine.isRunning) return;
      machine.stop(how);
      note(machine.name, how);
      timeline.after(events.is(0.5) ? events.spread(5, longestTtlMs * 2) : events.of(plan.ttls) * events.between(0.8, 2), () => goOn(machine));
    };
    happens(plan.pauses, isThere, () => stop('paused'));
    happens(plan.suspends, isThere, () => stop('suspended'));
    happens(plan.wallJumps, isThere, () => {
      const byMs = events.of([1, -1]) * events.spread(10, 3_600_000);
      note(machine.name, 'wall clock jumps by', byMs);
      machine.jumpWall(byMs);
    });
    happens(plan.breaks, isThere, () => {
      note(machine.name, 'loses its connection');
      line.break();
      timeline.after(events.spread(1, 3_000), () => line.mend());
    });
    happens(plan.messageBreaks, isThere, () => {
      note(machine.name, 'loses its connection for messages');
      line.messages.break();
      timeline.after(events.spread(1, 3_000), () => line.messages.mend());
    });
    happens(plan.deaths, isThere, () => leave(participant, 'dies'));
    happens(plan.closes, isThere, () => leave(participant, 'closes'));
  };
  const goOn = (machine: Machine): void => {
    if (machine.isRunning || machine.state === 'dead') return;
    note(machine.name, 'goes on');
    machine.goOn();
  };
  const upheaval = (): void => {
    const what = events.of(['restart', 'jump', 'force']);
    note('store', what);
    if (what === 'jump') store.jumpClock(events.spread(10, 10_000));
    else if (what === 'force') {
      store.lastUpheavalAt = timeline.now;
      void store.driver.forceRelease({ kind: 'mutex', name: events.of(['a', 'b', 'c']) });
    } else {
      store.restart();
      for (const { machine, line } of participants) {
        if (machine.state === 'dead') continue;
        line.break();
        line.messages.break();
        timeline.after(events.spread(1, 500), () => line.mend());
        timeline.after(events.spread(1, 500), () => line.messages.mend());
      }
    }
  };

  const alive = (): Participant[] => participants.filter(({ machine }) => machine.state !== 'dead');
  /** Lets time pass until all that is begun has ended. */
  const ends = async (begin: () => readonly Promise<unknown>[]): Promise<boolean> => {
    let hasEnded = false;
    let work: Promise<unknown> = Promise.resolve();
    timeline.after(0, () => {
      work = Promise.all(begin()).finally(() => {
        hasEnded = true;
      });
    });
    await timeline.run(timeline.now + RECOVERY_MS, () => hasEnded);
    if (hasEnded) await work;
    else for (const what of oracle.awaited()) oracle.fault(`I4: ${what} has not ended`);
    return hasEnded;
  };
  const tasksOf = (): Promise<void>[] => alive().flatMap(({ tasks }) => tasks);
  const tasksEnd = async (): Promise<boolean> => {
    const { length } = tasksOf();
    // Some have given others something to do.
    return (await ends(tasksOf)) && (tasksOf().length === length || tasksEnd());
  };
  /** No wake-up is lost for good: what is free is given to those who wait for it. */
  const watchVacancy = (): void => {
    const vacantMs = oracle.vacantMs();
    longestVacancyMs = Math.max(longestVacancyMs, vacantMs);
    const mostMs = MIN_HOLD_MAX_MS + (plan.isCalm ? AT_ONCE_MS : longestTtlMs * 1.02 + HAND_OFF_MS + ASK_AGAIN_MS);
    if (vacantMs > mostMs) oracle.fault(`I4: a lock is free for ${vacantMs} ms already, and somebody waits for it`);
    else if (!isOver || oracle.awaited().length > 0) timeline.after(50, watchVacancy);
  };
  let longestVacancyMs = 0;
  /** I5: the store holds nothing, and whoever it still takes for a waiter is in nobody's way. */
  const findNothing = async (): Promise<void> => {
    const { machine, locks } = newcomer();
    // `skip`: the job that runs alone.
    const mutexes = [...MUTEXES, 'skip'];
    const names = [...mutexes, 'seats', 'book'];
    for (const lease of await Promise.all([
      ...mutexes.map((name) => locks.tryAcquire(name)),
      locks.semaphore('seats', PERMITS).tryAcquire({ permits: PERMITS }),
      locks.readWrite('book').write.tryAcquire(),
    ])) {
      const name = names.shift();
      if (lease === undefined) oracle.fault(`I5: ${name} is not free`);
      await lease?.release();
    }
    await locks.close();
    for (const kind of ['mutex', 'semaphore', 'read-write'] as const) {
      for await (const { name } of store.driver.list({ kind, prefix: '' })) oracle.fault(`I5: something is left of ${kind} ${name}`);
    }
    if (machine.pendingTimers > 0) oracle.fault(`I5: ${machine.name} has left ${machine.pendingTimers} timers`);
  };

  const recover = (): void => {
    isOver = true;
    note('the trouble is over');
    for (const { machine, line } of alive()) {
      line.mend();
      line.messages.mend();
      goOn(machine);
    }
    if (!plan.isCalm) watchVacancy();
  };
  const outcome = (): Outcome => ({ plan, faults: oracle.faults, history, steps: timeline.steps, sections: oracle.stays, longestVacancyMs });

  const onUnhandled = (reason: unknown): void => oracle.fault(`I6: unhandled rejection: ${reason instanceof Error ? reason.stack : String(reason)}`);
  process.on('unhandledRejection', onUnhandled);
  try {
    timeline.at(0, () => {
      for (let count = 0; count < plan.machines; count++) trouble(join());
      happens(plan.stalls, () => true, () => store.stall(events.spread(10, 3_000)));
      happens(plan.upheavals, () => true, upheaval);
      if (plan.isCalm) watchVacancy();
      if (plan.upheavals === 0) happens(plan.wallJumps, () => true, () => store.jumpWall(events.of([1, -1]) * events.spread(10, 3_600_000)));
    });
    timeline.at(plan.troubleMs, recover);
    await timeline.run(plan.troubleMs);
    if (!(await tasksEnd())) return outcome();
    if (!(await ends(() => [runs.finish(sceneOf(newcomer(), () => false))]))) return outcome();
    runs.check(plan);
    if (!(await ends(() => alive().map(({ machine, locks }) => close(machine, locks, 0))))) return outcome();
    // Whatever could not be taken back has run out by then, and the dead are known to be dead.
    await timeline.run(timeline.now + longestTtlMs * 1.02 + MIN_HOLD_MAX_MS + NOTICED_MS);
    for (const { machine } of alive()) if (machine.pendingTimers > 0) oracle.fault(`I5: ${machine.name} has left ${machine.pendingTimers} timers`);
    await ends(() => [findNothing()]);
    return outcome();
  } finally {
    process.off('unhandledRejection', onUnhandled);
  }
}
