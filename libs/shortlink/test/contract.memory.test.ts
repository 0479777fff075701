import { memoryLinkStore } from '@staddle/shortlink/memory';
import { describeLinkStore } from '@staddle/shortlink/testing';

describeLinkStore('memory', async () => ({ store: memoryLinkStore() }));
