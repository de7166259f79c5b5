/**
 * Work that is due by the clock and decides nothing: snapshots, pruning, reading histories again.
 */
import type { Wakeups } from '../core/time.ts';
import type { Log } from './log.ts';

export interface Chore {
  readonly name: string;
  readonly every: 'minute' | 'hour' | 'day';
  run(): Promise<void>;
}

/** Starts the chores and returns a stop. A chore that throws is logged and tried again at its next time; one still running is not started twice. */
export function startHousekeeping(
  chores: readonly Chore[],
  { wakeups, log }: { wakeups: Wakeups; log: Log },
): () => Promise<void> {
  const running = new Map<string, Promise<void>>();
  const cancels = chores.map((chore) =>
    wakeups.every(chore.every, () => {
      if (running.has(chore.name)) return;
      running.set(
        chore.name,
        runLogged(chore, log).finally(() => running.delete(chore.name)),
      );
    }),
  );
  return async () => {
    for (const cancel of cancels) cancel();
    await Promise.all(running.values());
  };
}

async function runLogged(chore: Chore, log: Log): Promise<void> {
  try {
    await chore.run();
    log.debug('housekeeping.done', { chore: chore.name });
  } catch (error) {
    log.warn('housekeeping.failed', {
      chore: chore.name,
      error: (error as Error).message,
      consequence: 'tried again at its next time',
    });
  }
}
