/**
 * What may leave this house of an episode, in words: the one place where it is chosen. What is not named here stays inside, and what the operator does not allow is left out.
 */
import { createHash } from 'node:crypto';
import type {
  Notification,
  NotificationLevel,
  NotificationLink,
  NotificationStep,
} from '../actuators/notify/notification.ts';
import { truncate } from '../actuators/notify/text.ts';
import type { IncidentSeverity, Verdict } from '../core/incident.ts';
import type { EpochMs } from '../core/time.ts';
import type { AttributeName, OncallOptions } from './oncall-options.ts';
import { nameOf } from './routing.ts';

/** An episode as far as people may be told of it. */
export interface EpisodeStory {
  /** What kind of incident: `trouble`, `prewarm-late`, … */
  readonly incident: string;
  readonly origin: string;
  readonly severity: IncidentSeverity;
  readonly verdict?: Verdict;
  readonly startsAtMs: EpochMs;
  readonly because: string;
  readonly harmed: readonly string[];
  readonly harmedRatio?: number;
  readonly evidence: readonly string[];
  readonly done: readonly string[];
  readonly traceIds: readonly string[];
}

export interface Occasion {
  readonly dedupKey: string;
  readonly target: string;
  readonly level: NotificationLevel;
  readonly step: NotificationStep;
  readonly isEscalation: boolean;
  readonly owner: string;
  readonly atMs: EpochMs;
}

const traceLinkCountMax = 3;

export function writeNotification(story: EpisodeStory, occasion: Occasion, options: OncallOptions): Notification {
  const { dedupKey, target, level, step, isEscalation, owner, atMs } = occasion;
  const isAllowed = (name: AttributeName): boolean => options.attributes.includes(name);
  const show = (text: string): string => (isAllowed('account') ? text : withoutAccounts(text));
  const linesIf = (name: AttributeName, lines: readonly string[]): readonly string[] =>
    isAllowed(name) ? lines.map(show) : [];
  const { origin, verdict, severity, startsAtMs, because, harmed, harmedRatio } = story;
  const source = show(isAllowed('account') ? origin : nameOf(origin));
  const attributes = {
    incident: story.incident,
    ...(isAllowed('owner') && { owner }),
    ...(isAllowed('harmedRatio') && harmedRatio !== undefined && { harmedRatio: String(harmedRatio) }),
    ...(isAllowed('traceIds') && story.traceIds.length > 0 && { traceIds: story.traceIds.join(' ') }),
  };
  return {
    id: createHash('sha256')
      .update(`${dedupKey} ${target} ${level} ${step} ${isEscalation}`)
      .digest('hex')
      .slice(0, 32),
    ...{ dedupKey, level, step, isEscalation, severity, startsAtMs, atMs, source, attributes },
    summary: truncate(`${source}: ${show(because)}`, 500),
    ...(verdict && { verdict }),
    harmed: isAllowed('harmed') ? harmed.map((key) => show(nameOf(key))) : [],
    // The lines of a digest are summaries, each no more than a page of its own would have said.
    evidence: level === 'digest' ? story.evidence.map(show) : linesIf('evidence', story.evidence),
    done: linesIf('actions', story.done),
    decide: step === 'trigger' && level !== 'change' ? decisionsOf(story) : [],
    links: linksOf(story, options),
  };
}

/** Account numbers, and the regions before names, are nobody's business outside. */
function withoutAccounts(text: string): string {
  return text
    .replaceAll(/\b\d{12}\/[a-z]{2}(?:-[a-z]+)+-\d\//g, '')
    .replaceAll(/\barn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:\d{12}:/g, '')
    .replaceAll(/\b\d{12}\b/g, '(account)');
}

function linksOf({ traceIds }: EpisodeStory, { publicUrl, traceUrl, attributes }: OncallOptions): NotificationLink[] {
  const own = publicUrl === undefined ? [] : [{ text: 'Foreshock', href: publicUrl }];
  if (traceUrl === undefined || !attributes.includes('traceIds')) return own;
  const traces = traceIds
    .slice(0, traceLinkCountMax)
    .filter((id) => /^[0-9a-f]{32}$/.test(id))
    .map((id) => ({ text: `trace ${id.slice(0, 8)}`, href: traceUrl.replace('{traceId}', id) }));
  return [...own, ...traces];
}

/** What only a person can decide, by the kind of incident. */
const decisions: Readonly<Record<string, string>> = {
  'initialisation-failed': 'whether to roll the version back: asking for more of it makes it worse',
  'cannot-verify': 'look at the alias in AWS: nothing is undone and nothing repeated until it can be seen',
  'prewarm-late': 'whether to warm it by hand (foreshock warm) or to meet the event with cold starts',
  'ready-lost': 'whether to warm it by hand (foreshock warm), and who took it away',
  'another-hand': 'whether what the other hand set is meant to stay',
  'cannot-steer': 'whether to give it a scalable target that reaches as high as the event wants',
  'deployment-in-flight': 'whether to finish or stop the deployment before the event',
  'cannot-book': 'whether EventBridge Scheduler and its role are as they should be: without them nothing is raised',
  surge: 'whether limits are to be raised: more comes than what is held can serve',
  'control-plane-errs': 'whether AWS has an outage: capacity is asked for earlier until it answers again',
  'on-call-fails': 'mend the target, or name another: until then its pages reach nobody',
};

function decisionsOf({ incident, verdict }: EpisodeStory): readonly string[] {
  const known = decisions[incident];
  if (known !== undefined) return [known];
  return verdict === 'INCONCLUSIVE'
    ? ['where it begins is not certain: look at the evidence before acting on it']
    : ['whether to roll back, shed or wait where it begins'];
}
