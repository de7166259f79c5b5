/** A page for tests. */
import { dedupKeyOf, type Notification } from './notification.ts';

export const samplePage: Notification = {
  id: 'a'.repeat(32),
  dedupKey: dedupKeyOf('acme', 'edge@1'),
  level: 'page',
  step: 'trigger',
  isEscalation: false,
  severity: 'critical',
  summary: 'orders-validate:live: 43 % of requests fail',
  source: 'orders-validate:live',
  startsAtMs: Date.parse('2026-11-20T13:30:00Z'),
  atMs: Date.parse('2026-11-20T13:30:04Z'),
  verdict: 'LIKELY',
  harmed: ['orders-gateway:live'],
  evidence: ['error ratio 0.43 where 0.01 is usual'],
  done: ['held 40 warm'],
  decide: ['whether to roll back'],
  links: [{ text: 'Foreshock', href: 'https://foreshock.example.com' }],
  attributes: { owner: 'orders' },
};
