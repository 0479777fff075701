import { backoffMs, runInContext, sleep, type Clock, type Logger } from '@staddle/kernel';
import { isTransient } from '@staddle/database';
import { HandlerTimeoutError } from './errors.ts';
import type { Handler, HandlerContext } from './handler.ts';
import type { Lease } from './lease-keeper.ts';
import { runMachine, type RunEvent } from './machines.ts';
import type { ClaimedRun, RunOutcome, RunRecord, RunStore } from './run-store.ts';
import { RunFlags, type RunPhase } from './states.ts';
import { errorJson, readJson, resultJson } from './stored-json.ts';
import { parsePayload } from './task-input.ts';

/*
 * One claimed run from its start to its stored outcome.
 *
 * CLAIMED -> RUNNING            before the handler is called
 * RUNNING -> SUCCEEDED          the handler resolved
 * RUNNING -> FAILED             it threw; with TIMED_OUT when it had not ended at its timeout
 * CLAIMED or RUNNING -> READY   the process stops
 *
 * Every write matches the fence of the claim, so a run that was taken over meanwhile is not touched. A write that fails
 * because the store is away is repeated until it is back: the claim stays valid until someone takes the run over.
 */

export interface ExecutionOptions {
  readonly runs: RunStore;
  readonly handler: Handler;
  readonly run: ClaimedRun;
  readonly lease: Lease;
  /** True once the process stops: a run that has not started goes back. */
  readonly isStopping: () => boolean;
  /** Aborts when stored outcomes are not to be waited for any longer. */
  readonly giveUp: AbortSignal;
  readonly onChange: (run: RunRecord) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Execution {
  /** Resolves when the outcome is stored, or cannot be; never rejects. */
  readonly recorded: Promise<RunPhase | 'handed-back' | 'fenced' | 'unrecorded'>;
  /** Resolves when the handler has really ended: nothing can end a function that ignores its signal. */
  readonly ended: Promise<void>;
}

// What a handler gets to clean up after its signal aborted, before its outcome is decided without it.
const ABORT_GRACE_MS = 1_000;

// A store that comes back should hear of outcomes at once, from all processes, but not in the same millisecond.
const RETRY = { baseMs: 100, capMs: 2_000 } as const;

type Settled = { readonly kind: 'resolved'; readonly value: unknown } | { readonly kind: 'rejected'; readonly error: unknown } | { readonly kind: 'abandoned' };

export function executeRun(options: ExecutionOptions): Execution {
  const { runs, handler, run, lease, isStopping, giveUp, onChange, clock, logger } = options;
  let handlerEnded = Promise.resolve();
  let state = run.state;

  const recorded = (async () => {
    try {
      return await runInContext({ cron_task: run.taskUid, run_id: run.uid }, carryOut);
    } catch (err) {
      logger.error({ err, run_id: run.uid }, 'the outcome of a run could not be stored; it will be started again when its lease has ended');
      return 'unrecorded';
    } finally {
      lease.drop();
    }
  })();
  return { recorded, ended: recorded.then(() => handlerEnded) };

  async function carryOut(): ReturnType<typeof executeRun>['recorded'] {
    if (isStopping()) return handBack();
    if (!(await stored(() => runs.start(lease.ref)))) return fenced();
    changed('start');
    // The start may have waited for the store longer than the lease lasted.
    if (lease.lost) return fenced();
    const settled = await callHandler();
    const timedOut = lease.signal.reason instanceof HandlerTimeoutError;
    if (timedOut) return finish({ event: 'timeOut', result: null, error: errorJson(lease.signal.reason) });
    if (settled.kind === 'resolved') return finish({ event: 'succeed', result: resultJson(settled.value), error: null });
    // Interrupted from outside: not the handler's failure. A lost run belongs to whoever takes it, or is about to.
    if (lease.lost) return fenced();
    if (lease.signal.aborted) return handBack();
    if (settled.kind === 'abandoned') return fenced();
    logger.warn({ err: settled.error }, 'run failed');
    return finish({ event: 'fail', result: null, error: errorJson(settled.error) });
  }

  function callHandler(): Promise<Settled> {
    const { timeoutMs } = handler;
    const timer = timeoutMs === undefined ? undefined : clock.setTimer(() => lease.abort(new HandlerTimeoutError(timeoutMs)), timeoutMs);
    const work = (async (): Promise<Settled> => {
      try {
        const payload = parsePayload(handler, readJson(run.payload));
        return { kind: 'resolved', value: await handler.run(contextOf(payload)) };
      } catch (error) {
        return { kind: 'rejected', error };
      }
    })();
    handlerEnded = work.then(() => timer?.cancel());
    const abandoned = new Promise<Settled>((resolve) => {
      const onAbort = (): void => void clock.setTimer(() => resolve({ kind: 'abandoned' }), ABORT_GRACE_MS, { keepAlive: false });
      lease.signal.addEventListener('abort', onAbort, { once: true });
      void handlerEnded.then(() => lease.signal.removeEventListener('abort', onAbort));
    });
    return Promise.race([work, abandoned]);
  }

  function contextOf(payload: unknown): HandlerContext {
    return {
      run: {
        uid: run.uid,
        manual: RunFlags.has(run.state, 'Manual'),
        scheduledAt: run.scheduledAt,
        attempt: run.attempt,
        claims: run.claims,
      },
      task: {
        uid: run.taskUid,
        module: run.module,
        handler: run.handler,
        title: run.taskTitle ?? undefined,
        userName: run.taskUserName ?? undefined,
        bizKey: run.taskBizKey ?? undefined,
      },
      payload,
      signal: lease.signal,
      fence: run.fence,
      assertOwned: lease.assertOwned,
      log: logger,
    };
  }

  async function finish(outcome: RunOutcome): Promise<RunPhase | 'fenced'> {
    if (!(await stored(() => runs.finish(lease.ref, outcome)))) return fenced();
    return changed(outcome.event, outcome.error);
  }

  async function handBack(): Promise<'handed-back' | 'fenced'> {
    const event = runMachine.can(state, 'interrupt') ? 'interrupt' : 'handBack';
    if (!(await stored(() => runs.release(lease.ref, event)))) return fenced();
    changed(event);
    return 'handed-back';
  }

  function fenced(): 'fenced' {
    logger.warn({ fence: run.fence }, 'this claim of the run is not valid any more; its outcome here is discarded');
    return 'fenced';
  }

  /** The store has done the event, so this run was in a state for it. */
  function changed(event: RunEvent, error: string | null = null): RunPhase {
    state = runMachine.next(state, event)!;
    onChange({ ...run, state, error });
    return RunFlags.which(state, 'phase')!;
  }

  /** Repeats a write while the store is away. */
  async function stored<T>(write: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await write();
      } catch (error) {
        if (!isTransient(error) || giveUp.aborted) throw error;
        await sleep(1 + backoffMs(attempt, RETRY), { signal: giveUp, clock });
      }
    }
  }
}
