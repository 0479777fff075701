/** What the first time in a zone costs a new process: here ours reads a year of the zone's clock changes from Intl. */
import { measure, printMachine, spawnNode } from '@staddle/testing';
import { loadEvaluators } from './evaluators.ts';

function firstTime(name: string): () => Promise<number> {
  return async () => {
    const child = spawnNode({ script: `${import.meta.dirname}/first-time-process.ts`, args: [name] });
    const { code } = await child.exit;
    if (code !== 0) throw new Error(`the process of ${name} ended with ${code}: ${child.stderr()}`);
    return Number(child.stdout());
  };
}

printMachine();
const { peers } = await loadEvaluators();
await measure({
  bench: 'cron',
  case: 'first-time-in-a-zone',
  metric: 'time',
  unit: 'µs',
  better: 'lower',
  ours: firstTime('ours'),
  peers: Object.fromEntries(Object.keys(peers).map((name) => [name, firstTime(name)])),
});
