import { silentLogger } from '@staddle/kernel';
import { createAuthenticator, createService, identityOf, signToken } from '@staddle/service';
import { z } from 'zod';

const secret = 'thirty-two bytes or more, not in the code';
const service = await createService({
  name: 'greeter',
  version: '1.0.0',
  host: '127.0.0.1',
  port: 0,
  logger: silentLogger,
  authenticate: createAuthenticator({ secret }),
  routes(app) {
    const body = z.strictObject({ name: z.string().min(1) });
    app.post('/v1/greetings', { schema: { body } }, (request) => ({ text: `${identityOf(request).sub} greets ${request.body.name}` }));
  },
});
await service.start();
await service.ready;

const token = await signToken({ secret, sub: 'alice', ttlMs: 60_000, now: Date.now() });
const greet = async (body: string, headers = {}): Promise<void> => {
  const response = await fetch(`${service.url}/v1/greetings`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
  const { text, code, field } = (await response.json()) as Record<string, string>;
  console.log(response.status, text ?? code, field ?? '');
};
await greet('{"name":"bob"}'); // 401 ERR_SERVICE_AUTH_MISSING
await greet('{"name":"bob"}', { authorization: `Bearer ${token}` }); // 200 alice greets bob
await greet('{"nmae":"bob"}', { authorization: `Bearer ${token}` }); // 422 ERR_SERVICE_VALIDATION name
await service.stop();
