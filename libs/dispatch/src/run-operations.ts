import { InvalidQueryError, RunNotFoundError, TaskNotFoundError } from './errors.ts';
import { readPage, type Page, type PageOptions } from './page.ts';
import { toRun, type Run } from './run.ts';
import type { RunStore } from './run-store.ts';
import { RUN_STATES, runPhaseOf, type RunPhase, type RunState } from './states.ts';
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
      const phase = state === undefined ? undefined : phaseOf(state);
      const task = taskUid === undefined ? undefined : await tasks.get(taskUid);
      if (taskUid !== undefined && !task) throw new TaskNotFoundError(taskUid);
      return readPage(page, { find: runs.get, read: (after) => runs.list({ taskId: task?.id, phase, ...after }) }, toRun);
    },
  };
}

function phaseOf(state: RunState): RunPhase {
  const phase = runPhaseOf(state);
  if (!phase) throw new InvalidQueryError('state', state, `is none of ${RUN_STATES.join(', ')}`);
  return phase;
}
