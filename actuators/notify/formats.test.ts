import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAlertmanager } from './alertmanager.ts';
import { formatCloudevent, keyOf } from './cloudevent.ts';
import type { Attempt, Format, Notification } from './notification.ts';
import { formatOpsgenie } from './opsgenie.ts';
import { formatPagerduty } from './pagerduty.ts';
import { samplePage as page } from './sample.ts';
import { formatSlack } from './slack.ts';
import { targetKinds, type TargetKind } from './targets.ts';
import { truncate } from './text.ts';

const whsec = `whsec_${Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')}`;
const secretOf: Readonly<Record<TargetKind, string>> = {
  alertmanager: 'a-token-of-theirs',
  cloudevent: whsec,
  opsgenie: 'an-api-key-of-theirs',
  pagerduty: 'R'.repeat(32),
  slack: 'https://hooks.slack.com/services/T0/B0/x',
};

function attemptOf(kind: TargetKind, more: Partial<Attempt> = {}): Attempt {
  const url = kind === 'slack' ? '' : 'https://target.example.com';
  return { url, secrets: [secretOf[kind]], nowMs: page.atMs + 900, mayRepeat: false, ...more };
}

function send(kind: TargetKind, notification: Partial<Notification> = {}, more: Partial<Attempt> = {}) {
  const format: Format = targetKinds[kind].format;
  const request = format({ ...page, ...notification }, attemptOf(kind, more));
  return { ...request, json: JSON.parse(request.body) as Record<string, never> };
}

describe('PagerDuty', () => {
  it('is triggered with what, since when, who, why and what to decide', () => {
    const { url, json } = send('pagerduty');
    expect(url).toBe('https://target.example.com/v2/enqueue');
    expect(json).toMatchObject({
      routing_key: 'R'.repeat(32),
      event_action: 'trigger',
      dedup_key: page.dedupKey,
      payload: {
        summary: page.summary,
        source: page.source,
        severity: 'critical',
        timestamp: '2026-11-20T13:30:00Z',
        custom_details: { owner: 'orders', 'Who is harmed': ['orders-gateway:live'], Evidence: page.evidence },
      },
      links: [{ href: 'https://foreshock.example.com', text: 'Foreshock' }],
    });
  });

  it.each([
    ['critical', 'critical'],
    ['major', 'error'],
    ['minor', 'warning'],
  ] as const)('knows %s trouble as %s', (severity, theirs) => {
    expect(send('pagerduty', { severity }).json).toMatchObject({ payload: { severity: theirs } });
  });

  it.each(['acknowledge', 'resolve'] as const)(
    'hears %s by the same key on the same routing key, and no more',
    (step) => {
      const { url, json } = send('pagerduty', { step });
      expect(url).toBe('https://target.example.com/v2/enqueue');
      expect(json).toEqual({ routing_key: 'R'.repeat(32), event_action: step, dedup_key: page.dedupKey });
    },
  );

  it.each(['notice', 'change', 'digest'] as const)('gets a %s as a change event, which pages nobody', (level) => {
    const { url, json } = send('pagerduty', { level });
    expect(url).toBe('https://target.example.com/v2/change/enqueue');
    expect(Object.keys(json)).toEqual(['routing_key', 'payload', 'links']);
    expect(json).toMatchObject({ payload: { summary: page.summary, timestamp: '2026-11-20T13:30:04Z' } });
    expect(targetKinds.pagerduty.isSpoken({ level, step: 'resolve' })).toBe(false);
  });
});

