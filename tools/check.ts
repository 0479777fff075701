// `npm run check`: everything that needs no test run and no server.
import { CHECKS, runNx } from './nx.ts';
import { interruption } from './process-group.ts';

process.exitCode = await runNx(['run-many', '-t', ...CHECKS], { signal: interruption() });
