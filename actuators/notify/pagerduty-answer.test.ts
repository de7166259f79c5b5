import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readPagerdutyAnswer } from './pagerduty-answer.ts';

const event = {
  id: '01DEN1HNLBC1VITK192ETJ0MPJ',
  event_type: 'incident.acknowledged',
  resource_type: 'incident',
  occurred_at: '2026-11-20T13:31:02.123Z',
  agent: { id: 'PLH1HKV', type: 'user_reference', summary: 'Ada' },
  client: null,
  data: { id: 'PGR0VU2', type: 'incident', status: 'acknowledged', incident_key: 'a'.repeat(64) },
};
const bytesOf = (more: object = {}): Buffer => Buffer.from(JSON.stringify({ event: { ...event, ...more } }));
const signed = (bytes: Buffer, secret: string): string =>
  `v1=${createHmac('sha256', secret).update(bytes).digest('hex')}`;
const read = (bytes: Buffer, signatures: string | undefined, secrets: readonly string[] = ['new', 'old']) =>
  readPagerdutyAnswer(bytes, { signatures, secrets });

describe('a signature', () => {
  const bytes = bytesOf();
  const wrong = `v1=${'0'.repeat(64)}`;
  it.each([
    ['by the secret', signed(bytes, 'new'), 'answered'],
    ['by the secret before', signed(bytes, 'old'), 'answered'],
    ['among others', `${wrong}, ${signed(bytes, 'new')},v2=abc`, 'answered'],
    ['by another secret', signed(bytes, 'another'), 'unsigned'],
    ['over other bytes', signed(bytesOf({ id: 'x' }), 'new'), 'unsigned'],
    ['of another version', signed(bytes, 'new').replace('v1', 'v0'), 'unsigned'],
    ['cut short', signed(bytes, 'new').slice(0, -2), 'unsigned'],
    ['beyond the tenth', `${`${wrong},`.repeat(10)}${signed(bytes, 'new')}`, 'unsigned'],
    ['that is missing', undefined, 'unsigned'],
  ])('%s', (_, signatures, kind) => expect(read(bytes, signatures).kind).toBe(kind));

  it('is believed by no target without a secret, not even by an empty one', () =>
    expect(read(bytes, signed(bytes, ''), []).kind).toBe('unsigned'));

  it('is over the bytes as they came, not over what they mean', () => {
    const spaced = Buffer.from(` ${bytes.toString()}`);
    expect(read(spaced, signed(bytes, 'new')).kind).toBe('unsigned');
    expect(read(spaced, signed(spaced, 'new')).kind).toBe('answered');
  });
});

describe('what is signed', () => {
  const readSigned = (bytes: Buffer) => read(bytes, signed(bytes, 'new'));
  const answer = {
    eventId: event.id,
    kind: 'acknowledged',
    dedupKey: 'a'.repeat(64),
    by: 'Ada',
    atMs: Date.parse(event.occurred_at),
  };
  it.each([
    ['names the person', {}, answer],
    ['may be a resolve', { event_type: 'incident.resolved' }, { ...answer, kind: 'resolved' }],
  ])('%s', (_, more, expected) => expect(readSigned(bytesOf(more))).toEqual({ kind: 'answered', answer: expected }));

  it.each([
    ['an integration', { type: 'inbound_integration_reference', summary: 'Foreshock' }],
    ['nobody', null],
  ])('names no person where %s did it', (_, agent) => {
    const found = readSigned(bytesOf({ agent }));
    expect(found).toMatchObject({ kind: 'answered' });
    expect(found).not.toHaveProperty('answer.by');
  });

  it.each([
    ['tells of something else', bytesOf({ event_type: 'incident.annotated' })],
    ['has an event type that every object has', bytesOf({ event_type: 'toString' })],
    ['has no id', bytesOf({ id: '' })],
    ['has a key of another shape', bytesOf({ data: { incident_key: null } })],
    ['has a key that is too long', bytesOf({ data: { incident_key: 'a'.repeat(300) } })],
    ['has no instant', bytesOf({ occurred_at: 'yesterday' })],
    ['is no JSON', Buffer.from('event')],
    ['is no text', Buffer.from([0xff, 0xfe])],
    ['is no object', Buffer.from('null')],
  ])('is ignored where it %s', (_, bytes) => expect(readSigned(bytes).kind).toBe('ignored'));

  it('brings no name that could forge a line of the log', () =>
    expect(readSigned(bytesOf({ agent: { type: 'user_reference', summary: 'Ada\nroot' } }))).toMatchObject({
      answer: { by: 'Ada root' },
    }));
});
