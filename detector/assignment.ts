/** Which group of troubles continues which episode, and which opens one. */
import { assert } from '../core/assert.ts';
import type { Assigned, Episode, Tick } from './episode.ts';
import type { Group } from './grouping.ts';
import type { ServiceGraph } from './service-graph.ts';

/** A caller that loses as much by itself as this has a fault of its own, though a callee of it is in trouble. */
const ownFaultRatio = 0.7;

/** Each group to the episode it continues, strongest ties first; ties are broken by age, then by name, so that the order of findings means nothing. */
export function assign(episodes: readonly Episode[], groups: readonly Group[], tick: Tick): readonly Assigned[] {
  const ties = groups
    .flatMap((group) => episodes.map((episode) => ({ group, episode, strength: strengthOf(episode, group) })))
    .filter(({ strength }) => strength > 0)
    .sort(
      (a, b) =>
        b.strength - a.strength ||
        episodes.indexOf(a.episode) - episodes.indexOf(b.episode) ||
        (a.group.origin < b.group.origin ? -1 : 1),
    );
  const groupOf = new Map<Episode, Group>();
  const placed = new Set<Group>();
  for (const { group, episode } of ties) {
    if (placed.has(group) || groupOf.has(episode)) continue;
    groupOf.set(episode, group);
    placed.add(group);
  }
  const fresh: Group[] = [];
  for (const group of groups) {
    if (placed.has(group)) continue;
    const host = hostOf(group, ties, episodes, tick);
    if (!host) fresh.push(group);
    else groupOf.set(host, withTroublesOf(groupOf.get(host), group, host));
  }
  const continued = episodes.map((episode): Assigned => {
    const group = groupOf.get(episode);
    if (group) return { episode, group };
    const into = [...groupOf].find(([, other]) => other.troubles.some(({ key }) => episode.keys.includes(key)));
    return into ? { episode, partOf: into[0].incident.id } : { episode };
  });
  return [...continued, ...joinFresh(fresh, tick).map((group) => ({ group }))];
}

function strengthOf({ incident, keys }: Episode, { origin, troubles, path }: Group): number {
  const shared = troubles.filter(({ key }) => keys.includes(key)).length;
  if (incident.origin === origin) return 1_000 + shared;
  return shared > 0 ? shared + (path.has(incident.origin) ? 500 : 0) : 0;
}

/** The episode that a second group belongs to all the same: it brings nothing new, or is a caller's harm that is not shown to be the caller's own. */
function hostOf(
  group: Group,
  ties: readonly { readonly group: Group; readonly episode: Episode }[],
  episodes: readonly Episode[],
  { graph }: Tick,
): Episode | undefined {
  const tied = ties.find((tie) => tie.group === group)?.episode;
  if (tied && group.troubles.every(({ key }) => tied.keys.includes(key))) return tied;
  if ((group.explainedRatio ?? 0) >= ownFaultRatio) return undefined;
  return episodes.find(({ incident }) => isUpstream(graph, group.origin, incident.origin));
}

/** Groups that open at the same tick: a caller that is not shown to have a fault of its own goes with its callee. */
function joinFresh(groups: readonly Group[], { graph }: Tick): readonly Group[] {
  let left = [...groups];
  for (const group of groups) {
    if ((group.explainedRatio ?? 0) >= ownFaultRatio) continue;
    const host = left.find((other) => other !== group && isUpstream(graph, group.origin, other.origin));
    if (!host) continue;
    left = left
      .filter((other) => other !== group)
      .map((other) => (other === host ? withTroublesOf(host, group) : other));
  }
  return left;
}

/** Whether the trouble at `upper` can be harm that came up from `lower`. */
function isUpstream(graph: ServiceGraph, upper: string, lower: string): boolean {
  const seen = new Set<string>();
  const open = nodesOf(lower).flatMap((node, index) => (index === 0 ? [node] : []));
  const wanted = nodesOf(upper);
  for (let node = open.pop(); node !== undefined && seen.size < 10_000; node = open.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    for (const edge of graph.callersOf(node)) open.push(edge.slice('edge:'.length, edge.indexOf('>')));
  }
  return upper !== lower && wanted.length > 0 && seen.has(wanted[0]!);
}

/** An edge stands for its caller: what is above the edge is above its caller. */
function nodesOf(key: string): readonly string[] {
  return key.startsWith('edge:') ? [key.slice('edge:'.length, key.indexOf('>'))] : [key];
}

function withTroublesOf(host: Group | undefined, guest: Group, episode?: Episode): Group {
  if (!host) {
    assert(episode !== undefined, 'a guest without a host belongs to an episode');
    return { ...guest, origin: episode.incident.origin };
  }
  return {
    ...host,
    startsAtMs: Math.min(host.startsAtMs, guest.startsAtMs),
    troubles: [...host.troubles, ...guest.troubles].sort((a, b) => (a.key < b.key ? -1 : 1)),
    path: new Set([...host.path, ...guest.path]),
  };
}
