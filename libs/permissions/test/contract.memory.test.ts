import { memoryStore } from '@staddle/permissions/memory';
import { describePermissionStore } from '@staddle/permissions/testing';

describePermissionStore('memory', () => {
  const store = memoryStore();
  return { open: () => store, close: () => Promise.resolve() };
});
