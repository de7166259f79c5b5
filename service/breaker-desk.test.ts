import { expect, it } from 'vitest';
import { load, minimal } from '../config/sample.ts';
import { createBreakerBoard } from './breaker-board.ts';
import { createBreakerDoors, type BreakerDoorsOptions } from './breaker-desk.ts';
import type { BrakeView } from './acting-view.ts';

const off: BrakeView = { isOn: false, scope: null, sinceMs: null, by: null, because: null };
const on: BrakeView = { isOn: true, scope: 'remedies', sinceMs: 1, by: 'operator:ada', because: 'a deployment' };

it.each([
  ['open', off, true],
  ['open', on, false],
  ['closed', on, true],
  ['metrics-only', on, true],
  ['none', on, true],
] as const)('takes the word %s under %j: %s', async (to, brake, isTaken) => {
  const admitted: unknown[] = [];
  const doors = createBreakerDoors({
    config: await load(`${minimal}breakers: { circuits: [{ name: table, callee: orders, sharedState: {} }] }\n`),
    system: {
      admit: (fact: unknown) => void admitted.push(fact),
      view: { acting: () => ({ brake, approvals: [], holds: [] }), breakers: () => [{ name: 'table' }] },
    } as unknown as BreakerDoorsOptions['system'],
    board: createBreakerBoard({ nowMs: () => 0 }),
    clock: { nowMs: () => 0 },
    timers: { after: () => () => undefined },
  });
  const force = () => doors!.desk.force('table', { to, forMs: 60_000, because: 'x' }, 'operator:bob');
  if (isTaken) expect(force()).toEqual({ name: 'table' });
  else expect(force).toThrow('table is not opened: the brake is on (operator:ada: a deployment)');
  expect(admitted).toHaveLength(isTaken ? 1 : 0);
});
