/** On-call in the engine: what of a tick people are told, which attempts are due, and what became of those before. */
import {
  dropHopeless,
  dueDeliveries,
  failingTargets,
  hearOutcome,
  lostPages,
  markInFlight,
  type DeliveryOutcome,
  type Outbox,
} from '../actuators/notify/outbox.ts';
import type { OncallAnswer } from '../actuators/notify/pagerduty-answer.ts';
import { targetKinds } from '../actuators/notify/targets.ts';
import { note, type Scene, type Turn } from './engine-scene.ts';
import type { Fact } from './facts.ts';
import type { Note } from './incidents.ts';
import { passOver, type Episode, type OncallState } from './oncall-state.ts';

/** What became of an attempt: on record, and into the outbox. */
export function hearDelivery(scene: Scene, turn: Turn, fact: Extract<Fact, { kind: 'delivered' }>): void {
  const { laneId, target, intentSeq, outcome } = fact;
  const { seed, configSha256 } = scene.options;
  const heard = hearOutcome(scene.oncallState, { laneId, seq: intentSeq, outcome, seed, configSha256 });
  if (heard?.consequence.kind === 'dropped') takeLoss(scene, heard.outbox);
  else if (heard) scene.oncallState = { ...scene.oncallState, ...heard.outbox };
  const consequence = heard?.consequence ?? { kind: 'dropped', messageCount: 0 };
  note(turn, {
    kind: 'notification.outcome',
    causeSeq: intentSeq,
    body: { target, outcome: { ...outcome }, consequence: { ...consequence }, because: becauseOf(outcome) },
  });
}

/** A page that is lost there is not lost: the next are paged. */
function takeLoss(scene: Scene, outbox: Outbox): void {
  const lost = lostPages(scene.oncallState, outbox);
  scene.oncallState = passOver({ ...scene.oncallState, ...outbox }, lost);
}

/** As much as anybody could have to say of one page. */
const answerCountMax = 100;

/**
 * What somebody did with a page where they got it. Seen there is seen here, by the same person. What is resolved there is noted: trouble is over when its evidence is.
 * An answer to an episode that is over, or that was heard before, changes nothing.
 */
export function hearAnswer(scene: Scene, turn: Turn, answer: OncallAnswer): void {
  const found = Object.entries(scene.oncallState.episodes).find(([, { dedupKey }]) => dedupKey === answer.dedupKey);
  if (!found) return;
  const [key, episode] = found;
  const { answerIds = [], openedSeq, story } = episode;
  if (answerIds.includes(answer.eventId) || answerIds.length >= answerCountMax) return;
  const { kind, target, by } = answer;
  const actor = by === undefined ? `${target}:automation` : `${target}:${by}`;
  const isSeen = kind === 'acknowledged' && by !== undefined;
  const heard: Episode = {
    ...episode,
    answerIds: [...answerIds, answer.eventId],
    ...(isSeen && episode.seenAt === undefined && { seenAt: target }),
  };
  scene.oncallState = { ...scene.oncallState, episodes: { ...scene.oncallState.episodes, [key]: heard } };
  const what = { acknowledged: 'it was acknowledged', resolved: 'it was resolved' }[kind];
  const follows = isSeen
    ? ''
    : kind === 'resolved'
      ? '; here it is over when its evidence is'
      : '; nobody has seen it by that';
  turn.drafts.push({
    ...{ atMs: turn.nowMs, actor, kind: 'notification.answered', causeSeq: openedSeq },
    body: { function: story.origin, target, answer: kind, because: `${what} at ${target}${follows}` },
  });
  if (isSeen) acknowledge(scene, turn, { episode, by: actor });
}

function acknowledge(
  scene: Scene,
  turn: Turn,
  { episode, by }: { readonly episode: Episode; readonly by: string },
): void {
  const { incidentId, openedSeq, story } = episode;
  if (scene.watch.incidents.some(({ id }) => id === incidentId)) {
    scene.acknowledgements = [...scene.acknowledgements, { incidentId, by, atMs: turn.nowMs }];
    return;
  }
  if (episode.told.acknowledgedAtMs !== undefined) return;
  turn.drafts.push({
    ...{ atMs: turn.nowMs, actor: by, kind: 'incident.changed', causeSeq: openedSeq },
    body: { function: story.origin, incident: story.incident, change: 'acknowledged', because: `by ${by}` },
  });
}

