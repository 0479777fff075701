import { ServerUrlMissingError } from './errors.ts';

/** The servers of a test run, as `npm test` and the vitest configuration hand them over. */
export type ServerVariable = 'TEST_REDIS_URL' | 'TEST_MYSQL_URL';

/** @throws ServerUrlMissingError (`ERR_TESTING_SERVER_URL`) */
export function serverUrl(variable: ServerVariable): URL {
  const text = process.env[variable];
  if (!text) throw new ServerUrlMissingError(variable, 'is not set; run the tests through `npm test` or `npx nx test PROJECT`, which start the servers');
  const url = URL.parse(text);
  if (!url?.hostname) throw new ServerUrlMissingError(variable, 'is not a URL such as redis://127.0.0.1:6379 or mysql://root@127.0.0.1:3306');
  return url;
}
