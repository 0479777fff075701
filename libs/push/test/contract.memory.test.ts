import { createMemoryBus, memoryBroker } from '@staddle/push/memory';
import { describeBroker } from '@staddle/push/testing';

describeBroker('memory', async () => {
  const bus = createMemoryBus();
  return { nodes: [memoryBroker({ bus }), memoryBroker({ bus })], close: async () => {} };
});
