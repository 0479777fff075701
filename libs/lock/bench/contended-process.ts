// One of the processes of contended.bench.ts: `TASKS` tasks that want one lock again and again. Prints one line of JSON at the end.
import { openContestant } from './contestants.ts';

const [contestantName, lockName, tasksText, startAtText, secondsText] = process.argv.slice(2) as [string, string, string, string, string];
const tasks = Number(tasksText);
const startAt = Number(startAtText);
const endAt = startAt + Number(secondsText) * 1_000;

const contestant = await openContestant(contestantName);
// The clock that all processes of a machine share, in microseconds.
const now = (): number => Number(process.hrtime.bigint() / 1_000n);
const counts = Array.from({ length: tasks }, () => 0);
const enters: (readonly [at: number, task: number])[] = [];
const leaves: number[] = [];
const waits: number[] = [];

let commands = 0;
const { client } = contestant;
const send = client.sendCommand.bind(client);
client.sendCommand = (...args: Parameters<typeof send>) => {
  commands += 1;
  return send(...args);
};

await new Promise((resolve) => setTimeout(resolve, Math.max(0, startAt - Date.now())));
await Promise.all(
  counts.map(async (_, task) => {
    while (Date.now() < endAt) {
      const asked = now();
      const release = await contestant.acquire(lockName);
      const entered = now();
      // Who comes in after the end has waited for the drain, not for the lock.
      if (Date.now() < endAt) {
        counts[task]! += 1;
        enters.push([entered, task]);
        waits.push(entered - asked);
      }
      if (Date.now() < endAt) leaves.push(now());
      await release();
    }
  }),
);
await contestant.close();
process.stdout.write(`${JSON.stringify({ counts, enters, leaves, waits, commands })}\n`);
