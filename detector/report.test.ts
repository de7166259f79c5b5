/** Goal: all that an on-call engineer asks first stands in the report, and nothing that a span says of itself can dress up as more. */
import { describe, expect, it } from 'vitest';
import type { Incident } from '../core/incident.ts';
import { reportMarkdown, reportOf } from './report.ts';
import { edgeKey, nodeKey, play, type Topology } from './topology-stub.ts';

const chain: Topology = { calls: { api: ['orders'], orders: ['quotes'] }, entries: { api: 50 } };
const fault = { at: 'quotes', fromSecond: 200, untilSecond: 260, addedMs: 200 };
const [incident] = play(chain, [fault], { untilSecond: 230 }).incidents as readonly [Incident];

describe('the report of a slow callee', () => {
  it('says where, how sure, whom it harms and through which calls', () => {
    const report = reportOf(incident);
    expect(report).toMatchObject({
      severity: 'critical',
      verdict: 'CONFIRMED',
      origin: nodeKey('quotes'),
      harmed: ['api', 'orders', 'quotes'].map(nodeKey),
      resolvedAtMs: null,
    });
    // 50 calls a second, each 200 ms slower: within a bucket of the histogram, 3 %.
    const edge = report.edges.find((one) => one.edge === edgeKey('orders>quotes'))!;
    expect(edge.lostMsPerSecond).toBeGreaterThan(9_700);
    expect(edge.lostMsPerSecond).toBeLessThan(10_300);
    expect(edge.ownMsPerSecond).toBeCloseTo(10_000, -3);
    expect(edge.explainedRatio).toBeGreaterThan(0.95);
  });

  it('sets what the callee spends itself apart from what it waits for', () => {
    const edge = reportOf(incident).edges.find((one) => one.edge === edgeKey('api>orders'))!;
    expect(edge.lostMsPerSecond).toBeGreaterThan(9_700);
    expect(edge.ownMsPerSecond).toBeCloseTo(0, 3);
  });

  it('is the same to the byte for the same incident, and survives JSON', () => {
    expect(reportMarkdown(JSON.parse(JSON.stringify(incident)) as Incident)).toBe(reportMarkdown(incident));
    expect(reportMarkdown(incident)).toContain('## Where the loss passes through');
  });
});

it('shows names and sentences from spans as text alone', () => {
  const evil = '[click](http://x) <b> ` | \n# heading';
  const text = reportMarkdown({
    ...incident,
    harmed: [evil],
    traceIds: [evil],
    findings: [{ ...incident.findings[0]!, because: evil }],
  });
  expect(text).not.toContain('\n# heading');
  expect(text).toContain('\\[click\\](http://x) \\<b\\> \\` \\| \\# heading');
  expect(text).toContain('`[click](http://x) <b> # heading`');
});
