/**
 * Keeps, for each event and function, what was promised and what came: the level that was asked for, and since when the alias has held it without a
 * break. READY that is lost again starts the count anew: a warm fleet at T − 8 and a cold one at T + 0 is a miss.
 *
 * Pure: fed once a tick with the observed level, it answers with what just happened.
 */
import type { BindingLimit } from '../core/capacity.ts';
import type { MarketEvent } from '../core/market-event.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerMinute, type EpochMs } from '../core/time.ts';
import type { PrewarmView } from './view.ts';

/** A human must hear by then that it will not be warm (docs/decisions/0001). */
export const lateBeforeEventMs = 3 * msPerMinute;

export type PrewarmTurn = 'ready' | 'late' | 'lost' | 'met' | 'missed';

export interface PrewarmNews {
  readonly prewarm: PrewarmView & { readonly key: FunctionKey };
  readonly turn: PrewarmTurn;
}

interface Prewarm {
  readonly key: FunctionKey;
  readonly event: MarketEvent;
  concurrency: number;
  bindingLimit: BindingLimit;
  coveredSinceMs: EpochMs | null;
  isReportedLate: boolean;
  isClosed: boolean;
}

export interface PrewarmLedger {
  /** States or restates what will be held at the event's instant. Ignored once the event has begun. */
  expect(
    key: FunctionKey,
    event: MarketEvent,
    level: { readonly concurrency: number; readonly bindingLimit: BindingLimit },
  ): void;
  /** Drops the promises of a function that the latest plan no longer makes, and which have not begun. */
  keepOnly(key: FunctionKey, eventIds: ReadonlySet<string>, nowMs: EpochMs): void;
  observe(nowMs: EpochMs, concurrencyReadyOf: (key: FunctionKey) => number): readonly PrewarmNews[];
  of(key: FunctionKey): readonly PrewarmView[];
}

export function createPrewarmLedger(): PrewarmLedger {
  const prewarms = new Map<string, Prewarm>();
  return {
    expect(key, event, level) {
      const id = `${key} ${event.id}`;
      const known = prewarms.get(id);
      if (known?.isClosed) return;
      if (known) {
        known.concurrency = level.concurrency;
        known.bindingLimit = level.bindingLimit;
      } else {
        prewarms.set(id, { key, event, ...level, coveredSinceMs: null, isReportedLate: false, isClosed: false });
      }
    },
    keepOnly(key, eventIds, nowMs) {
      for (const [id, prewarm] of prewarms) {
        const isOpen = !prewarm.isClosed && prewarm.event.startsAtMs > nowMs;
        if (prewarm.key === key && isOpen && !eventIds.has(prewarm.event.id)) prewarms.delete(id);
      }
    },
    observe(nowMs, concurrencyReadyOf) {
      return [...prewarms.values()].flatMap((prewarm) =>
        prewarm.isClosed
          ? []
          : turnsOf(prewarm, nowMs, concurrencyReadyOf(prewarm.key)).map((turn) => ({
              prewarm: viewOf(prewarm),
              turn,
            })),
      );
    },
    of: (key) => [...prewarms.values()].filter((prewarm) => prewarm.key === key).map(viewOf),
  };
}

function turnsOf(prewarm: Prewarm, nowMs: EpochMs, concurrencyReady: number): PrewarmTurn[] {
  const turns: PrewarmTurn[] = [];
  const isCovered = concurrencyReady >= prewarm.concurrency;
  if (isCovered && prewarm.coveredSinceMs === null) {
    prewarm.coveredSinceMs = nowMs;
    turns.push('ready');
  } else if (!isCovered && prewarm.coveredSinceMs !== null) {
    prewarm.coveredSinceMs = null;
    turns.push('lost');
  }
  const { startsAtMs } = prewarm.event;
  if (!isCovered && !prewarm.isReportedLate && nowMs >= startsAtMs - lateBeforeEventMs && nowMs < startsAtMs) {
    prewarm.isReportedLate = true;
    turns.push('late');
  }
  if (nowMs >= startsAtMs) {
    prewarm.isClosed = true;
    turns.push(isCovered ? 'met' : 'missed');
  }
  return turns;
}

function viewOf(prewarm: Prewarm): PrewarmView & { readonly key: FunctionKey } {
  const { key, event, coveredSinceMs } = prewarm;
  return {
    key,
    eventId: event.id,
    eventAtMs: event.startsAtMs,
    importance: event.importance,
    concurrency: prewarm.concurrency,
    bindingLimit: prewarm.bindingLimit,
    readyAtMs: coveredSinceMs,
    minutesEarly: coveredSinceMs === null ? null : Math.max(0, event.startsAtMs - coveredSinceMs) / msPerMinute,
  };
}
