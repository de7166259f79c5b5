/**
 * The interpreter of playbooks: from a run and a moment to the run after it, what it wants done, and what it says. Pure and synchronous; every wait has an end, and so has
 * every run (`longestMs`).
 */
import { assert, assertNever } from '../../core/assert.ts';
import type { Incident } from '../../core/incident.ts';
import type { Playbook, PlaybookAct, PlaybookPause, PlaybookStep } from '../../core/playbook.ts';
import { formatInstant, msPerMinute, msPerSecond } from '../../core/time.ts';
import { lookIdOf } from './hear.ts';
import {
  effectIdOf,
  isTrouble,
  stepIdOf,
  type Effect,
  type PlaybookMoment,
  type PlaybookStepTaken,
  type PlaybookWant,
  type Run,
  type RunEndKind,
  type StepRun,
} from './run.ts';
import { inverseOf, isUnable, needsLook, remedyOf } from './target.ts';
import { keepsServingMs, measureBefore, settleMs, verify } from './verify.ts';

/** Looking asks AWS once; where it does not answer in this time, a change would not be answered either. */
const lookWithinMs = msPerMinute;
/** The gate may say "not now" for so long, or "ask a human" for so long. */
const gateWithinMs = 2 * msPerMinute;
const askWithinMs = 15 * msPerMinute;
/** An effect that has no outcome by then has none. */
const outcomeWithinMs = msPerMinute;
/** Until a call that was lost on its way has arrived or is dead. */
const lookAfterMs = 5 * msPerSecond;
const unknownWithinMs = 5 * msPerMinute;
/** Three attempts, one after another. */
const effectWithinMs = 3 * (askWithinMs + outcomeWithinMs + unknownWithinMs);
const undoWithinMs = 10 * msPerMinute;

/** What it takes at the most, from its start to its end. */
export function longestMs({ steps, helpsWithinMs }: Playbook): number {
  const undoMs = undoWithinMs + outcomeWithinMs + unknownWithinMs;
  return steps.reduce((sum, step) => sum + longestStepMs(step) + undoMs, helpsWithinMs);
}

function longestStepMs({ does, verify: condition }: PlaybookStep): number {
  if (does.kind === 'wait') return does.forMs;
  if (does.kind === 'approval') return does.withinMs;
  if (does.kind === 'escalate') return 0;
  const verifyMs = condition
    ? Math.max(condition.withinMs, condition.forMs) +
      settleMs +
      keepsServingMs({ concurrency: 100_000, initDurationMs: 15 * msPerMinute })
    : 0;
  return lookWithinMs + effectWithinMs + verifyMs;
}

export function startRun(
  playbook: Playbook,
  incident: Incident,
  { nowMs, by, ordinal = 1 }: { readonly nowMs: number; readonly by: string; readonly ordinal?: number },
): Run {
  return {
    id: `${playbook.name}:${incident.id}${ordinal > 1 ? `#${ordinal}` : ''}`,
    ...{ playbook, incidentId: incident.id, origin: incident.origin, by, startedAtMs: nowMs },
    ...{ at: 0, phase: 'steps', phaseSinceMs: nowMs },
    steps: playbook.steps.map(() => ({ state: 'ahead', sinceMs: nowMs })),
  };
}

/** One tick's worth: as many steps as need no waiting. */
export function next(before: Run, moment: PlaybookMoment): PlaybookStepTaken {
  const wants: PlaybookWant[] = [];
  const says: string[] = [];
  const scene: Scene = {
    moment,
    trouble: moment.incidents.some((incident) => incident.id === before.incidentId && isTrouble(incident)),
    want: (want) => void wants.push(want),
    say: (text) => void says.push(text),
  };
  let run = before;
  // Each turn takes a step further or a state onward; a turn that changes nothing is the end of it.
  const turnCountMax = 10 * run.steps.length + 10;
  for (let turn = 0; ; turn++) {
    assert(turn < turnCountMax, 'a run takes no step for ever');
    const after = turnOf(run, scene);
    if (after === run) return { run, wants, says };
    run = after;
  }
}

interface Scene {
  readonly moment: PlaybookMoment;
  readonly trouble: boolean;
  want(want: PlaybookWant): void;
  say(text: string): void;
}

