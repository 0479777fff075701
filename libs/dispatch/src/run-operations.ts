import { InvalidQueryError, RunNotFoundError, TaskNotFoundError } from './errors.ts';
import { toRun, type Run } from './run.ts';
import type { RunStore } from './run-store.ts';
import { publicName, RUN_MOVES, RunFlags, type RunPhase, type RunState, type RunWord } from './states.ts';
import { checkLimit, type PageOptions } from './task-input.ts';
import type { Page } from './task-operations.ts';
import type { TaskStore } from './task-store.ts';

export interface RunListOptions extends PageOptions {
  readonly taskUid?: string | undefined;
  readonly state?: RunState | undefined;
  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
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

    async list({ taskUid, state, limit, cursor } = {}) {
      const size = checkLimit(limit);
      const anyOf = state === undefined ? undefined : bitOf(state);
      const task = taskUid === undefined ? undefined : await tasks.get(taskUid);
      if (taskUid !== undefined && !task) throw new TaskNotFoundError(taskUid);
      const after = cursor === undefined ? undefined : await runs.get(cursor);
      if (cursor !== undefined && !after) throw new InvalidQueryError('cursor', cursor, 'is not the nextCursor of a page');
      const found = await runs.list({ taskId: task?.id, anyOf, afterId: after?.id, limit: size + 1 });
      const items = found.slice(0, size);
      return { items: items.map(toRun), nextCursor: found.length > size ? items.at(-1)?.uid : undefined };
    },
  };
}

function bitOf(state: RunState): RunWord {
  const phases = Object.keys(RUN_MOVES) as RunPhase[];
  const phase = phases.find((candidate) => publicName(candidate) === state);
  if (!phase) throw new InvalidQueryError('state', state, `is none of ${phases.map(publicName).join(', ')}`);
  return RunFlags.bit[phase];
}
