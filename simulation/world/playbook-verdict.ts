/** What a death at one step did to a playbook, counted on the twin and at the targets: beside the same play without a death. */
import { msPerMinute, type EpochMs } from '../../core/time.ts';
import { knobOf } from './playbook-knobs.ts';
import type { PlaybookPlayed } from './playbook-killed.ts';

export interface PlaybookVerdict {
  /** Levels that a knob did not come to, or not as often. */
  readonly lost: readonly string[];
  /** Levels that it came to once more, and calls that were carried out again. */
  readonly twice: readonly string[];
  /** Not as it was before, when all that is booked has come. */
  readonly missing: readonly string[];
  readonly pagesLost: readonly string[];
  readonly pagesTwice: readonly string[];
  /** Beyond the end that its remedy had, in milliseconds; at most 0 where nothing did. */
  readonly outlivingMs: number;
}

/** @param whole the same without a death; undefined for one that was not restarted: of that only what outlives is judged. */
export function judgePlaybook(played: PlaybookPlayed, whole: PlaybookPlayed | undefined): PlaybookVerdict {
  const missing = [
    ...Object.entries(played.left).flatMap(([knob, level]) =>
      level === played.initial[knob] ? [] : [`${knob}: ${level}`],
    ),
    ...played.bookedAtEnd,
  ];
  const outlivingMs = outlivingOf(played);
  if (!whole) return { lost: [], twice: [], missing, pagesLost: [], pagesTwice: [], outlivingMs };
  const [was, is] = [countsOf(whole), countsOf(played)];
  const [saidBefore, said] = [toldOf(whole), toldOf(played)];
  return {
    lost: fewer(was, is),
    twice: [...fewer(is, was), ...played.repeated],
    missing,
    pagesLost: fewer(saidBefore, said),
    pagesTwice: fewer(said, saidBefore),
    outlivingMs,
  };
}

/** How often each knob came to each level. */
function countsOf({ turned }: PlaybookPlayed): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { knob, level } of turned) counts[`${knob}: ${level}`] = (counts[`${knob}: ${level}`] ?? 0) + 1;
  return counts;
}

function fewer(wanted: Readonly<Record<string, number>>, found: Readonly<Record<string, number>>): readonly string[] {
  return Object.entries(wanted).flatMap(([name, count]) =>
    Array.from({ length: Math.max(0, count - (found[name] ?? 0)) }, () => name),
  );
}

/** Alerts by target and webhooks, each by its own key: an incident that opened a second later has another. */
function toldOf({ told: { alerts, webhooks } }: PlaybookPlayed): Readonly<Record<string, number>> {
  const counts: Record<string, number> = { webhook: Object.keys(webhooks).length };
  for (const [name, count] of Object.entries(alerts)) {
    const target = name.split(' ')[0]!;
    counts[target] = (counts[target] ?? 0) + count;
  }
  return counts;
}

/** From the end that was written down with each remedy to when its knob was as before. */
function outlivingOf({ events, turned, initial }: PlaybookPlayed): number {
  const ends = new Map<string, EpochMs>();
  for (const { kind, body } of events) {
    if (kind !== 'playbook.decided' || body['way'] !== 'forth') continue;
    const knob = knobOf(body['remedy'] as { readonly kind?: unknown });
    if (knob !== undefined) ends.set(knob, Math.max(ends.get(knob) ?? 0, Number(body['untilMs'])));
  }
  const lates = [...ends].map(([knob, untilMs]) => {
    const last = turned.findLast((one) => one.knob === knob);
    if (!last) return 0;
    return last.level === initial[knob] ? last.atMs - untilMs : Infinity;
  });
  return Math.max(0, ...lates);
}

export const outlivingMsMax = 2 * msPerMinute;
