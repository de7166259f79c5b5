import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { linesOf, load, minimal, token } from './sample.ts';

describe('secrets', () => {
  const withToken = (reference: string): string => `${minimal}http: { host: 0.0.0.0, tokens: [${reference}] }\n`;

  it.each([
    ['the environment', '"${env:FORESHOCK_TOKEN}"', {}],
    ['a file beside the configuration', 'file:tokens/api', { '/etc/tokens/api': `${token}\n` }],
    ['a file elsewhere', 'file:/run/secrets/api', { '/run/secrets/api': token }],
  ])('come from %s', async (_, reference, files) => {
    const config = await load(withToken(reference), files);
    expect(config.http.tokens.map((secret) => secret.reveal())).toEqual([token]);
  });

  it('are shown by nothing but reveal', async () => {
    const config = await load(withToken('"${env:FORESHOCK_TOKEN}"'));
    const [secret] = config.http.tokens;
    const shown = [
      inspect(config, { depth: 20, showHidden: true }),
      JSON.stringify(config),
      JSON.stringify(structuredClone(secret)),
      String(secret),
      secret!.toString(),
    ];
    for (const text of shown) expect(text).not.toContain(token);
    expect(config.effective).toMatchObject({ http: { tokens: ['[secret]'] } });
  });

  it('of senders of traces are read, and shown by nothing', async () => {
    const senders = "[{ name: web, token: '${env:FORESHOCK_TOKEN}', samplingRatio: 0.05 }]";
    const config = await load(`${minimal}telemetry: { otlp: { host: 0.0.0.0, senders: ${senders} } }\n`);
    const { otlp } = config.telemetry;
    expect(otlp).toMatchObject({ host: '0.0.0.0', port: 4318, samplingRatio: 'unknown' });
    expect(otlp?.senders.map((sender) => [sender.name, sender.token.reveal(), sender.samplingRatio])).toEqual([
      ['web', token, 0.05],
    ]);
    expect(inspect(config, { depth: 20, showHidden: true }) + JSON.stringify(config)).not.toContain(token);
    expect(config.effective).toMatchObject({ telemetry: { otlp: { senders: [{ name: 'web', token: '[secret]' }] } } });
  });

  it.each([
    [
      'written inline',
      token,
      'got an inline value (not shown), expected ${env:NAME} or file:PATH (a secret is never written in this file)',
    ],
    [
      'written inline as a number',
      '1234567890123456',
      'got an inline value (not shown), expected ${env:NAME} or file:PATH (a secret is never written in this file)',
    ],
    [
      'not in the environment',
      '"${env:FORESHOCK_TOKN}"',
      'got no environment variable FORESHOCK_TOKN, expected it to be set',
    ],
    [
      'too short',
      '"${env:FORESHOCK_SHORT}"',
      'got too short a secret in environment variable FORESHOCK_SHORT, expected at least 16 characters',
    ],
    ['in no file', 'file:tokens/api', 'got no secret from file:tokens/api (no such file), expected a readable file'],
  ])('%s are refused and not repeated', async (_, reference, line) => {
    expect(await linesOf(withToken(reference))).toEqual([`13:33 http.tokens[0]: ${line}`]);
  });

  it('may be keys in PEM form, which no dump shows', async () => {
    const pem = '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----';
    const config = await load(`${minimal}audit: { anchorFile: anchor.jsonl, signingKey: file:key.pem }\n`, {
      '/etc/key.pem': `${pem}\n`,
    });
    expect(config.audit).toMatchObject({
      anchors: [{ kind: 'file', path: '/etc/anchor.jsonl' }],
      anchorEveryMinutes: 60,
    });
    expect(config.audit.signingKey!.reveal()).toBe(pem);
    expect(config.effective).toMatchObject({ audit: { anchorFile: 'anchor.jsonl', signingKey: '[secret]' } });
  });

  it('of a webhook are read beside their address, and shown by nothing', async () => {
    const places = '[{ stdout: true }, { webhook: { url: https://example.com/a, secret: file:hook } }]';
    const config = await load(`${minimal}audit: { anchors: ${places} }\n`, { '/etc/hook': token });
    const [, webhook] = config.audit.anchors;
    expect(webhook).toMatchObject({ kind: 'webhook', url: 'https://example.com/a' });
    expect(webhook?.kind === 'webhook' && webhook.secret!.reveal()).toBe(token);
    expect(inspect(config, { depth: 20, showHidden: true })).not.toContain(token);
    expect(config.effective).toMatchObject({ audit: { anchors: [{}, { webhook: { secret: '[secret]' } }] } });
    const inline = places.replace('file:hook', token);
    expect(await linesOf(`${minimal}audit: { anchors: ${inline} }\n`)).toEqual([
      '13:87 audit.anchors[1].webhook.secret: got an inline value (not shown), expected ${env:NAME} or file:PATH (a secret is never written in this file)',
    ]);
  });

  it('that sign want a place for what they sign', async () => {
    expect(await linesOf(`${minimal}audit: { signingKey: "\${env:FORESHOCK_TOKEN}" }\n`)).toEqual([
      expect.stringContaining('audit.signingKey: ') as string,
    ]);
  });

  it('with blanks in them are refused: a header cannot carry them', async () => {
    await expect(load(withToken('file:t'), { '/etc/t': `${token}\n${token}\n` })).rejects.toThrow(
      'blanks or unusual characters in file:t',
    );
  });

  it.each(['https://user:secret-word@collector', 'https://collector/?key=secret-word'])(
    'in an address are refused and not repeated: %s',
    async (url) => {
      const lines = await linesOf(`${minimal}telemetry: { otlpEndpoint: "${url}" }\n`);
      expect(lines).toEqual([
        '13:28 telemetry.otlpEndpoint: got an address with more in it, expected an address such as http://127.0.0.1:4510, without user, password or query',
      ]);
    },
  );
});
