import { describe, expect, it } from 'vitest';
import { InputError } from '../core/errors.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { requireOwnership } from './ownership.ts';

const key = '123456789012/us-east-1/orders:live' as FunctionKey;
const target = new Map([[key, { min: 1, max: 100 }]]);
const none = new Map<FunctionKey, never>();

describe('enforce without knowing whose the knob is', () => {
  it.each([
    [
      'nothing said',
      { mode: 'enforce' },
      none,
      /orders:live: .*no ownership is stated; write ownership: own, and see .*--terraform/,
    ],
    [
      'nothing said of a target',
      { mode: 'enforce' },
      target,
      /write ownership: steer \(it has a scalable target from 1 to 100\)/,
    ],
    ['somebody else', { mode: 'enforce', ownership: 'observe' }, none, /its ownership is observe; write/],
    ['two controllers', { mode: 'enforce', ownership: 'own' }, target, /between 1 and 100, .*write ownership: steer/],
    ['nothing to steer', { mode: 'enforce', ownership: 'steer' }, none, /no scalable target; register one/],
  ] as const)('is refused by name and with what to write: %s', (_, said, targets, line) => {
    const start = () => requireOwnership([{ key, ...said }], targets);
    expect(start).toThrow(InputError);
    expect(start).toThrow(line);
  });

  it.each([
    ['owned', { mode: 'enforce', ownership: 'own' }, none],
    ['steered', { mode: 'enforce', ownership: 'steer' }, target],
    ['in advise', { mode: 'advise' }, target],
    ['in shadow', { mode: 'shadow', ownership: 'own' }, target],
  ] as const)('lets be what is %s', (_, said, targets) => {
    expect(() => requireOwnership([{ key, ...said }], targets)).not.toThrow();
  });
});
