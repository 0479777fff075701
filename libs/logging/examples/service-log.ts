import { captureError, createLogger, createMetrics, runInContext } from '@staddle/logging';

const { metrics, text } = createMetrics({ prefix: 'shop_' });
const logger = createLogger({ service: { name: 'shop', version: '1.2.0' }, secrets: ['correct-horse-battery'], metrics });
const orders = metrics.counter({ name: 'orders_total', help: 'Orders taken', labels: ['kind'] });

runInContext({ request_id: 'r-1', cron_task: 'nightly' }, () => {
  logger.info({ order: 7, password: 'hunter2' }, 'order taken with correct-horse-battery');
  captureError(logger, new Error('mysql://app:hunter2@db/shop is away', { cause: new Error('ECONNREFUSED') }), { order: 7 });
});
orders.add(1, { kind: 'web' });
console.log((await text()).includes('shop_orders_total{kind="web"} 1')); // true