function turnOf(run: Run, scene: Scene): Run {
  if (run.failure?.kind === 'stopped' && (run.phase === 'steps' || run.phase === 'judging'))
    return undoAll(run, scene, run.failure.because);
  switch (run.phase) {
    case 'ended':
      return run;
    case 'steps':
      return run.at < run.steps.length
        ? stepOn(run, scene)
        : { ...run, phase: 'judging', phaseSinceMs: scene.moment.nowMs };
    case 'judging':
      return judge(run, scene);
    case 'undoing':
      return undoOn(run, scene);
    default:
      return assertNever(run.phase);
  }
}

const isAccepted = (effect: Effect | undefined): boolean => effect?.state === 'accepted';

function judge(run: Run, scene: Scene): Run {
  const { nowMs } = scene.moment;
  const { helpsWithinMs } = run.playbook;
  if (!run.steps.some(({ forth }) => isAccepted(forth)))
    return end(run, scene, 'nothing-done', 'no step changed anything');
  if (!scene.trouble) return end(run, scene, 'helped', 'the trouble is over');
  if (nowMs < run.phaseSinceMs + helpsWithinMs) return run;
  const because = `every step was accepted, and after ${helpsWithinMs / msPerSecond} s the trouble is as it was`;
  return undoAll({ ...run, failure: { kind: 'without-effect', because } }, scene, because);
}

function end(run: Run, scene: Scene, kind: RunEndKind, because: string): Run {
  scene.say(`${run.playbook.name} ended, ${kind}: ${because}`);
  const { nowMs } = scene.moment;
  const { undo: _undo, ...rest } = run;
  return { ...rest, phase: 'ended', phaseSinceMs: nowMs, end: { kind, atMs: nowMs, because } };
}

function setStep(run: Run, index: number, change: Partial<StepRun>): Run {
  return { ...run, steps: run.steps.map((step, place) => (place === index ? { ...step, ...change } : step)) };
}

function isAct(does: PlaybookAct | PlaybookPause): does is PlaybookAct {
  return does.kind !== 'wait' && does.kind !== 'approval' && does.kind !== 'escalate';
}

function stepOn(run: Run, scene: Scene): Run {
  const { nowMs } = scene.moment;
  const { at } = run;
  const step = run.playbook.steps[at]!;
  const current = run.steps[at]!;
  const done = (because: string): Run => {
    if (isAct(step.does)) scene.say(`step ${step.id}: ${because}`);
    return setStep({ ...run, at: at + 1 }, at, { state: 'done', sinceMs: nowMs, because });
  };
  const skip = (because: string): Run => {
    scene.say(`step ${step.id} is left out: ${because}`);
    return setStep({ ...run, at: at + 1 }, at, { state: 'skipped', sinceMs: nowMs, because });
  };
  const hasEnded = step.when === 'trouble' && !scene.trouble;
  switch (current.state) {
    case 'ahead':
      return hasEnded ? skip('the trouble is over') : begin(run, scene, step);
    case 'waiting':
      assert(step.does.kind === 'wait', 'only a wait waits');
      return nowMs >= current.sinceMs + step.does.forMs ? done('waited') : run;
    case 'asked':
      return answerOn(run, scene, { step, current, done });
    case 'looking':
      return hasEnded ? skip('the trouble is over') : lookOn(run, scene, { step, current, skip });
    case 'doing':
      return doOn(run, scene, { step, current, done, skip: hasEnded ? skip : undefined });
    case 'verifying':
      return verifyOn(run, scene, { step, current, done });
    case 'done':
    case 'failed':
    case 'skipped':
    case 'undone':
      return { ...run, at: at + 1 };
    default:
      return assertNever(current.state);
  }
}

interface StepScene {
  readonly step: PlaybookStep;
  readonly current: StepRun;
  readonly done: (because: string) => Run;
}

function begin(run: Run, scene: Scene, step: PlaybookStep): Run {
  const { nowMs } = scene.moment;
  const { does } = step;
  const id = stepIdOf(run, run.at);
  const about = { id, runId: run.id, incidentId: run.incidentId };
  if (does.kind === 'wait') return setStep(run, run.at, { state: 'waiting', sinceMs: nowMs });
  if (does.kind === 'approval') {
    scene.want({ kind: 'ask', ...about, question: does.question, untilMs: nowMs + does.withinMs });
    scene.say(`step ${step.id}: asked: ${does.question}`);
    return setStep(run, run.at, { state: 'asked', sinceMs: nowMs });
  }
  if (does.kind === 'escalate') {
    scene.want({ kind: 'escalate', ...about, because: does.because });
    return setStep({ ...run, at: run.at + 1 }, run.at, { state: 'done', sinceMs: nowMs, because: does.because });
  }
  if (needsLook(does)) return setStep(run, run.at, { state: 'looking', sinceMs: nowMs });
  return propose(run, scene, step, does);
}