describe('Opsgenie', () => {
  it('is given an alert under the alias of the episode', () => {
    const { url, headers, json } = send('opsgenie');
    expect(url).toBe('https://target.example.com/v2/alerts');
    expect(headers['authorization']).toBe('GenieKey an-api-key-of-theirs');
    expect(json).toMatchObject({ alias: page.dedupKey, message: page.summary, priority: 'P1', entity: page.source });
  });

  it.each([
    ['acknowledge', 'acknowledge'],
    ['resolve', 'close'],
  ] as const)('hears %s as %s of that alias', (step, verb) => {
    const { url } = send('opsgenie', { step });
    expect(url).toBe(`https://target.example.com/v2/alerts/${page.dedupKey}/${verb}?identifierType=alias`);
  });

  it('is not woken by a notice', () =>
    expect(send('opsgenie', { level: 'notice' }).json).toMatchObject({ priority: 'P5' }));
});

describe('Alertmanager', () => {
  it.each([
    ['trigger', 'firing', '0001-01-01T00:00:00Z'],
    ['resolve', 'resolved', '2026-11-20T13:30:04Z'],
  ] as const)('hears %s as %s', (step, status, endsAt) => {
    const { headers, json } = send('alertmanager', { step });
    expect(headers['authorization']).toBe('Bearer a-token-of-theirs');
    expect(json).toMatchObject({
      version: '4',
      groupKey: `{}:{episode="${page.dedupKey}"}`,
      truncatedAlerts: 0,
      status,
      receiver: 'foreshock',
      commonLabels: { alertname: 'ForeshockIncident', severity: 'critical' },
      commonAnnotations: { summary: page.summary, owner: 'orders' },
      externalURL: 'https://foreshock.example.com',
      alerts: [{ status, startsAt: '2026-11-20T13:30:00Z', endsAt, fingerprint: page.dedupKey.slice(0, 16) }],
    });
  });

  it('needs no token, and has no word for an acknowledgement', () => {
    expect(send('alertmanager', {}, { secrets: [] }).headers).not.toHaveProperty('authorization');
    expect(targetKinds.alertmanager.isSpoken({ level: 'page', step: 'acknowledge' })).toBe(false);
  });
});

