/** Playbooks in the engine: which begin, what their steps want of the world, and what the gate says to it. */
import type { HumanWord } from '../../actuators/remedy-gate.ts';
import { isAtAws } from '../../actuators/remedies/index.ts';
import type { Incident } from '../../core/incident.ts';
import type { MoveBreaker, Remedy } from '../../core/remedy.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { msPerSecond, type EpochMs } from '../../core/time.ts';
import type { WindowKey } from '../../core/window.ts';
import { concerns } from '../../detector/breaker/spec.ts';
import { advancePlaybooks, beginByHand, earlierRuns, type PlaybookEntry } from '../../detector/playbook/book.ts';
import { dryRun } from '../../detector/playbook/dry-run.ts';
import { stepIdOf, type PlaybookCounts, type PlaybookMoment, type PlaybookWant } from '../../detector/playbook/run.ts';
import { evidenceOf, type ApprovalWish } from '../approvals.ts';
import { pressBrake } from '../engine-acting.ts';
import { note, toBody, type Scene, type Turn } from '../engine-scene.ts';
import type { Fact } from '../facts.ts';
import { touchesOf } from './breakers.ts';
import { causeOf, change, enter, hearNews, start } from './carry.ts';
import type { RemedyOwner } from './job.ts';
import { judgeRemedy, stopsOf } from './judge.ts';
import type { RemedyOptions } from './options.ts';
import type { RemediesState } from './state.ts';

type RemedyWant = Extract<PlaybookWant, { readonly kind: 'remedy' }>;

/** Spans of a second come within the next two where all is well. */
const seenAfterMs = 3 * msPerSecond;

export function turnPlaybooks(scene: Scene, turn: Turn, options: RemedyOptions): void {
  const { book: before } = scene.remedies;
  if (options.playbooks.length === 0 && before.runs.length === 0) return;
  const { book, wants, entries } = advancePlaybooks(before, options.playbooks, momentOf(scene, turn, options));
  if (JSON.stringify(book) !== JSON.stringify(before)) change(scene, { book });
  for (const entry of entries) tell(scene, turn, entry);
  for (const want of wants) grant(scene, turn, want);
  turn.remedyWishes.push(...wishesOf(scene));
}

/** By a person's word. What stands in its way is on record, as theirs. */
export function beginPlaybook(
  scene: Scene,
  turn: Turn,
  { name, incidentId, by }: Extract<Fact, { readonly kind: 'playbook-asked' }>,
): void {
  const playbook = scene.options.remedies?.playbooks.find((one) => one.name === name);
  const incident = incidentOf(scene, incidentId);
  const begun =
    playbook && incident
      ? beginByHand(scene.remedies.book, playbook, { incident, by, nowMs: turn.nowMs })
      : { refused: 'there is no such playbook, or its incident is over' };
  const isRefused = 'refused' in begun;
  if (!isRefused) change(scene, { book: begun.book });
  const because = isRefused ? begun.refused : `${by} began it`;
  const body = { ...(incident && { function: incident.origin }), playbook: name, incidentId };
  turn.drafts.push({
    ...{ atMs: turn.nowMs, actor: by, kind: isRefused ? 'playbook.held' : 'playbook.started' },
    ...causeOf(scene, incidentId),
    body: toBody({ ...body, ...(!isRefused && { runId: begun.run.id }), because }),
  });
}

/** What a playbook would do now, and what would stop it; undefined: there is no such playbook, or no such incident is open. */
export function dryRunPlaybook(
  scene: Scene,
  turn: Pick<Turn, 'nowMs'>,
  asked: { readonly name: string; readonly incidentId: string },
) {
  const options = scene.options.remedies;
  const playbook = options?.playbooks.find((one) => one.name === asked.name);
  const incident = incidentOf(scene, asked.incidentId);
  if (!options || !playbook || !incident) return undefined;
  return dryRun(playbook, incident, {
    ...momentOf(scene, turn, options),
    earlier: earlierRuns(scene.remedies.book),
    stopsOf: (remedy, { guard }) =>
      stopsOf(scene, turn, {
        ...{ remedy, touches: touchedBy(scene, remedy), incident, purpose: 'new', human: undefined, bounds: guard },
      }),
  });
}

function momentOf(scene: Scene, { nowMs }: Pick<Turn, 'nowMs'>, { breakers }: RemedyOptions): PlaybookMoment {
  const { watch, functions } = scene;
  return {
    nowMs,
    seenUntilMs: nowMs - seenAfterMs,
    incidents: watch.incidents,
    countsOf: (key, fromMs, untilMs) => countsOf(scene, key, { fromMs, untilMs }),
    provisionedOf(key) {
      const state = functions.get(key as FunctionKey);
      const concurrency = state?.pursuit.observed?.provisioned?.requested ?? 0;
      return state && concurrency > 0 ? { concurrency, initDurationMs: state.spec.initDurationMs } : undefined;
    },
    versionsOf: (key) => watch.versionsOf(key),
    breakersOf: (origin) =>
      breakers.flatMap((spec) => (concerns(spec, { origin: origin as WindowKey }) ? [spec.name] : [])),
    corroborationOf: (incident) => watch.corroborationOf(incident),
  };
}

