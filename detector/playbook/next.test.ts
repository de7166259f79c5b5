import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Playbook, PlaybookAct, PlaybookStep } from '../../core/playbook.ts';
import { longestMs } from './next.ts';
import { madeUpIncident, rehearse, type CallFate, type Rehearsal } from './rehearsal-stub.ts';

const orders = '123456789012/us-east-1/orders:live';
const incident = madeUpIncident(orders);

function step(id: string, does: PlaybookStep['does'], change: Partial<PlaybookStep> = {}): PlaybookStep {
  return { id, does, standsForMs: 3_600_000, compensate: 'inverse', onFailure: 'undo', when: 'trouble', ...change };
}

const reroute: PlaybookAct = { kind: 'reroute', function: 'origin', version: 'previous', weight: 1, isRollback: false };
const reserve: PlaybookAct = { kind: 'reserve', function: 'origin', concurrency: 20 };
const pause: PlaybookAct = { kind: 'event-source', function: 'origin', uuid: 'u-1', isEnabled: false };
const warm: PlaybookAct = { kind: 'add-provisioned', function: 'origin', concurrency: 50 };
const hook: PlaybookAct = { kind: 'webhook', target: 'desk', message: 'algo is isolated' };

const fewErrors: PlaybookStep['verify'] = {
  ...{ key: 'origin', measure: 'errorRatio', bound: { below: 0.05 }, forMs: 10_000, withinMs: 60_000 },
  ...{ requestCountMin: 20, isSilenceFine: false },
};

function playbook(...steps: readonly PlaybookStep[]): Playbook {
  return {
    ...{ name: 'calm-orders', because: 'orders fail', steps, helpsWithinMs: 120_000 },
    trigger: {
      detectors: [],
      origins: [],
      keys: [],
      severityMin: 'minor',
      verdictMin: 'INCONCLUSIVE',
      isAfterNewVersion: false,
    },
    guard: { mode: 'enforce', fleetShareMax: 0.2, cooldownMs: 0, observersMin: 0 },
  };
}

const never = (): boolean => false;
const three = playbook(step('limit', reserve), step('stop', pause), step('move', reroute));
const run = (change: Partial<Rehearsal> & Pick<Rehearsal, 'playbook'>) =>
  rehearse({ incident, helps: never, ...change });

