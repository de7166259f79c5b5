/**
 * Where trouble begins: from a key that is in trouble down to the deepest callee that explains it.
 *
 * Mental model: what a node loses (time, failed requests) beyond the usual is partly lost in its callees. While its callees account for at least
 * half of it, the trouble is theirs, and the search goes on at the one that accounts for most; where they do not, the node is the origin. An edge
 * whose callee does not show the loss itself is an origin too: the network between them, or calls that were throttled and never arrived.
 *
 * Where too little is known of what is usual, the graph alone decides: a callee in trouble is deeper than its caller.
 */
import type { Finding } from '../core/finding.ts';
import { endsOfEdge, isEdgeKey } from '../core/incident.ts';
import type { EpochMs } from '../core/time.ts';
import type { EdgeKey, WindowKey } from '../core/window.ts';
import type { KeyLoad, ServiceGraph } from './service-graph.ts';

/** What a finding says is lost: time, requests that failed, or neither (demand, cost, capacity). */
export type Dimension = 'time' | 'failed' | 'other';

const dimensionOf: Readonly<Record<string, Dimension>> = {
  'dead-letters': 'failed',
  'error-ratio': 'failed',
  'latency-shift': 'time',
  'throttle-surge': 'failed',
};

/** All that is wrong with one key. */
export interface Trouble {
  readonly key: WindowKey;
  readonly startsAtMs: EpochMs;
  readonly dimensions: ReadonlySet<Dimension>;
  readonly isThrottled: boolean;
  readonly harmedPerSecond: number;
  readonly findings: readonly Finding[];
}

/** What a key loses beyond the usual, a second. Below 0 where it is better than usual. */
export interface Loss {
  readonly requestsPerSecond: number;
  readonly lostMsPerSecond: number;
  /** Of spans whose children were all seen; undefined where none was. */
  readonly ownMsPerSecond?: number;
  readonly failedPerSecond: number;
  /** Twice as slow as usual, or worse: its callers may give up on it. */
  readonly isSlow: boolean;
}

export interface Origin {
  readonly key: WindowKey;
  /** From the key that was asked about down to the origin. */
  readonly path: readonly string[];
  /** The weakest share along the path, 0…1; undefined where a step was taken by the graph alone. */
  readonly explainedRatio?: number;
}

/** Half: with less, the larger part of the loss would be left unexplained by the step. */
const explainedRatioMin = 0.5;

export function troublesOf(findings: readonly Finding[]): ReadonlyMap<string, Trouble> {
  const byKey = new Map<string, Finding[]>();
  for (const finding of findings) {
    const known = byKey.get(finding.key);
    if (known) known.push(finding);
    else byKey.set(finding.key, [finding]);
  }
  return new Map([...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, all]) => [key, troubleOf(all)]));
}

function troubleOf(findings: readonly Finding[]): Trouble {
  return {
    key: findings[0]!.key,
    startsAtMs: Math.min(...findings.map(({ startsAtMs }) => startsAtMs)),
    dimensions: new Set(findings.map(({ detector }) => dimensionOf[detector] ?? 'other')),
    isThrottled: findings.some(({ detector }) => detector === 'throttle-surge'),
    harmedPerSecond: Math.max(
      ...findings.map(({ harmedRatio, requestsPerSecond }) => harmedRatio * (requestsPerSecond ?? 0)),
    ),
    findings,
  };
}

/** Undefined where the key was not seen since, or too little is known of what is usual for it. */
export function lossOf(graph: ServiceGraph, key: string, fromMs: EpochMs): Loss | undefined {
  const load = graph.load(key, fromMs);
  return load?.usual && lossOfLoad(load, load.usual);
}

function lossOfLoad({ now, requestsPerSecond }: KeyLoad, usual: KeyLoad['now']): Loss {
  return {
    requestsPerSecond,
    lostMsPerSecond: (now.durationMsMean - usual.durationMsMean) * requestsPerSecond,
    ...(now.selfMsMean !== undefined &&
      usual.selfMsMean !== undefined && { ownMsPerSecond: (now.selfMsMean - usual.selfMsMean) * requestsPerSecond }),
    failedPerSecond: Math.max(0, now.failedRatio - usual.failedRatio) * requestsPerSecond,
    isSlow: now.durationMsMean >= 2 * usual.durationMsMean,
  };
}

interface Search {
  readonly graph: ServiceGraph;
  readonly troubles: ReadonlyMap<string, Trouble>;
  readonly fromMs: EpochMs;
  readonly dimensions: ReadonlySet<Dimension>;
}

