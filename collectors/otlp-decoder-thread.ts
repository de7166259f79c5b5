/** One thread that decodes large bodies, one after the other; started when the first comes, and again after it died of one. */
import { Worker } from 'node:worker_threads';
import type { Problem } from './otlp-answer.ts';
import { inflatedByteCountMax, type OtlpBody } from './otlp-body.ts';
import type { PackedBatch, WorkerAnswer } from './packed-batch.ts';

export interface DecoderThread {
  /** Calls `onBatch` for each batch in turn, in tasks of their own; undefined when all came. */
  decode(body: OtlpBody, onBatch: (packed: PackedBatch) => void): Promise<Problem | undefined>;
  close(): Promise<void>;
}

/** JSON of 64 MiB is about ten times as much as objects. */
const heapMiBMax = 1_024;

export function createDecoderThread(signalAttributes: readonly string[]): DecoderThread {
  let worker: Worker | undefined;
  let isClosed = false;
  let last: Promise<unknown> = Promise.resolve();

  const start = (): Worker => {
    // Beside this file under the same ending: TypeScript in a clone, JavaScript in the package.
    const file = new URL(import.meta.url.endsWith('.ts') ? './otlp-worker.ts' : './otlp-worker.js', import.meta.url);
    const started = new Worker(file, {
      workerData: signalAttributes,
      resourceLimits: { maxOldGenerationSizeMb: heapMiBMax },
    });
    // An idle decoder keeps no process alive; the listener does.
    started.unref();
    return started;
  };

  const run = (body: OtlpBody, onBatch: (packed: PackedBatch) => void): Promise<Problem | undefined> =>
    new Promise((resolve) => {
      if (isClosed) {
        resolve(closing);
        return;
      }
      const mine = (worker ??= start());
      const end = (problem?: Problem): void => {
        // By name: the worker has listeners of its own, without which it would hear no second job.
        mine.off('message', hear).off('error', fail).off('exit', leave);
        resolve(problem);
      };
      const die = (problem: Problem): void => {
        if (worker === mine) worker = undefined;
        end(problem);
      };
      const hear = (answer: WorkerAnswer): void => {
        if (answer.kind === 'batch') onBatch(answer.packed);
        else end(answer.kind === 'problem' ? answer.problem : undefined);
      };
      const fail = (error: unknown): void => die(deathOf(error));
      const leave = (): void => die(isClosed ? closing : deathOf(undefined));
      mine.on('message', hear).on('error', fail).on('exit', leave);
      mine.postMessage(body);
    });

  return {
    decode(body, onBatch) {
      const decoded = last.then(() => run(body, onBatch));
      last = decoded;
      return decoded;
    },
    async close() {
      isClosed = true;
      await worker?.terminate();
      await last;
    },
  };
}

const closing: Problem = { status: 503, message: 'the receiver is closing' };

function deathOf(error: unknown): Problem {
  const isTooMuch = (error as NodeJS.ErrnoException | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY';
  return isTooMuch
    ? {
        status: 413,
        message: `the body takes more memory to decode than a request may (${inflatedByteCountMax} bytes of body)`,
      }
    : { status: 503, message: 'decoding was interrupted' };
}
