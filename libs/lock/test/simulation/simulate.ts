import type { Plan } from './plan.ts';
import type { Sabotage } from './store.ts';
import { NOTICED_MS } from './subscription.ts';
import { MIN_HOLD_MAX_MS, MUTEXES, PERMITS } from './tasks.ts';
import { beginTrouble, endTrouble } from './trouble.ts';
import { World } from './world.ts';

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

/** After the trouble everybody gets what it still waits for, within this. */
const RECOVERY_MS = 120_000;
/** Of the core and of the store: how long a waiter does not ask again, and how long a hand-off to a dead one lasts. */
const ASK_AGAIN_MS = 5_000 * 1.1;
const HAND_OFF_MS = 2_000;
/** A free lock has a new holder by then when nothing goes wrong. */
const AT_ONCE_MS = 250;
const VACANCY_TICK_MS = 50;

/** Lets processes contend for locks through trouble that the seed decides, and tells whether every promise was kept. */
export async function simulate(seed: number, { trace = false, sabotage }: SimulateOptions = {}): Promise<Outcome> {
  const world = new World({ seed, trace, sabotage });
  const { plan, timeline, oracle, history } = world;
  const vacancy = { longestMs: 0 };
  const onUnhandled = (reason: unknown): void => oracle.fault(`I6: unhandled rejection: ${textOf(reason)}`);
  process.on('unhandledRejection', onUnhandled);
  try {
    timeline.at(0, () => {
      beginTrouble(world);
      if (plan.isCalm) watchVacancy(world, vacancy);
    });
    timeline.at(plan.troubleMs, () => {
      endTrouble(world);
      if (!plan.isCalm) watchVacancy(world, vacancy);
    });
    await timeline.run(plan.troubleMs);
    await windUp(world);
  } finally {
    process.off('unhandledRejection', onUnhandled);
  }
  return { plan, faults: oracle.faults, history, steps: timeline.steps, sections: oracle.stays, longestVacancyMs: vacancy.longestMs };
}

/** Everybody gets what it waits for, lets go of it, closes, and leaves nothing behind. */
async function windUp(world: World): Promise<void> {
  const { timeline, oracle, runs, plan, longestTtlMs } = world;
  const tasks = (): Promise<void>[] => world.alive().flatMap((participant) => participant.tasks);
  for (let known = -1; known !== tasks().length; ) {
    // Some give others something to do.
    known = tasks().length;
    if (!(await haveEnded(world, tasks))) return;
  }
  if (!(await haveEnded(world, () => [runs.finish(world.scene(world.enter(), () => false))]))) return;
  runs.check(plan);
  if (!(await haveEnded(world, () => world.alive().map((participant) => world.close(participant, 0))))) return;
  // Whatever could not be taken back has run out by then, and the dead are known to be dead.
  await timeline.run(timeline.now + longestTtlMs * 1.02 + MIN_HOLD_MAX_MS + NOTICED_MS);
  await haveEnded(world, () => [findNothing(world)]);
  for (const { machine } of world.alive()) if (machine.pendingTimers > 0) oracle.fault(`I5: ${machine.name} has left ${machine.pendingTimers} timers`);
}

/** Lets time pass until all that is begun has ended. */
async function haveEnded({ timeline, oracle }: World, begin: () => readonly Promise<void>[]): Promise<boolean> {
  let hasEnded = false;
  timeline.after(0, () => {
    Promise.all(begin())
      .catch((error: unknown) => oracle.fault(`I6: ${textOf(error)}`))
      .finally(() => {
        hasEnded = true;
      });
  });
  await timeline.run(timeline.now + RECOVERY_MS, () => hasEnded);
  if (!hasEnded) for (const what of oracle.awaited()) oracle.fault(`I4: ${what} has not ended`);
  return hasEnded;
}

/** No wake-up is lost for good: what is free is given to those who wait for it. */
function watchVacancy(world: World, vacancy: { longestMs: number }): void {
  const { plan, timeline, oracle, longestTtlMs } = world;
  const vacantMs = oracle.vacantMs();
  vacancy.longestMs = Math.max(vacancy.longestMs, vacantMs);
  const mostMs = MIN_HOLD_MAX_MS + (plan.isCalm ? AT_ONCE_MS : longestTtlMs * 1.02 + HAND_OFF_MS + ASK_AGAIN_MS);
  if (vacantMs > mostMs) oracle.fault(`I4: a lock is free for ${vacantMs} ms already, and somebody waits for it`);
  else if (!world.isOver || oracle.awaited().length > 0) timeline.after(VACANCY_TICK_MS, () => watchVacancy(world, vacancy));
}

/** I5: the store holds nothing, and whoever it still takes for a waiter is in nobody's way. */
async function findNothing(world: World): Promise<void> {
  const { oracle, store } = world;
  const { locks } = world.enter();
  // `skip`: the job that runs alone.
  const mutexes = [...MUTEXES, 'skip'];
  const leases = await Promise.all([
    ...mutexes.map((name) => locks.tryAcquire(name)),
    locks.semaphore('seats', PERMITS).tryAcquire({ permits: PERMITS }),
    locks.readWrite('book').write.tryAcquire(),
  ]);
  for (const [index, name] of [...mutexes, 'seats', 'book'].entries()) {
    if (leases[index] === undefined) oracle.fault(`I5: ${name} is not free`);
    await leases[index]?.release();
  }
  await locks.close();
  for (const kind of ['mutex', 'semaphore', 'read-write'] as const) {
    for await (const { name } of store.driver.list({ kind, prefix: '' })) oracle.fault(`I5: something is left of ${kind} ${name}`);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
