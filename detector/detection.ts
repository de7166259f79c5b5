/**
 * All detectors on all keys: deltas of one tick in, the findings that stand out.
 *
 * Mental model: each key has its own small desk: live seconds, what is usual, its detectors. A tick folds what arrived into the desks, lets each detector look,
 * and closes minutes for learning. A desk is opened by the first delta of its key; there are at most `keysMax`, and those too many are counted.
 * What anybody doubts is not learned, unless the doubt has lasted for a day: then it is how things are.
 */
import type { Finding } from '../core/finding.ts';
import { endsOfEdge, isEdgeKey } from '../core/incident.ts';
import type { Json } from '../core/json.ts';
import type { MarketEvent } from '../core/market-event.ts';
import type { EpochMs } from '../core/time.ts';
import type { WindowDelta, WindowKey } from '../core/window.ts';
import { defaultBudget, logThresholdOf, type AlertBudget } from './budget.ts';
import { createDesk, type Desk } from './desk.ts';
import type { SignalAggregation } from './detector.ts';
import type { LiveRing } from './live-windows.ts';
import type { CapacitySeen, ExpectedRate, OwnAction } from './moment.ts';

/** Nine detectors of a function, and four of each of the eight edges that it may call over: who shares its budget. */
const watchersOfFunction = 9 + 8 * 4;
/** Of 85 kB each: 1.7 GB. */
const keysMaxDefault = 20_000;

export interface DetectionOptions {
  readonly budget?: AlertBudget;
  /** How each business signal adds up, by its name. */
  readonly signals?: Readonly<Record<string, SignalAggregation>>;
  readonly keysMax?: number;
}

/** What is known beside the spans. Left out: not known, and judged without. */
export interface DetectionContext {
  readonly expectedOf?: (key: WindowKey, atMs: EpochMs) => ExpectedRate | undefined;
  readonly capacityOf?: (key: WindowKey) => CapacitySeen | undefined;
  readonly ownActionsOf?: (key: WindowKey) => readonly OwnAction[];
  /** From half an hour before their start to an hour after it, of those that move this key's demand. */
  readonly eventsOf?: (key: WindowKey) => readonly MarketEvent[];
  readonly costOf?: (
    key: WindowKey,
  ) => { readonly usdPerBusyMs?: number; readonly usdPerHourLimit?: number } | undefined;
}

export interface Detection {
  /** Folds what was sealed at this tick and answers all findings that stand now, by key, then by detector. Call it once a second, deltas or none. */
  tick(nowMs: EpochMs, deltas: readonly WindowDelta[], context?: DetectionContext): readonly Finding[];
  /** The last ten minutes of a key; undefined where none of its spans was ever seen. */
  live(key: WindowKey): LiveRing | undefined;
  /** Every way by which something is called, with its last ten minutes. */
  edgesTo(callee: string): readonly LiveEdge[];
  keys(): Iterable<WindowKey>;
  /** Deltas of keys beyond `keysMax`, and of seconds older than the live windows. */
  readonly refusedCount: number;
  /** A key at a time: all together they are too large to be held beside what they are taken from. */
  snapshot(): Iterable<KeySnapshot>;
}

export interface LiveEdge {
  readonly caller: string;
  readonly live: LiveRing;
}

export type KeySnapshot = readonly [key: WindowKey, desk: Json];

interface EdgeDesk {
  readonly desk: Desk;
  readonly caller: string;
  readonly callee: WindowKey;
  /** Most callees are tables and services without spans of their own: undefined for good. */
  calleeDesk: Desk | undefined;
}

export function createDetection(options: DetectionOptions = {}, snapshot: Iterable<KeySnapshot> = []): Detection {
  const { budget = defaultBudget, signals = {}, keysMax = keysMaxDefault } = options;
  const logThreshold = logThresholdOf(budget, watchersOfFunction);
  const desks = new Map<WindowKey, Desk>();
  /** The same in the order in which they are judged. */
  const edges: EdgeDesk[] = [];
  const others: Desk[] = [];
  let refusedCount = 0;
  const open = (key: WindowKey, kept?: Json): Desk => {
    const signal = signals[signalName(key)];
    const desk = createDesk({ key, logThreshold, ...(signal === undefined ? {} : { signal }) }, kept);
    desks.set(key, desk);
    if (isEdgeKey(key)) {
      const { caller, callee } = endsOfEdge(key);
      edges.push({ desk, caller, callee: callee as WindowKey, calleeDesk: undefined });
    } else others.push(desk);
    return desk;
  };
  for (const [key, kept] of snapshot) open(key, kept);
  return {
    tick(nowMs, deltas, context = {}) {
      for (const delta of deltas) {
        const desk = desks.get(delta.key) ?? (desks.size < keysMax ? open(delta.key) : undefined);
        if (!desk?.receive(delta)) refusedCount++;
      }
      const findings: Finding[] = [];
      // Edges first: they ask what the functions at their ends received, and a desk that has judged has cleared its own.
      for (const edge of edges) {
        edge.calleeDesk ??= desks.get(edge.callee);
        for (const finding of edge.desk.judge(nowMs, context, edge.calleeDesk?.coldArrivedCount ?? 0))
          findings.push(finding);
      }
      for (const desk of others) for (const finding of desk.judge(nowMs, context, 0)) findings.push(finding);
      return findings.sort(byKeyThenDetector);
    },
    live: (key) => desks.get(key)?.live,
    edgesTo: (callee) =>
      edges.flatMap((edge) => (edge.callee === callee ? [{ caller: edge.caller, live: edge.desk.live }] : [])),
    keys: () => desks.keys(),
    get refusedCount() {
      return refusedCount;
    },
    *snapshot() {
      for (const [key, desk] of desks) yield [key, desk.snapshot()];
    },
  };
}

function byKeyThenDetector(left: Finding, right: Finding): number {
  if (left.key !== right.key) return left.key < right.key ? -1 : 1;
  return left.detector < right.detector ? -1 : left.detector > right.detector ? 1 : 0;
}

function signalName(key: WindowKey): string {
  return key.startsWith('signal:') ? key.slice('signal:'.length, key.lastIndexOf('/')) : '';
}
