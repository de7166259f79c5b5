import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { brakeOff } from '../service/brake.ts';
import { obey, passTime, type ActingState } from '../service/acting.ts';
import { createActingDesk } from '../service/acting-desk.ts';
import { viewActing } from '../service/acting-view.ts';
import { prewarmTimes } from '../service/approvals.ts';
import { createApp } from '../service/http/app.ts';
import { listen } from '../service/http/listen.ts';
import { webFolder } from '../service/release.ts';
import type { SystemView } from '../service/view.ts';
import { key, spec } from '../service/sample.ts';
import { approveVerb } from './approve.ts';
import { brakeVerb } from './brake.ts';
import { doctorVerb } from './doctor.ts';
import { holdVerb } from './hold.ts';
import type { Terminal, Verb } from './verb.ts';

const nowMs = Date.UTC(2026, 10, 6, 12);
const env = { ADA: 'token-of-ada-0123456789', VERA: 'token-of-vera-0123456789' };

/** A service that obeys at once, and a configuration that knows where it listens. */
async function open(more = '') {
  const none: ActingState = { approvals: {}, holds: {}, brake: brakeOff };
  const subject = { kind: 'prewarm', eventId: 'nfp', calendarVersion: 'v1' } as const;
  const wanted = { concurrencyMax: 100, usdMax: 4 };
  const times = prewarmTimes(nowMs + 3_600_000);
  const wishes = { prewarm: [{ subject, functions: [key], wanted, times, because: 'payrolls' }] };
  let { state } = passTime(none, { nowMs, wishes });
  const actors: string[] = [];
  const acting = createActingDesk([{ ...spec, group: 'orders' }], {
    clock: { nowMs: () => nowMs },
    view: () => viewActing(state),
    admit(fact) {
      if (fact.kind !== 'commanded') throw new Error(fact.kind);
      const step = obey(state, fact.command, { withoutEffectMax: 3 });
      actors.push(...step.notes.map(({ kind, actor }) => `${kind} ${actor}`));
      state = step.state;
    },
  });
  const people = [
    { name: 'ada', role: 'operator', token: env.ADA },
    { name: 'vera', role: 'viewer', token: env.VERA },
  ] as const;
  const app = createApp({ view: {} as SystemView, acting, people, tokens: [], webFolder });
  const listener = await listen(app, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => listener.close());
  const folder = await mkdtemp(path.join(tmpdir(), 'foreshock-acting-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(path.join(folder, 'volume.csv'), 'ts,volume\n');
  const file = path.join(folder, 'foreshock.yaml');
  await writeFile(
    file,
    `http: { port: ${new URL(listener.url).port} }
people:
  - { name: ada, role: operator, token: '\${env:ADA}' }
  - { name: vera, role: viewer, token: '\${env:VERA}' }
functions:
  - function: ${key}
    memoryMb: 1024
    initDurationMs: 800
    runDurationMs: { p50: 60, p99: 250 }
    spilloverRatioMax: 0.001
    concurrencyCeiling: 500
    volume: { csv: volume.csv }
    group: orders
limits: { concurrencyMax: 800, usdPerHourMax: 20, usdPerEventMax: 15 }
${more}`,
  );
  const run = async (verb: Verb, ...args: readonly string[]) => {
    let out = '';
    const terminal: Terminal = {
      ...{ env, isInteractive: false, hasColour: false, err: () => undefined, signal: new AbortController().signal },
      out: (text) => void (out += text),
    };
    const code = await verb.run([...args, '--config', file], terminal);
    return { code, out };
  };
  return { run, actors, id: Object.keys(state.approvals)[0]! };
}

const asAda = ['--because', 'fine', '--as', 'ada'];

it('approves, denies and lists, as the person who says so', async () => {
  const { run, actors, id } = await open();
  expect((await run(approveVerb, '--list', '--as', 'vera')).out).toContain(id);
  expect(await run(approveVerb, id, ...asAda)).toMatchObject({
    code: 0,
    out: expect.stringContaining('granted') as string,
  });
  expect((await run(approveVerb, id, '--deny', ...asAda)).code).toBe(0);
  expect((await run(approveVerb, 'another', ...asAda)).code).toBe(1);
  expect(actors).toEqual(['approval.answered operator:ada', 'approval.answered operator:ada']);
});

it('brakes and holds, and says whether', async () => {
  const { run, actors } = await open();
  expect((await run(brakeVerb, 'status', '--as', 'vera')).code).toBe(0);
  expect((await run(brakeVerb, 'on', ...asAda)).out).toContain('remedies are stopped');
  expect((await run(brakeVerb, 'status', '--as', 'vera')).code).toBe(1);
  expect((await run(brakeVerb, 'off', ...asAda)).out).toBe('the brake is off\n');
  expect((await run(holdVerb, 'orders', '--for', '2h', ...asAda)).out).toContain('2026-11-06T14:00');
  expect((await run(holdVerb, 'orders', '--release', ...asAda)).code).toBe(0);
  expect((await run(holdVerb, 'orders', '--release', ...asAda)).code).toBe(1);
  expect(actors).toEqual([
    ...['brake.changed', 'brake.changed', 'hold.changed', 'hold.changed'].map((kind) => `${kind} operator:ada`),
  ]);
});

it.each([
  [holdVerb, ['nobody', ...asAda], 'neither a function that is watched nor a group'],
  [holdVerb, ['orders', '--for', '721h', ...asAda], 'from 1m to 720h'],
  [brakeVerb, ['loose', ...asAda], 'expected on, off or status'],
  [brakeVerb, ['off', '--all', ...asAda], 'only with brake on'],
  [brakeVerb, ['on', '--as', 'ada'], '--because'],
  [brakeVerb, ['on', '--because', 'x', '--as', 'vera'], 'the role operator'],
  [brakeVerb, ['on', '--because', 'x', '--as', 'bob'], 'no such name among people'],
] as const)('$0.name refuses $1', async (verb, args, message) => {
  const { run, actors } = await open();
  await expect(run(verb, ...args)).rejects.toThrow(message);
  expect(actors).toEqual([]);
});

it.each([
  ['nobody sends', '', [], 'never', 'never'],
  ['one sender', "telemetry: { otlp: { senders: [{ name: a, token: '${env:ADA}' }] } }", ['callee'], 'never', 'never'],
  [
    'senders of their own',
    "telemetry: { otlp: { senders: [{ name: a, token: '${env:ADA}' }, { name: b, token: '${env:VERA}' }] } }",
    ['callee', 'caller'],
    'alone',
    'with-a-yes',
  ],
])('doctor says what could ever be supported where %s', async (_name, more, observers, breaker, alias) => {
  const { run } = await open(more);
  const { remedies } = JSON.parse((await run(doctorVerb, '--json')).out) as {
    readonly remedies: readonly { readonly observers: readonly string[]; readonly remedies: Record<string, unknown> }[];
  };
  expect(remedies[0]!.observers).toEqual(observers);
  expect(remedies[0]!.remedies).toMatchObject({
    ...{ 'move-breaker': { mode: 'shadow', support: breaker }, 'weigh-alias': { support: alias } },
  });
});
