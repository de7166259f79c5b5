/** The thread that listens for traces: it reads requests whole and answers them, and nothing that takes longer happens in it. */
import { parentPort, workerData } from 'node:worker_threads';
import { listenOtlp, type OtlpListener } from '../collectors/otlp-http.ts';
import { createRemoteIntake } from '../collectors/remote-intake.ts';
import { InputError } from '../core/errors.ts';
import { realTimers } from './real-time.ts';
import type { FromListener, ListenerStart, ToListener } from './receiver-messages.ts';

const { bodies, ...where } = workerData as ListenerStart;
const port = parentPort!;
const say = (message: FromListener): void => port.postMessage(message);

const listening = listenOtlp({ ...where, intake: createRemoteIntake(bodies), timers: realTimers });
listening.then(tell, (error: unknown) => {
  const { code = 'unknown', message } = error as NodeJS.ErrnoException;
  say({ kind: 'failed', isInput: error instanceof InputError, code, message });
});

function tell(listener: OtlpListener): void {
  port.on('message', (_: ToListener) => void listener.close().then(() => say({ kind: 'closed' })));
  say({ kind: 'listening', url: listener.url });
}
