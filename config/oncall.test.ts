import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { linesOf, load, minimal, token } from './sample.ts';

const withOncall = (targets: string, owners = '[{ name: a, page: [t] }]', more = ''): string =>
  `${minimal}oncall: { targets: [${targets}], owners: ${owners}${more} }\n`;
const pager = `{ name: t, pagerduty: { routingKey: '\${env:FORESHOCK_TOKEN}' } }`;

describe('on-call', () => {
  it('is plain values with every default, and its secrets are shown by nothing', async () => {
    const config = await load(withOncall(pager));
    expect(config.oncall).toMatchObject({
      targets: [{ name: 't', kind: 'pagerduty', url: 'https://events.pagerduty.com', isPrivate: false }],
      owners: [{ name: 'a', page: ['t'], notice: [], escalate: [], keys: [] }],
      defaultOwner: 'a',
      routes: [],
      timeZone: 'America/New_York',
      night: { fromMinute: 1_200, untilMinute: 420 },
      nightHarmedRatioMin: 0.2,
      digestAtMinute: 480,
      escalateAfterMs: 900_000,
      attributes: ['owner', 'harmed', 'harmedRatio', 'evidence', 'actions'],
    });
    expect(config.oncall!.targets[0]!.secrets.map((secret) => secret.reveal())).toEqual([token]);
    expect(`${inspect(config, { depth: 20, showHidden: true })} ${JSON.stringify(config)}`).not.toContain(token);
    expect(config.effective).toMatchObject({ oncall: { targets: [{ pagerduty: { routingKey: '[secret]' } }] } });
  });

  it('keeps what answers are believed by apart from what is sent', async () => {
    const both = `{ routingKey: '\${env:FORESHOCK_TOKEN}', webhookSecret: '\${env:FORESHOCK_TOKEN}' }`;
    const config = await load(withOncall(`{ name: t, pagerduty: ${both} }`));
    const [target] = config.oncall!.targets;
    expect([target!.secrets.length, target!.webhookSecrets.length]).toEqual([1, 1]);
    expect(`${inspect(config, { depth: 20 })} ${JSON.stringify(config.effective)}`).not.toContain(token);
  });

  it.each([
    [
      'a secret from a file',
      withOncall(pager.replace(/'.*'/, 'file:key')),
      'routingKey: got an inline value (not shown)',
    ],
    [
      'an address that is none',
      withOncall(`{ name: t, slack: { webhookUrl: '\${env:FORESHOCK_TOKEN}' } }`),
      'webhookUrl: got something else in the environment (not shown), expected an https address',
    ],
    [
      'a key that signs nothing',
      withOncall(`{ name: t, cloudevent: { url: https://a.example.com, secret: '\${env:FORESHOCK_TOKEN}' } }`),
      'secret: got something else in the environment (not shown), expected whsec_',
    ],
    [
      'two kinds of one target',
      withOncall(pager.replace('} }', '}, alertmanager: { url: https://a.example.com } }')),
      'as well',
    ],
    ['no kind', withOncall('{ name: t }'), 'got no kind'],
    [
      'a target that nobody named',
      withOncall(pager, '[{ name: a, page: [u] }]'),
      'expected a name among oncall.targets',
    ],
    [
      'an owner that nobody named',
      withOncall(pager, '[{ name: a }]', ', defaultOwner: b'),
      'expected a name among oncall.owners',
    ],
    ['one name for two', withOncall(`${pager}, ${pager}`), 'each name once'],
    [
      'an escalation that its own page would swallow',
      withOncall(pager, '[{ name: a, page: [t], escalate: [t] }]'),
      'expected a target that is not among page',
    ],
    ['hours that no clock shows', withOncall(pager, '[{ name: a }]', ', night: 25:00-07:00'), 'expected hours such as'],
  ])('refuses %s', async (_, content, says) => {
    const lines = await linesOf(content);
    expect(lines).toEqual([expect.stringContaining(says)]);
    expect(lines.join()).not.toContain(token);
  });
});
