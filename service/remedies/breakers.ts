/** Breakers in the engine: each judged by what its own calls show, and carried out where it moves. */
import type { BreakerSpec } from '../../core/breaker.ts';
import type { Incident } from '../../core/incident.ts';
import type { BreakerStanding } from '../../core/remedy.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { countEdges } from '../../detector/breaker/edge-counts.ts';
import { fleetShareOf } from '../../detector/breaker/fleet.ts';
import {
  closedSince,
  next,
  standingOf,
  type BreakerMoment,
  type BreakerState,
  type BreakerStep,
  type Permit,
} from '../../detector/breaker/machine.ts';
import { remedyOf } from '../../detector/breaker/remedies.ts';
import { breakersFor, touchedBy } from '../../detector/breaker/spec.ts';
import { note, type Scene, type Turn } from '../engine-scene.ts';
import { causeOf, change, enter, start } from './carry.ts';
import { judgeRemedy } from './judge.ts';
import type { RemedyOptions } from './options.ts';

export function turnBreaker(scene: Scene, turn: Turn, spec: BreakerSpec, options: RemedyOptions): void {
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
  // Who takes their word back is the actor as well as who gives it.
  const actor = forced?.by ?? turn.breakerCommands.get(spec.name)?.by;
  if (actor !== undefined) turn.drafts[turn.drafts.length - 1] = { ...turn.drafts.at(-1)!, actor };
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
  const usual = edges.map(({ caller }) => watch.usualFailedRatioOf(`edge:${caller}>${spec.callee}`) ?? 0);
  const isOpen = ({ name }: BreakerSpec): boolean =>
    name !== spec.name && (remedies.breakers[name]?.untilMs ?? 0) > turn.nowMs;
  return {
    nowMs: turn.nowMs,
    incidents: concerned,
    count: (fromMs, untilMs) => countEdges(rings, fromMs, untilMs),
    usualHarmedRatio: Math.max(0, ...usual),
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
export function touchesOf({ watch, functions }: Scene, spec: BreakerSpec): readonly string[] {
  const callers = watch.edgesTo(spec.callee).map(({ caller }) => caller);
  return [...new Set(touchedBy(spec, callers))].filter((key) => functions.has(key as FunctionKey));
}

interface Asking {
  readonly spec: BreakerSpec;
  readonly standing: BreakerStanding;
  readonly incident: Incident | undefined;
  readonly purpose: 'new' | 'renewal';
}

function permitOf(scene: Scene, turn: Turn, { spec, standing, incident, purpose }: Asking): Permit {
  const command = turn.breakerCommands.get(spec.name);
  const verdict = judgeRemedy(scene, turn, {
    remedy: remedyOf(spec, standing, ''),
    touches: touchesOf(scene, spec),
    ...{ incident, purpose },
    human: command && { by: command.by, how: 'asked' },
  });
  if (verdict.kind === 'pass') return { isAllowed: true, because: '' };
  return { isAllowed: false, because: `${verdict.stage}: ${verdict.reason}` };
}
