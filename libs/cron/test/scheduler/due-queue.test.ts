import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { DueQueue, type Queued } from '../../src/scheduler/due-queue.ts';

interface Item extends Queued {
  readonly at: number;
}

const operation = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('push' as const), at: fc.integer({ min: 0, max: 20 }) }) },
  { weight: 2, arbitrary: fc.constant({ do: 'pop' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), index: fc.nat() }) },
);

it('gives items by instant and then by order, however they came and went', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 300 }), (operations) => {
      const queue = new DueQueue<Item>();
      let model: Item[] = [];
      const popped: [Item | undefined, Item | undefined][] = [];
      const before = (a: Item, b: Item): number => a.at - b.at || a.order - b.order;
      operations.forEach((each, order) => {
        if (each.do === 'push') {
          const item = { position: -1, order, at: each.at };
          queue.push(item, each.at);
          model.push(item);
        } else if (each.do === 'pop') {
          const [first, ...rest] = model.toSorted(before);
          popped.push([queue.pop(), first]);
          model = rest;
        } else if (model.length > 0) {
          const [item] = model.splice(each.index % model.length, 1);
          queue.remove(item!);
          queue.remove(item!); // harmless
        }
        expect(queue.size).toBe(model.length);
        expect(queue.firstAt).toBe(Math.min(...model.map(({ at }) => at)));
      });
      for (const item of model.toSorted(before)) popped.push([queue.pop(), item]);
      for (const [item, expected] of popped) expect(item).toBe(expected);
      expect(queue.pop()).toBeUndefined();
    }),
    { numRuns: 200 },
  );
});
