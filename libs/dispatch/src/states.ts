import { defineFlags, type FlagSet, type FlagsOf } from '@staddle/flags';

/*
 * The state words of tasks and runs. What may follow what is in machines.ts.
 *
 * Both are one integer: a lifecycle or phase (exactly one bit) with qualifiers beside it. The bit numbers are in stored
 * rows and are never reused. The gaps belong to states that are not built yet (run: waiting for children 4; task:
 * running 4, orphaned 5): a process that does not know a bit hands it back unchanged.
 */

/** Where a task is in its life. */
export type TaskPhase = 'Active' | 'Paused' | 'Finished' | 'Deleted';

/** `Broken`: the stored trigger cannot be evaluated, so the planner leaves the task alone until it is resumed. */
export type TaskQualifier = 'Broken';

export const TaskFlags: FlagSet<'task', TaskPhase | TaskQualifier, { phase: TaskPhase }, 'Live'> = defineFlags('task', {
  bits: { Active: 0, Paused: 1, Finished: 2, Deleted: 3, Broken: 6 },
  groups: { phase: { of: ['Active', 'Paused', 'Finished', 'Deleted'], arity: 'exactly-one' } },
  // While a task is live its business key is taken.
  masks: { Live: ['Active', 'Paused'] },
});

export type TaskWord = FlagsOf<typeof TaskFlags>;

/**
 * A task may fire when `(state & TASK_PLANNABLE_BITS) = Active`: every bit below 10 but `running` (4), so that a
 * qualifier which a newer version writes keeps an older planner away.
 */
export const TASK_PLANNABLE_BITS = 0x3ef;

/** What a run is doing. */
export type RunPhase = 'Scheduled' | 'Ready' | 'Claimed' | 'Running' | 'Succeeded' | 'Failed' | 'Cancelled' | 'Skipped' | 'Lost';

/**
 * `TimedOut`: it failed because the handler took too long. `Manual`: started by hand, not by the trigger.
 * `Late`: its instant was older than the grace when it was planned. `Recovered`: an earlier owner died or was stopped.
 * `Poison`: it failed because too many owners died with it.
 */
export type RunQualifier = 'TimedOut' | 'Manual' | 'Late' | 'Recovered' | 'Poison';

export const RunFlags: FlagSet<'run', RunPhase | RunQualifier, { phase: RunPhase }, 'Owned' | 'Terminal'> = defineFlags('run', {
  bits: {
    Scheduled: 0,
    Ready: 1,
    Claimed: 2,
    Running: 3,
    Succeeded: 5,
    Failed: 6,
    Cancelled: 7,
    Skipped: 8,
    Lost: 9,
    TimedOut: 13,
    Manual: 14,
    Late: 16,
    Recovered: 17,
    Poison: 19,
  },
  groups: {
    phase: { of: ['Scheduled', 'Ready', 'Claimed', 'Running', 'Succeeded', 'Failed', 'Cancelled', 'Skipped', 'Lost'], arity: 'exactly-one' },
  },
  masks: {
    // Someone holds a lease on it.
    Owned: ['Claimed', 'Running'],
    Terminal: ['Succeeded', 'Failed', 'Cancelled', 'Skipped', 'Lost'],
  },
});

export type RunWord = FlagsOf<typeof RunFlags>;

/** Public name of a task's phase. */
export type TaskState = Uppercase<TaskPhase>;
/** Public name of a task's qualifier. */
export type TaskFlag = Uppercase<TaskQualifier>;
/** Public name of a run's phase. */
export type RunState = Uppercase<RunPhase>;
/** Public name of a run's qualifier. */
export type RunFlag = Exclude<Uppercase<RunQualifier>, 'TIMEDOUT'> | 'TIMED_OUT';

/** `TimedOut` is `TIMED_OUT` outside. */
function publicName(name: string): string {
  return name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();
}

export const TASK_STATES: readonly TaskState[] = TaskFlags.names(TaskFlags.mask.phase).map(publicName) as TaskState[];
export const TASK_FLAGS: readonly TaskFlag[] = TaskFlags.names(TaskFlags.complement(TaskFlags.mask.phase)).map(publicName) as TaskFlag[];
export const RUN_STATES: readonly RunState[] = RunFlags.names(RunFlags.mask.phase).map(publicName) as RunState[];
export const RUN_FLAGS: readonly RunFlag[] = RunFlags.names(RunFlags.complement(RunFlags.mask.phase)).map(publicName) as RunFlag[];

/** The phase with a public name; undefined when there is none. */
export function taskPhaseOf(state: string): TaskPhase | undefined {
  return TaskFlags.definition.groups.phase.of.find((phase) => publicName(phase) === state);
}

export function runPhaseOf(state: string): RunPhase | undefined {
  return RunFlags.definition.groups.phase.of.find((phase) => publicName(phase) === state);
}

/** The phase and the qualifiers of a task's word, under their public names. Bits of a newer version are left out. */
export function describeTaskWord(word: TaskWord): { state: TaskState; flags: TaskFlag[] } {
  const phase = TaskFlags.which(word, 'phase');
  const flags = TaskFlags.names(TaskFlags.difference(word, TaskFlags.mask.phase));
  // A row that names no phase was damaged from outside; it must not look alive.
  return { state: (phase === undefined ? 'DELETED' : publicName(phase)) as TaskState, flags: flags.map(publicName) as TaskFlag[] };
}

/** The phase and the qualifiers of a run's word, under their public names. Bits of a newer version are left out. */
export function describeRunWord(word: RunWord): { state: RunState; flags: RunFlag[] } {
  const phase = RunFlags.which(word, 'phase');
  const flags = RunFlags.names(RunFlags.difference(word, RunFlags.mask.phase));
  return { state: (phase === undefined ? 'LOST' : publicName(phase)) as RunState, flags: flags.map(publicName) as RunFlag[] };
}
