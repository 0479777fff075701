import type { Counter, Gauge, Histogram, MetricOptions, Metrics } from '@staddle/kernel';
import * as prom from 'prom-client';
import { InvalidMetricError, MetricConflictError } from './errors.ts';

/*
 * Kernel's `Metrics` port on prom-client.
 *
 * 1. The registry is this object's own, never prom-client's global one: two services in one process do not meet.
 * 2. Asking again for a metric gives the same one. The same name with another meaning is an error at the place that asks.
 * 3. Memory is bounded: a metric keeps at most `maxSeries` combinations of label values. What comes later is counted under
 *    `__other__`, and `metrics_series_dropped_total` tells that it happened. Totals stay right, only their split is lost.
 * 4. Counting never throws: a value that Prometheus cannot hold is refused and counted in `metrics_samples_refused_total`.
 */

export interface MetricsOptions {
  /** Put before the name of every metric but the process's own: `staddle_`. Default: none. */
  readonly prefix?: string;
  /** Adds the metrics of process and runtime: CPU, memory, event loop, garbage collection. Default false. */
  readonly defaultMetrics?: boolean;
  /** Most combinations of label values that one metric keeps. Default 1000. */
  readonly maxSeries?: number;
}

export interface MetricsRegistry {
  readonly metrics: Metrics;
  /** All metrics in the Prometheus text format. */
  text(): Promise<string>;
  /** The `Content-Type` of {@link MetricsRegistry.text}. */
  readonly contentType: string;
}

export const OTHER = '__other__';

// A label value is a word out of a small set. A longer one is a mistake that should not also cost memory.
const LONGEST_LABEL_VALUE = 128;
const MAX_SERIES = 1_000;

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;
// prom-client writes these itself.
const RESERVED_LABELS = new Set(['le', 'quantile']);

type LabelValues = Record<string, string>;
type Definition = MetricOptions & { readonly buckets?: readonly number[] };

interface Known {
  readonly signature: string;
  readonly instrument: Counter | Gauge | Histogram;
}

/** Builds a registry. Make one per service. */
export function createMetrics({ prefix = '', defaultMetrics = false, maxSeries = MAX_SERIES }: MetricsOptions = {}): MetricsRegistry {
  const registry = new prom.Registry();
  const known = new Map<string, Known>();
  if (defaultMetrics) prom.collectDefaultMetrics({ register: registry });

  const own = (name: string, help: string): prom.Counter<'metric'> => new prom.Counter({ name: prefix + name, help, labelNames: ['metric'], registers: [registry] });
  const seriesDropped = own('metrics_series_dropped_total', 'Observations counted under __other__ because their metric has too many series');
  const samplesRefused = own('metrics_samples_refused_total', 'Values that a metric cannot hold: not finite, or negative for a counter');

  /** Gives the instrument of a name, made by `make` when there is none yet. */
  const define = <I extends Known['instrument']>(type: string, options: Definition, make: (config: Config) => I): I => {
    const name = prefix + options.name;
    const labelNames = [...(options.labels ?? [])];
    check(name, labelNames, options);
    const signature = `${type} of (${labelNames.toSorted().join(', ')})${options.buckets ? ` in buckets ${options.buckets.join(', ')}` : ''}`;
    const before = known.get(name);
    if (before) {
      if (before.signature !== signature) throw new MetricConflictError(name, before.signature, signature);
      return before.instrument as I;
    }
    if (registry.getSingleMetric(name)) throw new MetricConflictError(name, 'a metric of the process', signature);
    const instrument = make({ name, help: options.help, labelNames, registers: [registry] });
    known.set(name, { signature, instrument });
    return instrument;
  };

  /** The labels to count under: those given, or `__other__` for all once the metric is full. */
  const seriesOf = ({ name, labelNames }: Config): ((labels: LabelValues | undefined) => LabelValues) => {
    if (labelNames.length === 0) return () => ({});
    const seen = new Set<string>();
    const other = Object.fromEntries(labelNames.map((label) => [label, OTHER]));
    return (labels) => {
      const values = labelNames.map((label) => String(labels?.[label] ?? '').slice(0, LONGEST_LABEL_VALUE));
      const key = values.length === 1 ? values[0]! : JSON.stringify(values);
      if (!seen.has(key)) {
        if (seen.size >= maxSeries) {
          seriesDropped.inc({ metric: name });
          return other;
        }
        seen.add(key);
      }
      return Object.fromEntries(labelNames.map((label, index) => [label, values[index]!]));
    };
  };

  const accepts = (name: string, value: number, least: number): boolean => {
    if (Number.isFinite(value) && value >= least) return true;
    samplesRefused.inc({ metric: name });
    return false;
  };

  const metrics: Metrics = {
    counter: (options) =>
      define<Counter>('counter', options, (config) => {
        const counter = new prom.Counter(config);
        const series = seriesOf(config);
        return {
          add(value = 1, labels) {
            if (accepts(config.name, value, 0)) counter.inc(series(labels), value);
          },
        };
      }),
    gauge: (options) =>
      define<Gauge>('gauge', options, (config) => {
        const gauge = new prom.Gauge(config);
        const series = seriesOf(config);
        return {
          set(value, labels) {
            if (accepts(config.name, value, Number.NEGATIVE_INFINITY)) gauge.set(series(labels), value);
          },
        };
      }),
    histogram: (options) =>
      define<Histogram>('histogram', options, (config) => {
        const histogram = new prom.Histogram({ ...config, ...(options.buckets ? { buckets: [...options.buckets] } : {}) });
        const series = seriesOf(config);
        return {
          observe(value, labels) {
            if (accepts(config.name, value, Number.NEGATIVE_INFINITY)) histogram.observe(series(labels), value);
          },
        };
      }),
  };
  return { metrics, text: () => registry.metrics(), contentType: registry.contentType };
}

interface Config {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
  readonly registers: prom.Registry[];
}

function check(name: string, labelNames: readonly string[], { help, buckets }: Definition): void {
  if (!METRIC_NAME.test(name)) throw new InvalidMetricError(name, 'has a name outside of [a-zA-Z_:][a-zA-Z0-9_:]*');
  if (help.trim() === '') throw new InvalidMetricError(name, 'has no help text');
  for (const [index, label] of labelNames.entries()) {
    if (!LABEL_NAME.test(label) || RESERVED_LABELS.has(label)) throw new InvalidMetricError(name, `has the label ${JSON.stringify(label)}, which Prometheus does not allow`);
    if (labelNames.indexOf(label) !== index) throw new InvalidMetricError(name, `has the label ${label} twice`);
  }
  if (buckets && !buckets.every((bound, index) => Number.isFinite(bound) && (index === 0 || bound > buckets[index - 1]!))) throw new InvalidMetricError(name, 'has buckets that do not rise');
}
