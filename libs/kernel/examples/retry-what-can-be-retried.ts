import { backoffMs, hasCode, parseDuration, sleep, StaddleError } from '@staddle/kernel';

class PrinterBusyError extends StaddleError {
  override readonly code = 'ERR_PRINTER_BUSY';
  override readonly retryable = true;
}

let calls = 0;
async function print(): Promise<string> {
  if (++calls < 3) throw new PrinterBusyError('printer 7 is busy');
  return `printed at call ${calls}`;
}

const stopping = AbortSignal.timeout(parseDuration('30s'));
for (let attempt = 0; ; attempt++) {
  try {
    console.log(await print());
    break;
  } catch (error) {
    if (!hasCode(error, 'ERR_PRINTER_BUSY')) throw error;
    await sleep(backoffMs(attempt, { baseMs: 10, capMs: 1_000 }), { signal: stopping });
  }
}
