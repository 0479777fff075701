import type { Counter, Gauge, Metrics } from '@staddle/kernel';

/** What a hub counts. Labels are protocol numbers and fixed words, never users or channels. */
export interface HubMetrics {
  readonly connections: Gauge;
  readonly subscriptions: Gauge;
  readonly brokerUp: Gauge;
  readonly connects: Counter<'result'>;
  readonly disconnects: Counter<'code'>;
  readonly errors: Counter<'code'>;
  readonly publications: Counter<'source' | 'result'>;
  readonly deliveries: Counter;
  readonly foreign: Counter;
}

export function hubMetrics(metrics: Metrics): HubMetrics {
  return {
    connections: metrics.gauge({ name: 'push_connections', help: 'Open client connections' }),
    subscriptions: metrics.gauge({ name: 'push_subscriptions', help: 'Subscriptions of all clients' }),
    brokerUp: metrics.gauge({ name: 'push_broker_up', help: '1 while publications pass between nodes' }),
    connects: metrics.counter({ name: 'push_connects_total', help: 'Connect commands by result', labels: ['result'] }),
    disconnects: metrics.counter({ name: 'push_disconnects_total', help: 'Ended connections by close code', labels: ['code'] }),
    errors: metrics.counter({ name: 'push_command_errors_total', help: 'Commands answered with an error, by its number', labels: ['code'] }),
    publications: metrics.counter({ name: 'push_publications_total', help: 'Publications handed to the broker', labels: ['source', 'result'] }),
    deliveries: metrics.counter({ name: 'push_deliveries_total', help: 'Publications handed to client sockets' }),
    foreign: metrics.counter({ name: 'push_foreign_payloads_total', help: 'Broker payloads that were not publications, or too large for any client' }),
  };
}
