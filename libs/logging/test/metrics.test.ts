import type { Metrics } from '@staddle/kernel';
import { createMetrics, OTHER } from '@staddle/logging';
import { describe, expect, expectTypeOf, it } from 'vitest';

async function samples({ text }: { text(): Promise<string> }): Promise<string[]> {
  return (await text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

describe('createMetrics', () => {
  it('counts, sets and observes in the Prometheus text format', async () => {
    const registry = createMetrics({ prefix: 'shop_' });
    const { metrics } = registry;
    const orders = metrics.counter({ name: 'orders_total', help: 'Orders taken', labels: ['kind'] });
    orders.add(1, { kind: 'web' });
    orders.add(2.5, { kind: 'web' });
    metrics.counter({ name: 'plain_total', help: 'Plain' }).add();
    metrics.gauge({ name: 'open', help: 'Open orders' }).set(-3);
    metrics.histogram({ name: 'wait_seconds', help: 'Wait', labels: ['kind'], buckets: [0.1, 1] }).observe(0.5, { kind: 'web' });
    expect(await samples(registry)).toEqual([
      'shop_orders_total{kind="web"} 3.5',
      'shop_plain_total 1',
      'shop_open -3',
      'shop_wait_seconds_bucket{le="0.1",kind="web"} 0',
      'shop_wait_seconds_bucket{le="1",kind="web"} 1',
      'shop_wait_seconds_bucket{le="+Inf",kind="web"} 1',
      'shop_wait_seconds_sum{kind="web"} 0.5',
      'shop_wait_seconds_count{kind="web"} 1',
    ]);
    expect(await registry.text()).toContain('# HELP shop_orders_total Orders taken\n# TYPE shop_orders_total counter\n');
    expect(registry.contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
  });

  it('gives the same instrument for the same name', async () => {
    const registry = createMetrics();
    const ask = (): { add(): void } => registry.metrics.counter({ name: 'a_total', help: 'A', labels: [] });
    expect(ask()).toBe(ask());
    ask().add();
    ask().add();
    expect(await samples(registry)).toEqual(['a_total 2']);
    registry.metrics.counter({ name: 'l_total', help: 'L', labels: ['x', 'y'] });
    expect(() => registry.metrics.counter({ name: 'l_total', help: 'other words', labels: ['y', 'x'] })).not.toThrow();
  });

  it('keeps to its own registry', async () => {
    const one = createMetrics();
    const two = createMetrics();
    one.metrics.counter({ name: 'a_total', help: 'A' }).add();
    expect(() => two.metrics.gauge({ name: 'a_total', help: 'A' })).not.toThrow();
    expect(await samples(two)).toEqual(['a_total 0']);
  });

  it.each<[string, (metrics: Metrics) => unknown, string]>([
    ['another type', (m) => m.gauge({ name: 'a', help: 'A', labels: ['x'] }), 'metric a exists as counter of (x) and was asked for as gauge of (x)'],
    ['other labels', (m) => m.counter({ name: 'a', help: 'A', labels: ['y'] }), 'metric a exists as counter of (x) and was asked for as counter of (y)'],
    ['other buckets', (m) => m.histogram({ name: 'h', help: 'H', buckets: [1, 3] }), 'metric h exists as histogram of () in buckets 1, 2 and was asked for as histogram of () in buckets 1, 3'],
    ['the name of a process metric', (m) => m.gauge({ name: 'process_cpu_seconds_total', help: 'x' }), 'metric process_cpu_seconds_total exists as a metric of the process and was asked for as gauge of ()'],
    ['the name of its own counter', (m) => m.counter({ name: 'metrics_series_dropped_total', help: 'x' }), 'metric metrics_series_dropped_total exists as a metric of the process and was asked for as counter of ()'],
  ])('refuses one name with %s', (_name, ask, message) => {
    const { metrics } = createMetrics({ defaultMetrics: true });
    metrics.counter({ name: 'a', help: 'A', labels: ['x'] });
    metrics.histogram({ name: 'h', help: 'H', buckets: [1, 2] });
    expect(() => ask(metrics)).toThrow(expect.objectContaining({ code: 'ERR_LOGGING_METRIC_CONFLICT', message }));
  });

  it.each<[string, (metrics: Metrics) => unknown]>([
    ['a dash in the name', (m) => m.counter({ name: 'a-b', help: 'A' })],
    ['an empty name', (m) => m.counter({ name: '', help: 'A' })],
    ['no help', (m) => m.gauge({ name: 'a', help: ' ' })],
    ['a dot in a label', (m) => m.counter({ name: 'a', help: 'A', labels: ['a.b'] })],
    ['a reserved label', (m) => m.histogram({ name: 'a', help: 'A', labels: ['le'] })],
    ['a label of Prometheus itself', (m) => m.counter({ name: 'a', help: 'A', labels: ['__name__'] })],
    ['a label twice', (m) => m.counter({ name: 'a', help: 'A', labels: ['x', 'x'] })],
    ['falling buckets', (m) => m.histogram({ name: 'a', help: 'A', buckets: [2, 1] })],
    ['infinite buckets', (m) => m.histogram({ name: 'a', help: 'A', buckets: [1, Infinity] })],
  ])('refuses %s', (_name, ask) => {
    expect(() => ask(createMetrics().metrics)).toThrow(expect.objectContaining({ code: 'ERR_LOGGING_METRIC_INVALID' }));
  });

  it('keeps memory bounded under 100000 label values, and the totals right', async () => {
    const registry = createMetrics();
    const counter = registry.metrics.counter({ name: 'c_total', help: 'C', labels: ['id', 'kind'] });
    const histogram = registry.metrics.histogram({ name: 'h', help: 'H', labels: ['id'], buckets: [1] });
    globalThis.gc?.();
    for (let i = 0; i < 100_000; i++) {
      counter.add(1, { id: `id-${i}`, kind: 'x' });
      histogram.observe(1, { id: `id-${i}` });
    }
    const all = await samples(registry);
    const counted = all.filter((line) => line.startsWith('c_total{'));
    expect(counted).toHaveLength(1_001);
    expect(counted.at(-1)).toBe(`c_total{id="${OTHER}",kind="${OTHER}"} 99000`);
    expect(counted.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)).toBe(100_000);
    expect(all.filter((line) => line.startsWith('h_count'))).toHaveLength(1_001);
    expect(all).toContain('metrics_series_dropped_total{metric="c_total"} 99000');
    // Known series go on being counted.
    counter.add(1, { id: 'id-0', kind: 'x' });
    expect(await samples(registry)).toContain('c_total{id="id-0",kind="x"} 2');
  });

  it('cuts long label values and takes what does not fit its labels in stride', async () => {
    const registry = createMetrics({ maxSeries: 3 });
    const counter = registry.metrics.counter({ name: 'c_total', help: 'C', labels: ['x'] });
    counter.add(1, { x: 'y'.repeat(10_000) });
    counter.add(1, { z: 'undeclared' } as unknown as { x: string });
    counter.add();
    counter.add(1, { x: 'quote " newline \n' });
    expect(await samples(registry)).toEqual([`c_total{x="${'y'.repeat(128)}"} 1`, 'c_total{x=""} 2', 'c_total{x="quote \\" newline \\n"} 1']);
  });

  it('refuses values that Prometheus cannot hold, and counts them', async () => {
    const registry = createMetrics();
    const { metrics } = registry;
    const counter = metrics.counter({ name: 'c_total', help: 'C' });
    const gauge = metrics.gauge({ name: 'g', help: 'G' });
    const histogram = metrics.histogram({ name: 'h', help: 'H', buckets: [1] });
    for (const value of [-1, NaN, Infinity, '1' as unknown as number]) counter.add(value);
    gauge.set(NaN);
    histogram.observe(Infinity);
    expect(await samples(registry)).toEqual(expect.arrayContaining(['c_total 0', 'g 0', 'h_count 0', 'metrics_samples_refused_total{metric="c_total"} 4', 'metrics_samples_refused_total{metric="g"} 1', 'metrics_samples_refused_total{metric="h"} 1']));
  });

  it('adds the metrics of the process when asked to, under their usual names', async () => {
    expect(await createMetrics({ prefix: 'x_', defaultMetrics: true }).text()).toMatch(/^process_cpu_seconds_total \d/m);
    expect(await createMetrics().text()).not.toContain('process_');
  });

  it('is the metrics port of the kernel', () => {
    expectTypeOf(createMetrics().metrics).toEqualTypeOf<Metrics>();
    const counter = createMetrics().metrics.counter({ name: 'a', help: 'A', labels: ['kind'] });
    // @ts-expect-error an undeclared label
    counter.add(1, { other: 'x' });
  });
});
