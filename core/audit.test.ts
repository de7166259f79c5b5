import { expect, it } from 'vitest';
import { auditKinds } from './audit.ts';

it('names every kind of event as a noun and what became of it, in order, and says what it means', () => {
  const kinds = Object.keys(auditKinds);
  expect(kinds).toEqual(kinds.toSorted());
  for (const [kind, meaning] of Object.entries(auditKinds)) {
    expect(kind).toMatch(/^[a-z]+\.[a-z]+$/);
    expect(meaning.length).toBeGreaterThan(10);
  }
});

// Goal: what was written to a log for good is never renamed; a kind may be added, none may go.
it('still knows the kinds of the first release', () => {
  expect(Object.keys(auditKinds)).toEqual(
    expect.arrayContaining([
      'action.intended',
      'action.outcome',
      'action.refused',
      'calendar.loaded',
      'config.loaded',
      'history.loaded',
      'incident.closed',
      'incident.opened',
      'mode.changed',
      'plan.decided',
      'prewarm.late',
      'prewarm.lost',
      'prewarm.ready',
      'service.started',
      'service.stopped',
    ]),
  );
});
