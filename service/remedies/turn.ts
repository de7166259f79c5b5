/**
 * Remedies in the engine: which breakers move, what is asked of the world for it, and what came of it. Everything that is to leave passes the gate, is written
 * down, and is started only when that is durable.
 */
import { createRemedyGate, type RemedyContext, type RemedyPurpose } from '../../actuators/remedy-gate.ts';
import {
  enterRemedy,
  extendRemedy,
  forgetRemedies,
  remedyTargetOf,
  tallyRemedies,
} from '../../actuators/remedy-gate-ledger.ts';
import { remedyStages } from '../../actuators/remedy-gate-stages.ts';
import type { Mode } from '../../core/function-spec.ts';
import type { Incident, MaintenanceWindow } from '../../core/incident.ts';
import type { BreakerStanding, Remedy } from '../../core/remedy.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import type { EpochMs } from '../../core/time.ts';
import { undoNameOf } from '../../core/undo.ts';
import type { WindowKey } from '../../core/window.ts';
import { countEdges } from '../../detector/breaker/edge-counts.ts';
import { fleetShareOf } from '../../detector/breaker/fleet.ts';
import {
  closedSince,
  next,
  standingOf,
  type BreakerMoment,
  type BreakerState,
  type BreakerStep,
} from '../../detector/breaker/machine.ts';
import { remedyOf } from '../../detector/breaker/remedies.ts';
import type { BreakerSpec } from '../../core/breaker.ts';
import { breakersFor, touchedBy } from '../../detector/breaker/spec.ts';
import { advanceBrake, countedFromMs } from '../brake.ts';
import { note, toBody, type Scene, type Turn } from '../engine-scene.ts';
import type { Fact } from '../facts.ts';
import { endHolds, holdOf } from '../holds.ts';
import {
  askedJob,
  callOf,
  changesWorld,
  hearJob,
  isDone,
  startJob,
  type JobAim,
  type JobCall,
  type RemedyJob,
  type RemedyOwner,
} from './job.ts';
import type { RemedyOptions } from './options.ts';
import type { RemediesState } from './state.ts';

const gate = createRemedyGate(remedyStages);

/** Moves what has to move, and starts what is due. Call it when this second has been judged. */
export function turnRemedies(scene: Scene, turn: Turn): void {
  const { remedies: options } = scene.options;
  if (!options) return;
  tidy(scene, turn, options);
  for (const spec of options.breakers) turnBreaker(scene, turn, spec, options);
  for (const job of Object.values(scene.remedies.jobs)) if (!job.isAsked) ask(scene, turn, job);
}

/** What became of a call: into its job, and on record. */
export function hearRemedied(scene: Scene, turn: Turn, fact: Extract<Fact, { kind: 'remedied' }>): void {
  const { jobId, intentSeq, answer } = fact;
  const job = scene.remedies.jobs[jobId];
  if (intentSeq !== undefined && answer.kind === 'outcome') {
    note(turn, {
      kind: 'action.outcome',
      causeSeq: intentSeq,
      body: { function: job ? subjectOf(scene, job) : jobId, outcome: { ...answer.outcome } },
    });
  }
  if (!job) return;
  const heard = hearJob(job, answer);
  const { [jobId]: _over, ...others } = scene.remedies.jobs;
  if (!isDone(heard)) {
    change(scene, { jobs: { ...others, [jobId]: heard } });
    return;
  }
  const place = placeOf(job.owner);
  const { [place]: _gone, ...heldByOthers } = scene.remedies.held;
  const { held, outcome } = heard.result;
  change(scene, { jobs: others, held: held ? { ...heldByOthers, [place]: held } : heldByOthers });
  if (outcome.kind === 'accepted') take(scene, turn, heard);
}

function change(scene: Scene, part: Partial<RemediesState>): void {
  scene.remedies = { ...scene.remedies, ...part };
}

/** What we did ourselves is evidence: for who reads an incident, and so that it is not taken for trouble. */
function take(scene: Scene, turn: Turn, { remedy, aim }: RemedyJob): void {
  const key = remedy.kind === 'move-breaker' ? calleeOf(scene, remedy.standing.name) : keyOf(remedy);
  if (key === undefined || aim === 'give-back') return;
  scene.actionsTaken = [...scene.actionsTaken, { atMs: turn.nowMs, key: key as WindowKey, because: remedy.because }];
}

