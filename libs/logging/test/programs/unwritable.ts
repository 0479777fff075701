// Logs to a descriptor that cannot take it and tells by its IPC channel how many lines were lost.
import { createLogger, createMetrics, fdDestination } from '@staddle/logging';

// Node makes a piped standard output non-blocking as soon as anybody asks for it.
if (process.argv[2] === 'non-blocking') process.stdout.on('error', () => {});

process.on('message', (lines: number) => {
  const { metrics, text } = createMetrics();
  const drops = metrics.counter({ name: 'log_lines_dropped_total', help: 'Log lines that could not be written' });
  const reasons = new Set<string>();
  const destination = fdDestination({ fd: 1, stallMs: 20, onDrop: (reason) => (drops.add(), reasons.add(reason)) });
  const logger = createLogger({ service: { name: 'unwritable', version: '1' }, destination });
  for (let n = 1; n <= lines; n++) logger.info({ n }, 'line');
  void text().then((metric) => process.send!({ dropped: destination.dropped, counted: Number(/dropped_total (\d+)/.exec(metric)?.[1]), reasons: [...reasons] }));
});
process.send!('ready');
