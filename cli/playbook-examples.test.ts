/** Every shipped playbook, as its file says it, in a small made-up world: the harm ends, it does not, a step is refused, and the service dies at each place. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parsePlaybook } from '../config/playbooks.ts';
import type { Incident } from '../core/incident.ts';
import { madeUpIncident, rehearse, type Rehearsal } from '../detector/playbook/rehearsal-stub.ts';
import { whyNotTriggered } from '../detector/playbook/trigger.ts';

const orders = '123456789012/us-east-1/orders-validate:live';

interface Example {
  readonly name: string;
  readonly origin: string;
  readonly detector: string;
  readonly change?: Partial<Incident>;
  /** What ends the trouble. */
  readonly helpful: string;
  /** Where it helps. */
  readonly helped: readonly string[];
  /** Where it does not: what is taken back, after what was done. */
  readonly takenBack: readonly string[];
}

const newVersion: Incident['changes'] = [{ kind: 'version', atMs: 1, because: 'version 7' }];
const examples: readonly Example[] = [
  {
    ...{ name: 'slow-dependency', origin: `edge:${orders}>dynamodb/orders`, detector: 'latency-shift' },
    helpful: 'breaker orders-table',
    helped: ['breaker orders-table open', expect.stringContaining('webhook events') as string],
    takenBack: ['breaker orders-table closed', expect.stringContaining('webhook events') as string],
  },
  {
    ...{ name: 'erroring-new-version', origin: orders, detector: 'error-ratio', change: { changes: newVersion } },
    helpful: 'orders-validate:live weight',
    helped: ['orders-validate:live weight 6=0.2'],
    takenBack: ['orders-validate:live weight none'],
  },
  {
    ...{ name: 'throttle-surge', origin: `edge:service:web>${orders}`, detector: 'throttle-surge' },
    helpful: 'orders-validate:live reserved',
    helped: ['orders-validate:live reserved 400'],
    takenBack: ['orders-validate:live reserved null'],
  },
  {
    ...{ name: 'cold-start-storm', origin: orders, detector: 'cold-start-storm' },
    helpful: 'orders-validate:live provisioned',
    helped: ['orders-validate:live provisioned 100'],
    takenBack: ['orders-validate:live provisioned 0'],
  },
  {
    ...{ name: 'erratic-algorithm', origin: 'signal:reject-ratio/algo-7', detector: 'signal' },
    helpful: 'algo-decide:live weight',
    helped: [
      'algo-orders:live source off',
      'algo-decide:live weight 6=1',
      'algo-orders:live source on',
      expect.stringContaining('webhook events') as string,
    ],
    takenBack: ['algo-orders:live source off', 'algo-decide:live weight none', 'algo-orders:live source on'],
  },
  {
    ...{ name: 'runaway-cost', origin: orders, detector: 'cost-rate' },
    helpful: 'orders-validate:live reserved',
    helped: ['orders-validate:live reserved 10'],
    takenBack: ['orders-validate:live reserved null'],
  },
];

function plan({
  name,
  origin,
  detector,
  change,
}: Example): Omit<Rehearsal, 'helps'> & { readonly helps: Rehearsal['helps'] } {
  const file = new URL(`../config/examples/playbooks/${name}.yaml`, import.meta.url);
  const key = origin as Incident['origin'];
  const finding = {
    ...{ detector, key, startsAtMs: 0, atMs: 0, score: 2, weight: 'trouble' as const, harmedRatio: 0.5 },
    ...{ because: '', evidence: {}, traceIds: [] },
  } as const;
  return {
    playbook: parsePlaybook(name, readFileSync(file, 'utf8')),
    incident: madeUpIncident(origin, { findings: [finding], ...change }),
    helps: () => false,
    ...{ answer: true, breakers: ['orders-table'] },
  };
}

describe.each(examples)('$name', (example) => {
  const planned = plan(example);
  const helps: Rehearsal['helps'] = (levels) => levels.has(example.helpful);

  it('is about its incident, and about no other', () => {
    expect(whyNotTriggered(planned.playbook, planned.incident)).toBeUndefined();
    const others = examples.filter(({ name }) => name !== example.name).map((other) => plan(other).playbook);
    expect(others.filter((other) => whyNotTriggered(other, planned.incident) === undefined)).toEqual([]);
  });

  it('helps, and stands', () => {
    const { run, effects } = rehearse({ ...planned, helps });
    expect([run.end?.kind, effects]).toEqual(['helped', example.helped]);
  });

  it('does not help: takes everything back, tells a person once, and is not tried again', () => {
    const { run, effects, escalations } = rehearse(planned);
    expect([run.end?.kind, effects.slice(-example.takenBack.length)]).toEqual(['without-effect', example.takenBack]);
    expect(escalations).toHaveLength(1);
  });

  it('is refused at its first call: nothing is left', () => {
    const { run, levels } = rehearse({ ...planned, fateOf: (call) => (call === 0 ? 'refused' : 'accepted') });
    expect(['failed', 'without-effect']).toContain(run.end?.kind);
    expect([...levels.keys()].filter((target) => !target.startsWith('webhook'))).toEqual([]);
  });

  it.each([
    ['helps', helps],
    ['does not help', planned.helps],
  ])('dies at any place of a run that %s: each effect once, in the same turn', (_, end) => {
    const whole = rehearse({ ...planned, helps: end });
    expect(whole.busyPlaces.length).toBeGreaterThan(5);
    for (const place of whole.busyPlaces) {
      const cut = rehearse({ ...planned, helps: end, diesAt: new Set([place]) });
      expect([cut.effects, cut.run.end?.kind], `died at ${place}`).toEqual([whole.effects, whole.run.end?.kind]);
    }
  });
});
