import type { Locks, RunOnceOptions } from '@staddle/lock';

/** What a process of the suite can be told to do. It says in lines what it does. */
export type Task =
  | { readonly do: 'permits'; readonly name: string; readonly permits: number; readonly weight: number }
  | { readonly do: 'read'; readonly name: string }
  | { readonly do: 'run'; readonly job: string; readonly fireTime: number; readonly options: RunOnceOptions; readonly hang: boolean }
  | { readonly do: 'schedule'; readonly job: string; readonly fireTimes: readonly number[]; readonly options: RunOnceOptions };

export async function carryOut(task: Task, locks: Locks, say: (line: string) => void): Promise<void> {
  if (task.do === 'permits') {
    await locks.semaphore(task.name, task.permits).acquire({ permits: task.weight });
    say('holds');
    await forever();
  } else if (task.do === 'read') {
    await locks.readWrite(task.name).read.acquire();
    say('holds');
    await forever();
  } else if (task.do === 'run') {
    const work = async (): Promise<void> => {
      say('runs');
      if (task.hang) await forever();
    };
    const result = await locks.runOnce(task.job, task.fireTime, work, task.options);
    say(`end ${JSON.stringify({ ran: result.ran, ...(!result.ran && { reason: result.reason }) })}`);
  } else {
    // Some are late, as timers are.
    await Promise.all(
      task.fireTimes.map(async (fireTime) => {
        await new Promise((resolve) => void setTimeout(resolve, Math.random() * 300));
        await locks.runOnce(task.job, fireTime, async () => say(`ran ${fireTime}`), task.options);
      }),
    );
    say('end');
  }
}

/** Until the process is killed. */
function forever(): Promise<never> {
  return new Promise((_, reject) => void setTimeout(() => reject(new Error('nobody has killed this process')), 600_000).unref());
}
