/**
 * Which control plane is at the other end: Amazon's, the twin, or something that we cannot name.
 *
 * An environment variable (AWS_ENDPOINT_URL), a profile, a tunnel or a signing proxy on this very machine can each put real AWS behind an
 * address that looks local, or something else behind one that looks like AWS. So nothing is concluded from configuration: every answer is
 * judged by where its request really went and by what came back. The twin is only the twin when it listens on loopback and says so in a header;
 * everything else is not, and `enforce` is refused there.
 */
import { InputError } from '../core/errors.ts';
import { isLoopback } from '../core/loopback.ts';
import type { FunctionSpec } from '../core/function-spec.ts';

export type EndpointKind = 'twin' | 'aws' | 'unknown';

/** Set by the twin on every answer, with its version as the value. Real Lambda sends no such header, nor does a proxy in front of it. */
export const twinHeader = 'x-foreshock-twin';

const amazonDomains = ['.amazonaws.com', '.amazonaws.com.cn', '.api.aws'];

/** Judges one answer: the host that the request went to, and the twin's header if it was there. */
export function classifyEndpoint(answer: { readonly host: string; readonly twinVersion?: string }): EndpointKind {
  if (isLoopback(answer.host)) return answer.twinVersion ? 'twin' : 'unknown';
  if (answer.twinVersion) return 'unknown';
  return amazonDomains.some((domain) => answer.host.endsWith(domain)) ? 'aws' : 'unknown';
}

/** The services that are acted on, and that demand is read from. */
export type AwsService = 'application-auto-scaling' | 'cloudwatch' | 'dynamodb' | 'lambda' | 'scheduler' | 'sqs';

/**
 * The address that the SDK would use besides Amazon's own: what is configured (one for all services), else what the environment says, by the SDK's own
 * rules. Undefined means Amazon's. Handed to the client explicitly, so that the credentials can fit it.
 *
 * @throws InputError when it is not an http or https address.
 */
export function resolveEndpointUrl(
  configured: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  service: AwsService = 'lambda',
): string | undefined {
  const ownName = `AWS_ENDPOINT_URL_${service.toUpperCase().replaceAll('-', '_')}`;
  const isEnvironmentIgnored = env['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS']?.toLowerCase() === 'true';
  const fromEnvironment = isEnvironmentIgnored ? undefined : env[ownName] || env['AWS_ENDPOINT_URL'] || undefined;
  const url = configured ?? fromEnvironment;
  if (url === undefined) return undefined;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    const where = configured !== undefined ? 'aws.endpoint' : env[ownName] ? ownName : 'AWS_ENDPOINT_URL';
    throw new InputError('endpoint.url', `${where}: expected an http or https address such as http://127.0.0.1:4510`);
  }
  return url;
}

export interface EnforcedEnd {
  readonly kind: EndpointKind;
  readonly name: string;
  /** What the ends of capacity are booked as. */
  readonly schedulerRoleArn?: string | undefined;
}

/**
 * Refuses to start where a function says `enforce` and the other end cannot be acted on: it is neither AWS nor the twin, or it is AWS and nothing there
 * could end a raise if this process died.
 *
 * @throws InputError naming the first such function.
 */
export function requireEnforceable(specs: readonly Pick<FunctionSpec, 'key' | 'mode'>[], end: EnforcedEnd): void {
  const enforced = specs.find((spec) => spec.mode === 'enforce');
  if (!enforced || end.kind === 'twin') return;
  if (end.kind === 'unknown') {
    throw new InputError(
      'endpoint.enforce',
      `${enforced.key}: mode enforce is refused because ${end.name} answered neither as AWS nor as the Lambda twin on this machine; use mode shadow or advise, or mend aws.endpoint and the credentials`,
    );
  }
  if (end.schedulerRoleArn !== undefined) return;
  throw new InputError(
    'endpoint.scheduler',
    `${enforced.key}: mode enforce is refused because aws.scheduler.roleArn is not set, and without it nothing in AWS would end a raise; foreshock config check --terraform prints the role`,
  );
}