function calleeOf({ options }: Scene, name: string): string | undefined {
  return options.remedies?.breakers.find((spec) => spec.name === name)?.callee;
}

function keyOf(remedy: Remedy): string | undefined {
  return 'key' in remedy ? remedy.key : undefined;
}

function tidy(scene: Scene, turn: Turn, { limits }: RemedyOptions): void {
  const { ledger, holds } = scene.remedies;
  const kept = forgetRemedies(ledger, turn.nowMs, limits.cooldownMs);
  const ended = endHolds(holds, turn.nowMs);
  if (kept !== ledger || ended.holds !== holds) change(scene, { ledger: kept, holds: ended.holds });
}

function turnBreaker(scene: Scene, turn: Turn, spec: BreakerSpec, options: RemedyOptions): void {
  const { nowMs } = turn;
  const { watch, remedies } = scene;
  const known = remedies.breakers[spec.name];
  const command = turn.breakerCommands.get(spec.name);
  const concerned = watch.incidents.filter((incident) => breakersFor(incident, [spec]).length > 0);
  // Most breakers, most of the time: nothing to judge.
  if (!command && concerned.length === 0 && (!known || known.state === 'closed') && known?.held === undefined) return;
  const before = known ?? closedSince(nowMs);
  const moment = momentOf(scene, turn, { spec, options, concerned });
  const step = next(spec, before, command ? { ...moment, command } : moment);
  if (step.state !== before) change(scene, { breakers: { ...scene.remedies.breakers, [spec.name]: step.state } });
  if (step.kind === 'nothing') return;
  const causeSeq = causeOf(scene, step.state.incidentId ?? before.incidentId ?? concerned[0]?.id);
  if (step.kind === 'held') {
    const body = { function: spec.callee, breaker: spec.name, because: step.because };
    note(turn, { kind: 'action.refused', ...causeSeq, body });
    return;
  }
  carryOut(scene, turn, { spec, before, step, causeSeq: tell(turn, { spec, before, step, causeSeq }) });
}

interface Moved {
  readonly spec: BreakerSpec;
  readonly before: BreakerState;
  readonly step: BreakerStep;
}

/** A renewal says nothing new. */
function tell(
  turn: Turn,
  { spec, before, step, causeSeq }: Moved & { readonly causeSeq: { readonly causeSeq?: number } },
): number | undefined {
  if (step.kind === 'renewed') return causeSeq.causeSeq;
  const { state, admitRatio, untilMs, forced } = step.state;
  const body = { function: spec.callee, breaker: spec.name, from: before.state, to: state, admitRatio, untilMs };
  const seq = note(turn, { kind: 'breaker.moved', ...causeSeq, body: { ...body, because: step.because } });
  if (forced) turn.drafts[turn.drafts.length - 1] = { ...turn.drafts.at(-1)!, actor: `operator:${forced.by}` };
  return seq;
}

function carryOut(
  scene: Scene,
  turn: Turn,
  { spec, before, step, causeSeq }: Moved & { readonly causeSeq: number | undefined },
): void {
  const { nowMs } = turn;
  const standing = standingOf(spec, step.state, nowMs);
  const remedy = remedyOf(spec, standing, step.because);
  const isNew = before.state === 'closed' && standing.state !== 'closed';
  enter(scene, turn, { remedy, touches: touchesOf(scene, spec), isNew, incidentId: step.state.incidentId });
  const isOver = standing.state === 'closed' && remedy.kind !== 'move-breaker';
  start(scene, turn, {
    id: `${spec.name}/${standing.revision}`,
    owner: { kind: 'breaker', name: spec.name },
    aim: isOver ? 'give-back' : 'set',
    remedy,
    causeSeq,
  });
}

interface Entered {
  readonly remedy: Remedy;
  readonly touches: readonly string[];
  readonly isNew: boolean;
  readonly incidentId?: string | undefined;
}

function enter(scene: Scene, { nowMs }: Turn, { remedy, touches, isNew, incidentId }: Entered): void {
  const target = remedyTargetOf(remedy);
  const { ledger } = scene.remedies;
  if (!isNew) {
    change(scene, { ledger: extendRemedy(ledger, target, remedy.untilMs) });
    return;
  }
  const entry = { kind: remedy.kind, target, touches, atMs: nowMs, untilMs: remedy.untilMs, usd: 0 };
  change(scene, { ledger: enterRemedy(ledger, { ...entry, ...(incidentId !== undefined && { incidentId }) }) });
}

