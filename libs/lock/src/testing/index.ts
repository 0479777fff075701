import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeCapacity } from './capacity.ts';
import { describeFences } from './fences.ts';
import { describeInspection } from './inspection.ts';
import { describeLeases } from './leases.ts';
import { describeLostAnswers } from './lost-answers.ts';
import { describeMessages } from './messages.ts';
import { describeNames } from './names.ts';
import { describeQueue } from './queue.ts';
import { describeRuns } from './runs.ts';
import { Stage, type LockDriverUnderTest } from './stage.ts';
import { describeWatchdog } from './watchdog.ts';

export type { LockDriverUnderTest } from './stage.ts';

export interface LockDriverContractOptions {
  /** Titles of tests that the driver does not have to pass, and why. */
  readonly skip?: Readonly<Record<string, string>>;
  /** Optional parts of the contract that the driver leaves out, which is checked. Default: it has them all. */
  readonly lacks?: readonly ('messages' | 'watchdog')[];
}

/**
 * The contract of `LockDriver` as tests: `describeLockDriver('redis', async () => ({ driver, pass, another, close }))`.
 * `make` is called for every test and gives a store that has no locks yet.
 */
export function describeLockDriver(driverName: string, make: () => Promise<LockDriverUnderTest>, { skip = {}, lacks = [] }: LockDriverContractOptions = {}): void {
  describe(`lock driver contract: ${driverName}`, () => {
    let current: Stage | undefined;
    const stage = (): Stage => {
      if (!current) throw new Error('a stage exists only within a test');
      return current;
    };

    beforeEach(async ({ skip: skipTest, task }) => {
      const reason = skip[task.name];
      if (reason !== undefined) skipTest(reason);
      current = new Stage(await make());
    });
    afterEach(async () => {
      await current?.close();
      current = undefined;
    });

    describeLeases(stage);
    describeFences(stage);
    describeQueue(stage);
    describeCapacity(stage);
    describeRuns(stage);
    describeLostAnswers(stage);
    describeInspection(stage);
    describeNames(stage);

    const has = { messages: !lacks.includes('messages'), watchdog: !lacks.includes('watchdog') };
    if (has.messages) describeMessages(stage);
    if (has.watchdog) describeWatchdog(stage);
    it('has the optional parts that it does not lack', () => {
      const { connect, watchdog } = stage().driver;
      expect({ messages: connect !== undefined, watchdog: watchdog !== undefined }).toEqual(has);
    });
  });
}
