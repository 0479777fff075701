import { DEFAULT_TENANT } from '@staddle/permissions';
import { identityOf, instant, NotFoundError, pageOf, pageQuery, type ServiceApp } from '@staddle/service';
import type { Link, Shortlinks } from '@staddle/shortlink';
import type { FastifyRequest } from 'fastify';
import * as z from 'zod';
import type { LinkPermission } from '../policies.ts';

// Shapes are checked here, so that they are documented; what a value means is checked by shortlink.
const newLink = z.strictObject({
  longUrl: z.string().describe('Where the link leads: http or https, at most 8000 bytes'),
  slug: z.string().optional().describe('The end of the short URL; without it a code of 7 characters'),
});

const instantSchema = z.iso.datetime({ precision: 3 });

const linkSchema = z.object({
  uid: z.string(),
  slug: z.string(),
  shortUrl: z.string(),
  longUrl: z.string().describe('As it is sent in Location: ASCII input unchanged, other characters encoded'),
  state: z.enum(['ACTIVE', 'DELETED']),
  visits: z.int().describe('About a second behind'),
  owner: z.string().optional().describe('Who made it'),
  version: z.int(),
  createdAt: instantSchema,
  updatedAt: instantSchema,
});

const linkParams = z.strictObject({ uid: z.string().max(64) });

/** `/v1/links` and what is below it: the links of the caller's tenant. */
export function linkRoutes(app: ServiceApp, links: Pick<Shortlinks, 'create' | 'get' | 'list' | 'delete'>): void {
  app.post(
    '/v1/links',
    { config: needs('link:create'), schema: { summary: 'Create a link', body: newLink, response: { 201: linkSchema } } },
    async (request, reply) => {
      const link = await links.create({ ...request.body, owner: identityOf(request).sub, tenant: tenantOf(request) });
      reply.code(201).header('location', `/v1/links/${link.uid}`);
      return toLinkJson(link);
    },
  );

  app.get(
    '/v1/links',
    { config: needs('link:read'), schema: { summary: 'List active links, newest first', querystring: pageQuery(), response: { 200: pageOf(linkSchema) } } },
    async (request) => {
      const { items, nextCursor } = await links.list({ ...request.query, tenant: tenantOf(request) });
      return { items: items.map(toLinkJson), nextCursor };
    },
  );

  app.get(
    '/v1/links/:uid',
    { config: needs('link:read'), schema: { summary: 'Read a link; deleted ones too', params: linkParams, response: { 200: linkSchema } } },
    async (request) => {
      const { uid } = request.params;
      return toLinkJson(orNotFound(await links.get(uid, { tenant: tenantOf(request) }), uid));
    },
  );

  app.delete(
    '/v1/links/:uid',
    { config: needs('link:delete'), schema: { summary: 'Delete a link; its slug stays taken', params: linkParams, response: { 204: z.undefined() } } },
    async (request, reply) => {
      const { uid } = request.params;
      orNotFound(await links.delete(uid, { tenant: tenantOf(request) }), uid);
      return reply.code(204).send();
    },
  );
}

function needs(permission: LinkPermission): { permission: LinkPermission } {
  return { permission };
}

function tenantOf(request: FastifyRequest): string {
  return identityOf(request).tenant ?? DEFAULT_TENANT;
}

function orNotFound(link: Link | undefined, uid: string): Link {
  if (!link) throw new NotFoundError('link', uid);
  return link;
}

function toLinkJson({ createdAt, updatedAt, ...link }: Link): z.output<typeof linkSchema> {
  return { ...link, createdAt: instant(createdAt), updatedAt: instant(updatedAt) };
}
