import type { Identity, ServiceApp, ServiceOptions } from '@staddle/service';
import type { FastifyInstance } from 'fastify';
import { expectTypeOf, it } from 'vitest';
import { z } from 'zod';

it('types a request by its zod schemas', () => {
  const routes = (app: ServiceApp): void => {
    app.post('/v1/tasks', { schema: { body: z.strictObject({ size: z.coerce.number() }), querystring: z.strictObject({ dry: z.stringbool() }) } }, (request) => {
      expectTypeOf(request.body).toEqualTypeOf<{ size: number }>();
      expectTypeOf(request.query).toEqualTypeOf<{ dry: boolean }>();
      expectTypeOf(request.identity).toEqualTypeOf<Identity | undefined>();
      return 'ok';
    });
    // @ts-expect-error the response has another shape
    app.get('/v1/size', { schema: { response: { 200: z.object({ size: z.number() }) } } }, async () => ({ size: 'large' }));
  };
  expectTypeOf(routes).toExtend<ServiceOptions['routes']>();
});

it('takes routes that know nothing of zod', () => {
  const routes = (app: FastifyInstance): void => void app.get('/', () => 'ok');
  expectTypeOf(routes).toExtend<ServiceOptions['routes']>();
});
