import { migrate, openDatabase } from '@staddle/database';
import { createDispatch, dispatchMigrations } from '@staddle/dispatch';

const database = openDatabase({ url: 'sqlite::memory:' }); // or mysql://…, shared by any number of processes
await migrate(database, [dispatchMigrations]);

const dispatch = createDispatch({
  database,
  handlers: { 'check-paid': ({ payload }) => console.log('checking', payload) },
  onRunChange: ({ module, state }) => console.log(module, state),
});
await dispatch.start();

// Stored now, due in a second, whichever process is alive then.
const trigger = { kind: 'after', delay: 'PT1S' };
const task = await dispatch.tasks.create({ module: 'orders', handler: 'check-paid', bizKey: 'order-42', trigger, payload: { order: 42 } });
console.log(task.state);

setTimeout(() => void dispatch.stop().then(() => database.close()), 2_000);
