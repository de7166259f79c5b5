/**
 * Goal: the node that loses by itself is named, whatever it loses; nobody is where nothing happened.
 * Method: a shop of four services drawn as traces or as rows of metrics, with one change at a time after an instant.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MetricTable } from '../../core/metric-table.ts';
import type { Trace, TraceSpan } from '../../core/trace.ts';
import { explainMetrics } from './explain-metrics.ts';
import { explainTraces } from './explain-traces.ts';

const atMs = Date.UTC(2026, 10, 20, 12);

interface Change {
  /** Time added to the service's own. */
  readonly own?: string;
  /** Service whose network is slow, both ways. */
  readonly network?: string;
  /** Service that returns before it calls anybody. */
  readonly returns?: string;
  readonly fails?: string;
}

const calls: Readonly<Record<string, readonly string[]>> = { web: ['cart', 'pay'], pay: ['bank'] };

/** web calls cart and pay, pay calls bank: 5 ms each of their own, one more or less by `jitter`, half a millisecond a way. */
function drawTrace(index: number, startsAtMs: number, { own, network, returns, fails }: Change): Trace {
  const spans: TraceSpan[] = [];
  const run = (node: string, parent: number, fromMs: number): number => {
    const at = spans.length;
    let untilMs = fromMs + 5 + ((index * 7) % 11) / 10 + (own === node ? 100 : 0);
    const span = (place: number, kind: string, startMs: number, endMs: number, up: number): void => {
      spans[place] = {
        parent: up,
        node,
        operation: kind,
        startsAtMs: startMs,
        durationMs: endMs - startMs,
        isFailed: kind === 'serve' && fails === node,
      };
    };
    span(at, 'serve', fromMs, untilMs, parent);
    for (const callee of returns === node ? [] : (calls[node] ?? [])) {
      const wayMs = 0.5 + ((index * 3) % 5) / 20 + (network === node || network === callee ? 80 : 0);
      const client = spans.length;
      span(client, `call ${callee}`, untilMs, untilMs, at);
      const servedMs = run(callee, client, untilMs + wayMs);
      span(client, `call ${callee}`, untilMs, servedMs + wayMs, at);
      untilMs = servedMs + wayMs;
    }
    span(at, 'serve', fromMs, untilMs, parent);
    return untilMs;
  };
  run('web', -1, startsAtMs);
  return { id: String(index), startsAtMs, spans };
}

function drawTraces(change: Change): readonly Trace[] {
  return Array.from({ length: 120 }, (_, index) => {
    const startsAtMs = atMs + (index - 60) * 1_000;
    return drawTrace(index, startsAtMs, startsAtMs >= atMs ? change : {});
  });
}

describe('from traces', () => {
  it.each<[string, Change, string]>([
    ['time of its own', { own: 'bank' }, 'bank'],
    ['time of its own, in the middle', { own: 'pay' }, 'pay'],
    ['a slow network at a leaf', { network: 'cart' }, 'cart'],
    ['a slow network at the entry', { network: 'web' }, 'web'],
    ['a network slow on both sides', { network: 'pay' }, 'pay'],
    ['an early return', { returns: 'pay' }, 'pay'],
    ['failures', { fails: 'bank' }, 'bank'],
  ])('%s', (_, change, node) => {
    const { causes, verdict } = explainTraces({ traces: drawTraces(change), baseline: [], atMs });
    expect(causes[0]).toMatchObject({ node });
    expect(verdict).not.toBe('INCONCLUSIVE');
  });

  it('names nobody where nothing changed', () => {
    expect(explainTraces({ traces: drawTraces({}), baseline: [], atMs })).toEqual({
      verdict: 'INCONCLUSIVE',
      because: 'nothing differs from before by more than chance',
      causes: [],
    });
  });

  it('asks for a baseline where there are too few traces before', () => {
    const traces = drawTraces({ own: 'bank' }).filter(({ startsAtMs }) => startsAtMs >= atMs - 5_000);
    expect(() => explainTraces({ traces, baseline: [], atMs })).toThrow('3 traces before it, at least 10 are needed');
    const baseline = drawTraces({});
    expect(explainTraces({ traces, baseline, atMs }).causes[0]).toMatchObject({ node: 'bank' });
  });
});

const rowMs = 300_000;
const edges = Object.entries(calls).flatMap(([caller, callees]) => callees.map((callee) => [caller, callee] as const));

