import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';

import { PROBLEM_TYPE } from './problem.ts';

type Document = NonNullable<FastifyDynamicSwaggerOptions['openapi']>;

function documentFor(info: { title: string; version: string }): Document {
  return {
    openapi: '3.1.0',
    info,
    security: [{ bearer: [] }],
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      schemas: {
        Problem: {
          type: 'object',
          description: 'RFC 9457 problem details; programs test `code`',
          required: ['type', 'title', 'status', 'code', 'requestId'],
          properties: {
            type: { type: 'string' },
            title: { type: 'string' },
            status: { type: 'integer' },
            code: { type: 'string' },
            detail: { type: 'string' },
            field: { type: 'string' },
            errors: {
              type: 'array',
              items: {
                type: 'object',
                required: ['field', 'in', 'rule', 'message'],
                properties: { field: { type: 'string' }, in: { enum: ['body', 'query', 'path', 'header'] }, rule: { type: 'string' }, message: { type: 'string' } },
              },
            },
            requestId: { type: 'string' },
          },
        },
      },
    },
  };
}

const PROBLEM_RESPONSE = {
  description: 'Refused or failed',
  content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
};

const toJsonSchema = createJsonSchemaTransform({});
const addNamedSchemas = createJsonSchemaTransformObject({});

/** Schemas with an `id` become components, those alone that this document refers to: their registry is one for the whole process. */
function withNamedSchemas(described: Parameters<typeof addNamedSchemas>[0]): ReturnType<typeof addNamedSchemas> {
  const document = addNamedSchemas(described) as Pick<Document, 'paths' | 'components'>;
  const schemas = document.components?.schemas ?? {};
  const paths = JSON.stringify(document.paths);
  for (const name of Object.keys(schemas)) if (!paths.includes(`"#/components/schemas/${name}"`)) delete schemas[name];
  return document as ReturnType<typeof addNamedSchemas>;
}

/** Describes every later route at `/openapi.json` (OpenAPI 3.1), which needs an identity like any other route. */
export async function serveOpenApi(app: FastifyInstance, info: { title: string; version: string }): Promise<void> {
  await app.register(swagger, {
    openapi: documentFor(info),
    transformObject: withNamedSchemas,
    transform: (described) => {
      const { schema, url } = toJsonSchema({ ...described, schema: described.schema ?? {} });
      const open = described.route.config?.public === true ? { security: [] } : {};
      return { url, schema: { ...schema, ...open, response: { ...(schema.response as object | undefined), default: PROBLEM_RESPONSE } } };
    },
  });
  app.get('/openapi.json', { config: { beforeReady: true }, schema: { hide: true } }, () => app.swagger());
}
