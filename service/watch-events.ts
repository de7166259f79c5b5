/** Market events as detectors want them: those near, by what they move. Read from the calendar in force once a minute. */
import type { MarketEvent } from '../core/market-event.ts';
import { msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';
import type { WindowKey } from '../core/window.ts';

const eventsBehindMs = msPerHour;
const eventsAheadMs = 30 * msPerMinute;

export interface EventsNear {
  readonly all: readonly MarketEvent[];
  of(key: WindowKey): readonly MarketEvent[];
}

export interface WatchEvents {
  around(nowMs: EpochMs, read: (fromMs: EpochMs, untilMs: EpochMs) => readonly MarketEvent[]): EventsNear;
  /** The calendar is another: what was read is not asked for again. */
  forget(): void;
}

/** Events from half an hour before their start to an hour after it; read once a minute. */
export function createWatchEvents(
  symbolsOf: ReadonlyMap<string, readonly string[]>,
  importanceMin: number,
): WatchEvents {
  let minuteAtMs = -Infinity;
  let all: readonly MarketEvent[] = [];
  const known = new Map<WindowKey, readonly MarketEvent[]>();
  const near: EventsNear = {
    get all() {
      return all;
    },
    of(key) {
      const found = known.get(key) ?? all.filter((event) => moves(event, symbolsOf.get(callerOf(key))));
      known.set(key, found);
      return found;
    },
  };
  return {
    around(nowMs, read) {
      const atMs = Math.floor(nowMs / msPerMinute) * msPerMinute;
      if (atMs !== minuteAtMs) {
        minuteAtMs = atMs;
        known.clear();
        all = read(atMs - eventsBehindMs, atMs + eventsAheadMs).filter(
          ({ status, importance, precision }) =>
            status === 'scheduled' && importance >= importanceMin && precision === 'minute',
        );
      }
      return near;
    },
    forget: () => void (minuteAtMs = -Infinity),
  };
}

/** What is no function of ours may be moved by any event. */
function moves(event: MarketEvent, symbols: readonly string[] | undefined): boolean {
  return (
    symbols === undefined || event.symbols.length === 0 || event.symbols.some((symbol) => symbols.includes(symbol))
  );
}

function callerOf(key: WindowKey): string {
  return key.startsWith('edge:') ? key.slice('edge:'.length, key.indexOf('>')) : key;
}
