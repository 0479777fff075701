import { hasCode, sleep } from '@staddle/kernel';
import type { Oracle } from './oracle.ts';
import type { Plan } from './plan.ts';
import { terms, work, type Scene } from './tasks.ts';

interface Run {
  readonly job: 'skip' | 'retry';
  readonly fireTime: number;
  began: number;
  ended: number;
}

/** What the jobs of a simulation have done: I7. */
export class Runs {
  readonly #oracle: Oracle;
  readonly #runs = new Map<string, Run>();

  constructor(oracle: Oracle) {
    this.#oracle = oracle;
  }

  /** Calls for one run. True when nothing is left to do: it is done, or will never be. */
  async run(scene: Scene, job: Run['job'], fireTime: number, overlap: 'skip' | 'wait' | 'allow'): Promise<boolean> {
    const { locks, machine, oracle } = scene;
    const id = `${job}@${fireTime}`;
    const run = this.#runs.get(id) ?? { job, fireTime, began: 0, ended: 0 };
    this.#runs.set(id, run);
    const { ttlMs } = terms(scene);
    const result = await oracle.timed(machine, `run ${id}`, [], Infinity, () =>
      locks.runOnce(
        job,
        fireTime,
        async (lease) => {
          const shares = lease.names.map((name) => ({ kind: name === job ? ('mutex' as const) : ('run' as const), name, weight: 1, capacity: 1 }));
          const stay = oracle.enter(machine, lease, shares);
          run.began += 1;
          if (stay !== undefined) {
            await work(scene, stay, lease);
            oracle.leave(stay);
          }
          run.ended += 1;
        },
        { ttlMs, onCrash: job, overlap },
      ),
    );
    if (result.ran) return true;
    if (result.reason === 'crashed' && job === 'retry') oracle.fault(`I7: ${id} is to be retried, but counts as crashed`);
    return result.reason !== 'claimed';
  }

  /** Keeps calling for every run that is to be retried, until each is done. */
  async finish(scene: Scene): Promise<void> {
    for (const { job, fireTime } of this.#runs.values()) {
      if (job === 'skip') continue;
      for (;;) {
        const isDone = await this.run(scene, job, fireTime, 'allow').catch((error: unknown) => {
          if (hasCode(error, 'ERR_LOCK_LOST') || hasCode(error, 'ERR_LOCK_UNAVAILABLE')) return false;
          throw error;
        });
        if (isDone) break;
        await sleep(200, { clock: scene.machine.clock });
      }
    }
  }

  check({ upheavals, isCalm }: Plan): void {
    for (const [id, { job, began, ended }] of this.#runs) {
      // A store that has lost its data does not know what was done.
      if (job === 'skip' && began > 1 && upheavals === 0) this.#oracle.fault(`I7: ${id} ran ${began} times`);
      if (job === 'retry' && ended === 0) this.#oracle.fault(`I7: ${id} never came to its end, of ${began} runs`);
      if (isCalm && job === 'retry' && began !== 1) this.#oracle.fault(`I7: ${id} ran ${began} times although nothing went wrong`);
    }
  }
}
