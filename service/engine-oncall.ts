/** On-call in the engine: what of a tick people are told, which attempts are due, and what became of those before. */
import {
  dropHopeless,
  dueDeliveries,
  hearOutcome,
  markInFlight,
  type DeliveryOutcome,
} from '../actuators/notify/outbox.ts';
import { targetKinds } from '../actuators/notify/targets.ts';
import { msPerMinute } from '../core/time.ts';
import { note, type Scene, type Turn } from './engine-scene.ts';
import type { Fact } from './facts.ts';
import type { Note } from './incidents.ts';
import type { OncallState } from './oncall.ts';

/** A target that has taken nothing for so long, with something waiting for it, is trouble of its own. */
const failingMsMax = 5 * msPerMinute;

/** What became of an attempt: on record, and into the outbox. */
export function hearDelivery(scene: Scene, turn: Turn, fact: Extract<Fact, { kind: 'delivered' }>): void {
  const { laneId, target, intentSeq, outcome } = fact;
  const { seed, configSha256 } = scene.options;
  const heard = hearOutcome(scene.oncallState, { laneId, seq: intentSeq, outcome, seed, configSha256 });
  if (heard) scene.oncallState = { ...scene.oncallState, ...heard.outbox };
  const consequence = heard?.consequence ?? { kind: 'dropped', messageCount: 0 };
  note(turn, {
    kind: 'notification.outcome',
    causeSeq: intentSeq,
    body: { target, outcome: { ...outcome }, consequence: { ...consequence }, because: becauseOf(outcome) },
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
  scene.oncallState = { ...scene.oncallState, ...outbox };
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
  const waiting = new Set(Object.values(oncallState.lanes).map(({ target }) => target));
  const failing = Object.entries(oncallState.targets).find(
    ([name, { goneUnder, failingSinceMs = Infinity }]) =>
      oncall!.targetOf(name) !== undefined &&
      (goneUnder === options.configSha256 || (waiting.has(name) && nowMs - failingSinceMs >= failingMsMax)),
  );
  if (failing) {
    const [name, { because = 'it takes nothing', goneUnder }] = failing;
    const what =
      goneUnder === undefined ? 'it is tried again' : 'it is not tried again until the configuration changes';
    incidents.report(write, 'account', 'on-call-fails', `${name} takes no messages: ${because}; ${what}`);
  } else incidents.close(write, 'account', 'on-call-fails', 'every target that is tried takes messages again');
}
