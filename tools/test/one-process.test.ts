import type { Database } from '@staddle/database';
import { silentLogger } from '@staddle/kernel';
import type { Service } from '@staddle/service';
import { expect, it } from 'vitest';
import { inOneProcess } from '../start/one-process.ts';

const late = new Error('the scheduler did not stop by its deadline');

function made(failing: readonly string[]): { readonly stopped: string[]; stop(): Promise<void> } {
  const stopped: string[] = [];
  const stopping = (name: string) => async (): Promise<void> => {
    await Promise.resolve();
    stopped.push(name);
    if (failing.includes(name)) throw late;
  };
  const service = (name: string): Service => ({ name, logger: silentLogger, ready: Promise.resolve(), start: async () => {}, stop: stopping(name) }) as unknown as Service;
  const all = inOneProcess({
    stopOrder: [[service('scheduler')], [service('shortener'), service('push')]],
    database: { close: stopping('database') } as unknown as Database,
    warnings: [],
    onReady: () => {},
  });
  return { stopped, stop: () => all.stop() };
}

it('stops the groups one after the other and closes the database last', async () => {
  const { stopped, stop } = made([]);
  await stop();
  expect(stopped).toEqual(['scheduler', 'shortener', 'push', 'database']);
});

it('stops the others, and closes the database, also when one of them fails to stop', async () => {
  for (const failing of ['scheduler', 'shortener', 'push', 'database']) {
    const { stopped, stop } = made([failing]);
    await expect(stop()).rejects.toBe(late);
    expect(stopped).toEqual(['scheduler', 'shortener', 'push', 'database']);
  }
});
