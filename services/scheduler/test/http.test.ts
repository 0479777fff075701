import type { HandlerContext } from '@staddle/dispatch';
import { expect, it, vi } from 'vitest';
import { createHttpHandler } from '../src/handlers/http.ts';
import { createTargetList, LOOPBACK } from '../src/handlers/http-targets.ts';
import { listen } from './running.ts';

it('waits for a late head and a late body as long as the deadline says, and not for the five minutes of the HTTP client', async () => {
  const arrived = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  let waiting = 0;
  const target = await listen((request, response) => {
    if (request.url === '/body') response.writeHead(200).write('half ');
    if (++waiting === 2) arrived.resolve();
    void answer.promise.then(() => response.end('done'));
  });
  // The client keeps one of them for all its timeouts, so they stay fake to the end.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { handler, close } = createHttpHandler({ targets: createTargetList(LOOPBACK), deadlineMs: 30_000 });
  const calls = ['/head', '/body'].map(async (path): Promise<unknown> => {
    const payload = handler.parsePayload!({ url: target.url + path, deadline: '10m' });
    return handler.run({ payload, run: { uid: 'run' }, signal: new AbortController().signal } as HandlerContext<typeof payload>);
  });
  const outcomes = Promise.allSettled(calls);
  await arrived.promise;
  await vi.advanceTimersByTimeAsync(500_000);
  answer.resolve();
  expect(await outcomes).toEqual([
    { status: 'fulfilled', value: { status: 200, body: 'done', truncated: false } },
    { status: 'fulfilled', value: { status: 200, body: 'half done', truncated: false } },
  ]);
  await close();
  vi.useRealTimers();
});
