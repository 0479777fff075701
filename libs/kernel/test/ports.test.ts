import { describe, expect, it } from 'vitest';
import { noMetrics, silentLogger, type Lifecycle, type Logger, type Metrics } from '@staddle/kernel';

describe('silentLogger', () => {
  it('takes every level and drops it', () => {
    const logger: Logger = silentLogger.child({ lock: 'a' });
    for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) expect(logger[level]({ err: new Error('x') }, 'text')).toBeUndefined();
  });

  it('wants the fields first', () => {
    // @ts-expect-error a message alone is not a log line
    expect(() => silentLogger.info('text')).not.toThrow();
  });
});

describe('noMetrics', () => {
  it('has every instrument and counts nothing', () => {
    const metrics: Metrics = noMetrics;
    expect(metrics.counter({ name: 'runs_total', help: 'Runs', labels: ['state'] }).add(1, { state: 'done' })).toBeUndefined();
    expect(metrics.counter({ name: 'runs_total', help: 'Runs' }).add()).toBeUndefined();
    expect(metrics.gauge({ name: 'waiting', help: 'Waiting' }).set(3)).toBeUndefined();
    expect(metrics.histogram({ name: 'run_seconds', help: 'Run time', buckets: [1, 5] }).observe(2)).toBeUndefined();
  });

  it('knows the declared labels', () => {
    const runs = noMetrics.counter({ name: 'runs_total', help: 'Runs', labels: ['state'] });
    // @ts-expect-error a label that was not declared
    runs.add(1, { user: 'alice' });
    // @ts-expect-error a declared label is missing
    expect(runs.add(1, {})).toBeUndefined();
  });
});

describe('Lifecycle', () => {
  it('is a shape that any class can have', async () => {
    class Worker {
      readonly name = 'worker';
      running = false;
      async start(): Promise<void> {
        this.running = true;
      }
      async stop(): Promise<void> {
        this.running = false;
      }
    }
    const worker = new Worker();
    const lifecycle: Lifecycle = worker;
    await lifecycle.start();
    expect(worker.running).toBe(true);
    await lifecycle.stop(AbortSignal.timeout(1_000));
    expect(worker.running).toBe(false);
  });
});