describe('a run', () => {
  it('makes its steps in turn, sees that the trouble is over, and lets what it did stand to its end', () => {
    const rehearsed = run({ playbook: three, helps: (levels) => levels.has('orders:live weight') });
    expect(rehearsed.run.end).toMatchObject({ kind: 'helped' });
    expect(rehearsed.effects).toEqual(['orders:live reserved 20', 'orders:live source off', 'orders:live weight 6=1']);
    expect(rehearsed.escalations).toEqual([]);
  });

  it('leaves out what is no longer needed', () => {
    const rehearsed = run({
      playbook: playbook(step('limit', reserve), step('pause', { kind: 'wait', forMs: 60_000 }), step('move', reroute)),
      helps: (levels) => levels.has('orders:live reserved'),
    });
    expect([rehearsed.run.end!.kind, rehearsed.effects]).toEqual(['helped', ['orders:live reserved 20']]);
  });

  it('notices that all was accepted and nothing helped: takes it back in reverse, escalates once, and says so', () => {
    const rehearsed = run({ playbook: three });
    expect(rehearsed.run.end).toMatchObject({ kind: 'without-effect' });
    expect(rehearsed.effects.slice(3)).toEqual([
      'orders:live weight none',
      'orders:live source on',
      'orders:live reserved null',
    ]);
    expect(rehearsed.escalations).toEqual([
      'calm-orders: every step was accepted, and after 120 s the trouble is as it was',
    ]);
    expect([...rehearsed.levels]).toEqual([]);
  });

  it('takes back what came before a step that is refused', () => {
    const rehearsed = run({ playbook: three, fateOf: (call) => (call === 2 ? 'refused' : 'accepted') });
    expect(rehearsed.run.end).toMatchObject({
      kind: 'failed',
      because: expect.stringContaining('moved under us') as string,
    });
    expect(rehearsed.effects.slice(2)).toEqual(['orders:live source on', 'orders:live reserved null']);
  });

  it('tries the next way where a step has no effect, once that step is taken back', () => {
    const rehearsed = run({
      playbook: playbook(
        step('limit', reserve, { verify: fewErrors, onFailure: 'next' }),
        step('move', reroute, { verify: fewErrors }),
      ),
      helps: (levels) => levels.has('orders:live weight'),
    });
    expect(rehearsed.run.end).toMatchObject({ kind: 'helped' });
    expect(rehearsed.effects).toEqual([
      'orders:live reserved 20',
      'orders:live reserved null',
      'orders:live weight 6=1',
    ]);
  });

  it('leaves what stands where the playbook says so, and tells a person', () => {
    const rehearsed = run({ playbook: playbook(step('limit', reserve, { verify: fewErrors, onFailure: 'leave' })) });
    expect([rehearsed.run.end!.kind, rehearsed.effects]).toEqual(['without-effect', ['orders:live reserved 20']]);
    expect(rehearsed.escalations).toHaveLength(1);
  });

  it('says how long the version before goes on serving under provisioned concurrency, and judges only after that', () => {
    // Two minutes of preparation, 100 of 6,000 environments a minute, 0.8 s of initialisation.
    const judged = { playbook: playbook(step('move', reroute, { verify: fewErrors })), helps: never };
    const [plain, provisioned] = [run(judged), run({ ...judged, provisioned: 100 })];
    expect(provisioned.says[0]).toContain('goes on serving for up to 122 s, and is judged only after that');
    const laterMs = provisioned.run.steps[0]!.judgeFromMs! - plain.run.steps[0]!.judgeFromMs!;
    expect(laterMs).toBe(120_000 + 1_000 + 800);
  });

  it.each([
    ['yes', true, 'helped', ['orders:live reserved 20']],
    ['no', false, 'failed', []],
    ['nobody', undefined, 'failed', []],
  ] as const)('asks a person: %s', (_, answer, kind, effects) => {
    const asking = step('ask', { kind: 'approval', question: 'limit orders?', withinMs: 60_000, onNoAnswer: 'fail' });
    const rehearsed = run({
      playbook: playbook(asking, step('limit', reserve)),
      helps: (levels) => levels.has('orders:live reserved'),
      ...(answer !== undefined && { answer }),
    });
    expect([rehearsed.questions, rehearsed.run.end!.kind, rehearsed.effects]).toEqual([
      ['limit orders?'],
      kind,
      effects,
    ]);
  });

  it('ends at once, and bothers nobody, where the gate keeps it from acting', () => {
    const rehearsed = run({
      playbook: three,
      stopByGate: () => ({ kind: 'refuse', stage: 'mode', reason: 'orders is in shadow' }),
    });
    expect([rehearsed.run.end!.kind, rehearsed.effects, rehearsed.escalations]).toEqual(['shadow', [], []]);
    expect(rehearsed.endedAfterMs).toBeLessThan(5_000);
  });

  it('waits two minutes for a gate that says not now, and no longer', () => {
    const rehearsed = run({
      playbook: playbook(step('warm', warm)),
      stopByGate: () => ({ kind: 'wait', stage: 'actions', reason: '12 this hour' }),
    });
    expect(rehearsed.run.end).toMatchObject({ kind: 'failed', because: 'step warm: actions: 12 this hour' });
    expect(rehearsed.endedAfterMs).toBe(120_000);
  });

  it('tells a person what could not be taken back, and when it ends', () => {
    const rehearsed = run({
      playbook: playbook(step('limit', reserve), step('move', reroute)),
      fateOf: (call) => (call === 0 ? 'accepted' : 'refused'),
    });
    expect(rehearsed.escalations).toHaveLength(2);
    expect(rehearsed.escalations[1]).toContain('it ends by itself at 2026-11-20T15:30:0');
  });
});