function answerOn(run: Run, scene: Scene, { step, current, done }: StepScene): Run {
  assert(step.does.kind === 'approval', 'only an approval is asked for');
  const { answer, sinceMs } = current;
  if (answer) {
    const said = `${answer.by} said ${answer.isYes ? 'yes' : 'no'}: ${answer.because}`;
    return answer.isYes ? done(said) : fail(run, scene, 'failed', said);
  }
  if (scene.moment.nowMs < sinceMs + step.does.withinMs) return run;
  const late = `nobody answered within ${step.does.withinMs / msPerSecond} s`;
  return step.does.onNoAnswer === 'go-on' ? done(late) : fail(run, scene, 'failed', late);
}

function lookOn(
  run: Run,
  scene: Scene,
  {
    step,
    current,
    skip,
  }: { readonly step: PlaybookStep; readonly current: StepRun; readonly skip: (because: string) => Run },
): Run {
  assert(isAct(step.does), 'only what acts looks');
  const { moment } = scene;
  if (current.hasLooked) {
    return current.because === undefined ? propose(run, scene, step, step.does) : skip(current.because);
  }
  if (moment.nowMs >= current.sinceMs + lookWithinMs)
    return fail(run, scene, 'failed', 'how its target stands could not be seen');
  const remedy = remedyOf({ step, act: step.does, run, before: undefined, id: stepIdOf(run, run.at), moment });
  if (isUnable(remedy)) return fail(run, scene, 'failed', remedy.unable);
  scene.want({ kind: 'look', id: lookIdOf(run, run.at), runId: run.id, remedy });
  return run;
}

function propose(run: Run, scene: Scene, step: PlaybookStep, act: PlaybookAct): Run {
  const { moment } = scene;
  const { nowMs } = moment;
  const { before } = run.steps[run.at]!;
  const remedy = remedyOf({ step, act, run, before, id: stepIdOf(run, run.at), moment });
  if (isUnable(remedy)) return fail(run, scene, 'failed', remedy.unable);
  const incident = moment.incidents.find(({ id }) => id === run.incidentId);
  const troubleFromMs = incident?.startsAtMs ?? -Infinity;
  const measuredBefore = step.verify && measureBefore(step.verify, run.origin, { troubleFromMs, moment });
  if (remedy.kind === 'weigh-alias') {
    const provisioned = moment.provisionedOf(remedy.key);
    if (provisioned)
      scene.say(
        `step ${step.id}: ${remedy.key} holds ${provisioned.concurrency} provisioned: the version before goes on serving for up to ${Math.ceil(keepsServingMs(provisioned) / msPerSecond)} s, and is judged only after that`,
      );
  }
  return setStep(run, run.at, {
    ...{ state: 'doing', sinceMs: nowMs, forth: proposedAt(remedy, nowMs) },
    ...(measuredBefore !== undefined && { measuredBefore }),
  });
}

function proposedAt(remedy: Effect['remedy'], nowMs: number): Effect {
  return { state: 'proposed', remedy, attempt: 1, firstAtMs: nowMs, sinceMs: nowMs };
}

function doOn(
  run: Run,
  scene: Scene,
  { step, current, done, skip }: StepScene & { readonly skip: ((because: string) => Run) | undefined },
): Run {
  const { nowMs } = scene.moment;
  const effect = current.forth!;
  switch (effect.state) {
    case 'proposed':
      if (skip && effect.attempt === 1) return skip('the trouble is over');
      return (
        driveProposed(run, scene, 'forth', run.at, effect) ??
        fail(run, scene, 'failed', effect.because ?? 'the gate did not answer')
      );
    case 'intended':
    case 'unknown':
      return (
        driveUnanswered(run, scene, 'forth', run.at, effect) ??
        fail(run, scene, 'failed', `whether it stands could not be seen: ${effect.because ?? 'no outcome'}`)
      );
    case 'refused': {
      const isShadow = effect.intentSeq === undefined && effect.because?.startsWith('mode:') === true;
      return fail(run, scene, isShadow ? 'shadow' : 'failed', effect.because ?? 'refused');
    }
    case 'accepted': {
      if (!step.verify) return done('accepted');
      const provisioned =
        effect.remedy.kind === 'weigh-alias' ? scene.moment.provisionedOf(effect.remedy.key) : undefined;
      const judgeFromMs = effect.sinceMs + settleMs + (provisioned ? keepsServingMs(provisioned) : 0);
      return setStep(run, run.at, { state: 'verifying', sinceMs: nowMs, judgeFromMs });
    }
    case 'given-up':
      throw new Error('only what is taken back is given up');
    default:
      return assertNever(effect.state);
  }
}

