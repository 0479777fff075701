import { InvalidQueryError, RunNotFoundError, TaskNotFoundError } from './errors.ts';
import { readPage, type Page, type PageOptions } from './page.ts';
import { toRun, type Run } from './run.ts';
import type { RunStore } from './run-store.ts';
import { publicName, RUN_MOVES, RunFlags, type RunPhase, type RunState, type RunWord } from './states.ts';
import type { TaskStore } from './task-store.ts';

export interface RunListOptions extends PageOptions {
  readonly taskUid?: string | undefined;
  readonly state?: RunState | undefined;
}

export interface RunOperations {
  /** @throws RunNotFoundError (`ERR_DISPATCH_RUN_NOT_FOUND`) */
  get(uid: string): Promise<Run>;
  /** Newest first. @throws TaskNotFoundError (`ERR_DISPATCH_TASK_NOT_FOUND`), InvalidQueryError (`ERR_DISPATCH_QUERY`) */
  list(options?: RunListOptions): Promise<Page<Run>>;
}

export function createRunOperations({ tasks, runs }: { readonly tasks: TaskStore; readonly runs: RunStore }): RunOperations {
  return {
    async get(uid) {
      const run = await runs.get(uid);
      if (!run) throw new RunNotFoundError(uid);
      return toRun(run);
    },

    async list({ taskUid, state, ...page } = {}) {
      const anyOf = state === undefined ? undefined : bitOf(state);
      const task = taskUid === undefined ? undefined : await tasks.get(taskUid);
      if (taskUid !== undefined && !task) throw new TaskNotFoundError(taskUid);
      return readPage(page, { find: runs.get, read: (after) => runs.list({ taskId: task?.id, anyOf, ...after }) }, toRun);
    },
  };
}

function bitOf(state: RunState): RunWord {
  const phases = Object.keys(RUN_MOVES) as RunPhase[];
  const phase = phases.find((candidate) => publicName(candidate) === state);
  if (!phase) throw new InvalidQueryError('state', state, `is none of ${phases.map(publicName).join(', ')}`);
  return RunFlags.bit[phase];
}