/** Five rows, the alarm in the second; `lostBy` is what each node adds by itself from the second on: seconds, or points of availability. */
function drawTable(metric: 'availability' | 'latency', lostBy: Readonly<Record<string, number>>): MetricTable {
  const lossOf = (node: string): number =>
    (lostBy[node] ?? 0) + (calls[node] ?? []).reduce((sum, callee) => sum + lossOf(callee), 0);
  const usual = metric === 'latency' ? 0.1 : 100;
  const sign = metric === 'latency' ? 1 : -1;
  const nodes = ['web', 'cart', 'pay', 'bank'];
  return {
    rowsAtMs: [-1, 0, 1, 2, 3].map((row) => atMs + row * rowMs),
    rowMs,
    series: new Map(
      nodes.map((node) => [
        node,
        new Map([
          [metric, [0, 1, 1, 1, 1].map((is) => usual + sign * is * lossOf(node))],
          ['requests', [900, 900, 900, 900, 900]],
        ]),
      ]),
    ),
  };
}

describe('from metrics', () => {
  const ask = (metric: 'availability' | 'latency', lostBy: Readonly<Record<string, number>>, at = atMs) =>
    explainMetrics({ table: drawTable(metric, lostBy), calls: edges, target: { node: 'web', metric }, atMs: at });

  it.each<[string, 'availability' | 'latency', Readonly<Record<string, number>>, string, string]>([
    ['a slow leaf', 'latency', { bank: 0.5 }, 'bank', 'CONFIRMED'],
    ['a slow node that waits on a healthy one', 'latency', { pay: 0.5 }, 'pay', 'CONFIRMED'],
    ['the target itself: nobody above it saw it', 'latency', { web: 0.5 }, 'web', 'LIKELY'],
    ['a failing leaf', 'availability', { cart: 3 }, 'cart', 'CONFIRMED'],
    ['two that lose alike: neither is claimed', 'latency', { cart: 0.3, bank: 0.29 }, 'cart', 'INCONCLUSIVE'],
  ])('%s', (_, metric, lostBy, node, verdict) => {
    const explanation = ask(metric, lostBy);
    expect(explanation).toMatchObject({ verdict });
    expect(explanation.causes[0]).toMatchObject({ node });
  });

  it.each<[string, 'availability' | 'latency', Readonly<Record<string, number>>]>([
    ['a target that is as usual', 'latency', {}],
    ['a rise of 4.9 %', 'latency', { bank: 0.0049 }],
    ['a fall of 0.14 points', 'availability', { bank: 0.14 }],
  ])('names nobody for %s', (_, metric, lostBy) => {
    expect(ask(metric, lostBy)).toMatchObject({ verdict: 'INCONCLUSIVE', causes: [] });
  });

  it('learns from a baseline how far the target moves by itself', () => {
    const wave = Array.from({ length: 60 }, (_, row) => 0.1 + 0.03 * Math.sin(row));
    const baseline: MetricTable = {
      rowsAtMs: wave.map((_, row) => atMs - (100 - row) * rowMs),
      rowMs,
      series: new Map([['web', new Map([['latency', wave]])]]),
    };
    const question = {
      table: drawTable('latency', { bank: 0.02 }),
      calls: edges,
      target: { node: 'web', metric: 'latency' },
      atMs,
    } as const;
    expect(explainMetrics(question).causes).toHaveLength(1);
    expect(explainMetrics({ ...question, baseline }).causes).toHaveLength(0);
  });

  it.each<[string, number, string]>([
    ['an instant outside the rows', atMs + 10 * rowMs, 'no row of the metrics holds it'],
    ['an alarm in the first row', atMs - rowMs, "a row before the alarm's is needed"],
  ])('refuses %s', (_, at, words) => {
    expect(() => ask('latency', { bank: 1 }, at)).toThrow(words);
  });

  it('a healthy leaf more changes no cause', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('web', 'cart', 'pay', 'bank'),
        fc.constantFrom('web', 'cart', 'pay', 'bank'),
        fc.double({ min: 0.02, max: 5, noNaN: true }),
        (at, caller, lost) => {
          const table = drawTable('latency', { [at]: lost });
          const leaf = new Map([
            ['latency', [0.1, 0.1, 0.1, 0.1, 0.1]],
            ['requests', [900, 900, 900, 900, 900]],
          ]);
          const question = { calls: edges, target: { node: 'web', metric: 'latency' }, atMs } as const;
          const before = explainMetrics({ ...question, table });
          const after = explainMetrics({
            ...question,
            table: { ...table, series: new Map([...table.series, ['leaf', leaf]]) },
            calls: [...edges, [caller, 'leaf'] as const],
          });
          expect(after).toEqual(before);
        },
      ),
    );
  });
});
