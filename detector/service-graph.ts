/**
 * Who calls whom, learned from the windows of edges, and for every node and edge what is usual and what is now.
 *
 * Mental model: a key has a short memory (buckets of five seconds over two minutes) and a long one (sums that fade, half in an hour). What leaves the
 * short memory enters the long one, unless it belongs to trouble: what was flagged is not learned. So what is usual is always at least two
 * minutes old, and a fault that is found within two minutes never touches it.
 *
 * Bounds: at most `keyCountMax` keys; the key unseen for longest goes first. Cost: O(buckets of the histogram) a delta, about 1.5 KB a key.
 */
import { assert } from '../core/assert.ts';
import { middleOf } from '../core/histogram.ts';
import { endsOfEdge, isEdgeKey } from '../core/incident.ts';
import { msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';
import type { EdgeKey, PackedHistogram, WindowDelta } from '../core/window.ts';

export interface ServiceGraphOptions {
  readonly keyCountMax: number;
  /** An edge that nobody used for so long is forgotten. */
  readonly forgetAfterMs: number;
  /** What is usual fades by half in this time. */
  readonly halfLifeMs: number;
}

export const serviceGraphDefaults: ServiceGraphOptions = {
  keyCountMax: 100_000,
  forgetAfterMs: 24 * msPerHour,
  halfLifeMs: msPerHour,
};

/** Of a key, over a stretch of time. */
export interface Load {
  readonly requestCount: number;
  readonly durationMsMean: number;
  /** Failed and throttled. */
  readonly failedRatio: number;
  /** Time apart from waiting on callees; undefined where no span was seen with all its children. */
  readonly selfMsMean?: number;
}

export interface KeyLoad {
  readonly now: Load;
  readonly requestsPerSecond: number;
  /** Undefined while fewer than `usualCountMin` requests were seen untroubled. */
  readonly usual?: Load;
}

export interface VersionSeen {
  readonly version: string;
  readonly firstSeenAtMs: EpochMs;
  readonly lastSeenAtMs: EpochMs;
  /** Seen while the key itself was new to us: no evidence of a change. */
  readonly isFirst: boolean;
}

export interface ServiceGraph {
  observe(nowMs: EpochMs, deltas: readonly WindowDelta[]): void;
  /** What happens on these keys from `fromMs` on is trouble, and is not learned while it is held. Replaces what was held before. */
  hold(troubled: ReadonlyMap<string, EpochMs>): void;
  knows(key: string): boolean;
  calleesOf(node: string): readonly EdgeKey[];
  callersOf(node: string): readonly EdgeKey[];
  load(key: string, fromMs: EpochMs): KeyLoad | undefined;
  lastSeenAtMs(key: string): EpochMs | undefined;
  versionsOf(key: string): readonly VersionSeen[];
  snapshot(): ServiceGraphSnapshot;
}

interface KeySnapshot {
  readonly key: string;
  readonly lastSeenAtMs: EpochMs;
  readonly buckets: readonly (readonly number[])[];
  readonly usual: readonly number[];
  readonly versions: readonly VersionSeen[];
}

export interface ServiceGraphSnapshot {
  readonly fadedAtMs: EpochMs;
  readonly keys: readonly KeySnapshot[];
  readonly held: readonly (readonly [string, EpochMs])[];
}

const bucketMs = 5_000;
const bucketCount = 24;
/** Requests, their time, failed, requests whose self time is known, that self time. */
const fieldCount = 5;
/** Before as many requests a mean says nothing; the tail of durations makes it no better than a tenth. */
const usualCountMin = 50;
const versionCountMax = 8;

interface KeyState {
  lastSeenAtMs: EpochMs;
  /** By number of the bucket since the epoch. */
  buckets: Map<number, Float64Array>;
  usual: Float64Array;
  versions: VersionSeen[];
}

export function createServiceGraph(
  options: ServiceGraphOptions = serviceGraphDefaults,
  snapshot?: ServiceGraphSnapshot,
): ServiceGraph {
  const keys = new Map<string, KeyState>();
  const outgoing = new Map<string, Set<EdgeKey>>();
  const incoming = new Map<string, Set<EdgeKey>>();
  let held = new Map<string, EpochMs>(snapshot?.held);
  let fadedAtMs = snapshot?.fadedAtMs ?? 0;
  for (const kept of snapshot?.keys ?? []) {
    keys.set(kept.key, restoreKey(kept));
    link(kept.key);
  }

  function link(key: string): void {
    if (!isEdgeKey(key)) return;
    const { caller, callee } = endsOfEdge(key);
    addTo(outgoing, caller, key);
    addTo(incoming, callee, key);
  }

  function forget(key: string): void {
    keys.delete(key);
    if (!isEdgeKey(key)) return;
    const { caller, callee } = endsOfEdge(key);
    removeFrom(outgoing, caller, key);
    removeFrom(incoming, callee, key);
  }

  function stateOf(key: string): KeyState {
    const found = keys.get(key);
    if (found) {
      // The map is kept in the order of last use, so that the first is the one unseen for longest.
      keys.delete(key);
      keys.set(key, found);
      return found;
    }
    if (keys.size >= options.keyCountMax) forget(keys.keys().next().value!);
    const fresh: KeyState = { lastSeenAtMs: 0, buckets: new Map(), usual: new Float64Array(fieldCount), versions: [] };
    keys.set(key, fresh);
    link(key);
    return fresh;
  }

  /** Moves what is older than two minutes into what is usual. */
  function settle(key: string, state: KeyState, nowMs: EpochMs): void {
    const oldest = Math.floor(nowMs / bucketMs) - bucketCount;
    const heldFromMs = held.get(key) ?? Infinity;
    for (const [bucket, sums] of state.buckets) {
      if (bucket >= oldest) continue;
      state.buckets.delete(bucket);
      if ((bucket + 1) * bucketMs > heldFromMs) continue;
      for (let field = 0; field < fieldCount; field++) state.usual[field]! += sums[field]!;
    }
  }

  /** Once a minute everything that is usual fades a little, and what was not used for a day goes. */
  function fade(nowMs: EpochMs): void {
    if (fadedAtMs === 0) fadedAtMs = nowMs;
    if (nowMs - fadedAtMs < msPerMinute) return;
    const factor = 0.5 ** ((nowMs - fadedAtMs) / options.halfLifeMs);
    fadedAtMs = nowMs;
    for (const [key, state] of keys) {
      settle(key, state, nowMs);
      if (nowMs - state.lastSeenAtMs > options.forgetAfterMs) forget(key);
      // Held keys do not fade: a long incident must not forget what was usual before it.
      else if (!held.has(key)) for (let field = 0; field < fieldCount; field++) state.usual[field]! *= factor;
    }
  }

  return {
    observe(nowMs, deltas) {
      fade(nowMs);
      for (const delta of deltas) {
        if (delta.key.startsWith('signal:')) continue;
        const state = stateOf(delta.key);
        state.lastSeenAtMs = Math.max(state.lastSeenAtMs, delta.secondAtMs);
        if (addDelta(state, delta, nowMs)) settle(delta.key, state, nowMs);
      }
    },
    hold(troubled) {
      held = new Map(troubled);
    },
    knows: (key) => keys.has(key),
    calleesOf: (node) => sorted(outgoing.get(node)),
    callersOf: (node) => sorted(incoming.get(node)),
    load(key, fromMs) {
      const state = keys.get(key);
      return state && loadOf(state, fromMs);
    },
    lastSeenAtMs: (key) => keys.get(key)?.lastSeenAtMs,
    versionsOf: (key) => keys.get(key)?.versions ?? [],
    snapshot: () => ({
      fadedAtMs,
      keys: [...keys].map(([key, state]) => ({
        key,
        lastSeenAtMs: state.lastSeenAtMs,
        buckets: [...state.buckets].map(([bucket, sums]) => [bucket, ...sums]),
        usual: [...state.usual],
        versions: [...state.versions],
      })),
      held: [...held],
    }),
  };
}

function restoreKey({ lastSeenAtMs, buckets, usual, versions }: KeySnapshot): KeyState {
  return {
    lastSeenAtMs,
    buckets: new Map(buckets.map(([bucket, ...sums]) => [bucket!, Float64Array.from(sums)])),
    usual: Float64Array.from(usual),
    versions: [...versions],
  };
}

/** True when it began another bucket. */
function addDelta(state: KeyState, delta: WindowDelta, nowMs: EpochMs): boolean {
  const bucket = Math.floor(delta.secondAtMs / bucketMs);
  // Older than the short memory: too late to explain anything, and too little to learn from.
  if (bucket < Math.floor(nowMs / bucketMs) - bucketCount) return false;
  const known = state.buckets.get(bucket);
  const sums = known ?? new Float64Array(fieldCount);
  if (!known) state.buckets.set(bucket, sums);
  const requestCount = delta.requestCount ?? delta.spanCount;
  sums[0]! += requestCount;
  sums[1]! += meanOf(delta.durationMs) * requestCount;
  // Throttled requests may be among the failed ones: the larger count is certain.
  sums[2]! += Math.min(requestCount, Math.max(delta.errorCount, delta.throttleCount));
  if (delta.selfMsSum !== undefined && delta.spanCount > 0) {
    sums[3]! += requestCount;
    sums[4]! += (delta.selfMsSum / delta.spanCount) * requestCount;
  }
  if (delta.versions) for (const version of Object.keys(delta.versions)) noteVersion(state, version, delta.secondAtMs);
  return !known;
}

function noteVersion(state: KeyState, version: string, atMs: EpochMs): void {
  const index = state.versions.findIndex((seen) => seen.version === version);
  const seen = state.versions[index];
  if (seen) {
    const firstSeenAtMs = Math.min(seen.firstSeenAtMs, atMs);
    state.versions[index] = { ...seen, firstSeenAtMs, lastSeenAtMs: Math.max(seen.lastSeenAtMs, atMs) };
    return;
  }
  const isFirst = state.versions.every(({ isFirst, firstSeenAtMs }) => isFirst && firstSeenAtMs >= atMs - bucketMs);
  state.versions.push({ version, firstSeenAtMs: atMs, lastSeenAtMs: atMs, isFirst });
  state.versions.sort((a, b) => a.lastSeenAtMs - b.lastSeenAtMs);
  if (state.versions.length > versionCountMax) state.versions.shift();
}

function loadOf(state: KeyState, fromMs: EpochMs): KeyLoad | undefined {
  const first = Math.floor(fromMs / bucketMs);
  const sums = new Float64Array(fieldCount);
  let oldest = Infinity;
  for (const [bucket, part] of state.buckets) {
    if (bucket < first) continue;
    oldest = Math.min(oldest, bucket);
    for (let field = 0; field < fieldCount; field++) sums[field]! += part[field]!;
  }
  if (sums[0] === 0) return undefined;
  const lengthMs = Math.max(1_000, state.lastSeenAtMs + 1_000 - Math.max(oldest * bucketMs, fromMs));
  const usual = state.usual[0]! >= usualCountMin ? readSums(state.usual) : earlierOf(state, first);
  return {
    now: readSums(sums),
    requestsPerSecond: sums[0]! / (lengthMs / 1_000),
    ...(usual && { usual }),
  };
}

/** Before the long memory has anything: what the short one holds from before the trouble. */
function earlierOf(state: KeyState, untilBucket: number): Load | undefined {
  const sums = Float64Array.from(state.usual);
  for (const [bucket, part] of state.buckets)
    if (bucket < untilBucket) for (let field = 0; field < fieldCount; field++) sums[field]! += part[field]!;
  return sums[0]! >= usualCountMin ? readSums(sums) : undefined;
}

function readSums(sums: Float64Array): Load {
  const requestCount = sums[0]!;
  assert(requestCount > 0, 'a load is of requests');
  return {
    requestCount,
    durationMsMean: sums[1]! / requestCount,
    failedRatio: sums[2]! / requestCount,
    ...(sums[3]! > 0 && { selfMsMean: sums[4]! / sums[3]! }),
  };
}

/** Middles of buckets, by their place: a power for each of twenty places a delta is what a tick would be spent on. */
const middles: number[] = [];
function middleAt(bucket: number): number {
  return (middles[bucket] ??= middleOf(bucket));
}

function meanOf(packed: PackedHistogram): number {
  let count = 0;
  let sum = 0;
  for (let at = 0; at < packed.length; at += 2) {
    count += packed[at + 1]!;
    sum += packed[at + 1]! * middleAt(packed[at]!);
  }
  return count > 0 ? sum / count : 0;
}

function addTo(map: Map<string, Set<EdgeKey>>, name: string, key: EdgeKey): void {
  const found = map.get(name);
  if (found) found.add(key);
  else map.set(name, new Set([key]));
}

function removeFrom(map: Map<string, Set<EdgeKey>>, name: string, key: EdgeKey): void {
  const found = map.get(name);
  found?.delete(key);
  if (found?.size === 0) map.delete(name);
}

function sorted(edges: ReadonlySet<EdgeKey> | undefined): readonly EdgeKey[] {
  return edges ? [...edges].sort() : [];
}
