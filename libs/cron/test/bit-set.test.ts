import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { BitSet, highestBit, lowestBit } from '../src/expression/bit-set.ts';

const value = fc.integer({ min: 0, max: 59 });

it('answers like a sorted set of numbers from 0 to 59', () => {
  fc.assert(
    fc.property(fc.uniqueArray(value), value, (values, from) => {
      const set = new BitSet();
      for (const member of values) set.add(member);
      const sorted = values.toSorted((a, b) => a - b);
      const next = (at: number): number => sorted.find((member) => member >= at) ?? -1;
      const prev = (at: number): number => sorted.findLast((member) => member <= at) ?? -1;
      expect([set.next(from), set.next(from + 1)]).toEqual([next(from), next(from + 1)]);
      expect([set.prev(from), set.prev(from - 1)]).toEqual([prev(from), prev(from - 1)]);
      expect(set.has(from)).toBe(values.includes(from));
    }),
  );
});

it('takes ranges with steps', () => {
  fc.assert(
    fc.property(value, value, fc.integer({ min: 1, max: 60 }), (first, last, step) => {
      const set = new BitSet();
      set.addRange(first, last, step);
      for (let member = 0; member < 60; member += 1) expect(set.has(member)).toBe(member >= first && member <= last && (member - first) % step === 0);
    }),
  );
});

it('gives its members below 32 as a word, whose lowest and highest bit are the first and the last of them', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 31 }), { minLength: 1 }), (values) => {
      const set = new BitSet();
      for (const member of values) set.add(member);
      expect(set.word >>> 0).toBe(values.reduce((sum, member) => sum + 2 ** member, 0));
      expect([lowestBit(set.word), highestBit(set.word)]).toEqual([Math.min(...values), Math.max(...values)]);
    }),
  );
});
