/** One worker's share of a simulation; see parallel.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { runPart, type SimulationJob } from './job.ts';

const port = parentPort!;
const part = runPart(workerData as SimulationJob, () => port.postMessage('span'));
port.postMessage(part);
