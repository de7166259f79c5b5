import { expect, it } from 'vitest';
import type { EndpointKind } from '../actuators/endpoint.ts';
import type { ControlPlane } from '../actuators/control-plane.ts';
import { InputError, WorldError } from '../core/errors.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import { requireEnforcement, type EnforcedScene } from './enforcement.ts';
import { account, key, silentLog, spec } from './sample.ts';

const roleArn = 'arn:aws:iam::123456789012:role/foreshock-scheduler';

interface Scene {
  readonly kind?: EndpointKind;
  readonly roleArn?: string;
  /** Of Application Auto Scaling; `silent`: it does not answer. */
  readonly targets?: 'none' | 'one' | 'silent';
  readonly answers?: boolean;
}

async function start(
  one: Partial<FunctionSpec>,
  { kind = 'twin', targets = 'none', answers = true, ...scene }: Scene = {},
) {
  const warned: string[] = [];
  let callCount = 0;
  const silent = (): never => {
    throw new WorldError('NetworkError', 'no answer', { retryable: true });
  };
  const enforced: EnforcedScene = {
    door: { endpointKind: () => kind, endpointName: 'http://somewhere:4510' } as unknown as ControlPlane,
    ports: {
      readAccountLimits: async () => (callCount++, answers ? account : silent()),
      scalableTargets: {
        describe: async () => {
          callCount++;
          if (targets === 'silent') silent();
          return new Map(targets === 'one' ? [[key, { min: 2, max: 40 }]] : []);
        },
      } as unknown as EnforcedScene['ports']['scalableTargets'],
    },
    scheduler: { groupName: 'default', ...(scene.roleArn !== undefined && { roleArn: scene.roleArn }) },
    log: { ...silentLog, warn: (event) => void warned.push(event) },
    signal: new AbortController().signal,
  };
  const { ownership: _, ...undeclared } = spec;
  const specs = [{ ...undeclared, ...one }];
  const refusal = await requireEnforcement(specs, enforced).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (refusal !== undefined) {
    expect(refusal).toBeInstanceOf(InputError);
    expect((refusal as InputError).message).toMatch(/^123456789012\/us-east-1\/orders-validate:live: .*[^.]$/);
    expect((refusal as InputError).message).not.toContain('\n');
  }
  return { code: (refusal as InputError | undefined)?.code, warned, callCount };
}

it.each<{ name: string; one: Partial<FunctionSpec>; scene?: Scene; code: string | undefined }>([
  { name: 'own, on the twin', one: { ownership: 'own' }, code: undefined },
  { name: 'own, on AWS with a role', one: { ownership: 'own' }, scene: { kind: 'aws', roleArn }, code: undefined },
  { name: 'own, on AWS without one', one: { ownership: 'own' }, scene: { kind: 'aws' }, code: 'endpoint.scheduler' },
  {
    name: 'own, on nobody knows what',
    one: { ownership: 'own' },
    scene: { kind: 'unknown', roleArn },
    code: 'endpoint.enforce',
  },
  {
    name: 'own, where AWS answers with an error',
    one: { ownership: 'own' },
    scene: { kind: 'aws', roleArn, answers: false },
    code: undefined,
  },
  { name: 'no ownership', one: {}, code: 'ownership.undeclared' },
  { name: 'observe', one: { ownership: 'observe' }, code: 'ownership.undeclared' },
  {
    name: 'own, beside a scalable target',
    one: { ownership: 'own' },
    scene: { targets: 'one' },
    code: 'ownership.contested',
  },
  { name: 'steer, of a scalable target', one: { ownership: 'steer' }, scene: { targets: 'one' }, code: undefined },
  { name: 'steer, of none', one: { ownership: 'steer' }, code: 'ownership.no-target' },
])('answers $code to enforce with $name', async ({ one, scene, code }) => {
  expect(await start({ mode: 'enforce', ...one }, scene)).toMatchObject({ code, warned: [] });
});

it.each<{ name: string; one: Partial<FunctionSpec>; code: string | undefined }>([
  { name: 'own', one: { ownership: 'own' }, code: undefined },
  { name: 'steer', one: { ownership: 'steer' }, code: undefined },
  { name: 'no ownership', one: {}, code: 'ownership.undeclared' },
])(
  'with Application Auto Scaling silent, answers $code to $name, and says what nobody knows',
  async ({ one, code }) => {
    const answer = await start({ mode: 'enforce', ...one }, { targets: 'silent' });
    expect(answer.code).toBe(code);
    if (code === undefined) expect(answer.warned).toEqual(['scaling.unread']);
  },
);

it.each(['shadow', 'advise'] as const)('asks nobody anything in %s', async (mode) => {
  expect(await start({ mode }, { kind: 'unknown', targets: 'silent' })).toEqual({
    code: undefined,
    warned: [],
    callCount: 0,
  });
});
