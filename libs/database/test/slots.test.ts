import { createTestClock } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import { Slots } from '../src/slots.ts';

const timeout = (): Error => new Error('too late');

describe('Slots', () => {
  it('hands a slot to the longest waiter, not to the newcomer', async () => {
    const slots = new Slots(1, createTestClock());
    const order: string[] = [];
    const first = await slots.take(100, timeout);
    const second = slots.take(100, timeout).then((give) => (order.push('second'), give));
    first();
    const third = slots.take(100, timeout).then((give) => (order.push('third'), give));
    (await second)();
    (await third)();
    expect(order).toEqual(['second', 'third']);
    expect(slots.used).toBe(0);
  });

  it('refuses a waiter at its deadline and keeps the slot for the next', async () => {
    const clock = createTestClock();
    const slots = new Slots(1, clock);
    const give = await slots.take(100, timeout);
    const impatient = slots.take(100, timeout);
    const patient = slots.take(1_000, timeout);
    const refused = expect(impatient).rejects.toThrow('too late');
    await clock.advance(100);
    await refused;
    give();
    (await patient)();
    expect(clock.pendingTimers).toBe(0);
  });

  it('counts a slot that is given back twice once', async () => {
    const slots = new Slots(2, createTestClock());
    const give = await slots.take(100, timeout);
    await slots.take(100, timeout);
    give();
    give();
    expect(slots.used).toBe(1);
  });

  it('refuses new and waiting callers once closed, and tells when all slots are back', async () => {
    const slots = new Slots(1, createTestClock());
    const give = await slots.take(100, timeout);
    const waiting = expect(slots.take(100, timeout)).rejects.toThrow('closed');
    const idle = slots.close(new Error('closed'));
    await waiting;
    await expect(slots.take(100, timeout)).rejects.toThrow('closed');
    give();
    await idle;
  });
});
