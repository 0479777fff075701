import { EventEmitter, once } from 'node:events';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { bindContext, contextFields, runInContext } from '@staddle/logging';
import { describe, expect, it } from 'vitest';
import { recordingLogger } from './recording.ts';

const FLOWS = 1_000;

describe('context', () => {
  it('never mixes 1000 flows that cross in timers, emitters, streams and shared resources', async () => {
    const { logger, to } = recordingLogger();
    const shared = new EventEmitter().setMaxListeners(0);
    // A pool in small: whoever is done wakes the one that waits, in the context of the waker.
    const waiting: (() => void)[] = [];
    let free = 10;
    const acquire = (): Promise<void> =>
      new Promise((resolve) => {
        if (free > 0) {
          free--;
          resolve();
        } else waiting.push(resolve);
      });
    const release = (): void => {
      const next = waiting.shift();
      if (next) next();
      else free++;
    };

    let arrived = 0;
    const allArrived = Promise.withResolvers<void>();

    const flow = (id: number): Promise<void> =>
      runInContext({ request_id: `r${id}` }, async () => {
        const log = (step: string): void => logger.info({ id }, step);
        log('start');
        await acquire();
        log('acquired');
        await delay(id % 7);
        shared.once('go', bindContext(() => log('emitter')));
        release();
        for await (const chunk of Readable.from([1, 2])) log(`chunk ${chunk}`);
        await new Promise<void>((resolve) => setImmediate(() => process.nextTick(() => queueMicrotask(() => (log('microtask'), resolve())))));
        const gone = once(shared, 'go');
        if (++arrived === FLOWS) allArrived.resolve();
        await gone;
        log('end');
      });
    const flows = Array.from({ length: FLOWS }, (_, id) => flow(id));
    await allArrived.promise;
    shared.emit('go');
    await Promise.all(flows);

    expect(to.lines).toHaveLength(7 * FLOWS);
    expect(to.lines.filter((line) => line['request_id'] !== `r${line.data!['id'] as number}`)).toEqual([]);
    expect(contextFields()).toEqual({});
  });
});
