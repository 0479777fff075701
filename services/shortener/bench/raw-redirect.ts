// The least that Node can do for a redirect: no router, no log, no database, one answer for every path.
import { createServer } from 'node:http';

const [, , port, location] = process.argv;
const headers = { Location: location!, 'Cache-Control': 'private, no-store', 'Content-Length': '0' };
createServer((_request, response) => response.writeHead(302, headers).end()).listen(Number(port), '127.0.0.1');
