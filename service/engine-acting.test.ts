import { describe, expect, it } from 'vitest';
import type { AuditDraft } from '../core/audit.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import type { Command } from './acting.ts';
import { createEngine, type Engine } from './engine.ts';
import type { Fact } from './facts.ts';
import { accountFact, controlPlaneFact, createPaperLambda, eventAtMs, key, minute, sampleOptions } from './sample.ts';

const said = { by: 'operator:ada', because: 'fine' };

interface Told {
  readonly atMinute: number;
  readonly draft: AuditDraft;
}

/** From 40 minutes before the event until `untilMinute`, a tick a second; `say` answers with what a person says at that instant. */
function run(
  engine: Engine,
  untilMinute: number,
  say: (nowMs: EpochMs) => readonly Omit<Command, 'by' | 'because' | 'atMs'>[] = () => [],
): readonly Told[] {
  const lambda = createPaperLambda();
  const told: Told[] = [];
  let facts: Fact[] = [controlPlaneFact, accountFact];
  for (let nowMs = minute(-40); nowMs < minute(untilMinute); nowMs += msPerSecond) {
    const commands = say(nowMs).map((command): Fact => {
      return { kind: 'commanded', command: { ...said, ...command, atMs: nowMs } as Command };
    });
    const { drafts, effects } = engine.tick(nowMs, [...facts, ...commands], told.length);
    told.push(...drafts.map((draft) => ({ draft, atMinute: (nowMs - eventAtMs) / msPerMinute })));
    facts = effects.map((effect) => lambda.answer(effect, nowMs));
  }
  return told;
}

const engineOf = (onNoAnswer: 'skip' | 'warm') =>
  createEngine({ ...sampleOptions(), prewarmApprovals: { [key]: { onNoAnswer } } });

const holdsOf = (told: readonly Told[]) =>
  told.flatMap(({ draft: { kind, body }, atMinute }) =>
    kind === 'action.intended' && body['kind'] === 'hold-provisioned-concurrency'
      ? [{ concurrency: body['concurrency'] as number, atMinute }]
      : [],
  );
const kindsOf = (told: readonly Told[]) =>
  told.map(({ draft: { kind, body } }) =>
    kind.startsWith('incident') ? `${kind} ${body['incident'] as string}` : kind,
  );

/** Answers what is asked, at that minute. */
const answerAt = (engine: Engine, atMinute: number, isGranted: boolean) => (nowMs: EpochMs) =>
  nowMs === minute(atMinute)
    ? Object.keys(engine.acting().approvals).map((id) => ({ kind: 'answer' as const, id, isGranted }))
    : [];

describe('a pre-warm that waits for a yes', () => {
  it('is asked about, told aloud at half an hour, and raised as soon as somebody says yes', () => {
    const engine = engineOf('skip');
    const told = run(engine, -4, answerAt(engine, -20, true));
    const kinds = kindsOf(told);
    expect(kinds.filter((kind) => kind.startsWith('approval'))).toEqual([
      ...['approval.asked', 'approval.asked', 'approval.answered'],
    ]);
    const paged = told.find(({ draft }) => draft.kind === 'incident.opened');
    expect(paged).toMatchObject({ atMinute: -30, draft: { body: { incident: 'approval-missing' } } });
    expect(kinds).toContain('incident.closed approval-missing');
    expect(told.find(({ draft }) => draft.kind === 'approval.answered')?.draft.actor).toBe('operator:ada');
    expect(holdsOf(told)[0]!.concurrency).toBeGreaterThan(0);
  });

  it('is not raised without one, says why, and is no late pre-warm', () => {
    const told = run(engineOf('skip'), 5);
    expect(holdsOf(told)).toEqual([]);
    const refused = told.filter(({ draft }) => draft.kind === 'action.refused');
    expect(refused.map(({ draft }) => draft.body['stage'])).toContain('approval');
    expect(kindsOf(told)).not.toContain('incident.opened prewarm-late');
  });

  it('is raised without one where the configuration says so, and given back when somebody says no after all', () => {
    const engine = engineOf('warm');
    const told = run(engine, 3, answerAt(engine, -2, false));
    const holds = holdsOf(told);
    expect(holds[0]!.concurrency).toBeGreaterThan(0);
    expect(holds[0]!.atMinute).toBeLessThan(-2);
    expect(holds.at(-1)).toMatchObject({ concurrency: 0, atMinute: -2 });
  });

  it('is taken up by the next run where the one before left it', () => {
    const engine = engineOf('skip');
    run(engine, -19, answerAt(engine, -20, true));
    const snapshot = JSON.parse(JSON.stringify(engine.snapshot())) as ReturnType<Engine['snapshot']>;
    const next = createEngine({ ...sampleOptions(), prewarmApprovals: { [key]: { onNoAnswer: 'skip' } } }, snapshot);
    expect(Object.values(next.acting().approvals).map(({ state }) => state)).toEqual(['granted']);
    expect(kindsOf(run(next, -35))).not.toContain('approval.asked');
  });
});

describe('an operator', () => {
  it.each<[string, Omit<Command, 'by' | 'because' | 'atMs'>, boolean]>([
    ['stops everything', { kind: 'brake', scope: 'all' } as Omit<Command, 'by' | 'because' | 'atMs'>, false],
    ['stops remedies', { kind: 'brake', scope: 'remedies' } as Omit<Command, 'by' | 'because' | 'atMs'>, true],
    ['holds the function', { kind: 'hold', subject: key } as Omit<Command, 'by' | 'because' | 'atMs'>, false],
  ])('%s', (_name, command, isRaised) => {
    const told = run(createEngine(sampleOptions()), 0, (nowMs) => (nowMs === minute(-39) ? [command] : []));
    expect(holdsOf(told).length > 0).toBe(isRaised);
    expect(told.map(({ draft: { kind, actor } }) => `${kind} ${actor}`)).toContain(
      `${command.kind}.changed operator:ada`,
    );
  });
});
