import type { ChangeOptions, Dispatch, Task } from '@staddle/dispatch';
import { pageOf, pageQuery, type ServiceApp } from '@staddle/service';
import type { FastifyReply, FastifyRequest } from 'fastify';
import * as z from 'zod';
import type { TaskPermission } from '../policies.ts';
import { changeSchema, newTaskSchema, runSchema, runState, taskParams, taskSchema, taskState, toRunJson, toTaskJson, type TaskJson } from './task-json.ts';

/** `/v1/tasks` and what is below it. */
export function taskRoutes(app: ServiceApp, { tasks, runs }: Pick<Dispatch, 'tasks' | 'runs'>): void {
  app.post(
    '/v1/tasks',
    { config: needs('task:create'), schema: { summary: 'Create a task', body: newTaskSchema, response: { 201: taskSchema } } },
    async (request, reply) => {
      const task = await tasks.create({ ...request.body, reason: reasonOf(request) });
      reply.code(201).header('location', `/v1/tasks/${task.uid}`);
      return answer(task, reply);
    },
  );

  app.get(
    '/v1/tasks',
    {
      config: needs('task:read'),
      schema: {
        summary: 'List tasks, newest first',
        querystring: pageQuery().extend({ module: z.string().max(64).optional(), state: taskState.optional() }),
        response: { 200: pageOf(taskSchema) },
      },
    },
    async ({ query }) => {
      const { items, nextCursor } = await tasks.list(query);
      return { items: items.map(toTaskJson), nextCursor };
    },
  );

  app.get(
    '/v1/tasks/:uid',
    { config: needs('task:read'), schema: { summary: 'Read a task; deleted ones too', params: taskParams, response: { 200: taskSchema } } },
    async ({ params }, reply) => answer(await tasks.get(params.uid), reply),
  );

  app.get(
    '/v1/tasks/:uid/runs',
    {
      config: needs('task:read'),
      schema: {
        summary: 'List the runs of a task, newest first',
        params: taskParams,
        querystring: pageQuery().extend({ state: runState.optional() }),
        response: { 200: pageOf(runSchema) },
      },
    },
    async ({ params, query }) => {
      const { items, nextCursor } = await runs.list({ taskUid: params.uid, ...query });
      return { items: items.map(toRunJson), nextCursor };
    },
  );

  for (const [verb, summary] of [
    ['pause', 'Stop planning; runs that exist go on'],
    ['resume', 'Plan again, from now'],
  ] as const) {
    app.post(
      `/v1/tasks/:uid/${verb}`,
      { config: needs('task:update'), schema: { summary, params: taskParams, body: changeSchema, response: { 200: taskSchema } } },
      async (request, reply) => answer(await tasks[verb](request.params.uid, changeOf(request)), reply),
    );
  }

  app.post(
    '/v1/tasks/:uid/run',
    { config: needs('task:run'), schema: { summary: 'Run now, besides the schedule', params: taskParams, body: changeSchema, response: { 202: runSchema } } },
    async (request, reply) => {
      reply.code(202);
      return toRunJson(await tasks.run(request.params.uid, changeOf(request)));
    },
  );

  app.delete(
    '/v1/tasks/:uid',
    { config: needs('task:delete'), schema: { summary: 'Delete; runs that have not started are cancelled', params: taskParams, body: changeSchema, response: { 200: taskSchema } } },
    async (request, reply) => answer(await tasks.delete(request.params.uid, changeOf(request)), reply),
  );
}

function needs(permission: TaskPermission): { permission: TaskPermission } {
  return { permission };
}

function answer(task: Task, reply: FastifyReply): TaskJson {
  reply.header('etag', `"${task.version}"`);
  return toTaskJson(task);
}

type ChangeRequest = Pick<FastifyRequest, 'headers'> & { readonly body?: { readonly reason?: string | undefined } | null | undefined };

function changeOf(request: ChangeRequest): ChangeOptions {
  return { reason: reasonOf(request), ifVersion: versionOf(request.headers['if-match']) };
}

function reasonOf({ body, headers }: ChangeRequest): string | undefined {
  const header = headers['x-reason'];
  return body?.reason ?? (typeof header === 'string' ? headerText(header) : undefined);
}

// Node reads headers as Latin-1, clients write UTF-8. What is not UTF-8 was meant as it was read.
function headerText(header: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(header, 'latin1'));
  } catch {
    return header;
  }
}

// No version is negative: a tag that is none of ours matches nothing, as RFC 9110 says (13.1.1).
const NO_VERSION = -1;

function versionOf(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch === '*') return undefined;
  const version = /^"(\d{1,15})"$/.exec(ifMatch)?.[1];
  return version === undefined ? NO_VERSION : Number(version);
}
