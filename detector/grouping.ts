/**
 * Which troubles are one: those that begin at the same place. A caller's harm follows its path to the origin; what is lost nowhere (demand that falls away,
 * environments that start anew) is a consequence where a neighbour is in trouble, and a thing of its own where none is.
 */
import { endsOfEdge, isEdgeKey } from '../core/incident.ts';
import type { EpochMs } from '../core/time.ts';
import type { WindowKey } from '../core/window.ts';
import { findOrigin, type Trouble } from './origin.ts';
import type { ServiceGraph } from './service-graph.ts';

export interface Group {
  readonly origin: WindowKey;
  readonly explainedRatio?: number;
  readonly startsAtMs: EpochMs;
  /** By key, ascending. */
  readonly troubles: readonly Trouble[];
  /** All keys on the ways to the origin. */
  readonly path: ReadonlySet<string>;
}

/** Functions of one account that are throttled within so short a time have one cause, the account's concurrency, if there are this many. */
const throttledTogether = { countMin: 3, withinMs: 30_000 };

/** Trouble that has its own cause, whatever happens next door. */
const independentDetectors = new Set(['capacity-not-ready', 'signal', 'telemetry-lost']);

export function groupTroubles(graph: ServiceGraph, troubles: ReadonlyMap<string, Trouble>): readonly Group[] {
  const byOrigin = new Map<string, { readonly troubles: Trouble[]; readonly path: Set<string>; ratios: number[] }>();
  for (const trouble of troubles.values()) {
    const { key, path, explainedRatio } = findOrigin(graph, troubles, trouble);
    const group = byOrigin.get(key) ?? { troubles: [], path: new Set(), ratios: [] };
    byOrigin.set(key, group);
    group.troubles.push(trouble);
    for (const step of path) group.path.add(step);
    if (explainedRatio !== undefined) group.ratios.push(explainedRatio);
  }
  const groups = [...byOrigin].map(([origin, { troubles: members, path, ratios }]) => ({
    origin: origin as WindowKey,
    // Every member has to be explained: the weakest counts.
    ...(ratios.length === members.length && { explainedRatio: Math.min(...ratios) }),
    startsAtMs: Math.min(...members.map(({ startsAtMs }) => startsAtMs)),
    troubles: members,
    path,
  }));
  return joinThrottled(attachPassive(graph, groups));
}

/** Consequences that are lost nowhere go with the earliest neighbour in trouble, and their neighbours with them. */
function attachPassive(graph: ServiceGraph, groups: readonly Group[]): readonly Group[] {
  let active = groups.filter((group) => !isPassive(group));
  let passive = groups.filter(isPassive);
  for (;;) {
    const left: Group[] = [];
    for (const group of passive) {
      const near = neighboursOf(graph, group);
      const host = active
        .filter(({ path }) => [...path].some((key) => near.has(key)))
        .sort((a, b) => a.startsAtMs - b.startsAtMs || (a.origin < b.origin ? -1 : 1))[0];
      if (host) active = active.map((other) => (other === host ? joined(host, [group]) : other));
      else left.push(group);
    }
    if (left.length === passive.length) return [...active, ...left].sort((a, b) => (a.origin < b.origin ? -1 : 1));
    passive = left;
  }
}

function isPassive({ troubles }: Group): boolean {
  return troubles.every(
    ({ dimensions, findings }) =>
      !dimensions.has('time') &&
      !dimensions.has('failed') &&
      !findings.some(({ detector }) => independentDetectors.has(detector)),
  );
}

function neighboursOf(graph: ServiceGraph, { path }: Group): ReadonlySet<string> {
  const near = new Set<string>(path);
  for (const key of path) {
    const nodes = isEdgeKey(key) ? [endsOfEdge(key).caller, endsOfEdge(key).callee] : [key];
    for (const node of nodes) {
      near.add(node);
      for (const edge of graph.callersOf(node)) near.add(edge).add(endsOfEdge(edge).caller);
      for (const edge of graph.calleesOf(node)) near.add(edge).add(endsOfEdge(edge).callee);
    }
  }
  return near;
}

function joinThrottled(groups: readonly Group[]): readonly Group[] {
  const byAccount = new Map<string, Group[]>();
  for (const group of groups) {
    const account = throttledAccountOf(group);
    if (account === undefined) continue;
    const known = byAccount.get(account) ?? [];
    byAccount.set(account, known);
    known.push(group);
  }
  let all = groups;
  for (const throttled of byAccount.values()) {
    const [first, ...others] = throttled.sort((a, b) => a.startsAtMs - b.startsAtMs || (a.origin < b.origin ? -1 : 1));
    const together = others.filter(({ startsAtMs }) => startsAtMs - first!.startsAtMs <= throttledTogether.withinMs);
    if (together.length + 1 < throttledTogether.countMin) continue;
    const merged = joined(first!, together);
    all = all.filter((group) => !together.includes(group)).map((group) => (group === first ? merged : group));
  }
  return all;
}

/** `123456789012/us-east-1` of the function at the origin, if it is throttled there. */
function throttledAccountOf({ origin, troubles }: Group): string | undefined {
  const functionKey = isEdgeKey(origin) ? endsOfEdge(origin).callee : origin;
  const isThrottled = troubles.some(({ key, isThrottled }) => isThrottled && (key === origin || key === functionKey));
  return isThrottled ? /^\d{12}\/[^/]+/.exec(functionKey)?.[0] : undefined;
}

function joined(host: Group, guests: readonly Group[]): Group {
  const all = [host, ...guests];
  return {
    ...host,
    startsAtMs: Math.min(...all.map(({ startsAtMs }) => startsAtMs)),
    troubles: all.flatMap(({ troubles }) => troubles).sort((a, b) => (a.key < b.key ? -1 : 1)),
    path: new Set(all.flatMap(({ path }) => [...path])),
  };
}
