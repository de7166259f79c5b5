/**
 * A made-up system for tests: nodes that call each other once a request, with faults, seen as windows and as what good detectors would find.
 * Without noise, so that what is tested is the joining and not the detecting.
 */
import type { Finding } from '../core/finding.ts';
import { bucketOf } from '../core/histogram.ts';
import type { Incident, IncidentChange } from '../core/incident.ts';
import type { EpochMs } from '../core/time.ts';
import type { EdgeKey, WindowDelta, WindowKey } from '../core/window.ts';
import { createCorrelator } from './correlator.ts';
import { correlatorDefaults, type Scene } from './episode.ts';

export interface Topology {
  /** Callees by caller; a name in capitals is outside and sends no spans of its own. */
  readonly calls: Readonly<Record<string, readonly string[]>>;
  /** Requests a second that come to these by themselves. */
  readonly entries: Readonly<Record<string, number>>;
  readonly ownMs?: Readonly<Record<string, number>>;
}

export interface Fault {
  /** A node, or `caller>callee`. */
  readonly at: string;
  readonly fromSecond: number;
  readonly untilSecond: number;
  readonly addedMs?: number;
  readonly failedRatio?: number;
  readonly isThrottled?: boolean;
}

export const startMs = Date.UTC(2026, 10, 20, 13, 30);

export function nodeKey(name: string): string {
  return name === name.toUpperCase() ? name : `123456789012/us-east-1/${name}:live`;
}

export function edgeKey(text: string): EdgeKey {
  const [caller, callee] = text.split('>');
  return `edge:${nodeKey(caller!)}>${nodeKey(callee!)}`;
}

interface Seen {
  requestsPerSecond: number;
  durationMs: number;
  selfMs: number;
  failedRatio: number;
  throttledRatio: number;
}

/** What every node and edge shows in one second, by key. */
export function seenAt(topology: Topology, faults: readonly Fault[], second: number): ReadonlyMap<string, Seen> {
  const active = faults.filter(({ fromSecond, untilSecond }) => second >= fromSecond && second < untilSecond);
  const seen = new Map<string, Seen>();
  const visit = (node: string, requestsPerSecond: number): Seen => {
    const fault = active.find(({ at }) => at === node);
    let passedRatio = 1 - (fault?.failedRatio ?? 0);
    const selfMs = (topology.ownMs?.[node] ?? 10) + (fault?.addedMs ?? 0);
    let durationMs = selfMs;
    for (const callee of topology.calls[node] ?? []) {
      const between = active.find(({ at }) => at === `${node}>${callee}`);
      const arriving = requestsPerSecond * (1 - (between?.failedRatio ?? 0));
      const below = visit(callee, arriving);
      const edge: Seen = {
        requestsPerSecond,
        durationMs: below.durationMs + (between?.addedMs ?? 0),
        selfMs: 0,
        failedRatio: 1 - (1 - (between?.failedRatio ?? 0)) * (1 - below.failedRatio),
        throttledRatio: between?.isThrottled ? (between.failedRatio ?? 0) : 0,
      };
      add(seen, edgeKey(`${node}>${callee}`), edge);
      durationMs += edge.durationMs;
      passedRatio *= 1 - edge.failedRatio;
    }
    const own: Seen = { requestsPerSecond, durationMs, selfMs, failedRatio: 1 - passedRatio, throttledRatio: 0 };
    add(seen, nodeKey(node), own);
    return own;
  };
  for (const [entry, requestsPerSecond] of Object.entries(topology.entries)) visit(entry, requestsPerSecond);
  for (const name of seen.keys()) if (name === name.toUpperCase()) seen.delete(name);
  return seen;
}

function add(seen: Map<string, Seen>, key: string, more: Seen): void {
  const known = seen.get(key);
  if (!known) {
    seen.set(key, more);
    return;
  }
  const total = known.requestsPerSecond + more.requestsPerSecond;
  const mix = (a: number, b: number): number =>
    (a * known.requestsPerSecond + b * more.requestsPerSecond) / (total || 1);
  seen.set(key, {
    requestsPerSecond: total,
    durationMs: mix(known.durationMs, more.durationMs),
    selfMs: mix(known.selfMs, more.selfMs),
    failedRatio: mix(known.failedRatio, more.failedRatio),
    throttledRatio: mix(known.throttledRatio, more.throttledRatio),
  });
}

