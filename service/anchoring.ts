/**
 * Sends checkpoints of the audit chain to places outside the store: at each interval, and once more at the stop.
 *
 * Each place is on its own: one that fails is tried again a few times, then at the next interval, with the head as it stands then; it holds up neither the others nor
 * a tick. A checkpoint covers everything before it, so nothing that was missed has to be made up for.
 */
import { WorldError } from '../core/errors.ts';
import type { Clock, EpochMs, Timers } from '../core/time.ts';
import { formatCheckpoint, type Sign } from '../store/anchor.ts';
import type { AuditHead } from '../store/audit-log.ts';
import type { AnchorSink, OutgoingCheckpoint } from './anchor-sink.ts';
import type { Log } from './log.ts';

export interface Anchoring {
  /** Sends a checkpoint where an interval has begun since the last one. Never throws: what failed is logged, and tried again at the next interval. */
  writeWhenDue(): Promise<void>;
  /** The last checkpoint, at a stop: one attempt a place, whatever the interval, because nobody waits for another. */
  writeLast(): Promise<void>;
}

export interface AnchoringOptions {
  readonly sinks: readonly AnchorSink[];
  readonly intervalMs: number;
  readonly sign?: Sign;
  readonly head: () => AuditHead | undefined;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  /** Aborted: no attempt after this one, so that a place which does not answer holds up no stop. */
  readonly signal: AbortSignal;
}

/** Waits before the second and the third attempt. A place that is away for longer is away until the next interval. */
const retryWaitsMs = [1_000, 5_000];

interface Place {
  readonly sink: AnchorSink;
  /** The last event that this place covers. */
  coveredSeq: number;
  /** Intervals in a row without success. */
  failedCount: number;
}

export function createAnchoring(options: AnchoringOptions): Anchoring {
  const { sinks, intervalMs, sign, head, clock, log, signal } = options;
  const places = sinks.map((sink): Place => ({ sink, coveredSeq: -1, failedCount: 0 }));
  let intervalIndex: number | undefined;

  const send = async (place: Place, checkpoint: OutgoingCheckpoint, write: () => Promise<void>): Promise<void> => {
    const { sink } = place;
    try {
      await write();
    } catch (error) {
      if (!(error instanceof WorldError)) throw error;
      place.failedCount++;
      log.warn('anchor.unwritten', {
        to: sink.name,
        error: error.message,
        failedCount: place.failedCount,
        coveredSeq: place.coveredSeq < 0 ? null : place.coveredSeq,
        consequence: `events up to ${checkpoint.seq} are held by the chain alone; tried again at the next interval`,
      });
      return;
    }
    if (place.failedCount > 0) log.info('anchor.written', { to: sink.name, failedCount: place.failedCount });
    place.coveredSeq = checkpoint.seq;
    place.failedCount = 0;
  };

  const sendToAll = async (how: 'patiently' | 'once'): Promise<void> => {
    const last = head();
    if (last === undefined) return;
    const atMs = clock.nowMs();
    const checkpoint = { line: formatCheckpoint(last, atMs, sign), atMs, ...last };
    await Promise.all(
      places
        .filter(({ coveredSeq }) => last.seq > coveredSeq)
        .map((place) =>
          send(place, checkpoint, () =>
            how === 'once'
              ? place.sink.write(checkpoint, new AbortController().signal)
              : writePatiently(place.sink, checkpoint, options),
          ),
        ),
    );
  };

  return {
    async writeWhenDue() {
      const index = intervalIndexOf(clock.nowMs(), intervalMs);
      if (index === intervalIndex || signal.aborted) return;
      intervalIndex = index;
      await sendToAll('patiently');
    },
    writeLast: () => sendToAll('once'),
  };
}

/** Intervals lie on the grid of UTC: an interval of an hour is written when the hour begins. */
function intervalIndexOf(nowMs: EpochMs, intervalMs: number): number {
  return Math.floor(nowMs / intervalMs);
}

async function writePatiently(
  sink: AnchorSink,
  checkpoint: OutgoingCheckpoint,
  { timers, signal }: Pick<AnchoringOptions, 'timers' | 'signal'>,
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await sink.write(checkpoint, signal);
      return;
    } catch (error) {
      const waitMs = retryWaitsMs[attempt];
      if (waitMs === undefined || !(error instanceof WorldError) || !error.retryable || signal.aborted) throw error;
      if ((await pause(waitMs, timers, signal)) === 'aborted') throw error;
    }
  }
}

/** Ends early when `signal` is aborted. */
function pause(delayMs: number, timers: Timers, signal: AbortSignal): Promise<'over' | 'aborted'> {
  return new Promise((resolve) => {
    const abort = (): void => {
      cancel();
      resolve('aborted');
    };
    const cancel = timers.after(delayMs, () => {
      signal.removeEventListener('abort', abort);
      resolve('over');
    });
    signal.addEventListener('abort', abort, { once: true });
  });
}