/** Cost: the edges out of each node on the way; a node is visited once, so cycles end. */
export function findOrigin(graph: ServiceGraph, troubles: ReadonlyMap<string, Trouble>, trouble: Trouble): Origin {
  const search: Search = { graph, troubles, fromMs: trouble.startsAtMs, dimensions: trouble.dimensions };
  const path: string[] = [trouble.key];
  let explainedRatio: number | undefined = 1;
  for (;;) {
    const at = path.at(-1)!;
    const step = isEdgeKey(at) ? stepThroughEdge(search, at) : stepFromNode(search, at);
    if (!step || path.includes(step.to)) {
      if (!isEdgeKey(at) && explainedRatio !== undefined)
        explainedRatio = Math.min(explainedRatio, ownRatio(search, at));
      break;
    }
    path.push(step.to);
    explainedRatio =
      step.explainedRatio === undefined || explainedRatio === undefined
        ? undefined
        : Math.min(explainedRatio, step.explainedRatio);
  }
  const key = path.at(-1) as WindowKey;
  const isKnown = explainedRatio !== undefined && lossOf(graph, key, search.fromMs) !== undefined;
  return { key, path, ...(isKnown && { explainedRatio: explainedRatio! }) };
}

interface Step {
  readonly to: string;
  readonly explainedRatio?: number;
}

/** To the edge that explains most, if all edges out of the node together explain half of what it loses. */
function stepFromNode({ graph, troubles, fromMs, dimensions }: Search, node: string): Step | undefined {
  if (!dimensions.has('time') && !dimensions.has('failed')) return undefined;
  const edges = graph.calleesOf(node);
  const shares = edges.map((edge) => edgeShare({ graph, troubles, fromMs, dimensions }, node, edge));
  const total = shares.reduce<number>((sum, share) => sum + (share ?? 0), 0);
  if (total >= explainedRatioMin) {
    const most = Math.max(...shares.map((share) => share ?? 0));
    return { to: edges[shares.indexOf(most)]!, explainedRatio: Math.min(1, total) };
  }
  // What is not known cannot speak against a callee that is in trouble itself.
  const suspects = edges
    .filter((edge, index) => shares[index] === undefined && harmBelow(troubles, edge) !== undefined)
    .sort((a, b) => harmBelow(troubles, b)! - harmBelow(troubles, a)!);
  return suspects[0] && { to: suspects[0] };
}

/** Share of what the node loses that passes through the edge, 0…1; undefined where it is not known. */
export function edgeShare(
  { graph, troubles, fromMs, dimensions }: Search,
  node: string,
  edge: EdgeKey,
): number | undefined {
  const whole = lossOf(graph, node, fromMs);
  const part = lossOf(graph, edge, fromMs);
  if (!whole || !part) return undefined;
  let share = 0;
  if (dimensions.has('time') && whole.lostMsPerSecond > 0)
    share = Math.max(share, part.lostMsPerSecond / whole.lostMsPerSecond);
  if (dimensions.has('failed') && whole.failedPerSecond > 0) {
    share = Math.max(share, part.failedPerSecond / whole.failedPerSecond);
    // A caller that gives up on a slow callee fails where the call itself may never show an error.
    const harm = harmBelow(troubles, edge);
    if (part.isSlow && harm !== undefined) share = Math.max(share, harm / whole.failedPerSecond);
  }
  return Math.min(1, share);
}

/** Requests harmed a second on an edge or at its callee; undefined where neither is in trouble. */
function harmBelow(troubles: ReadonlyMap<string, Trouble>, edge: EdgeKey): number | undefined {
  const onEdge = troubles.get(edge)?.harmedPerSecond;
  const atCallee = troubles.get(endsOfEdge(edge).callee)?.harmedPerSecond;
  return onEdge === undefined ? atCallee : Math.max(onEdge, atCallee ?? 0);
}

/** To the callee, if it shows the loss itself. */
function stepThroughEdge({ graph, troubles, fromMs, dimensions }: Search, edge: EdgeKey): Step | undefined {
  const { callee } = endsOfEdge(edge);
  if (!graph.knows(callee)) return undefined;
  const flagged = troubles.get(callee);
  if (flagged?.isThrottled) return { to: callee, explainedRatio: 1 };
  const whole = lossOf(graph, edge, fromMs);
  const part = lossOf(graph, callee, fromMs);
  if (!whole || !part) return flagged && { to: callee };
  const share = Math.max(
    dimensions.has('time') ? shareOf(part.lostMsPerSecond, whole.lostMsPerSecond, part, whole) : 0,
    dimensions.has('failed') ? shareOf(part.failedPerSecond, whole.failedPerSecond, part, whole) : 0,
  );
  // A callee that is in trouble itself needs less: its spans may come later than its caller's.
  return share >= (flagged ? explainedRatioMin / 2 : explainedRatioMin)
    ? { to: callee, explainedRatio: share }
    : undefined;
}

/** By the second or by the call, whichever is more: the two sides may be sampled differently, and others call the callee too. */
function shareOf(
  part: number,
  whole: number,
  { requestsPerSecond: partRate }: Loss,
  { requestsPerSecond }: Loss,
): number {
  if (whole <= 0 || part <= 0) return 0;
  return Math.min(1, Math.max(part / whole, part / partRate / (whole / requestsPerSecond)));
}

/** Share of a node's loss that its callees do not account for. */
function ownRatio(search: Search, node: string): number {
  const total = search.graph
    .calleesOf(node)
    .reduce((sum, edge) => sum + Math.max(0, edgeShare(search, node, edge) ?? 0), 0);
  return Math.max(0, 1 - total);
}
