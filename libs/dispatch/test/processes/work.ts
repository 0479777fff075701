import { createDispatch } from '@staddle/dispatch';
import { openDatabase } from '@staddle/database';
import { argv } from 'node:process';

/*
 * One process of a cluster: plans and works until SIGTERM. Leases are short, so that a test does not wait long for them.
 *
 * - `note` prints the run it is called for.
 * - `hold` prints `holding`, works for a second and says whether the run is still its own. Called again for the same
 *   run, after its first owner went away, it ends at once.
 */
const database = openDatabase({ url: argv[2]!, lockTimeoutMs: 20_000 });
const log = (_fields: object, message: string): void => console.log(message);
const logger = { trace() {}, debug() {}, info: log, warn: log, error: log, fatal: log, child: () => logger };

const dispatch = createDispatch({
  database,
  owner: `process-${process.pid}`,
  leaseMs: 1_500,
  sweepMs: 100,
  logger,
  handlers: {
    note: ({ run }) => console.log(`ran ${run.uid}`),
    async hold({ run, assertOwned }) {
      if (run.claims > 1) return 'second';
      console.log('holding');
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      try {
        assertOwned();
        console.log('still owned');
      } catch (error) {
        console.log(`not owned: ${(error as { code: string }).code}`);
      }
      return 'first';
    },
  },
});

process.once('SIGTERM', () => {
  void dispatch.stop().then(() => database.close());
});
await dispatch.start();
console.log('started');
