/** Acquire and release of a lock that nobody else wants: what the guarantees cost where they are not needed. */
import { measure, printMachine } from '@staddle/testing';
import { openContestant, PEERS, type Contestant } from './contestants.ts';

const SECONDS = 1;
const ROUNDS = 9;

/** Cycles per second of `loops` loops side by side, each with a name of its own. */
async function cycles(contestant: Contestant, loops: number): Promise<number> {
  const startedAt = performance.now();
  const endsAt = startedAt + SECONDS * 1_000;
  let count = 0;
  await Promise.all(
    Array.from({ length: loops }, async (_, loop) => {
      while (performance.now() < endsAt) {
        const release = await contestant.acquire(`uncontended-${loop}`);
        await release();
        count += 1;
      }
    }),
  );
  return count / ((performance.now() - startedAt) / 1_000);
}

printMachine();
const others = ['raw SET NX PX', ...PEERS];
const contestants = new Map<string, Contestant>();
for (const name of ['ours', 'ours, lean', ...others]) contestants.set(name, await openContestant(name));

for (const [title, loops] of [['uncontended-sequential', 1], ['uncontended-50', 50]] as const) {
  const run = (name: string) => () => cycles(contestants.get(name)!, loops);
  const shape = { bench: 'lock', metric: 'cycles', unit: '1/s', better: 'higher', rounds: ROUNDS } as const;
  await measure({ ...shape, case: title, ours: run('ours'), peers: Object.fromEntries(others.map((name) => [name, run(name)])) });
  await measure({ ...shape, case: `${title}, no fence, no queue`, ours: run('ours, lean'), peers: { 'raw SET NX PX': run('raw SET NX PX') } });
}
for (const contestant of contestants.values()) await contestant.close();
