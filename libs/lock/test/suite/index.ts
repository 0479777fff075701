import { afterEach, beforeEach, describe } from 'vitest';
import { House, type LocksUnderTest } from './house.ts';
import { describeLimits } from './limits.ts';
import { describeNames } from './names.ts';
import { describeOwnership } from './ownership.ts';
import { describeRuns } from './runs.ts';
import { describeSeveralNames } from './several-names.ts';
import { describeShared } from './shared.ts';
import { describeUsing } from './using.ts';

/**
 * The public interface, alike on every store: acceptance tests 31 to 41 and 47. Not of `@staddle/lock/testing`: whoever writes
 * a driver proves it by `describeLockDriver`; this suite proves what the core makes of drivers.
 */
export function describeLocks(storeName: string, make: () => Promise<LocksUnderTest>): void {
  describe(`locks on ${storeName}`, () => {
    let current: House | undefined;
    const house = (): House => {
      if (!current) throw new Error('a house exists only within a test');
      return current;
    };
    beforeEach(async () => {
      current = new House(await make());
    });
    afterEach(async () => {
      await current?.close();
      current = undefined;
    });

    describeOwnership(house);
    describeUsing(house);
    describeSeveralNames(house);
    describeShared(house);
    describeRuns(house);
    describeLimits(house);
    describeNames(house);
  });
}
