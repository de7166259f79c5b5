/**
 * Spreads a simulation over worker threads. Each takes a run of spans that follow each other, and learns the history before its first by itself,
 * so the outcome does not depend on how many there are.
 */
import { Worker } from 'node:worker_threads';
import { joinParts, runPart, type JobOutcome, type PartOutcome, type SimulationJob } from './job.ts';

export interface ParallelOptions {
  /** 0 runs it on the caller's own thread, which then hears nothing else. */
  readonly workerCount: number;
  readonly signal: AbortSignal;
  readonly onProgress: (doneCount: number, spanCount: number) => void;
}

/** @throws the signal's reason when aborted. */
export async function simulateInParallel(job: SimulationJob, options: ParallelOptions): Promise<JobOutcome> {
  const { workerCount, signal, onProgress } = options;
  const spanCount = job.spans.length;
  let doneCount = 0;
  const onSpan = (): void => {
    signal.throwIfAborted();
    onProgress(++doneCount, spanCount);
  };
  if (workerCount === 0) return joinParts(job.policies, [runPart(job, onSpan)]);
  const shares = sharesOf(job.spans, Math.min(workerCount, spanCount));
  const parts = await Promise.all(shares.map((spans) => runInWorker({ ...job, spans }, { signal, onSpan })));
  return joinParts(job.policies, parts);
}

/** Runs of about equal length, in order. */
function sharesOf<Item>(items: readonly Item[], count: number): Item[][] {
  return Array.from({ length: count }, (_, index) =>
    items.slice(Math.round((index * items.length) / count), Math.round(((index + 1) * items.length) / count)),
  );
}

function runInWorker(
  job: SimulationJob,
  { signal, onSpan }: { readonly signal: AbortSignal; readonly onSpan: () => void },
): Promise<PartOutcome> {
  // Beside this file under the same ending: TypeScript in a clone, JavaScript in the package.
  const file = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
  const worker = new Worker(file, { workerData: job });
  return new Promise<PartOutcome>((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    worker.on('message', (message: PartOutcome | 'span') => {
      if (message !== 'span') resolve(message);
      else if (!signal.aborted) onSpan();
    });
    worker.on('error', reject);
    worker.on('exit', (code) =>
      reject(new Error(`a worker of the simulation ended with ${code} before it had answered`)),
    );
  }).finally(() => worker.terminate());
}
