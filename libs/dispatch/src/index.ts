export { createDispatch, type Dispatch, type DispatchOptions } from './dispatch.ts';
export {
  HandlerTimeoutError,
  IllegalTransitionError,
  InvalidPayloadError,
  InvalidQueryError,
  InvalidTaskError,
  InvalidTriggerError,
  LeaseLostError,
  PoisonedRunError,
  RunCancelledError,
  RunNotFoundError,
  StoppingError,
  TaskConflictError,
  TaskNotFoundError,
  TriggerExhaustedError,
  UnknownHandlerError,
  VersionMismatchError,
  type DispatchErrorCode,
} from './errors.ts';
export { type Handler, type HandlerContext, type HandlerRun, type Handlers, type HandlerTask } from './handler.ts';
export { type TaskVerb } from './machines.ts';
export { type Page } from './page.ts';
export { type Run, type RunChange } from './run.ts';
export { type RunListOptions, type RunOperations } from './run-operations.ts';
export { RUN_FLAGS, RUN_STATES, TASK_FLAGS, TASK_STATES, type RunFlag, type RunState, type TaskFlag, type TaskState } from './states.ts';
export { type RunError } from './stored-json.ts';
export { dispatchMigrations } from './stores/migrations.ts';
export { type Task } from './task.ts';
export { type NewTaskInput } from './task-input.ts';
export { type ChangeOptions, type TaskListOptions, type TaskOperations } from './task-operations.ts';