function verifyOn(run: Run, scene: Scene, { step, current, done }: StepScene): Run {
  const { measuredBefore, judgeFromMs } = current;
  const found = verify(step.verify!, {
    origin: run.origin,
    judgeFromMs: judgeFromMs!,
    measuredBefore,
    moment: scene.moment,
  });
  if (found.kind === 'not-yet') return run;
  return found.kind === 'holds'
    ? done(`accepted and seen: ${found.because}`)
    : fail(run, scene, 'without-effect', found.because);
}

/** Said again until the gate lets it on; undefined when it has been said for long enough. */
function driveProposed(run: Run, scene: Scene, way: 'back' | 'forth', index: number, effect: Effect): Run | undefined {
  const { nowMs } = scene.moment;
  const withinMs = way === 'back' ? undoWithinMs : effect.isAsked ? askWithinMs : gateWithinMs;
  if (nowMs >= effect.sinceMs + withinMs || (way === 'forth' && nowMs >= effect.remedy.untilMs)) return undefined;
  if (effect.notBeforeMs !== undefined && nowMs < effect.notBeforeMs) return run;
  const { playbook, id: runId, incidentId } = run;
  const { mode, fleetShareMax, observersMin } = playbook.guard;
  const id = effectIdOf(run, index, way, effect.attempt);
  scene.want({
    kind: 'remedy',
    id,
    runId,
    incidentId,
    way,
    remedy: effect.remedy,
    bounds: { mode, fleetShareMax, observersMin },
  });
  return run;
}

/** Waits for an outcome, then looks; undefined when nothing could be seen for long enough. */
function driveUnanswered(
  run: Run,
  scene: Scene,
  way: 'back' | 'forth',
  index: number,
  effect: Effect,
): Run | undefined {
  const { nowMs } = scene.moment;
  if (effect.state === 'intended') {
    if (nowMs < effect.sinceMs + outcomeWithinMs) return run;
    const doubted: Effect = {
      ...effect,
      state: 'unknown',
      sinceMs: nowMs,
      wasUnknown: true,
      because: 'no outcome came',
    };
    return setStep(run, index, { [way]: doubted });
  }
  if (nowMs >= effect.sinceMs + unknownWithinMs) return undefined;
  if (nowMs >= effect.sinceMs + lookAfterMs)
    scene.want({
      kind: 'look',
      id: `${effectIdOf(run, index, way, effect.attempt)}/look`,
      runId: run.id,
      remedy: effect.remedy,
    });
  return run;
}

function fail(run: Run, scene: Scene, kind: 'failed' | 'shadow' | 'without-effect', because: string): Run {
  const { at } = run;
  const step = run.playbook.steps[at]!;
  const why = `step ${step.id}: ${because}`;
  scene.say(`${why} (${kind})`);
  const failed = setStep(run, at, { state: 'failed', sinceMs: scene.moment.nowMs, because });
  const failure = { kind, because: why } as const;
  if (kind === 'shadow' || step.onFailure === 'undo') return undoAll({ ...failed, failure }, scene, why);
  if (step.onFailure === 'leave') {
    escalate(failed, scene, why);
    return end({ ...failed, failure }, scene, kind, why);
  }
  // The last one has nothing after it that could still help.
  if (at + 1 >= run.steps.length) return undoAll({ ...failed, failure }, scene, why);
  return { ...failed, phase: 'undoing', phaseSinceMs: scene.moment.nowMs, undo: { queue: [at], then: at + 1 } };
}

function undoAll(run: Run, scene: Scene, because: string): Run {
  if (run.failure?.kind !== 'shadow' && run.failure?.kind !== 'stopped') escalate(run, scene, because);
  const queue = run.steps.map((_, index) => index).reverse();
  return { ...run, phase: 'undoing', phaseSinceMs: scene.moment.nowMs, undo: { queue, then: 'end' } };
}

