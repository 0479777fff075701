// `npm run build`: the dist of every package, dependencies first.
import { interruption, runNx } from './nx.ts';

process.exitCode = await runNx(['run-many', '-t', 'build'], { signal: interruption() });
