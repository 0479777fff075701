// `npm run check`: everything that needs no test run and no server.
import { CHECKS, interruption, runNx } from './nx.ts';

process.exitCode = await runNx(['run-many', '-t', ...CHECKS], { signal: interruption() });
