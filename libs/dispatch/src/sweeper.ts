import type { Clock, Logger, Metrics } from '@staddle/kernel';
import { PoisonedRunError } from './errors.ts';
import { createLoop, type Loop } from './loop.ts';
import type { RunRecord, RunStore } from './run-store.ts';
import { RunFlags } from './states.ts';
import { errorJson } from './stored-json.ts';

export interface SweeperOptions {
  readonly runs: RunStore;
  readonly sweepMs: number;
  readonly maxClaims: number;
  /** Called after the commit, with runs that are READY or FAILED now. */
  readonly onReclaimed: (runs: readonly RunRecord[]) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

const BATCH_SIZE = 100;

/**
 * Takes runs from owners that are gone: a lease that ended on the store's clock makes its run READY again, or FAILED
 * when it has ended too many owners already. Every process may run it; a run is reclaimed once per lost claim.
 */
export function createSweeper({ runs, sweepMs, maxClaims, onReclaimed, clock, logger, metrics }: SweeperOptions): Loop {
  const reclaims = metrics.counter({ name: 'dispatch_reclaimed_total', help: 'Runs taken from owners that were gone, by what became of them.', labels: ['outcome'] });

  const tick = async (): Promise<number> => {
    const reclaimed = await runs.reclaim({ limit: BATCH_SIZE, maxClaims, poison: (claims) => errorJson(new PoisonedRunError(claims)) });
    for (const { uid, taskUid, state, claims } of reclaimed) {
      const poisoned = RunFlags.has(state, 'Poison');
      reclaims.add(1, { outcome: poisoned ? 'failed' : 'ready' });
      logger.warn({ run_id: uid, cron_task: taskUid, claims, poisoned }, 'the owner of a run is gone; the run was reclaimed');
    }
    if (reclaimed.length > 0) onReclaimed(reclaimed);
    return reclaimed.length === BATCH_SIZE ? 0 : sweepMs;
  };

  return createLoop({ name: 'sweeper', tick, clock, logger });
}