function countsOf(
  { watch }: Scene,
  key: string,
  { fromMs, untilMs }: { readonly fromMs: EpochMs; readonly untilMs: EpochMs },
): PlaybookCounts | undefined {
  const live = watch.live(key as WindowKey);
  if (!live) return undefined;
  const sum = (column: Parameters<typeof live.sum>[0]): number => live.sum(column, fromMs, untilMs);
  return {
    requestCount: sum('requestCount'),
    errorCount: sum('errorCount'),
    throttleCount: sum('throttleCount'),
    coldStartCount: sum('coldStartCount'),
    slowCount: sum('slowCount'),
    deadLetterCount: sum('deadLetterCount'),
    busyMs: sum('valueSum'),
  };
}

function tell(scene: Scene, turn: Turn, entry: PlaybookEntry): void {
  const { kind, playbook, incidentId, runId, says } = entry;
  const incident = incidentOf(scene, incidentId);
  const body = {
    ...(incident && { function: incident.origin }),
    playbook,
    incidentId,
    ...(runId !== undefined && { runId }),
  };
  note(turn, {
    kind: `playbook.${kind}`,
    ...causeOf(scene, incidentId),
    body: toBody({ ...body, because: says.join('; ') }),
  });
  const run = scene.remedies.book.runs.find(({ id }) => id === runId);
  if (run?.end?.kind === 'without-effect' && run.end.atMs === turn.nowMs)
    pressBrake(scene, turn, { kind: 'without-effect', atMs: turn.nowMs });
}

function incidentOf({ watch }: Scene, id: string): Incident | undefined {
  return watch.incidents.find((incident) => incident.id === id);
}

function grant(scene: Scene, turn: Turn, want: PlaybookWant): void {
  switch (want.kind) {
    case 'look':
      if (!isAtAws(want.remedy)) hearNews(scene, { kind: 'looked', id: want.id, atMs: turn.nowMs, isStanding: false });
      else if (!scene.remedies.jobs[want.id]) look(scene, turn, want);
      return;
    case 'remedy':
      if (!scene.remedies.jobs[want.id]) propose(scene, turn, want);
      return;
    // Stated as a wish as long as the step waits (wishesOf): what is asked has to outlive a restart.
    case 'ask':
      return;
    case 'escalate':
      note(turn, {
        kind: 'playbook.escalated',
        ...causeOf(scene, want.incidentId),
        body: toBody({ runId: want.runId, incidentId: want.incidentId, because: want.because }),
      });
  }
}

/** Of the steps that wait for a person. */
function wishesOf(scene: Scene): readonly ApprovalWish[] {
  return scene.remedies.book.runs.flatMap((run): ApprovalWish[] => {
    const step = run.playbook.steps[run.at];
    const at = run.steps[run.at];
    const incident = incidentOf(scene, run.incidentId);
    if (run.phase !== 'steps' || step?.does.kind !== 'approval' || at?.state !== 'asked' || !incident) return [];
    const { question, withinMs } = step.does;
    const { sinceMs } = at;
    const subject = { kind: 'remedy', incidentId: incident.id, target: stepIdOf(run, run.at) } as const;
    return [
      {
        subject: { ...subject, evidenceSha256: evidenceOf(incident) },
        functions: incident.harmed.filter((key): key is FunctionKey => scene.functions.has(key as FunctionKey)),
        wanted: { concurrencyMax: 0, usdMax: 0 },
        times: { askAtMs: sinceMs, remindAtMs: sinceMs + withinMs / 2, expiresAtMs: sinceMs + withinMs },
        because: question,
      },
    ];
  });
}

function look(scene: Scene, turn: Turn, { id, runId, remedy }: Extract<PlaybookWant, { readonly kind: 'look' }>): void {
  start(scene, turn, {
    id,
    owner: { kind: 'run', runId, place: `look ${id}` },
    aim: 'look',
    remedy,
    causeSeq: undefined,
  });
}

/** A step and what takes it back are at one place: the effect's name without way and attempt. */
function ownerOf({ id, runId }: RemedyWant): RemedyOwner {
  return { kind: 'run', runId, place: id.split('/').slice(0, -2).join('/') };
}

