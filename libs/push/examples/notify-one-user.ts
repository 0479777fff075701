import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createPushHub } from '@staddle/push';
import { memoryBroker } from '@staddle/push/memory';
import { serveWebSocket } from '@staddle/push/websocket';
import { Centrifuge } from 'centrifuge';
import { WebSocket } from 'ws';

const hub = createPushHub({
  broker: memoryBroker(),
  authenticate: async (token) => ({ sub: token }), // verify a JWT here
  authorize: (user, channel, action) => action === 'subscribe' && channel === `user:#${user.sub}`,
});
const server = createServer();
const endpoint = serveWebSocket({ server, hub });
await Promise.all([hub.start(), endpoint.start()]);
await once(server.listen(0, '127.0.0.1'), 'listening');

// A browser does the same with the package "centrifuge" alone.
const { port } = server.address() as AddressInfo;
const client = new Centrifuge(`ws://127.0.0.1:${port}/connection/websocket`, { websocket: WebSocket, token: 'alice' });
const orders = client.newSubscription('user:#alice');
const delivered = new Promise((resolve) => orders.on('publication', ({ data }) => resolve(data)));
orders.subscribe();
client.connect();
await orders.ready();

await hub.publish('user:#alice', { order: 42, state: 'SHIPPED' });
console.log('alice got', await delivered); // alice got { order: 42, state: 'SHIPPED' }
client.disconnect();
await hub.stop();
await endpoint.stop();
server.close();
