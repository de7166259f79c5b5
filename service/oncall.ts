/**
 * From what went on record to what people are told. It reads the audit events of a tick, and nothing else of the engine: whatever is written down as trouble is told, whoever
 * wrote it. The state is plain JSON, sealed with the tick that changed it; a message is in it before it leaves.
 */
import { dedupKeyOf } from '../actuators/notify/notification.ts';
import { enqueue, failingTargets, isGone, type MessageCause } from '../actuators/notify/outbox.ts';
import { targetKinds, type Target } from '../actuators/notify/targets.ts';
import type { AuditDraft } from '../core/audit.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import type { Incident } from '../core/incident.ts';
import type { Json } from '../core/json.ts';
import type { EpochMs } from '../core/time.ts';
import { readStory, storySubject } from './oncall-story.ts';
import { writeNotification, type EpisodeStory, type Occasion } from './oncall-text.ts';
import type { OncallOptions } from './oncall-options.ts';
import type { Digest, Episode, OncallState } from './oncall-state.ts';
import type { Note } from './incidents.ts';
import { createRouter, nameOf, type Routed, type Router, type ToldLevel } from './routing.ts';

export interface OncallMoment {
  readonly nowMs: EpochMs;
  /** Events of this tick with their numbers. */
  readonly events: readonly { readonly seq: number; readonly draft: AuditDraft }[];
  /** Incidents that spans show, as bad as they are now. */
  readonly incidents: readonly Incident[];
  readonly note: Note;
}

export interface Oncall {
  /** Hears the events of a tick, and puts into the outbox what follows. */
  hear(state: OncallState, moment: OncallMoment): OncallState;
  readonly targetOf: (name: string) => Target | undefined;
}

/** A digest of a bad night: what is beyond it is counted. */
const digestLineCountMax = 200;

export function createOncall(
  options: OncallOptions,
  { modes, configSha256 }: { readonly modes: ReadonlyMap<string, FunctionSpec['mode']>; readonly configSha256: string },
): Oncall {
  const router = createRouter(options);
  const targets = new Map(options.targets.map((target) => [target.name, target]));
  const scene: OncallScene = { options, router, targets, modes, configSha256 };
  return {
    targetOf: (name) => targets.get(name),
    hear(before, moment) {
      let state = before;
      for (const event of moment.events) state = hearEvent(scene, state, event, moment);
      const live = new Map(moment.incidents.map((incident) => [incident.id, incident]));
      const failing = failingTargets(state, moment.nowMs);
      for (const [key, episode] of Object.entries(state.episodes))
        state = tell(scene, state, { key, episode, live: live.get(episode.incidentId), moment, failing });
      return sendDigests(scene, state, moment);
    },
  };
}

interface OncallScene {
  readonly options: OncallOptions;
  readonly router: Router;
  readonly targets: ReadonlyMap<string, Target>;
  readonly modes: ReadonlyMap<string, FunctionSpec['mode']>;
  readonly configSha256: string;
}

function hearEvent(
  scene: OncallScene,
  state: OncallState,
  { seq, draft }: OncallMoment['events'][number],
  moment: OncallMoment,
): OncallState {
  if (draft.kind === 'incident.opened') return open(scene, state, seq, draft);
  if (draft.kind === 'incident.changed') return change(scene, state, draft, moment);
  if (draft.kind === 'incident.closed') return close(scene, state, draft, moment);
  if (draft.kind === 'breaker.moved' || draft.kind === 'playbook.decided') return noteDone(state, draft);
  if (draft.kind === 'playbook.escalated') return escalate(state, draft);
  if (draft.kind === 'approval.asked') return tellOfApproval(scene, state, seq, draft);
  return draft.kind === 'prewarm.ready' ? tellOfPrewarm(scene, state, seq, draft) : state;
}

function open(
  { options, modes }: OncallScene,
  state: OncallState,
  seq: number,
  { atMs, body }: AuditDraft,
): OncallState {
  const story = readStory(body, atMs);
  const incidentId = storySubject(body);
  const involved = [story.origin, ...story.harmed].flatMap((key) => modes.get(key) ?? []);
  // What we left standing is paid for, whatever the function's mode is now.
  const isOurs = story.incident === 'left-behind';
  const isShadow = !isOurs && involved.length > 0 && involved.every((mode) => mode === 'shadow');
  const episode: Episode = {
    incidentId,
    openedSeq: seq,
    dedupKey: dedupKeyOf(options.tenant, `${incidentId} ${atMs}`),
    story,
    told: { targets: {} },
    ...silenceOf(body),
    ...(isShadow && { withheld: 'all functions in it are in shadow' }),
  };
  return { ...state, episodes: { ...state.episodes, [seq]: episode } };
}

