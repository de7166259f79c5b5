/**
 * Finds the two ends of a call: the CLIENT span and the SERVER span that names it as its parent, in whichever order they come, from whichever sender.
 *
 * Each side waits in a ring of fixed size, one place for each hash of the span id; what comes later overwrites. A call that is missed so teaches nothing, and
 * the next one of the same edge does.
 */
import { mix } from './pair-table.ts';

const placeCount = 1 << 15;

/** One sender's edge or key, by number. */
export interface End {
  readonly sender: number;
  readonly number: number;
}

export interface SpanJoin {
  /** A call was made: the number of the callee's key when its SERVER span came first. */
  offerCall(high: number, low: number, sender: number, edge: number): End | undefined;
  /** A call was served under this parent: the caller's edge when its CLIENT span came first. */
  offerServed(high: number, low: number, sender: number, key: number): End | undefined;
  clear(): void;
}

export function createSpanJoin(): SpanJoin {
  const calls = createRing();
  const served = createRing();
  const meet = (mine: Ring, others: Ring, high: number, low: number, end: number): End | undefined => {
    if ((high | low) === 0) return undefined;
    const place = mix(high, low) & (placeCount - 1);
    if (others.highs[place] === high && others.lows[place] === low) {
      others.highs[place] = 0;
      others.lows[place] = 0;
      const packed = others.ends[place]!;
      return { sender: Math.floor(packed / 2 ** 32), number: packed % 2 ** 32 };
    }
    mine.highs[place] = high;
    mine.lows[place] = low;
    mine.ends[place] = end;
    return undefined;
  };
  return {
    offerCall: (high, low, sender, edge) => meet(calls, served, high, low, sender * 2 ** 32 + edge),
    offerServed: (high, low, sender, key) => meet(served, calls, high, low, sender * 2 ** 32 + key),
    clear() {
      for (const ring of [calls, served]) {
        ring.highs.fill(0);
        ring.lows.fill(0);
      }
    },
  };
}

interface Ring {
  readonly highs: Uint32Array;
  readonly lows: Uint32Array;
  readonly ends: Float64Array;
}

function createRing(): Ring {
  return {
    highs: new Uint32Array(placeCount),
    lows: new Uint32Array(placeCount),
    ends: new Float64Array(placeCount),
  };
}
