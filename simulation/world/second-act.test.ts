/** The demo's day up to its fault: spans over real HTTP into the production system, a release and its pre-warm before it. */
import { expect, it, onTestFinished } from 'vitest';
import { msPerMinute, msPerSecond } from '../../core/time.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { silentLog } from './audit-ear.ts';
import { castDemo, createDemoWorld } from './demo.ts';
import { readScorecard } from './scorecard.ts';

const { signal } = new AbortController();

it(
  'payrolls and our own pre-warm are no incident; a service that fails in their wake is one, within three seconds, and one page',
  { timeout: 240_000 },
  async () => {
    const source = { kind: 'simulated', day: 'nfp' } as const;
    const { traces } = await castDemo({ source, seed: '1', signal });
    const fault = traces!.fault!;
    // A quarter of an hour of traffic, nearly half an hour before the release, and the twenty minutes up to the fault.
    const shortened = { ...source, fromMs: Math.floor(fault.fromMs / msPerMinute - 45) * msPerMinute };
    const demo = await createDemoWorld({
      source: shortened,
      seed: '1',
      store: createMemoryStore(),
      log: silentLog,
      signal,
    });
    onTestFinished(() => demo.world.close());
    const card = () => readScorecard(demo.world, { ...demo, isAuditVerified: false });
    while (demo.world.nowMs() + msPerSecond <= fault.fromMs) await demo.world.step();
    expect(card()).toMatchObject({ incidents: 0, falseIncidents: 0, fault: { firstBadSpanAtMs: null } });
    expect(
      card()
        .functions.flatMap(({ prewarms }) => prewarms)
        .every(({ readyAtMs }) => readyAtMs !== null),
    ).toBe(true);
    while (demo.world.nowMs() < fault.fromMs + 10 * msPerSecond) await demo.world.step();
    const { firstBadSpanAtMs, findingAtMs, incidentAtMs, pageAtMs } = card().fault;
    expect(firstBadSpanAtMs! - fault.fromMs).toBeLessThan(msPerSecond);
    expect(findingAtMs! - firstBadSpanAtMs!).toBeLessThanOrEqual(3 * msPerSecond);
    expect(incidentAtMs! - firstBadSpanAtMs!).toBeLessThanOrEqual(3 * msPerSecond);
    expect(pageAtMs! - incidentAtMs!).toBeLessThanOrEqual(msPerSecond);
    expect(card()).toMatchObject({ incidents: 1, falseIncidents: 0, pages: 1, escalations: 0 });
    const { breakerOpenAtMs, harmed } = card().fault;
    expect(breakerOpenAtMs! - incidentAtMs!).toBeLessThanOrEqual(msPerSecond);
    // Nothing is harmed once nothing calls; those that were under way are.
    expect(harmed!.with).toBeLessThan(harmed!.without / 2);
    const [incident] = demo.world.system.view.incidents().open;
    expect(incident).toMatchObject({ severity: 'critical', harmed: [traces!.functions[0]!.key, 'service:positions'] });
    const [alert] = demo.pager.alerts();
    const answer = { target: 'desk-pager', eventId: 'e1', kind: 'acknowledged', by: 'Ada', atMs: 0 } as const;
    demo.world.system.admit({ kind: 'answered', answer: { ...answer, dedupKey: alert!.dedupKey } });
    for (let second = 0; second < 3; second++) await demo.world.step();
    expect(demo.world.system.view.incidents().open[0]).toMatchObject({ id: incident!.id, state: 'acknowledged' });
    expect(demo.world.system.view.incident(incident!.id)).toMatchObject({ acknowledgedBy: 'desk-pager:Ada' });
    expect(incident!.origin).toMatch(/service:positions$/);
  },
);
