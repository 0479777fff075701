import { NotFoundError, type ServiceApp } from '@staddle/service';
import type { Shortlinks } from '@staddle/shortlink';
import type { FastifyReply, FastifyRequest } from 'fastify';
import * as z from 'zod';
import { LinkDeletedError } from '../errors.ts';

const params = z.object({ slug: z.string() });

/**
 * `GET /{slug}`: sends the visitor on. A trailing slash is tolerated, for people type it.
 *
 * Static routes go before a parameter in Fastify's router, so no slug can stand before a route of the service; and none
 * of their names can be a slug, so no link is ever hidden by a route.
 */
export function redirectRoutes(app: ServiceApp, links: Pick<Shortlinks, 'resolve' | 'visit'>): void {
  const redirect = async ({ method, params: { slug } }: FastifyRequest<{ Params: z.output<typeof params> }>, reply: FastifyReply): Promise<FastifyReply> => {
    const found = await (method === 'HEAD' ? links.resolve(slug) : links.visit(slug));
    if (!found) throw new NotFoundError('link', slug);
    if (found.state === 'DELETED') throw new LinkDeletedError(slug);
    // Not reply.redirect(), which may encode what it is given. HEAD gets the length that GET has.
    return reply.code(302).header('location', found.longUrl).header('cache-control', 'private, no-store').header('content-length', '0').send();
  };

  app.get('/:slug', { config: { public: true }, schema: { summary: 'Go where the link leads', params, response: { 302: z.undefined().describe('Location is the long URL') } } }, redirect);
  app.get('/:slug/', { config: { public: true }, schema: { hide: true, params } }, redirect);
}
