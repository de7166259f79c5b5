/** What speaks for an incident beside its findings: which edges carry the loss, what changed about when it began, how bad it is, how sure we are. */
import type { Finding } from '../core/finding.ts';
import {
  endsOfEdge,
  isEdgeKey,
  type ActionTaken,
  type EdgeContribution,
  type IncidentChangeEvidence,
  type IncidentSeverity,
  type MaintenanceWindow,
  type Verdict,
} from '../core/incident.ts';
import type { MarketEvent } from '../core/market-event.ts';
import { formatInstant, msPerMinute, type EpochMs } from '../core/time.ts';
import type { EdgeKey, WindowKey } from '../core/window.ts';
import type { Group } from './grouping.ts';
import { edgeShare, lossOf, type Trouble } from './origin.ts';
import type { ServiceGraph } from './service-graph.ts';
import { verdictOf } from './verdict.ts';

/** What has changed so long before the trouble may have to do with it. */
const changeBeforeMs = 30 * msPerMinute;
/** Spans come late and findings start early: a version that is first seen this much after the start may still be the cause. */
const changeAfterMs = msPerMinute;
const eventBeforeMs = 60 * msPerMinute;
const contributionCountMax = 20;
const changeCountMax = 20;

export function severityOf(harmedRatio: number): IncidentSeverity {
  return harmedRatio >= 0.2 ? 'critical' : harmedRatio >= 0.05 ? 'major' : 'minor';
}

export function isWorse(a: IncidentSeverity, b: IncidentSeverity): boolean {
  const order: readonly IncidentSeverity[] = ['minor', 'major', 'critical'];
  return order.indexOf(a) > order.indexOf(b);
}

/** Share of its requests that the worst-hit node sees harmed; of the worst-hit edge or signal where no node is in trouble. */
export function harmedRatioOf(findings: readonly Finding[]): number {
  const atNodes = findings.filter(({ key }) => !isEdgeKey(key) && !key.startsWith('signal:'));
  const counted = atNodes.length > 0 ? atNodes : findings;
  return Math.min(1, Math.max(0, ...counted.map(({ harmedRatio }) => harmedRatio)));
}

/** Nodes in trouble, by name; what is called by an edge in trouble is not harmed by that alone, who calls is. */
export function harmedNodes(keys: Iterable<string>): readonly string[] {
  const nodes = [...keys].map((key) => (isEdgeKey(key) ? endsOfEdge(key).caller : key));
  return [...new Set(nodes)].sort();
}

/** The edges between all that is in trouble and around the origin, those that carry most of the loss first. */
export function contributionsOf(
  graph: ServiceGraph,
  troubles: ReadonlyMap<string, Trouble>,
  { origin, path, startsAtMs }: Pick<Group, 'origin' | 'path' | 'startsAtMs'>,
): readonly EdgeContribution[] {
  const edges = new Set<EdgeKey>();
  for (const key of [...path, origin]) {
    if (isEdgeKey(key)) edges.add(key);
    else for (const edge of [...graph.calleesOf(key), ...(key === origin ? graph.callersOf(key) : [])]) edges.add(edge);
  }
  const dimensions = new Set(['time', 'failed'] as const);
  return [...edges]
    .flatMap((edge) => {
      const { caller, callee } = endsOfEdge(edge);
      const loss = lossOf(graph, edge, startsAtMs);
      if (!loss) return [];
      const below = graph
        .calleesOf(callee)
        .reduce((sum, next) => sum + Math.max(0, lossOf(graph, next, startsAtMs)?.lostMsPerSecond ?? 0), 0);
      const atCallee = lossOf(graph, callee, startsAtMs);
      return {
        edge,
        callsPerSecond: loss.requestsPerSecond,
        lostMsPerSecond: loss.lostMsPerSecond,
        ownMsPerSecond: atCallee?.ownMsPerSecond ?? Math.max(0, loss.lostMsPerSecond - below),
        failedPerSecond: loss.failedPerSecond,
        explainedRatio: edgeShare({ graph, troubles, fromMs: startsAtMs, dimensions }, caller, edge) ?? 0,
      };
    })
    .sort(
      (a, b) =>
        b.explainedRatio - a.explainedRatio || b.ownMsPerSecond - a.ownMsPerSecond || (a.edge < b.edge ? -1 : 1),
    )
    .slice(0, contributionCountMax);
}