/** Of what was done, the last few: who opens a page wants to know what stands now. */
const doneCountMax = 8;

/** Done in the second in which it was opened, it is in the page already. */
function noteDone(state: OncallState, { causeSeq, body }: AuditDraft): OncallState {
  const episode = causeSeq === undefined ? undefined : state.episodes[causeSeq];
  if (!episode) return state;
  const { story } = episode;
  const what =
    typeof body['breaker'] === 'string'
      ? `breaker ${body['breaker']} ${textOf(body['to'])}, ${Math.round(100 * Number(body['admitRatio']))} % of calls go through`
      : textOfStep(body);
  const done = [...story.done, what].slice(-doneCountMax);
  return { ...state, episodes: { ...state.episodes, [causeSeq!]: { ...episode, story: { ...story, done } } } };
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function textOfStep({ way, remedy, because }: AuditDraft['body']): string {
  const { kind } = remedy as { readonly kind: string };
  return `${way === 'back' ? 'taken back: ' : ''}${kind}: ${textOf(because)}`;
}

/** A playbook has done what it could. */
function escalate(state: OncallState, { causeSeq, body }: AuditDraft): OncallState {
  const episode = causeSeq === undefined ? undefined : state.episodes[causeSeq];
  if (!episode) return state;
  const told = { ...episode.told, escalateBecause: textOf(body['because']) };
  return { ...state, episodes: { ...state.episodes, [causeSeq!]: { ...episode, told } } };
}

function keyOfEpisode({ episodes }: OncallState, { causeSeq, body }: AuditDraft): string | undefined {
  if (causeSeq !== undefined && episodes[causeSeq]) return String(causeSeq);
  const id = storySubject(body);
  return Object.entries(episodes).find(([, { incidentId }]) => incidentId === id)?.[0];
}

function change(scene: OncallScene, state: OncallState, draft: AuditDraft, moment: OncallMoment): OncallState {
  const key = keyOfEpisode(state, draft);
  if (key === undefined) return state;
  const before = state.episodes[key]!;
  const { body, atMs } = draft;
  const isSeen = body['change'] === 'acknowledged' && before.told.acknowledgedAtMs === undefined;
  const { silencedBy: _before, ...loud } = before;
  const episode: Episode = {
    ...loud,
    story: { ...readStory(body, atMs), startsAtMs: before.story.startsAtMs, done: before.story.done },
    ...silenceOf(body),
    ...(isSeen && { told: { ...before.told, acknowledgedAtMs: atMs } }),
  };
  const next = { ...state, episodes: { ...state.episodes, [key]: episode } };
  return isSeen
    ? tellStep(scene, next, { episode, step: 'acknowledge', because: episode.story.because, moment })
    : next;
}

function silenceOf(body: AuditDraft['body']): Pick<Episode, 'silencedBy'> {
  const by = body['silencedBy'];
  return by === undefined || by === null ? {} : { silencedBy: typeof by === 'string' ? by : 'the operator' };
}

function close(scene: OncallScene, state: OncallState, draft: AuditDraft, moment: OncallMoment): OncallState {
  const key = keyOfEpisode(state, draft);
  if (key === undefined) return state;
  const { [key]: episode, ...episodes } = state.episodes;
  const because = typeof draft.body['because'] === 'string' ? draft.body['because'] : 'it is over';
  return tellStep(scene, { ...state, episodes }, { episode: episode!, step: 'resolve', because, moment });
}

/** What has happened to an episode goes to everybody who was told of it, and to nobody else: by the same key, to the same place. */
function tellStep(
  scene: OncallScene,
  state: OncallState,
  {
    episode,
    step,
    because,
    moment,
  }: {
    readonly episode: Episode;
    readonly step: 'acknowledge' | 'resolve';
    readonly because: string;
    readonly moment: OncallMoment;
  },
): OncallState {
  let next = state;
  for (const [target, levels] of Object.entries(episode.told.targets)) {
    if (episode.told.refusedBy?.includes(target) || (step === 'acknowledge' && target === episode.seenAt)) continue;
    for (const level of levels) {
      if (level === 'digest') {
        if (step === 'resolve')
          next = addToDigest(scene, next, { target, line: `over: ${because}`, nowMs: moment.nowMs });
        continue;
      }
      next = put(scene, next, {
        episode: { ...episode, story: { ...episode.story, because } },
        target,
        level,
        step,
        rule: because,
        moment,
      });
    }
  }
  return next;
}

function tell(
  scene: OncallScene,
  before: OncallState,
  {
    key,
    episode: known,
    live,
    moment,
    failing,
  }: {
    readonly key: string;
    readonly episode: Episode;
    readonly live: Incident | undefined;
    readonly moment: OncallMoment;
    /** Targets that take nothing: it shows when they do again. */
    readonly failing: ReadonlySet<string>;
  },
): OncallState {
  const { router, configSha256 } = scene;
  const { nowMs, note } = moment;
  if (known.withheld !== undefined) return noteWithheld(before, key, known, note);
  if (known.silencedBy !== undefined)
    return holdBack(before, { key, episode: known, because: `silenced: ${known.silencedBy}`, note });
  const { origin, severity, harmedRatio, harmed } = { ...known.story, ...(live && harmOf(live)) };
  const routed: Routed = { origin, severity, harmed, ...(harmedRatio !== undefined && { harmedRatio }) };
  const isReachable = (target: string): boolean => scene.targets.has(target) && !isGone(before, target, configSha256);
  const isAnswering = (target: string): boolean => !failing.has(target);
  const { heldBack } = known.told.pagedAtMs === undefined ? router.levelOf(routed, nowMs) : {};
  const state = heldBack === undefined ? before : holdBack(before, { key, episode: known, because: heldBack, note });
  const episode = state.episodes[key]!;
  const tellings = router.tellings(routed, episode.told, { nowMs, isReachable, isAnswering });
  if (tellings.length === 0) return state;
  let next = state;
  let { told } = episode;
  for (const { target, level, isEscalation, because } of tellings) {
    next =
      level === 'digest'
        ? addToDigest(scene, next, { target, line: `${nameOf(origin)}: ${episode.story.because}`, nowMs })
        : put(scene, next, {
            ...{ episode, target, level, step: 'trigger', isEscalation, moment },
            rule:
              level === 'page' && episode.heldBack !== undefined
                ? `${because}; until now: ${episode.heldBack}`
                : because,
          });
    told = {
      ...told,
      targets: { ...told.targets, [target]: [...(told.targets[target] ?? []), level] },
      ...(level === 'page' && told.pagedAtMs === undefined && { pagedAtMs: nowMs }),
      ...(isEscalation && { escalatedAtMs: nowMs }),
    };
  }
  return { ...next, episodes: { ...next.episodes, [key]: { ...episode, told } } };
}

function harmOf({ harmedRatioMax, severity, harmed, origin }: Incident) {
  return { harmedRatio: harmedRatioMax, severity, harmed, origin };
}

interface HeldBack {
  readonly key: string;
  readonly episode: Episode;
  readonly because: string;
  readonly note: Note;
}

/** Nobody is paged for now. On record once for each reason; where somebody is in the end, the page says why it comes late. */
function holdBack(state: OncallState, { key, episode, because, note }: HeldBack): OncallState {
  if (episode.heldBack === because) return state;
  note({
    kind: 'notification.withheld',
    causeSeq: episode.openedSeq,
    body: { function: episode.story.origin, because },
  });
  return { ...state, episodes: { ...state.episodes, [key]: { ...episode, heldBack: because } } };
}

/** On record once, so that whoever asks why nobody was told finds it; an episode that is on record needs nothing more. */
function noteWithheld(state: OncallState, key: string, episode: Episode, note: Note): OncallState {
  note({
    kind: 'notification.withheld',
    causeSeq: episode.openedSeq,
    body: { function: episode.story.origin, because: episode.withheld! },
  });
  const { [key]: _told, ...episodes } = state.episodes;
  return { ...state, episodes };
}

interface Put {
  readonly episode: Episode;
  readonly target: string;
  readonly level: Exclude<ToldLevel, 'digest'>;
  readonly step: Occasion['step'];
  readonly isEscalation?: boolean;
  readonly rule: string;
  readonly moment: OncallMoment;
}

function put(
  scene: OncallScene,
  state: OncallState,
  { episode, target, level, step, isEscalation = false, rule, moment }: Put,
): OncallState {
  const { options, router } = scene;
  const { origin } = episode.story;
  // A notice that becomes a page must not meet its own alert there, for that would swallow it.
  const dedupKey = level === 'page' ? episode.dedupKey : dedupKeyOf(options.tenant, `${episode.dedupKey} ${level}`);
  const notification = writeNotification(
    episode.story,
    { dedupKey, target, level, step, isEscalation, owner: router.ownerOf(origin).name, atMs: moment.nowMs },
    options,
  );
  const cause = { seq: episode.openedSeq, subject: origin, because: rule };
  return putNotification(scene, state, { target, notification, cause }, moment.note);
}

function putNotification(
  { targets, configSha256 }: OncallScene,
  state: OncallState,
  message: {
    readonly target: string;
    readonly notification: Parameters<typeof enqueue>[1]['notification'];
    readonly cause: MessageCause;
  },
  note: Note | undefined,
): OncallState {
  const target = targets.get(message.target);
  if (!target || isGone(state, target.name, configSha256) || !targetKinds[target.kind].isSpoken(message.notification))
    return state;
  const next = enqueue(state, message);
  if (next) return { ...state, ...next };
  const { subject, seq } = message.cause;
  const because = `too much waits for ${target.name} already: only pages are added`;
  note?.({
    kind: 'notification.dropped',
    ...(seq !== undefined && { causeSeq: seq }),
    body: { function: subject, target: target.name, because },
  });
  return state;
}

/** Asked in good time it is a notice to those who own what it is for; said aloud it is an incident of its own. */
function tellOfApproval(scene: OncallScene, state: OncallState, seq: number, { atMs, body }: AuditDraft): OncallState {
  if (body['news'] !== 'asked' && body['news'] !== 'reminded') return state;
  const [about = 'account'] = (body['functions'] ?? []) as readonly Json[];
  const { publicUrl = '' } = scene.options;
  const id = textOf(body['approval']);
  const because = `${textOf(body['because'])}: foreshock approve ${id}, or ${publicUrl}/approve/${id}`;
  const story = readStory({ ...body, because, function: about, severity: 'minor', incident: 'approval' }, atMs);
  const { notice, page } = scene.router.ownerOf(story.origin);
  const told = { story, seq, atMs, level: 'notice', because: 'a yes or no is waited for' } as const;
  return tellOnce(scene, state, { ...told, targets: notice.length > 0 ? notice : page });
}

/** A pre-warm that is READY is no trouble; where changes are looked at beside incidents, it is one of them. */
function tellOfPrewarm(scene: OncallScene, state: OncallState, seq: number, { atMs, body }: AuditDraft): OncallState {
  const story = readStory(body, atMs);
  const { notice, page } = scene.router.ownerOf(story.origin);
  const told = { story, seq, atMs, level: 'change', because: 'a pre-warm that went as planned' } as const;
  return tellOnce(scene, state, { ...told, targets: [...page, ...notice] });
}

interface ToldOnce {
  readonly story: EpisodeStory;
  readonly seq: number;
  readonly atMs: EpochMs;
  readonly level: 'change' | 'notice';
  readonly because: string;
  readonly targets: readonly string[];
}

/** What is no episode: nothing is heard of it later. */
function tellOnce(scene: OncallScene, state: OncallState, told: ToldOnce): OncallState {
  const { options, router, targets } = scene;
  const { story, seq, atMs, level, because } = told;
  const owner = router.ownerOf(story.origin).name;
  const dedupKey = dedupKeyOf(options.tenant, `${level === 'change' ? 'prewarm' : 'approval'} ${seq} ${atMs}`);
  let next = state;
  for (const name of new Set(told.targets)) {
    if (!targets.has(name)) continue;
    const occasion = { dedupKey, target: name, level, step: 'trigger', isEscalation: false, owner, atMs } as const;
    const notification = writeNotification(story, occasion, options);
    const cause = { seq, subject: story.origin, because };
    next = putNotification(scene, next, { target: name, notification, cause }, undefined);
  }
  return next;
}

function addToDigest(
  { router }: OncallScene,
  state: OncallState,
  { target, line, nowMs }: { readonly target: string; readonly line: string; readonly nowMs: EpochMs },
): OncallState {
  const { dueAtMs, lines } = state.digests[target] ?? { dueAtMs: router.digestAfter(nowMs), lines: [] };
  const next: Digest = { dueAtMs, lines: [...lines, line].slice(0, digestLineCountMax) };
  return { ...state, digests: { ...state.digests, [target]: next } };
}

function sendDigests(scene: OncallScene, state: OncallState, { nowMs, note }: OncallMoment): OncallState {
  let next = state;
  for (const [target, { dueAtMs, lines }] of Object.entries(state.digests)) {
    if (nowMs < dueAtMs) continue;
    const { [target]: _due, ...digests } = next.digests;
    const story: EpisodeStory = {
      ...{
        incident: 'digest',
        origin: 'digest',
        severity: 'minor',
        startsAtMs: dueAtMs,
        because: `${lines.length} entries`,
      },
      ...{ harmed: [], evidence: lines, done: [], traceIds: [] },
    };
    const dedupKey = dedupKeyOf(scene.options.tenant, `digest ${target} ${dueAtMs}`);
    const occasion = { dedupKey, target, level: 'digest', step: 'trigger', isEscalation: false } as const;
    const notification = writeNotification(
      story,
      { ...occasion, owner: scene.options.defaultOwner, atMs: nowMs },
      scene.options,
    );
    const cause = { subject: 'account', because: 'the digest is due' };
    next = putNotification(scene, { ...next, digests }, { target, notification, cause }, note);
  }
  return next;
}
