import { machineOf, type Machine } from '@staddle/flags';
import { RunFlags, TaskFlags } from './states.ts';

/*
 * What may happen to tasks and runs, and in which states. README.md shows both as diagrams.
 *
 * Every write of a state goes through an event of these. The stores put its masks into the WHERE of the UPDATE, so that the
 * row decides and not what someone read of it a moment ago. A word with two phases, which no event can have made, matches
 * none but `delete`.
 */

/** What a caller can do to a task. */
export type TaskVerb = 'pause' | 'resume' | 'run' | 'delete';

/** In the order in which they are shown. */
export const TASK_VERBS: readonly TaskVerb[] = ['pause', 'resume', 'run', 'delete'];

/** `finish`: no instant is left. `break`: the trigger cannot be evaluated. */
export type TaskEvent = TaskVerb | 'finish' | 'break';

export const taskMachine: Machine<typeof TaskFlags, TaskEvent> = machineOf(TaskFlags)()(
  {
    pause: { from: [{ all: ['Active'] }, { all: ['Paused'] }], set: ['Paused'] },
    resume: { from: [{ all: ['Active'] }, { all: ['Paused'] }], set: ['Active'], clear: ['Broken'] },
    run: { from: [{ all: ['Active'] }, { all: ['Paused'] }, { all: ['Finished'] }] },
    delete: { from: {}, set: ['Deleted'] },
    finish: { from: { all: ['Active'] }, set: ['Finished'] },
    break: { from: { all: ['Active'] }, set: ['Broken'] },
  },
  { initial: ['Active'], terminal: ['Deleted'] },
);

/** What ends a run that its owner has carried out. */
export type RunEnd = 'succeed' | 'fail' | 'timeOut';

/** How an owner gives a run back: one that it has not started, or one that it has. */
export type RunReturn = 'handBack' | 'interrupt';

/**
 * `reclaim`: the owner is gone; `poison`: too many are. `cancel`: the task was deleted. Nothing carries out `due`, `skip`,
 * `retry` and `lose` yet: they are what later versions may do to the rows of this one.
 */
export type RunEvent = RunEnd | RunReturn | 'claim' | 'start' | 'reclaim' | 'poison' | 'cancel' | 'due' | 'skip' | 'retry' | 'lose';

const WAITING = [{ all: ['Scheduled'] }, { all: ['Ready'] }] as const;
const OWNED = [{ all: ['Claimed'] }, { all: ['Running'] }] as const;

export const runMachine: Machine<typeof RunFlags, RunEvent> = machineOf(RunFlags)()(
  {
    claim: { from: { all: ['Ready'] }, set: ['Claimed'] },
    start: { from: { all: ['Claimed'] }, set: ['Running'] },
    succeed: { from: { all: ['Running'] }, set: ['Succeeded'] },
    fail: { from: { all: ['Running'] }, set: ['Failed'] },
    timeOut: { from: { all: ['Running'] }, set: ['Failed', 'TimedOut'] },
    handBack: { from: { all: ['Claimed'] }, set: ['Ready'] },
    interrupt: { from: { all: ['Running'] }, set: ['Ready', 'Recovered'] },
    reclaim: { from: OWNED, set: ['Ready', 'Recovered'] },
    poison: { from: OWNED, set: ['Failed', 'Poison'] },
    cancel: { from: WAITING, set: ['Cancelled'] },
    due: { from: { all: ['Scheduled'] }, set: ['Ready'] },
    skip: { from: WAITING, set: ['Skipped'] },
    retry: { from: { all: ['Running'] }, set: ['Scheduled'] },
    lose: { from: OWNED, set: ['Lost'] },
  },
  { initial: ['Scheduled', 'Ready'], terminal: 'Terminal' },
);