function becauseOf(outcome: DeliveryOutcome): string {
  return outcome.kind === 'taken' ? `it answers ${outcome.status}` : outcome.because;
}

/** Routes what this tick wrote down, and starts what is due. At the last tick before a stop nothing is started: it waits for the next run. */
export function tellPeople(scene: Scene, turn: Turn, how: 'tick' | 'hear'): void {
  const { oncall, options, watch } = scene;
  if (!oncall || !options.oncall) return;
  const write: Note = (draft) => note(turn, draft);
  reportFailing(scene, write, turn.nowMs);
  const events = turn.drafts.map((draft, index) => ({ seq: turn.nextSeq + index, draft }));
  const moment = { nowMs: turn.nowMs, events, incidents: watch.incidents, note: write };
  const before = scene.oncallState;
  scene.oncallState = oncall.hear(before, moment);
  countTold(scene, before);
  if (how === 'hear') return;
  dropLost(scene, turn);
  startDue(scene, turn);
}

function countTold(scene: Scene, { episodes: before }: OncallState): void {
  const { episodes } = scene.oncallState;
  if (episodes === before) return;
  const countOf = (instant: 'pagedAtMs' | 'escalatedAtMs'): number =>
    Object.entries(episodes).filter(
      ([key, { told }]) => told[instant] !== undefined && before[key]?.told[instant] === undefined,
    ).length;
  const { pages, escalations } = scene.toldCounts;
  scene.toldCounts = { pages: pages + countOf('pagedAtMs'), escalations: escalations + countOf('escalatedAtMs') };
}

function dropLost(scene: Scene, turn: Turn): void {
  const isKnown = (name: string): boolean => scene.oncall!.targetOf(name) !== undefined;
  const { outbox, dropped } = dropHopeless(scene.oncallState, { nowMs: turn.nowMs, isKnown });
  if (dropped.length === 0) return;
  takeLoss(scene, outbox);
  for (const { target, message, because } of dropped) {
    const { subject, seq } = message.cause;
    note(turn, {
      kind: 'notification.dropped',
      ...(seq !== undefined && { causeSeq: seq }),
      body: { function: subject, target, step: message.notification.step, because },
    });
  }
}

function startDue(scene: Scene, turn: Turn): void {
  const inFlightMaxOf = (name: string): number => targetKinds[scene.oncall!.targetOf(name)!.kind].perSecondMax;
  for (const delivery of dueDeliveries(scene.oncallState, { nowMs: turn.nowMs, inFlightMaxOf })) {
    const { target, notification, cause, attempt, mayRepeat } = delivery;
    const { level, step, isEscalation, dedupKey, id } = notification;
    const intentSeq = note(turn, {
      kind: 'notification.intended',
      ...(cause.seq !== undefined && { causeSeq: cause.seq }),
      body: {
        function: cause.subject,
        ...{ target, level, step, isEscalation, attempt, mayRepeat, dedupKey, message: id },
        because: cause.because,
      },
    });
    scene.oncallState = { ...scene.oncallState, ...markInFlight(scene.oncallState, delivery, intentSeq) };
    turn.effects.push({ kind: 'deliver', delivery, intentSeq });
  }
}

/** A target that takes nothing is told of to the others: pages to it reach nobody. */
function reportFailing({ oncallState, incidents, options, oncall }: Scene, write: Note, nowMs: number): void {
  const { configSha256 } = options;
  const silent = failingTargets(oncallState, nowMs);
  const failing = Object.entries(oncallState.targets).find(
    ([name, { goneUnder, refusedUnder }]) =>
      oncall!.targetOf(name) !== undefined &&
      (goneUnder === configSha256 || refusedUnder === configSha256 || silent.has(name)),
  );
  if (failing) {
    const [name, { because = 'it takes nothing', goneUnder }] = failing;
    const what =
      goneUnder === undefined
        ? 'others are paged in its place'
        : 'it is not tried again until the configuration changes';
    incidents.report(write, 'account', 'on-call-fails', `${name} takes no messages: ${because}; ${what}`);
  } else incidents.close(write, 'account', 'on-call-fails', 'every target that is tried takes messages again');
}