function escalate(run: Run, scene: Scene, because: string): void {
  const { playbook, id, incidentId } = run;
  scene.want({
    kind: 'escalate',
    id: `${id}/escalation`,
    runId: id,
    incidentId,
    because: `${playbook.name}: ${because}`,
  });
}

function undoOn(run: Run, scene: Scene): Run {
  assert(run.undo !== undefined, 'who undoes knows what');
  const { queue, then } = run.undo;
  const [index, ...rest] = queue;
  if (index === undefined) {
    if (then !== 'end') {
      const { undo: _undo, ...others } = run;
      return { ...others, at: then, phase: 'steps', phaseSinceMs: scene.moment.nowMs };
    }
    assert(run.failure !== undefined, 'who takes everything back knows why');
    return end(run, scene, run.failure.kind, run.failure.because);
  }
  const passOn = (): Run => ({ ...run, undo: { queue: rest, then } });
  const { forth, back } = run.steps[index]!;
  if (!forth || run.steps[index]!.state === 'undone' || back?.state === 'given-up') return passOn();
  // An attempt that nobody answered for may still arrive, whatever became of those after it.
  if ((forth.state === 'proposed' || forth.state === 'refused') && !forth.wasUnknown) return passOn();
  if (forth.state === 'intended') {
    // Whether there is anything to take back is being answered; where it is not, taking back a level that never stood harms nobody.
    return driveUnanswered(run, scene, 'forth', index, forth) ?? passOn();
  }
  return back ? backOn(run, scene, index, passOn) : beginBack(run, scene, index, passOn);
}

function beginBack(run: Run, scene: Scene, index: number, passOn: () => Run): Run {
  const { moment } = scene;
  const step = run.playbook.steps[index]!;
  const { forth, before } = run.steps[index]!;
  const leave = (because: string): Run => {
    scene.say(`step ${step.id} is not taken back: ${because}`);
    return passOn();
  };
  if (step.compensate === 'none') return leave('the playbook says so');
  if (step.compensate !== 'inverse') {
    const id = `${stepIdOf(run, index)}/back`;
    const remedy = remedyOf({ step, act: step.compensate, run, before, id, moment });
    return isUnable(remedy) ? leave(remedy.unable) : setStep(run, index, { back: proposedAt(remedy, moment.nowMs) });
  }
  const { remedy } = forth!;
  const isEndless = remedy.kind === 'weigh-alias' && remedy.isRollback === true;
  if (remedy.untilMs <= moment.nowMs && !isEndless) return leave('it has ended by itself');
  const inverse = inverseOf(remedy, before, moment.nowMs);
  return inverse ? setStep(run, index, { back: proposedAt(inverse, moment.nowMs) }) : leave('it cannot be');
}

function backOn(run: Run, scene: Scene, index: number, passOn: () => Run): Run {
  const { nowMs } = scene.moment;
  const step = run.playbook.steps[index]!;
  const back = run.steps[index]!.back!;
  const giveUp = (because: string): Run => {
    const { forth } = run.steps[index]!;
    const why = `step ${step.id} could not be taken back (${because}); it ends by itself at ${formatInstant(forth!.remedy.untilMs)}`;
    scene.say(why);
    const { playbook, id: runId, incidentId } = run;
    scene.want({
      kind: 'escalate',
      id: `${stepIdOf(run, index)}/left`,
      runId,
      incidentId,
      because: `${playbook.name}: ${why}`,
    });
    return setStep(passOn(), index, { back: { ...back, state: 'given-up', because } });
  };
  if (nowMs >= back.firstAtMs + undoWithinMs && back.state !== 'accepted')
    return giveUp(back.because ?? 'it took too long');
  switch (back.state) {
    case 'proposed':
      return driveProposed(run, scene, 'back', index, back) ?? giveUp(back.because ?? 'the gate did not answer');
    case 'intended':
    case 'unknown':
      return driveUnanswered(run, scene, 'back', index, back) ?? giveUp(back.because ?? 'no outcome');
    case 'accepted':
      scene.say(`step ${step.id} is taken back`);
      return setStep(passOn(), index, { state: 'undone', sinceMs: nowMs });
    case 'refused':
    case 'given-up':
      return giveUp(back.because ?? 'refused');
    default:
      return assertNever(back.state);
  }
}