function propose(scene: Scene, turn: Turn, want: RemedyWant): void {
  const { id, incidentId, remedy, way, bounds } = want;
  const incident = incidentOf(scene, incidentId);
  const touches = touchedBy(scene, remedy);
  const verdict = judgeRemedy(scene, turn, {
    ...{ remedy, touches, incident, bounds, human: wordOf(scene, want) },
    purpose: way === 'back' ? 'take-back' : isTelling(scene, want) ? 'renewal' : 'new',
  });
  if (verdict.kind !== 'pass') {
    const { kind, stage, reason } = verdict;
    const before = scene.remedies;
    hearNews(scene, { kind: 'stopped-by-gate', id, stop: { kind, stage, reason } });
    // Once for each reason: the run keeps it, and says it where people ask how far it has come.
    if (scene.remedies !== before && isNewStop(before, scene.remedies, want))
      noteStopped(scene, turn, want, `${stage}: ${reason}`);
    return;
  }
  const cause = causeOf(scene, incidentId);
  const isLeft = isOpenByItself(scene, remedy) && way === 'forth';
  if (!isLeft) enter(scene, turn, { remedy, touches, isNew: way === 'forth', incidentId });
  const { untilMs, because: wanted, ...what } = remedy;
  const because = isLeft ? `${wanted}: it is open already, and is left to its own rule` : wanted;
  const decided = toBody({ function: touches[0], runId: want.runId, way, remedy: what, untilMs, because });
  const seq = note(turn, { kind: 'playbook.decided', ...cause, body: decided });
  hearNews(scene, { kind: 'intended', id, seq, atMs: turn.nowMs });
  if (remedy.kind === 'move-breaker') {
    if (isLeft) hearNews(scene, { kind: 'outcome', id, outcome: { kind: 'accepted', atMs: turn.nowMs } });
    else command(scene, turn, { remedy, want });
    return;
  }
  const isHeld = scene.remedies.held[placeIn(want)] !== undefined;
  const aim = way === 'back' && isHeld ? 'give-back' : 'set';
  start(scene, turn, { id, owner: ownerOf(want), aim, remedy, causeSeq: seq });
}

/** Word of what was done: where it helped nobody sees the trouble any more, and it is to be told all the same. */
function isTelling({ remedies: { book } }: Scene, { remedy, runId }: RemedyWant): boolean {
  const run = book.runs.find(({ id }) => id === runId);
  return remedy.kind === 'call-webhook' && run?.steps.some(({ forth }) => forth?.state === 'accepted') === true;
}

/** What opened by its own rule finds its own end too: a forced word would keep it open for the whole step. */
function isOpenByItself({ remedies }: Scene, remedy: Remedy): boolean {
  return (
    remedy.kind === 'move-breaker' &&
    remedy.standing.state === 'open' &&
    remedies.breakers[remedy.standing.name]?.state === 'open'
  );
}

function stopOf({ book }: RemediesState, { runId }: RemedyWant): string | undefined {
  const run = book.runs.find(({ id }) => id === runId);
  const step = run?.steps[run.at];
  return (step?.forth ?? step?.back)?.because?.replace(/\d+/g, '#');
}

/** A length of time is another text each second. */
function isNewStop(before: RemediesState, after: RemediesState, want: RemedyWant): boolean {
  return stopOf(before, want) !== stopOf(after, want);
}

function noteStopped(scene: Scene, turn: Turn, { incidentId, remedy, runId }: RemedyWant, because: string): void {
  const body = { function: touchedBy(scene, remedy)[0], runId, remedy: remedy.kind, because };
  note(turn, { kind: 'action.refused', ...causeOf(scene, incidentId), body: toBody(body) });
}

function placeIn(want: RemedyWant): string {
  const owner = ownerOf(want);
  return owner.kind === 'run' ? `run/${owner.runId}/${owner.place}` : '';
}

/** Who begins a run by hand has looked, and stands for what it does. */
function wordOf({ remedies: { book } }: Scene, { runId }: RemedyWant): HumanWord | undefined {
  const by = book.runs.find(({ id }) => id === runId)?.by;
  return by === undefined || by === 'engine' ? undefined : { by, how: 'asked' };
}

/** A breaker has a mind of its own: a playbook's word to it is like a human's, and ends like one. */
function command(
  scene: Scene,
  turn: Turn,
  { remedy, want: { id, runId, way } }: { readonly remedy: MoveBreaker; readonly want: RemedyWant },
): void {
  const { name, state } = remedy.standing;
  const to = way === 'back' ? 'none' : state === 'closed' ? 'forced-closed' : 'forced-open';
  const { because, untilMs } = remedy;
  turn.breakerCommands.set(name, { to, by: `playbook:${runId}`, because, untilMs });
  hearNews(scene, { kind: 'outcome', id, outcome: { kind: 'accepted', atMs: turn.nowMs } });
}

function touchedBy(scene: Scene, remedy: Remedy): readonly string[] {
  if (remedy.kind === 'move-breaker') {
    const spec = scene.options.remedies!.breakers.find(({ name }) => name === remedy.standing.name);
    return spec ? touchesOf(scene, spec) : [];
  }
  return 'key' in remedy ? [remedy.key] : [...scene.functions.keys()].slice(0, 1);
}
