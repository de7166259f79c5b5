import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HoldProvisionedConcurrency, Outcome } from '../core/action.ts';
import type { Observed, ProvisionedStatus } from '../core/capacity.ts';
import { createRandom, type Random } from '../core/random.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { context, nowMs as startMs } from './gate-example.ts';
import { gateStages } from './gate-stages.ts';
import { createGate } from './gate.ts';
import { nextPollAtMs } from './polling.ts';
import { advance, createPursuit, type Pursuit } from './pursuit.ts';

const gate = createGate(gateStages);
const eventAtMs = startMs + 600_000;
const endMs = eventAtMs + 300_000;
const concurrencyMax = 100;

/** One alias at the other end: preparation of a minute and a half, and a call that may fail before or after it took effect. */
interface Alias {
  requested: number;
  readyAtMs: number;
}

interface Fleet {
  readonly pursuits: Pursuit[];
  readonly aliases: Alias[];
  readonly answers: {
    readonly id: number;
    readonly atMs: number;
    readonly concurrency: number;
    readonly outcome: Outcome;
  }[];
}

const keyOf = (id: number): FunctionKey => `123456789012/us-east-1/f${id}:live` as FunctionKey;

function look(alias: Alias, id: number, atMs: number): Observed {
  const { requested, readyAtMs } = alias;
  const status: ProvisionedStatus = atMs >= readyAtMs ? 'READY' : 'IN_PROGRESS';
  const available = status === 'READY' ? requested : 0;
  const provisioned = { requested, allocated: available, available, status };
  return { key: keyOf(id), atMs, version: '1', hasRoutingWeights: false, ...(requested > 0 && { provisioned }) };
}

/** Carries one call out as a faulty network would, and says what came back. */
function call(
  alias: Alias,
  concurrency: number,
  { atMs, random, faultRatio }: { atMs: number; random: Random; faultRatio: number },
): Outcome {
  const isFault = random.next() < faultRatio;
  const kind = (['throttled', 'unavailable', 'unknown'] as const)[Math.floor(random.next() * 3)]!;
  const tookEffect = !isFault || (kind !== 'throttled' && random.next() < 0.5);
  if (tookEffect && alias.requested !== concurrency) {
    alias.requested = concurrency;
    alias.readyAtMs = atMs + 90_000;
  }
  return isFault ? { kind, atMs, code: 'Fault', message: 'injected' } : { kind: 'accepted', atMs };
}

/** A second of the engine: hear answers, decide for each function in turn with what the others hold, look where it is time. */
function tick(
  fleet: Fleet,
  levels: readonly number[],
  facts: { nowMs: number; random: Random; faultRatio: number },
): void {
  const { nowMs, random, faultRatio } = facts;
  const { pursuits, aliases, answers } = fleet;
  for (const answer of answers.splice(0)) {
    pursuits[answer.id] = advance(pursuits[answer.id]!, { kind: 'outcome', ...answer });
  }
  pursuits.forEach((before, id) => {
    let pursuit = advance(before, { kind: 'want', concurrency: nowMs < endMs ? levels[id]! : 0, atMs: nowMs });
    const action: HoldProvisionedConcurrency = {
      kind: 'hold-provisioned-concurrency',
      key: keyOf(id),
      concurrency: pursuit.concurrency,
      untilMs: endMs,
      deadlineMs: eventAtMs,
      because: 'a drill',
    };
    const others = { concurrency: committed(pursuits, id), usdPerHour: 0, usdOfEvent: 0 };
    const spec = { concurrencyCeiling: 60, concurrencyFloor: 0, ownership: 'own' as const };
    const { account: _, ...rest } = context;
    const verdict = gate.judge(action, {
      ...rest,
      nowMs,
      pursuit,
      spec,
      others,
      limits: { ...context.limits, concurrencyMax },
    });
    if (verdict.kind === 'pass') {
      expect(pursuit.inFlight, 'never two calls of one function').toBeUndefined();
      if (action.concurrency > aliases[id]!.requested) expect(nowMs).toBeLessThanOrEqual(eventAtMs);
      pursuit = advance(pursuit, { kind: 'sent', concurrency: action.concurrency, atMs: nowMs });
      const outcome = call(aliases[id]!, action.concurrency, { atMs: nowMs + 500, random, faultRatio });
      answers.push({ id, atMs: nowMs, concurrency: action.concurrency, outcome });
    }
    const pollAtMs = nextPollAtMs(pursuit, { spreadRatio: 0, pollingCount: pursuits.length });
    if (verdict.kind === 'observe' || (pollAtMs !== undefined && pollAtMs <= nowMs)) {
      const isMissed = random.next() < faultRatio;
      pursuit = advance(
        pursuit,
        isMissed ? { kind: 'look-failed', atMs: nowMs } : { kind: 'observed', observed: look(aliases[id]!, id, nowMs) },
      );
    }
    pursuits[id] = pursuit;
  });
}

/** What the other functions hold or may hold: seen, asked, under way. */
function committed(pursuits: readonly Pursuit[], exceptId: number): number {
  return pursuits.reduce((sum, { observed, askedConcurrency, inFlight }, id) => {
    const held = Math.max(observed?.provisioned?.requested ?? 0, askedConcurrency ?? 0, inFlight?.concurrency ?? 0);
    return id === exceptId ? sum : sum + held;
  }, 0);
}

describe('three functions, one account, a control plane that loses calls', () => {
  // Goal: safety while faults rage, then liveness: READY before the event when they stop early enough, and nothing of ours left after it.
  // Method: 25 minutes by the second; each seed draws which calls fail, and whether they took effect all the same.
  it('never holds more than the account may, is READY in time, and leaves nothing behind', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 3, maxLength: 3 }),
        (seed, levels) => {
          const random = createRandom(seed);
          const aliases = levels.map((): Alias => ({ requested: 0, readyAtMs: 0 }));
          const fleet: Fleet = { aliases, pursuits: levels.map(() => createPursuit(startMs)), answers: [] };
          const isFaulty = (nowMs: number) => nowMs < startMs + 240_000 || (nowMs > endMs && nowMs < endMs + 120_000);
          for (let nowMs = startMs; nowMs < endMs + 600_000; nowMs += 1_000) {
            tick(fleet, levels, { nowMs, random, faultRatio: isFaulty(nowMs) ? 0.6 : 0 });
            const held = aliases.reduce((sum, { requested }) => sum + requested, 0);
            expect(held).toBeLessThanOrEqual(concurrencyMax);
            if (nowMs === eventAtMs) expectWarm(fleet, levels);
          }
          expect(aliases.map(({ requested }) => requested)).toEqual([0, 0, 0]);
          expect(fleet.pursuits.map(({ state }) => state)).toEqual(['idle', 'idle', 'idle']);
        },
      ),
      { numRuns: 15 },
    );
  });
});

/** Who got its level has it READY three minutes before the event; who did not would have burst the account. */
function expectWarm({ pursuits, aliases }: Fleet, levels: readonly number[]): void {
  const held = aliases.reduce((sum, { requested }) => sum + requested, 0);
  pursuits.forEach((pursuit, id) => {
    if (pursuit.state === 'ready') {
      expect(pursuit.readyAtMs).toBeLessThanOrEqual(eventAtMs - 180_000);
      expect(aliases[id]!.requested).toBe(levels[id]);
    } else {
      expect(pursuit.state).toBe('wanted');
      expect(held + levels[id]!).toBeGreaterThan(concurrencyMax);
    }
  });
}
