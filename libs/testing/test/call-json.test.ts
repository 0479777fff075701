import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { callJson } from '../src/index.ts';

// Answers with what it was asked, 204 without a body for DELETE.
let server: Server;
let url: string;
beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const { method, headers } = request;
    if (method === 'DELETE') response.writeHead(204).end();
    else response.writeHead(422).end(JSON.stringify({ method, body, type: headers['content-type'], authorization: headers.authorization, extra: headers['x-extra'] }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

it('asks with GET and without an identity', async () => {
  expect(await callJson(url)).toMatchObject({ status: 422, body: { method: 'GET', body: '' } });
  expect((await callJson(url)).body).not.toHaveProperty('authorization');
});

it('posts a body as JSON with a token', async () => {
  const { body } = await callJson(url, { body: { a: 1 }, token: 'secret', headers: { 'x-extra': 'yes' } });
  expect(body).toEqual({ method: 'POST', body: '{"a":1}', type: 'application/json', authorization: 'Bearer secret', extra: 'yes' });
});

it('sends text that is no JSON as it is, by the method that is asked for', async () => {
  expect((await callJson(url, { method: 'PUT', body: '{broken' })).body).toMatchObject({ method: 'PUT', body: '{broken' });
});

it('gives no body for an empty answer', async () => {
  expect(await callJson(url, { method: 'DELETE' })).toMatchObject({ status: 204, body: undefined });
});
