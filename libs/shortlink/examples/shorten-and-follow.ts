import { createShortlinks } from '@staddle/shortlink';
import { memoryLinkStore } from '@staddle/shortlink/memory'; // or sqlLinkStore(database) from '@staddle/shortlink/sql'

const links = createShortlinks({ store: memoryLinkStore(), baseUrl: 'https://sho.rt' });
await links.start();

const { uid, shortUrl } = await links.create({ longUrl: 'https://example.com/a%20b?y=a|b#part', slug: 'sale' });
console.log(shortUrl); // https://sho.rt/sale

const found = await links.visit('sale'); // counts; links.resolve('sale') only looks
console.log(found?.state === 'ACTIVE' && found.longUrl); // https://example.com/a%20b?y=a|b#part
console.log(await links.resolve('sold')); // undefined

await links.stop(); // writes the visits that are still in memory
console.log((await links.get(uid))?.visits); // 1
