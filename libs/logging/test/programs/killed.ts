// Writes N lines and kills itself: nothing runs after the last line, no exit handler and no flush.
import { createLogger } from '@staddle/logging';

const lines = Number(process.argv[2]);
const logger = createLogger({ service: { name: 'killed', version: '1' } });
for (let n = 1; n <= lines; n++) logger.info({ n, text: 'x'.repeat(200) }, 'line');
process.kill(process.pid, 'SIGKILL');
