import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { bitSetOf, hasBit, nextBit } from '../src/expression/bit-set.ts';

it('answers like a sorted set of numbers from 0 to 59', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 59 })), fc.integer({ min: 0, max: 60 }), (values, from) => {
      const set = bitSetOf(values);
      const sorted = values.toSorted((a, b) => a - b);
      expect(nextBit(set, from)).toBe(sorted.find((value) => value >= from) ?? -1);
      expect(hasBit(set, Math.min(from, 59))).toBe(values.includes(Math.min(from, 59)));
    }),
  );
});