export function deltasOf(seen: ReadonlyMap<string, Seen>, second: number): readonly WindowDelta[] {
  return [...seen].map(([key, { requestsPerSecond, durationMs, selfMs, failedRatio, throttledRatio }]) => ({
    key: key as WindowKey,
    secondAtMs: startMs + second * 1_000,
    sender: 'stub',
    spanCount: Math.round(requestsPerSecond),
    requestCount: requestsPerSecond,
    errorCount: requestsPerSecond * failedRatio,
    throttleCount: requestsPerSecond * throttledRatio,
    coldStartCount: 0,
    provisionedInitCount: 0,
    deadLetterCount: 0,
    durationMs: [bucketOf(durationMs), requestsPerSecond],
    ...(!key.startsWith('edge:') && { selfMsSum: selfMs * Math.round(requestsPerSecond) }),
    valueSum: durationMs * requestsPerSecond,
    versions: { '1': Math.round(requestsPerSecond) },
    examples: { slowest: [], failed: [] },
  }));
}

/** What stands when slowness counts from half as slow again, failure from 2 %; `delaySecondsOf` says how long each key's detector needs. */
export function findingsOf(
  topology: Topology,
  faults: readonly Fault[],
  second: number,
  delaySecondsOf: (key: string) => number = () => 1,
): readonly Finding[] {
  const usual = seenAt(topology, [], second);
  const startsAt = Math.min(...faults.filter((fault) => second < fault.untilSecond).map((fault) => fault.fromSecond));
  return [...seenAt(topology, faults, second)].flatMap(([key, now]): readonly Finding[] => {
    const since = firstBadSecond(topology, faults, key, startsAt, second);
    if (since === undefined || second - since < delaySecondsOf(key)) return [];
    const isSlow = now.durationMs >= 1.5 * usual.get(key)!.durationMs;
    const about = {
      key: key as WindowKey,
      startsAtMs: startMs + since * 1_000,
      atMs: startMs + second * 1_000,
      score: 2,
      weight: 'trouble',
      requestsPerSecond: now.requestsPerSecond,
      evidence: {},
      traceIds: [],
    } as const;
    const isBad = now.failedRatio >= 0.02;
    const failing = now.throttledRatio > 0 ? 'throttle-surge' : 'error-ratio';
    return [
      ...(isSlow ? [{ ...about, detector: 'latency-shift', harmedRatio: 0.9, because: `${key} is slow` }] : []),
      ...(isBad ? [{ ...about, detector: failing, harmedRatio: now.failedRatio, because: `${key} fails` }] : []),
    ];
  });
}

/** Nothing changes between the borders of faults. */
function firstBadSecond(
  topology: Topology,
  faults: readonly Fault[],
  key: string,
  fromSecond: number,
  second: number,
): number | undefined {
  const usual = seenAt(topology, [], second).get(key)!;
  const borders = faults.flatMap((fault) => [fault.fromSecond, fault.untilSecond]).sort((a, b) => a - b);
  return borders.find((at) => {
    if (at < fromSecond || at > second) return false;
    const now = seenAt(topology, faults, at).get(key)!;
    return now.durationMs >= 1.5 * usual.durationMs || now.failedRatio >= 0.02;
  });
}

export const quietScene: Scene = {
  findings: [],
  deltas: [],
  maintenance: [],
  actionsTaken: [],
  events: [],
  acknowledgements: [],
};

export interface Play {
  readonly changes: readonly IncidentChange[];
  readonly incidents: readonly Incident[];
}

/** Plays seconds 0 to `untilSecond`; three minutes of calm are enough to know what is usual. */
export function play(
  topology: Topology,
  faults: readonly Fault[],
  options: {
    readonly untilSecond: number;
    readonly scene?: (second: number) => Partial<Scene>;
    readonly delaySecondsOf?: (key: string) => number;
    /** Written down and restored at this second. */
    readonly restoredAtSecond?: number;
  },
): Play {
  let correlator = createCorrelator();
  const changes: IncidentChange[] = [];
  for (let second = 0; second <= options.untilSecond; second++) {
    if (second === options.restoredAtSecond) {
      const snapshot = JSON.parse(JSON.stringify(correlator.snapshot())) as ReturnType<typeof correlator.snapshot>;
      correlator = createCorrelator(correlatorDefaults, snapshot);
    }
    const nowMs: EpochMs = startMs + (second + 1) * 1_000;
    changes.push(
      ...correlator.tick(nowMs, {
        ...quietScene,
        deltas: deltasOf(seenAt(topology, faults, second), second),
        findings: findingsOf(topology, faults, second, options.delaySecondsOf),
        ...options.scene?.(second),
      }),
    );
  }
  return { changes, incidents: correlator.incidents };
}
