import { describe, expect, it } from 'vitest';
import { InputError } from '../core/errors.ts';
import type { Mode } from '../core/function-spec.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { classifyEndpoint, requireEnforceable, resolveEndpointUrl } from './endpoint.ts';

describe('the other end', () => {
  it.each([
    { host: '127.0.0.1', twinVersion: '1', kind: 'twin' },
    { host: '127.8.9.1', twinVersion: '1', kind: 'twin' },
    { host: 'localhost', twinVersion: '1', kind: 'twin' },
    { host: '[::1]', twinVersion: '1', kind: 'twin' },
    // A tunnel, a signing proxy, another emulator: on this machine, and not the twin.
    { host: '127.0.0.1', twinVersion: undefined, kind: 'unknown' },
    { host: '127.0.0.1', twinVersion: '', kind: 'unknown' },
    // Says that it is the twin, but nobody can know who answers there tomorrow.
    { host: 'twin.internal', twinVersion: '1', kind: 'unknown' },
    { host: '0.0.0.0', twinVersion: '1', kind: 'unknown' },
    { host: '127.0.0.1.nip.io', twinVersion: '1', kind: 'unknown' },
    { host: 'localhost.example.com', twinVersion: '1', kind: 'unknown' },
    { host: 'lambda.us-east-1.amazonaws.com', twinVersion: '1', kind: 'unknown' },
    { host: 'lambda.us-east-1.amazonaws.com', twinVersion: undefined, kind: 'aws' },
    { host: 'lambda.cn-north-1.amazonaws.com.cn', twinVersion: undefined, kind: 'aws' },
    { host: 'lambda.us-east-1.api.aws', twinVersion: undefined, kind: 'aws' },
    { host: 'lambda.us-east-1.amazonaws.com.evil.net', twinVersion: undefined, kind: 'unknown' },
    { host: 'evil-amazonaws.com', twinVersion: undefined, kind: 'unknown' },
  ])('takes $host with the header "$twinVersion" for $kind', ({ host, twinVersion, kind }) => {
    expect(classifyEndpoint({ host, ...(twinVersion !== undefined && { twinVersion }) })).toBe(kind);
  });

  it.each([
    { configured: undefined, env: {}, url: undefined },
    { configured: undefined, env: { AWS_ENDPOINT_URL: 'http://a:1' }, url: 'http://a:1' },
    { configured: undefined, env: { AWS_ENDPOINT_URL: '' }, url: undefined },
    {
      configured: undefined,
      env: { AWS_ENDPOINT_URL: 'http://a:1', AWS_ENDPOINT_URL_LAMBDA: 'http://b:2' },
      url: 'http://b:2',
    },
    { configured: 'http://c:3', env: { AWS_ENDPOINT_URL_LAMBDA: 'http://b:2' }, url: 'http://c:3' },
    {
      configured: undefined,
      env: { AWS_ENDPOINT_URL: 'http://a:1', AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' },
      url: undefined,
    },
    {
      configured: undefined,
      env: { AWS_ENDPOINT_URL: 'http://a:1', AWS_ENDPOINT_URL_SCHEDULER: 'http://b:2' },
      url: 'http://a:1',
    },
  ])('uses $url where $configured is configured and the environment says $env', ({ configured, env, url }) => {
    expect(resolveEndpointUrl(configured, env)).toBe(url);
  });

  it.each([
    { service: 'lambda', url: 'http://l' },
    { service: 'scheduler', url: 'http://s' },
    { service: 'application-auto-scaling', url: 'http://as' },
  ] as const)('sends $service where its own word in the environment says', ({ service, url }) => {
    const env = {
      AWS_ENDPOINT_URL: 'http://all',
      AWS_ENDPOINT_URL_LAMBDA: 'http://l',
      AWS_ENDPOINT_URL_SCHEDULER: 'http://s',
      AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING: 'http://as',
    };
    expect(resolveEndpointUrl(undefined, env, service)).toBe(url);
  });

  it.each([
    { configured: 'localhost:4510', env: {}, where: 'aws.endpoint' },
    { configured: 'file:///etc/passwd', env: {}, where: 'aws.endpoint' },
    { configured: undefined, env: { AWS_ENDPOINT_URL: 'twin' }, where: 'AWS_ENDPOINT_URL' },
    { configured: undefined, env: { AWS_ENDPOINT_URL_LAMBDA: 'twin' }, where: 'AWS_ENDPOINT_URL_LAMBDA' },
  ])('refuses $configured $env as an address and says where it stands', ({ configured, env, where }) => {
    expect(() => resolveEndpointUrl(configured, env)).toThrow(new InputError('endpoint.url', expectedAddress(where)));
  });
});

function expectedAddress(where: string): string {
  return `${where}: expected an http or https address such as http://127.0.0.1:4510`;
}

describe('enforce at the start', () => {
  const spec = (name: string, mode: Mode) => ({ key: `123456789012/us-east-1/${name}:live` as FunctionKey, mode });

  const schedulerRoleArn = 'arn:aws:iam::123456789012:role/foreshock-scheduler';

  it.each([
    {
      end: { kind: 'aws' },
      specs: [spec('a', 'shadow'), spec('b', 'enforce')],
      line: /b:live: mode enforce is refused because aws.scheduler.roleArn is not set.*config check --terraform/,
    },
    {
      end: { kind: 'unknown', schedulerRoleArn },
      specs: [spec('b', 'enforce')],
      line: /because X answered neither as AWS nor as the Lambda twin.*use mode shadow or advise/,
    },
  ] as const)('is refused against $end.kind, by name and with what to do', ({ end, specs, line }) => {
    const start = () => requireEnforceable(specs, { ...end, name: 'X' });
    expect(start).toThrow(InputError);
    expect(start).toThrow(line);
  });

  it.each([
    { end: { kind: 'twin' }, specs: [spec('a', 'enforce')] },
    { end: { kind: 'aws', schedulerRoleArn }, specs: [spec('a', 'enforce')] },
    { end: { kind: 'aws' }, specs: [spec('a', 'shadow'), spec('b', 'advise')] },
    { end: { kind: 'unknown' }, specs: [spec('a', 'advise')] },
  ] as const)('does not stand in the way of $end where it may not', ({ end, specs }) => {
    expect(() => requireEnforceable(specs, { ...end, name: 'X' })).not.toThrow();
  });
});
