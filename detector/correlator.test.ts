/**
 * Goal: what stands in the docstring of correlator.ts, on systems small enough to be drawn.
 * Method: made-up topologies with faults; every key that shows harm is flagged, as good detectors would.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../core/finding.ts';
import type { IncidentChange } from '../core/incident.ts';
import type { MarketEvent } from '../core/market-event.ts';
import { edgeKey, findingsOf, nodeKey, play, startMs, type Fault, type Topology } from './topology-stub.ts';

const chain: Topology = { calls: { api: ['orders'], orders: ['quotes'] }, entries: { api: 50 } };
const diamond: Topology = {
  calls: { api: ['left', 'right'], left: ['base'], right: ['base'] },
  entries: { api: 50 },
};
const fan: Topology = { calls: { api: ['one', 'two', 'three'] }, entries: { api: 60 }, ownMs: { three: 30 } };
const outside: Topology = { calls: { api: ['orders'], orders: ['DYNAMODB/ORDERS'] }, entries: { api: 50 } };
const twoTrees: Topology = {
  calls: { api: ['left', 'right'], left: ['leftBase'], right: ['rightBase'] },
  entries: { api: 40 },
};

const at = (fault: Omit<Fault, 'fromSecond' | 'untilSecond'>, fromSecond = 200, untilSecond = 260): Fault => ({
  ...fault,
  fromSecond,
  untilSecond,
});

const kindsOf = (changes: readonly IncidentChange[]): readonly string[] => changes.map(({ kind }) => kind);

describe('origin', () => {
  it.each<[string, Topology, Fault, string, string]>([
    ['the end of a chain, slow', chain, at({ at: 'quotes', addedMs: 200 }), nodeKey('quotes'), 'CONFIRMED'],
    ['the end of a chain, failing', chain, at({ at: 'quotes', failedRatio: 0.3 }), nodeKey('quotes'), 'CONFIRMED'],
    ['the middle of a chain', chain, at({ at: 'orders', addedMs: 200 }), nodeKey('orders'), 'CONFIRMED'],
    ['the entry of a chain: nobody else saw it', chain, at({ at: 'api', failedRatio: 0.3 }), nodeKey('api'), 'LIKELY'],
    ['what two callers share', diamond, at({ at: 'base', addedMs: 300 }), nodeKey('base'), 'CONFIRMED'],
    ['one side of a diamond', diamond, at({ at: 'left', failedRatio: 0.4 }), nodeKey('left'), 'CONFIRMED'],
    ['one callee of three', fan, at({ at: 'two', failedRatio: 0.2 }), nodeKey('two'), 'CONFIRMED'],
    ['the way between two', chain, at({ at: 'orders>quotes', addedMs: 300 }), edgeKey('orders>quotes'), 'CONFIRMED'],
    [
      'calls that are throttled and never arrive',
      chain,
      at({ at: 'orders>quotes', failedRatio: 0.5, isThrottled: true }),
      edgeKey('orders>quotes'),
      'CONFIRMED',
    ],
    [
      'a table that sends no spans',
      outside,
      at({ at: 'DYNAMODB/ORDERS', addedMs: 400 }),
      edgeKey('orders>DYNAMODB/ORDERS'),
      'CONFIRMED',
    ],
  ])('%s', (_, topology, fault, origin, verdict) => {
    const { changes, incidents } = play(topology, [fault], { untilSecond: 230 });
    expect(kindsOf(changes)).toEqual(['opened']);
    expect(incidents).toMatchObject([{ origin, verdict }]);
  });

  it('is corrected when the callee is found after its callers and nothing is known of what is usual', () => {
    const { changes, incidents } = play(chain, [at({ at: 'quotes', failedRatio: 0.3 }, 0, 100)], {
      untilSecond: 20,
      delaySecondsOf: (key) => (key === nodeKey('api') ? 1 : 4),
    });
    expect(incidents).toHaveLength(1);
    expect(kindsOf(changes)).toEqual(['opened', 'origin-moved']);
    expect(incidents).toMatchObject([{ origin: nodeKey('quotes'), verdict: 'INCONCLUSIVE' }]);
  });
});

describe('one episode, one incident', () => {
  it('two faults at once that share a caller are two, and each has its own origin', () => {
    const faults = [at({ at: 'leftBase', failedRatio: 0.3 }), at({ at: 'rightBase', addedMs: 400 })];
    const { changes, incidents } = play(twoTrees, faults, { untilSecond: 230 });
    expect(kindsOf(changes)).toEqual(['opened', 'opened']);
    expect(incidents.map(({ origin }) => origin).sort()).toEqual([nodeKey('leftBase'), nodeKey('rightBase')]);
  });

  it('a second fault ten seconds later is another incident', () => {
    const faults = [at({ at: 'leftBase', failedRatio: 0.3 }), at({ at: 'rightBase', addedMs: 400 }, 210)];
    const { incidents } = play(twoTrees, faults, { untilSecond: 230 });
    expect(incidents.map(({ origin }) => origin)).toEqual([nodeKey('leftBase'), nodeKey('rightBase')]);
  });

  it('functions of one account that are throttled together are one', () => {
    const apart: Topology = {
      calls: { a: ['x'], b: ['y'], c: ['z'] },
      entries: { a: 20, b: 20, c: 20 },
    };
    const faults = ['a>x', 'b>y', 'c>z'].map((edge, index) =>
      at({ at: edge, failedRatio: 0.5, isThrottled: true }, 200 + 5 * index),
    );
    const two = play(apart, faults.slice(0, 2), { untilSecond: 230 });
    expect(two.incidents).toHaveLength(2);
    const { incidents } = play(
      apart,
      faults.map((fault) => ({ ...fault, fromSecond: 200 })),
      { untilSecond: 230 },
    );
    expect(incidents).toHaveLength(1);
  });

  it('demand that falls away behind a failing caller is its consequence', () => {
    const drop = (second: number): Finding => ({
      detector: 'throughput',
      key: nodeKey('quotes') as Finding['key'],
      startsAtMs: startMs + 200_000,
      atMs: startMs + second * 1_000,
      score: 3,
      weight: 'trouble',
      harmedRatio: 0,
      requestsPerSecond: 5,
      because: 'a tenth of what was expected',
      evidence: {},
      traceIds: [],
    });
    const fault = at({ at: 'orders', failedRatio: 0.9 });
    const { incidents } = play(chain, [fault], {
      untilSecond: 230,
      scene: (second) => ({
        findings: [...findingsOf(chain, [fault], second), ...(second > 201 ? [drop(second)] : [])],
      }),
    });
    expect(incidents).toMatchObject([{ origin: nodeKey('orders') }]);
    const alone = play(chain, [], {
      untilSecond: 230,
      scene: (second) => ({ findings: second > 201 ? [drop(second)] : [] }),
    });
    expect(alone.incidents).toMatchObject([{ origin: nodeKey('quotes') }]);
  });
});

describe('life', () => {
  const fault = at({ at: 'quotes', failedRatio: 0.3 });

  it('is mitigated 15 s after the last finding, and resolved after five quiet minutes', () => {
    const { changes, incidents } = play(chain, [fault], { untilSecond: 600 });
    expect(changes.map(({ kind, atMs }) => [kind, (atMs - startMs) / 1_000])).toEqual([
      ['opened', 202],
      ['mitigated', 275],
      ['resolved', 560],
    ]);
    expect(incidents).toEqual([]);
  });

  it('returns while it is only mitigated, and is another incident after it is resolved', () => {
    const again = [fault, at({ at: 'quotes', failedRatio: 0.3 }, 300, 320)];
    expect(kindsOf(play(chain, again, { untilSecond: 330 }).changes)).toEqual(['opened', 'mitigated', 'returned']);
    const later = [fault, at({ at: 'quotes', failedRatio: 0.3 }, 600, 620)];
    expect(kindsOf(play(chain, later, { untilSecond: 610 }).changes)).toEqual([
      'opened',
      'mitigated',
      'resolved',
      'opened',
    ]);
  });

  it('stays closed when spans of its time come late', () => {
    const late = findingsOf(chain, [fault], 250);
    const { changes } = play(chain, [fault], {
      untilSecond: 620,
      scene: (second) => (second > 570 ? { findings: late } : {}),
    });
    expect(kindsOf(changes)).toEqual(['opened', 'mitigated', 'resolved']);
  });

  it('does not take silence for recovery before an hour', () => {
    const silent = (second: number): object => (second >= 260 ? { deltas: [] } : {});
    const kinds = (untilSecond: number): readonly string[] =>
      kindsOf(play(chain, [fault], { untilSecond, scene: silent }).changes);
    expect(kinds(3_800)).toEqual(['opened']);
    expect(kinds(3_870)).toEqual(['opened', 'mitigated', 'resolved']);
  });

  it('is acknowledged by a human, once', () => {
    const { changes, incidents } = play(chain, [fault], {
      untilSecond: 230,
      scene: (second) => {
        const incidentId = `${nodeKey('quotes')}@2026-11-20T13:33:20Z`;
        return second > 210 ? { acknowledgements: [{ incidentId, by: 'ada', atMs: startMs + 211_000 }] } : {};
      },
    });
    expect(kindsOf(changes)).toEqual(['opened', 'acknowledged']);
    expect(incidents).toMatchObject([{ state: 'acknowledged', acknowledgedBy: 'ada' }]);
  });

  it('rises in severity with the share of requests harmed, and never falls', () => {
    const growing = [
      at({ at: 'quotes', failedRatio: 0.03 }, 200, 210),
      at({ at: 'quotes', failedRatio: 0.3 }, 210, 220),
      at({ at: 'quotes', failedRatio: 0.1 }, 220, 230),
    ];
    const { changes, incidents } = play(chain, growing, { untilSecond: 228 });
    expect(kindsOf(changes)).toEqual(['opened', 'worsened']);
    expect(changes.map((change) => change.kind !== 'notice' && change.incident.severity)).toEqual([
      'minor',
      'critical',
    ]);
    expect(incidents).toMatchObject([{ severity: 'critical' }]);
  });
});

describe('what is no news', () => {
  const payrolls: MarketEvent = {
    id: 'nfp@2026-11-20T13:30:00Z',
    kind: 'nfp',
    title: 'Payrolls',
    startsAtMs: startMs,
    precision: 'minute',
    importance: 3,
    symbols: [],
    status: 'scheduled',
    source: { calendar: 'test', says: '' },
  };
  const surge: Finding = {
    detector: 'throughput',
    key: nodeKey('api') as Finding['key'],
    startsAtMs: startMs + 200_000,
    atMs: startMs + 201_000,
    score: 4,
    weight: 'notice',
    harmedRatio: 0,
    requestsPerSecond: 300,
    because: 'six times what was expected',
    evidence: {},
    traceIds: [],
  };

  it('a surge that harms nobody is a notice, told once', () => {
    const { changes, incidents } = play(chain, [], {
      untilSecond: 260,
      scene: (second) => (second > 200 ? { findings: [{ ...surge, atMs: startMs + second * 1_000 }] } : {}),
    });
    expect(kindsOf(changes)).toEqual(['notice']);
    expect(incidents).toEqual([]);
  });

  it('our own pre-warm is nothing, and evidence where trouble follows', () => {
    const actionsTaken = [{ key: nodeKey('quotes') as Finding['key'], atMs: startMs + 190_000, because: 'held 40' }];
    expect(play(chain, [], { untilSecond: 260, scene: () => ({ actionsTaken }) }).changes).toEqual([]);
    const { incidents } = play(chain, [at({ at: 'quotes', addedMs: 500 })], {
      untilSecond: 230,
      scene: () => ({ actionsTaken }),
    });
    expect(incidents[0]!.changes).toMatchObject([{ kind: 'own-action', because: 'held 40' }]);
  });

  it('a fault inside an event window is an incident all the same, with the event as evidence', () => {
    const { incidents } = play(chain, [at({ at: 'quotes', failedRatio: 0.3 })], {
      untilSecond: 230,
      scene: () => ({ events: [payrolls] }),
    });
    expect(incidents).toMatchObject([
      { origin: nodeKey('quotes'), verdict: 'CONFIRMED', changes: [{ kind: 'event', atMs: startMs }] },
    ]);
  });

  it.each<[string, { readonly keys: readonly string[]; readonly fromMs: number }, readonly string[]]>([
    ['its function', { keys: [nodeKey('quotes')], fromMs: startMs }, ['opened', 'silenced', 'unsilenced']],
    ['everything', { keys: [], fromMs: startMs }, ['opened', 'silenced', 'unsilenced']],
    ['a prefix', { keys: ['123456789012/us-east-1/quo*'], fromMs: startMs }, ['opened', 'silenced', 'unsilenced']],
    ['a caller that is harmed', { keys: [nodeKey('api')], fromMs: startMs }, ['opened']],
    ['its function, but begun after it', { keys: [nodeKey('quotes')], fromMs: startMs + 205_000 }, ['opened']],
  ])('maintenance of %s', (_, window, kinds) => {
    const maintenance = [{ id: 'deploy-7', untilMs: startMs + 240_000, because: 'new tables', ...window }];
    const { changes } = play(chain, [at({ at: 'quotes', failedRatio: 0.3 })], {
      untilSecond: 250,
      scene: () => ({ maintenance }),
    });
    expect(kindsOf(changes)).toEqual(kinds);
  });
});

describe('properties', () => {
  const nodes = ['a', 'b', 'c', 'd', 'e', 'f'];
  /** Each node but the first is called by one of those before it: any tree of six. */
  const trees = fc.tuple(...nodes.slice(1).map((_, index) => fc.nat(index))).map((callers): Topology => {
    const calls: Record<string, string[]> = {};
    callers.forEach((caller, index) => (calls[nodes[caller]!] ??= []).push(nodes[index + 1]!));
    return { calls, entries: { a: 50 } };
  });
  const faults = fc.record({
    at: fc.constantFrom(...nodes),
    fromSecond: fc.constant(150),
    untilSecond: fc.constant(400),
    ...{ addedMs: fc.constantFrom(0, 500), failedRatio: fc.constantFrom(0.1, 0.5) },
  });

  it('in any tree the fault is the origin, of one incident', () => {
    fc.assert(
      fc.property(trees, faults, (topology, fault) => {
        const { incidents } = play(topology, [fault], { untilSecond: 160 });
        expect(incidents.map(({ origin }) => origin)).toEqual([nodeKey(fault.at)]);
      }),
      { numRuns: 25 },
    );
  });

  it('a healthy leaf more changes no origin', () => {
    fc.assert(
      fc.property(trees, faults, fc.constantFrom(...nodes), (topology, fault, caller) => {
        const calls = { ...topology.calls, [caller]: [...(topology.calls[caller] ?? []), 'leaf'] };
        const { incidents } = play({ ...topology, calls }, [fault], { untilSecond: 160 });
        expect(incidents.map(({ origin }) => origin)).toEqual([nodeKey(fault.at)]);
      }),
      { numRuns: 25 },
    );
  });

  it('written down and restored at any second, it goes on to the byte', () => {
    fc.assert(
      fc.property(trees, faults, fc.integer({ min: 100, max: 170 }), (topology, fault, restoredAtSecond) => {
        const whole = play(topology, [{ ...fault, untilSecond: 160 }], { untilSecond: 180 });
        const halves = play(topology, [{ ...fault, untilSecond: 160 }], { untilSecond: 180, restoredAtSecond });
        expect(JSON.stringify(halves)).toBe(JSON.stringify(whole));
      }),
      { numRuns: 20 },
    );
  });
});
