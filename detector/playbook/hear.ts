/**
 * Takes in what became of what a run wanted. News about an attempt that is over is passed over, so that the order of answers decides nothing; the one exception is that an
 * effect which was accepted after all is never made again.
 */
import { assertNever } from '../../core/assert.ts';
import type { Outcome } from '../../core/action.ts';
import { msPerSecond, type EpochMs } from '../../core/time.ts';
import { effectIdOf, stepIdOf, type Effect, type PlaybookNews, type Run, type StepRun, type Way } from './run.ts';

/** With more, whoever refuses has said it clearly. Taking back is tried longer: what stands costs somebody. */
const attemptCountMax: Readonly<Record<Way, number>> = { forth: 3, back: 5 };
/** A service that says nothing about when to come back. */
const retryAfterMsDefault = 5 * msPerSecond;

export function hear(run: Run, news: PlaybookNews): Run {
  if (run.phase === 'ended') return run;
  switch (news.kind) {
    case 'stopped-by-gate':
      return onEffect(run, news.id, (effect, { isCurrent, way }) => {
        if (!isCurrent || effect.state !== 'proposed') return effect;
        const { kind, stage, reason } = news.stop;
        // What gives back is never refused for good: whatever says no to it may think better of it.
        const state = kind === 'refuse' && way === 'forth' ? 'refused' : 'proposed';
        return { ...effect, state, because: `${stage}: ${reason}`, ...(kind === 'ask' && { isAsked: true }) };
      });
    case 'intended':
      return onEffect(run, news.id, (effect, { isCurrent }) =>
        isCurrent && effect.state === 'proposed'
          ? { ...effect, state: 'intended', sinceMs: news.atMs, intentSeq: news.seq }
          : effect,
      );
    case 'outcome':
      return onEffect(run, news.id, (effect, about) => takeOutcome(effect, news.outcome, about));
    case 'looked':
      return look(run, news);
    case 'answered':
      return onStep(
        run,
        (_, index) => stepIdOf(run, index) === news.id,
        (step) => {
          if (step.state !== 'asked' || step.answer !== undefined) return step;
          const { isYes, by, because } = news;
          return { ...step, answer: { isYes, by, because } };
        },
      );
    case 'stop': {
      if (news.id !== run.id || run.failure) return run;
      return { ...run, failure: { kind: 'stopped', because: `stopped by ${news.by}: ${news.because}` } };
    }
    case 'restarted':
      return onStep(
        run,
        () => true,
        (step) => {
          const doubt = (effect: Effect): Effect =>
            effect.state === 'intended'
              ? {
                  ...effect,
                  state: 'unknown',
                  wasUnknown: true,
                  sinceMs: news.atMs,
                  because: 'the service began again before it was answered',
                }
              : effect;
          return {
            ...step,
            ...(step.forth && { forth: doubt(step.forth) }),
            ...(step.back && { back: doubt(step.back) }),
          };
        },
      );
    default:
      return assertNever(news);
  }
}

function onStep(run: Run, isMeant: (step: StepRun, index: number) => boolean, change: (step: StepRun) => StepRun): Run {
  return { ...run, steps: run.steps.map((step, index) => (isMeant(step, index) ? change(step) : step)) };
}

interface About {
  /** It is about this attempt, and no earlier one. */
  readonly isCurrent: boolean;
  readonly way: Way;
}

function onEffect(run: Run, id: string, change: (effect: Effect, about: About) => Effect): Run {
  for (const [index, step] of run.steps.entries()) {
    for (const way of ['forth', 'back'] as const) {
      const effect = step[way];
      if (!effect) continue;
      const prefix = effectIdOf(run, index, way, 0).slice(0, -1);
      if (!id.startsWith(prefix) || !/^\d{1,3}$/.test(id.slice(prefix.length))) continue;
      const isCurrent = Number(id.slice(prefix.length)) === effect.attempt;
      return onStep(
        run,
        (_, place) => place === index,
        (found) => ({ ...found, [way]: change(effect, { isCurrent, way }) }),
      );
    }
  }
  return run;
}

function takeOutcome(effect: Effect, outcome: Outcome, { isCurrent, way }: About): Effect {
  const isWaiting = effect.state === 'intended' || effect.state === 'unknown';
  if (outcome.kind === 'accepted' && (isWaiting || effect.state === 'proposed'))
    return { ...effect, state: 'accepted', sinceMs: outcome.atMs };
  if (!isCurrent || !isWaiting || outcome.kind === 'accepted') return effect;
  const because = `${outcome.code}: ${outcome.message}`;
  const { atMs } = outcome;
  switch (outcome.kind) {
    case 'refused':
      return way === 'back'
        ? again(effect, { way, atMs, because, afterMs: retryAfterMsDefault })
        : { ...effect, state: 'refused', sinceMs: atMs, because };
    case 'throttled':
      return again(effect, { way, atMs, because, afterMs: outcome.retryAfterMs ?? retryAfterMsDefault });
    case 'unavailable':
    case 'unknown':
      return { ...effect, state: 'unknown', wasUnknown: true, sinceMs: atMs, because };
    default:
      return assertNever(outcome);
  }
}

/** The next attempt, where there is one left. */
function again(
  effect: Effect,
  {
    way,
    atMs,
    because,
    afterMs,
  }: { readonly way: Way; readonly atMs: EpochMs; readonly because: string; readonly afterMs: number },
): Effect {
  if (effect.attempt >= attemptCountMax[way]) return { ...effect, state: 'refused', sinceMs: atMs, because };
  return {
    ...effect,
    state: 'proposed',
    attempt: effect.attempt + 1,
    sinceMs: atMs,
    notBeforeMs: atMs + afterMs,
    because,
  };
}

/** For the look before a step, or the look after an effect that nobody answered for. */
function look(run: Run, { id, atMs, standing, isStanding }: Extract<PlaybookNews, { readonly kind: 'looked' }>): Run {
  const asked = run.steps.findIndex((step, index) => step.state === 'looking' && lookIdOf(run, index) === id);
  if (asked >= 0) {
    if (standing?.kind === 'event-source' && standing.state === 'changing') return run;
    return onStep(
      run,
      (_, index) => index === asked,
      (step) => ({
        ...step,
        hasLooked: true,
        ...(standing && { before: standing }),
        ...(isStanding && { because: 'it stands already, by another hand' }),
      }),
    );
  }
  const suffix = '/look';
  if (!id.endsWith(suffix)) return run;
  return onEffect(run, id.slice(0, -suffix.length), (effect, { isCurrent, way }) => {
    if (!isCurrent || effect.state !== 'unknown') return effect;
    if (isStanding) return { ...effect, state: 'accepted', sinceMs: atMs };
    return again(effect, { way, atMs, because: 'it was looked, and it does not stand', afterMs: 0 });
  });
}

/** The look at a target before its step. */
export function lookIdOf(run: Run, index: number): string {
  return `${stepIdOf(run, index)}/before`;
}
