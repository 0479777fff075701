import { join } from 'node:path';
import { styleText } from 'node:util';
import type { ServiceName } from './service-names.ts';

export interface BannerOptions {
  /** Running services and where they listen. */
  readonly urls: ReadonlyMap<ServiceName, string>;
  readonly config: {
    readonly dataDir: string;
    readonly auth: { readonly secret?: unknown };
    readonly database: { readonly url: unknown };
    readonly redis: { readonly url?: unknown };
    readonly scheduler: { readonly http: { readonly allowedHosts?: readonly string[] | undefined } };
  };
  /** Since the start of the process. */
  readonly readyAfterMs: number;
}

/** What a newcomer needs next: addresses, where the token lies, and something to try. Secrets print themselves masked. */
export function banner({ urls, config, readyAfterMs }: BannerOptions): string {
  const bold = (text: string): string => styleText('bold', text, { stream: process.stdout });
  const tokenFile = join(config.dataDir, 'admin-token');
  const rows = [
    ...[...urls].map(([name, url]) => [name, name === 'push' ? `${url}   ${url.replace('http', 'ws')}/connection/websocket` : url]),
    // Push stores nothing, and nothing else talks to Redis.
    ...(urls.has('scheduler') || urls.has('shortener') ? [['database', String(config.database.url)]] : []),
    ...(urls.has('push') ? [['redis', config.redis.url === undefined ? 'none: push reaches the clients of this process' : String(config.redis.url)]] : []),
    ['admin token', config.auth.secret === undefined ? tokenFile : 'npm run token -- --sub admin --role admin'],
  ];
  return [
    `staddle is ready after ${(readyAfterMs / 1_000).toFixed(1)} s (process ${process.pid})`,
    '',
    ...rows.map(([name, value]) => `  ${bold(name!.padEnd(12))} ${value}`),
    '',
    ...thingsToTry(urls, {
      tokenCommand: config.auth.secret === undefined ? `cat ${tokenFile}` : 'npm run --silent token -- --sub admin --role admin',
      // With a secret of its own the scheduler calls nobody until it is told whom.
      mayCallLoopback: config.auth.secret === undefined && config.scheduler.http.allowedHosts === undefined,
    }),
    '  Ctrl-C stops it.',
    '',
    '',
  ].join('\n');
}

function thingsToTry(urls: BannerOptions['urls'], { tokenCommand, mayCallLoopback }: { tokenCommand: string; mayCallLoopback: boolean }): string[] {
  const scheduler = urls.get('scheduler');
  const shortener = urls.get('shortener');
  const push = urls.get('push');
  const json = `-H "authorization: Bearer $TOKEN" -H 'content-type: application/json'`;
  const lines = [`TOKEN=$(${tokenCommand})`];
  if (shortener) lines.push(`curl -s ${shortener}/v1/links ${json} -d '{"longUrl":"https://example.com/","slug":"hello"}' && curl -si ${shortener}/hello`);
  if (scheduler) {
    const work = mayCallLoopback
      ? `"handler":"http","payload":{"method":"GET","url":"${shortener ?? scheduler}/readyz"}`
      : '"handler":"log","payload":{"message":"hello"}';
    lines.push(`curl -s ${scheduler}/v1/tasks ${json} -d '{"module":"demo",${work},"trigger":{"kind":"after","delay":"PT2S"}}'`);
  }
  if (push) lines.push(`curl -s ${push}/api/publish ${json} -d '{"channel":"runs:demo","data":{"hello":"browser"}}'`);
  return ['  Try:', ...lines.map((line) => `    ${line}`), ''];
}