interface Wanted {
  readonly id: string;
  readonly owner: RemedyOwner;
  readonly aim: JobAim;
  readonly remedy: Remedy;
  readonly causeSeq: number | undefined;
}

/** One job a place at a time; a newer level takes the place of one that has not begun. */
function start(scene: Scene, { nowMs }: Turn, wanted: Wanted): void {
  const held = scene.remedies.held[placeOf(wanted.owner)];
  const { jobs } = scene.remedies;
  const job = startJob({ ...wanted, nowMs, ...(held && { held }) });
  const isOvertaken = (other: RemedyJob): boolean => !other.isAsked && placeOf(other.owner) === placeOf(wanted.owner);
  const kept = Object.entries(jobs).filter(([, other]) => !isOvertaken(other));
  change(scene, { jobs: { ...Object.fromEntries(kept), [job.id]: job } });
}

function placeOf(owner: RemedyOwner): string {
  return owner.kind === 'breaker' ? `breaker/${owner.name}` : `run/${owner.runId}/${owner.step}`;
}

function ask(scene: Scene, turn: Turn, job: RemedyJob): void {
  // What stands by an earlier level has to be known before it is changed.
  const isBlocked = Object.values(scene.remedies.jobs).some(
    (other) => other !== job && other.isAsked && placeOf(other.owner) === placeOf(job.owner),
  );
  if (isBlocked && job.remedy.kind !== 'move-breaker') return;
  const call = callOf(job);
  const intentSeq = changesWorld(call) ? intend(scene, turn, job, call) : undefined;
  change(scene, { jobs: { ...scene.remedies.jobs, [job.id]: askedJob(job, intentSeq) } });
  turn.effects.push({ kind: 'remedy', jobId: job.id, call, ...(intentSeq !== undefined && { intentSeq }) });
}

function intend(scene: Scene, turn: Turn, job: RemedyJob, call: JobCall): number {
  const { remedy, causeSeq } = job;
  const { because, untilMs, ...what } = remedy;
  const subject = { function: subjectOf(scene, job), call: call.kind, remedy: what, untilMs };
  const undo = 'undo' in call ? { undo: undoNameOf(call.undo) } : {};
  return note(turn, {
    kind: 'action.intended',
    ...(causeSeq !== undefined && { causeSeq }),
    body: toBody({ ...subject, ...undo, because: 'because' in call ? call.because : because }),
  });
}

function subjectOf(scene: Scene, { remedy, owner }: RemedyJob): string {
  return (owner.kind === 'breaker' ? calleeOf(scene, owner.name) : keyOf(remedy)) ?? remedyTargetOf(remedy);
}

function causeOf({ watch }: Scene, incidentId: string | undefined): { readonly causeSeq?: number } {
  const seq = incidentId === undefined ? undefined : watch.openedSeqs.get(incidentId);
  return seq === undefined ? {} : { causeSeq: seq };
}

interface Asked {
  readonly spec: BreakerSpec;
  readonly options: RemedyOptions;
  readonly concerned: readonly Incident[];
}

function momentOf(scene: Scene, turn: Turn, { spec, options, concerned }: Asked): BreakerMoment {
  const { watch, functions, remedies } = scene;
  const touches = touchesOf(scene, spec);
  const edges = watch.edgesTo(spec.callee);
  const rings = edges
    .filter(({ caller }) => spec.callers.length === 0 || spec.callers.includes(caller))
    .map(({ live }) => live);
  const isOpen = ({ name }: BreakerSpec): boolean =>
    name !== spec.name && (remedies.breakers[name]?.untilMs ?? 0) > turn.nowMs;
  return {
    nowMs: turn.nowMs,
    incidents: concerned,
    count: (fromMs, untilMs) => countEdges(rings, fromMs, untilMs),
    usualHarmedRatio: 0,
    fleet: fleetShareOf(spec, {
      functions: [...functions.keys()],
      incidents: watch.incidents,
      touchedByOthers: options.breakers.filter(isOpen).flatMap((other) => touchesOf(scene, other)),
    }),
    guards: options.guards,
    neverBreak: touches.filter((key) => options.neverBreak.includes(key)),
    permit: (standing, how) => {
      const purpose = how === 'renew' ? 'renewal' : 'new';
      return permitOf(scene, turn, { spec, standing, incident: concerned[0], purpose });
    },
  };
}