const fates: readonly CallFate[] = [
  'accepted',
  'accepted',
  'accepted',
  'refused',
  'throttled',
  'answer-lost',
  'call-lost',
];
const acts: readonly PlaybookAct[] = [reroute, reserve, pause, warm, hook];

const targetOfStep: Readonly<Record<string, string>> = {
  s0: 'orders:live weight',
  s1: 'orders:live reserved',
  s2: 'orders:live source',
  s3: 'orders:live provisioned',
  s4: 'webhook desk',
};

/** Steps with targets of their own, so that an effect can be told by its target. */
const anyPlaybook = fc
  .uniqueArray(
    fc.record({
      act: fc.nat(acts.length - 1),
      isVerified: fc.boolean(),
      onFailure: fc.constantFrom('undo', 'next', 'leave') satisfies fc.Arbitrary<PlaybookStep['onFailure']>,
    }),
    { minLength: 1, maxLength: acts.length, selector: ({ act }) => act },
  )
  .map((drawn) =>
    playbook(
      ...drawn.map(({ act, isVerified, onFailure }) =>
        step(`s${act}`, acts[act]!, { onFailure, ...(isVerified && { verify: fewErrors }) }),
      ),
    ),
  );

const anyRehearsal = fc
  .record({
    playbook: anyPlaybook,
    calls: fc.array(fc.nat(fates.length - 1), { maxLength: 12 }),
    deaths: fc.uniqueArray(fc.nat(120), { maxLength: 6 }),
    helpful: fc.constantFrom('orders:live weight', 'orders:live reserved', 'nothing'),
  })
  .map(({ playbook: drawn, calls, deaths, helpful }): Rehearsal => ({
    playbook: drawn,
    incident,
    helps: (levels) => levels.has(helpful),
    fateOf: (call) => fates[calls[call] ?? 0]!,
    diesAt: new Set(deaths),
  }));

describe('whatever is lost, refused or dies', () => {
  it('every run ends, in its time', () => {
    fc.assert(
      fc.property(anyRehearsal, (drawn) => {
        const { run: after, endedAfterMs } = rehearse(drawn);
        expect(after.phase).toBe('ended');
        expect(endedAfterMs).toBeLessThanOrEqual(longestMs(drawn.playbook) + 20_000);
      }),
      { numRuns: 150 },
    );
  });

  it('no step is made twice, and what is taken back is taken back once, in reverse', () => {
    fc.assert(
      fc.property(anyRehearsal, (drawn) => {
        const { effects, run: after } = rehearse(drawn);
        expect(new Set(effects).size).toBe(effects.length);
        // Where one playbook tries ways one after another, each is taken back before the next.
        if (drawn.playbook.steps.some(({ onFailure }) => onFailure === 'next')) return;
        const isBack = (effect: string): boolean => / (?:none|null|on|0)$/.test(effect);
        const firstBack = effects.findIndex(isBack);
        const back = firstBack < 0 ? [] : effects.slice(firstBack);
        // What nobody could see standing is taken back as well, so the order is that of the steps, made or not.
        const targets = drawn.playbook.steps.map(({ id }) => targetOfStep[id]!);
        const places = back.map((effect) => targets.findIndex((target) => effect.startsWith(`${target} `)));
        expect(back.every(isBack)).toBe(true);
        expect(places).toEqual([...places].sort((one, other) => other - one));
        if (after.end!.kind === 'helped') expect(back).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it('a death at any one place changes nothing but the time it takes', () => {
    for (const helps of [never, (levels: ReadonlyMap<string, string>) => levels.has('orders:live weight')]) {
      const whole = run({ playbook: three, helps });
      expect(whole.placeCount).toBeGreaterThan(30);
      for (let place = 0; place < whole.placeCount; place++) {
        const cut = run({ playbook: three, helps, diesAt: new Set([place]) });
        expect([cut.effects, cut.run.end!.kind, cut.escalations.length > 1], `died at ${place}`).toEqual([
          whole.effects,
          whole.run.end!.kind,
          false,
        ]);
      }
    }
  });
});