describe('a CloudEvent', () => {
  it('carries the four attributes that must be there, and is signed over id, time and bytes', () => {
    const { headers, body, json } = send('cloudevent');
    expect(json).toMatchObject({
      specversion: '1.0',
      id: page.id,
      source: 'urn:foreshock',
      type: 'foreshock.incident.trigger',
      subject: page.dedupKey,
    });
    const seconds = String(Math.floor((page.atMs + 900) / 1_000));
    const key = Buffer.from('0123456789abcdef0123456789abcdef');
    const expected = createHmac('sha256', key).update(`${page.id}.${seconds}.${body}`).digest('base64');
    expect(headers).toMatchObject({
      'webhook-id': page.id,
      'webhook-timestamp': seconds,
      'webhook-signature': `v1,${expected}`,
    });
  });

  it('is signed as the published example of the specification is', () => {
    const signed = (text: string): string =>
      createHmac('sha256', keyOf('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')!).update(text).digest('base64');
    const example = 'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}';
    expect(signed(example)).toBe('g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  it('keeps its id over attempts and is signed anew; by two secrets while one is being changed', () => {
    const first = send('cloudevent');
    const second = send(
      'cloudevent',
      {},
      { nowMs: page.atMs + 60_000, secrets: [whsec, whsec.replace('MDEy', 'MDEx')] },
    );
    expect(second.body).toBe(first.body);
    expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
    expect(second.headers['webhook-signature']!.split(' ')).toHaveLength(2);
  });

  it.each([
    ['whsec_c2hvcnQ=', 'too short'],
    [`whsec_${'A'.repeat(100)}`, 'too long'],
    ['0123456789abcdef0123456789abcdef', 'without its mark'],
  ])('wants a key of 24 to 64 bytes: %s is %s', (secret) => expect(keyOf(secret)).toBeUndefined());
});

describe('Slack', () => {
  it('always has a text beside its blocks, and goes to the address that is the secret', () => {
    const { url, json } = send('slack');
    expect(url).toBe(secretOf.slack);
    expect(json).toMatchObject({ text: page.summary });
    expect((json['blocks'] as unknown as readonly { type: string }[]).map(({ type }) => type)).toEqual([
      'header',
      ...Array.from({ length: 8 }, () => 'section'),
    ]);
  });

  it('calls nobody by a name that a stranger chose', () => {
    const { body } = send('slack', {
      source: '<!channel>',
      harmed: ['<https://evil.example.com|here>'],
      summary: '<!here> & co',
    });
    expect(body).not.toMatch(/<!channel>|<!here>(?! & co")|<https:\/\/evil/);
    expect(body).toContain('&lt;!channel&gt;');
  });

  it('says when it may be a repetition', () => {
    expect(send('slack').body).not.toContain('sent again');
    expect(send('slack', {}, { mayRepeat: true }).body).toContain('sent again');
  });
});

describe('limits', () => {
  const lengthOf = (text: string): number => Array.from(text).length;
  const rough = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.constant('💥&<'.repeat(2_000)),
    fc.constant('\ud800x'),
  );
  const lines = fc.array(rough, { maxLength: 30 });
  const rougher: fc.Arbitrary<Notification> = fc.record({
    id: fc.constant(page.id),
    dedupKey: fc.constant(page.dedupKey),
    level: fc.constantFrom('page', 'notice'),
    step: fc.constantFrom('trigger', 'acknowledge', 'resolve'),
    isEscalation: fc.boolean(),
    severity: fc.constantFrom('critical', 'major', 'minor'),
    ...{ summary: rough, source: rough, harmed: lines, evidence: lines, done: lines, decide: lines },
    startsAtMs: fc.constant(page.startsAtMs),
    atMs: fc.constant(page.atMs),
    verdict: fc.constant('LIKELY'),
    links: fc.constant(page.links),
    attributes: fc.dictionary(fc.string({ maxLength: 20 }), rough, { maxKeys: 50 }),
  });

  it('of every format are kept by code points, whatever is said', () => {
    fc.assert(
      fc.property(rougher, (notification) => {
        const pagerduty = formatPagerduty(notification, attemptOf('pagerduty'));
        expect(Buffer.byteLength(pagerduty.body)).toBeLessThanOrEqual(512 * 1_024);
        const event = JSON.parse(pagerduty.body) as { dedup_key?: string; payload?: { summary: string } };
        expect(lengthOf(event.payload?.summary ?? '')).toBeLessThanOrEqual(1_024);
        expect(event.dedup_key?.length ?? 0).toBeLessThanOrEqual(255);
        const opsgenie = JSON.parse(formatOpsgenie(notification, attemptOf('opsgenie')).body) as Record<string, string>;
        expect(lengthOf(opsgenie['message'] ?? '')).toBeLessThanOrEqual(130);
        expect(lengthOf(opsgenie['description'] ?? '')).toBeLessThanOrEqual(15_000);
        const slack = JSON.parse(formatSlack(notification, attemptOf('slack')).body) as {
          text: string;
          blocks: { type: string; text: { text: string } }[];
        };
        expect(slack.blocks.length).toBeLessThanOrEqual(50);
        expect(lengthOf(slack.text)).toBeLessThanOrEqual(1_024);
        for (const { type, text } of slack.blocks)
          expect(lengthOf(text.text)).toBeLessThanOrEqual(type === 'header' ? 150 : 3_000);
        for (const format of [formatAlertmanager, formatCloudevent])
          expect(format(notification, attemptOf('cloudevent')).body.isWellFormed()).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['abcde', 5, 'abcde'],
    ['abcdef', 5, 'abcd…'],
    ['💥💥💥', 3, '💥💥💥'],
    ['💥💥💥💥', 3, '💥💥…'],
    ['a\u0000b\nc\u202ed', 9, 'a b c d'],
    ['\ud83d', 3, '\ufffd'],
  ])('cut %j to %i points', (text, lengthMax, expected) => expect(truncate(text, lengthMax)).toBe(expected));
});
