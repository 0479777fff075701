export interface MetricOptions<L extends string = string> {
  /** Prometheus name with its unit: `dispatch_runs_total`, `http_request_duration_seconds`. */
  readonly name: string;
  readonly help: string;
  /** Declared label names. Values must come from a small set, never from ids. */
  readonly labels?: readonly L[];
}

export interface Counter<L extends string = string> {
  add(value?: number, labels?: Readonly<Record<L, string>>): void;
}

export interface Gauge<L extends string = string> {
  set(value: number, labels?: Readonly<Record<L, string>>): void;
}

export interface Histogram<L extends string = string> {
  observe(value: number, labels?: Readonly<Record<L, string>>): void;
}

/** Where a library counts. Asking twice for one name gives the same instrument. `@staddle/logging` implements it on prom-client. */
export interface Metrics {
  counter<const L extends string = never>(options: MetricOptions<L>): Counter<L>;
  gauge<const L extends string = never>(options: MetricOptions<L>): Gauge<L>;
  /** `buckets` are upper bounds in the unit of the metric. */
  histogram<const L extends string = never>(options: MetricOptions<L> & { readonly buckets?: readonly number[] }): Histogram<L>;
}

/** Counts nothing: the default of every library. */
export const noMetrics: Metrics = {
  counter: () => ({ add() {} }),
  gauge: () => ({ set() {} }),
  histogram: () => ({ observe() {} }),
};
