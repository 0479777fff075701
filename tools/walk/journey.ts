import assert from 'node:assert/strict';
import { Centrifuge } from 'centrifuge';
import { WebSocket } from 'ws';
import { eventually, type Api, type Steps } from './steps.ts';

export interface Urls {
  readonly scheduler: string;
  readonly push: string;
  readonly shortener: string;
}

export interface Run {
  readonly uid: string;
  readonly state: string;
  readonly scheduledAt: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor?: string;
}

export interface Traces {
  readonly slug: string;
  readonly linkUid: string;
  readonly taskUid: string;
}

// Bytes that a URL parser would rewrite: the redirect must give them back as they came.
const LONG_URL = 'https://example.com/a%20b?x=%20c&flag&y=a|b#part?z=1';

/** What the three services promise together: a link, a delayed task that calls it, and the news of it in the browser. */
export async function journey(steps: Steps, urls: Urls, api: Api, token: string): Promise<Traces> {
  const link = await steps.run('create a link', async () => {
    const created = await api.post<{ uid: string; slug: string; longUrl: string }>(`${urls.shortener}/v1/links`, { longUrl: LONG_URL });
    assert.equal(created.longUrl, LONG_URL);
    return created;
  });
  await steps.run('follow it: 302 to the exact URL', () => follow(urls, link.slug));

  const states: string[] = [];
  const client = new Centrifuge(`${urls.push.replace('http', 'ws')}/connection/websocket`, { websocket: WebSocket, token });
  try {
    await steps.run('subscribe to runs:demo with the centrifuge client', async () => {
      const subscription = client.newSubscription('runs:demo');
      subscription.on('publication', ({ data }) => states.push((data as Run).state));
      subscription.subscribe();
      client.connect();
      await subscription.ready(10_000);
    });
    const taskUid = await steps.run('create a task for two seconds from now', async () => {
      const task = await api.post<{ uid: string }>(`${urls.scheduler}/v1/tasks`, {
        module: 'demo',
        handler: 'http',
        trigger: { kind: 'after', delay: 'PT2S' },
        payload: { method: 'GET', url: `${urls.shortener}/readyz` },
      });
      return task.uid;
    });
    await steps.run('see the run SUCCEEDED over the WebSocket', () =>
      eventually(`SUCCEEDED among ${states.join(', ')}`, async () => (states.includes('SUCCEEDED') ? states.join(' → ') : undefined)),
    );
    await steps.run('see it in GET …/runs', () => seeRun(urls, api, taskUid));
    return { slug: link.slug, linkUid: link.uid, taskUid };
  } finally {
    client.disconnect();
  }
}

/** What must still be there after a restart. */
export async function seeTraces(steps: Steps, urls: Urls, api: Api, traces: Traces): Promise<void> {
  await steps.run('the link is there again', async () => {
    await api.get(`${urls.shortener}/v1/links/${traces.linkUid}`);
    return follow(urls, traces.slug);
  });
  await steps.run('the task is there again', async () => {
    await api.get(`${urls.scheduler}/v1/tasks/${traces.taskUid}`);
  });
  await steps.run('its run is there again', () => seeRun(urls, api, traces.taskUid));
}

async function follow(urls: Urls, slug: string): Promise<string> {
  const response = await fetch(`${urls.shortener}/${slug}`, { redirect: 'manual' });
  assert.equal(response.status, 302);
  assert.equal(response.headers.get('location'), LONG_URL);
  return `302 ${LONG_URL}`;
}

async function seeRun(urls: Urls, api: Api, taskUid: string): Promise<string> {
  const { items } = await api.get<Page<Run>>(`${urls.scheduler}/v1/tasks/${taskUid}/runs`);
  assert.equal(items.length, 1);
  assert.equal(items[0]!.state, 'SUCCEEDED');
  return `${items[0]!.uid} SUCCEEDED`;
}
