// `npm run walk [-- --built] [-- --cluster [--seconds 60]]`: the five-minute walk of the README, done by a program.
//
// Default: one process on SQLite and memory drivers, stopped and started again. `--built` starts the output of
// `npm run build` instead of the sources. `--cluster`: MariaDB and Redis, two schedulers, one of them killed half-way.
import { parseArgs } from 'node:util';
import { Steps } from './walk/steps.ts';
import { walkCluster } from './walk/cluster.ts';
import { walkStandalone } from './walk/standalone.ts';

const { values } = parseArgs({
  options: { built: { type: 'boolean', default: false }, cluster: { type: 'boolean', default: false }, seconds: { type: 'string', default: '60' } },
});

// What the walk has started ends with it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

const steps = new Steps();
try {
  if (values.cluster) await walkCluster(steps, { seconds: Number(values.seconds) });
  else await walkStandalone(steps, { built: values.built });
} catch (error) {
  console.error(error);
}
const { passed, failed } = steps.counts;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