export interface Surroundings {
  readonly actionsTaken: readonly ActionTaken[];
  readonly events: readonly MarketEvent[];
  /** Findings that harm nobody. */
  readonly notices: readonly Finding[];
}

/** Versions, our own actions, events and surges about when it began, oldest first. */
export function changesNear(
  graph: ServiceGraph,
  { path, startsAtMs }: Pick<Group, 'path' | 'startsAtMs'>,
  { actionsTaken, events, notices }: Surroundings,
): readonly IncidentChangeEvidence[] {
  const concerned = new Set([...path].flatMap((key) => (isEdgeKey(key) ? Object.values(endsOfEdge(key)) : [key])));
  const isNear = (atMs: EpochMs, beforeMs = changeBeforeMs): boolean =>
    atMs >= startsAtMs - beforeMs && atMs <= startsAtMs + changeAfterMs;
  const changes: IncidentChangeEvidence[] = [];
  for (const key of concerned)
    for (const { version, firstSeenAtMs, isFirst } of graph.versionsOf(key))
      if (!isFirst && isNear(firstSeenAtMs))
        changes.push({
          kind: 'version',
          atMs: firstSeenAtMs,
          key: key as WindowKey,
          because: `version ${version} of ${key} was first seen at ${formatInstant(firstSeenAtMs)}`,
        });
  for (const { atMs, key, because } of actionsTaken)
    if (concerned.has(key) && isNear(atMs)) changes.push({ kind: 'own-action', atMs, key, because });
  for (const { startsAtMs: atMs, title, id, status } of events)
    if (status === 'scheduled' && isNear(atMs, eventBeforeMs))
      changes.push({ kind: 'event', atMs, because: `${title} (${id}) at ${formatInstant(atMs)}` });
  for (const { key, startsAtMs: atMs, because } of notices)
    if (concerned.has(key) && isNear(atMs)) changes.push({ kind: 'surge', atMs, key, because });
  return changes.sort((a, b) => a.atMs - b.atMs || (a.because < b.because ? -1 : 1)).slice(-changeCountMax);
}

/** See verdict.ts for the rules. Witnesses: the caller's spans and the callee's own, or a new version at the origin. */
export function verdictOn(
  graph: ServiceGraph,
  { origin, explainedRatio, startsAtMs, troubles }: Group,
  { nextRatio, changes }: { readonly nextRatio: number; readonly changes: readonly IncidentChangeEvidence[] },
): Verdict {
  const requestCount = graph.load(origin, startsAtMs)?.now.requestCount ?? 0;
  const sides = isEdgeKey(origin)
    ? [endsOfEdge(origin).callee, endsOfEdge(origin).caller]
    : graph.callersOf(origin).flatMap((edge) => [edge, endsOfEdge(edge).caller]);
  const isSeenFromTwoSides =
    troubles.some(({ key }) => key === origin) && troubles.some(({ key }) => sides.includes(key));
  const hasNewVersion = changes.some(({ kind, key }) => kind === 'version' && key === origin);
  return verdictOf({ explainedRatio, nextRatio, requestCount, hasSecondWitness: isSeenFromTwoSides || hasNewVersion });
}

/** The maintenance window that covers where trouble begins, if it began inside it. */
export function maintenanceOf(
  origin: WindowKey,
  startsAtMs: EpochMs,
  windows: readonly MaintenanceWindow[],
  nowMs: EpochMs,
): MaintenanceWindow | undefined {
  const names = isEdgeKey(origin) ? [origin, ...Object.values(endsOfEdge(origin))] : [origin];
  return windows.find(
    ({ keys, fromMs, untilMs }) =>
      fromMs <= startsAtMs &&
      nowMs < untilMs &&
      (keys.length === 0 || keys.some((pattern) => names.some((name) => matches(pattern, name)))),
  );
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