/** Of what it touches the functions that are watched: limits and modes are of these. */
function touchesOf({ watch, functions }: Scene, spec: BreakerSpec): readonly string[] {
  const callers = watch.edgesTo(spec.callee).map(({ caller }) => caller);
  return [...new Set(touchedBy(spec, callers))].filter((key) => functions.has(key as FunctionKey));
}

interface Proposed {
  readonly spec: BreakerSpec;
  readonly standing: BreakerStanding;
  readonly incident: Incident | undefined;
  readonly purpose: RemedyPurpose;
}

function permitOf(scene: Scene, turn: Turn, { spec, standing, incident, purpose }: Proposed) {
  const remedy = remedyOf(spec, standing, '');
  const context = contextOf(scene, turn, { remedy, touches: touchesOf(scene, spec), incident, purpose });
  const verdict = gate.judge(remedy, context);
  if (verdict.kind === 'pass') return { isAllowed: true, because: '' };
  if (verdict.stage === 'actions') trip(scene, turn, context.tally.actionCount);
  return { isAllowed: false, because: `${verdict.stage}: ${verdict.reason}` };
}

/** Too many remedies in an hour: from now on none, until a human has looked. */
function trip(scene: Scene, turn: Turn, actionCount: number): void {
  const { brake } = scene.remedies;
  const { brake: limits } = scene.options.remedies!;
  const tripped = advanceBrake(brake, { kind: 'too-many', atMs: turn.nowMs, actionCount }, limits);
  if (tripped === brake) return;
  change(scene, { brake: tripped });
  note(turn, { kind: 'brake.changed', body: toBody({ ...tripped.on, isOn: true }) });
}

interface Judged {
  readonly remedy: Remedy;
  readonly touches: readonly string[];
  readonly incident: Incident | undefined;
  readonly purpose: RemedyPurpose;
}

function contextOf(scene: Scene, { nowMs }: Turn, { remedy, touches, incident, purpose }: Judged): RemedyContext {
  const { remedies, functions, watch } = scene;
  const options = scene.options.remedies!;
  const { brake, holds, ledger } = remedies;
  const ours = touches.flatMap((key) => [...functions.values()].filter(({ spec }) => spec.key === key));
  const holding = ours.map(({ spec }) => holdOf(holds, spec)).find((hold) => hold !== undefined);
  const nobody = { observers: [], disputedBy: [], disputedSenders: [] };
  return {
    nowMs,
    purpose,
    brake: brake.on,
    mode: strictest(ours.map(({ spec }) => options.modes[spec.key]?.[remedy.kind] ?? 'shadow')),
    operatorHold: holding,
    maintenance: maintenanceOf(scene.options.watch?.maintenance ?? [], touches, nowMs),
    touches,
    neverBreak: touches.filter((key) => options.neverBreak.includes(key)),
    trouble: incident && { incidentId: incident.id, state: incident.state, seenAtMs: incident.lastTroubleAtMs },
    corroboration: incident ? watch.corroborationOf(incident) : nobody,
    limits: options.limits,
    tally: tallyRemedies(ledger, nowMs, countedFromMs(brake)),
    functionCount: functions.size,
    usd: 0,
    isApprovalWanted: false,
  };
}

/** With none of ours among them nobody has said that anything may be done. */
function strictest(modes: readonly Mode[]): Mode {
  if (modes.length === 0 || modes.includes('shadow')) return 'shadow';
  return modes.includes('advise') ? 'advise' : 'enforce';
}

function maintenanceOf(windows: readonly MaintenanceWindow[], touches: readonly string[], nowMs: EpochMs) {
  const covers = (pattern: string, key: string): boolean =>
    pattern.endsWith('*') ? key.startsWith(pattern.slice(0, -1)) : pattern === key;
  return windows.find(
    ({ keys, fromMs, untilMs }) =>
      fromMs <= nowMs &&
      nowMs < untilMs &&
      (keys.length === 0 || keys.some((pattern) => touches.some((key) => covers(pattern, key)))),
  );
}
