/**
 * A twin that is driven by recorded steps: each gives the recorded status, code, words and members, with the placeholders of the recording bound
 * to one value all through a test.
 */
import { readFileSync } from 'node:fs';
import * as lambda from '@aws-sdk/client-lambda';
import { expect } from 'vitest';
import type { FunctionKey } from '../../core/series-key.ts';
import type { TwinResponse } from './answer.ts';
import { listenTwin, type TwinServer } from './control-plane-http.ts';
import { createTwin, type Twin } from './twin.ts';

type Json = Readonly<Record<string, unknown>>;
/** Any of the SDK's commands. */
export type Command = object;

export const recordings = JSON.parse(
  readFileSync(new URL('./fixtures/recorded-responses.json', import.meta.url), 'utf8'),
) as Record<string, { readonly 'recorded-content': Readonly<Record<string, Json>> }>;

/** Of an invocation only what Lambda says itself: the payload is said by the function's code, which the twin does not run. */
const saidByCode = ['Payload'];

export const accountId = '111111111111';
export const name = 'orders';
export const arn = `arn:aws:lambda:us-east-1:${accountId}:function:${name}`;
/** Steps that were driven, as `test step`. */
export const driven = new Set<string>();

export class Stage {
  readonly twin: Twin;
  #nowMs = Date.UTC(2026, 8, 4, 12);
  readonly #bound = new Map<string, unknown>();
  #server: TwinServer | undefined;
  #client: lambda.LambdaClient | undefined;
  #raw: TwinResponse | undefined;
  readonly #test: string;

  constructor(test: string) {
    this.#test = test;
    const key = `${accountId}/us-east-1/another:live` as FunctionKey;
    const runDurationMs = { p50: 50, p99: 200 };
    this.twin = createTwin({
      functions: [{ key, version: '1', memoryMb: 128, architecture: 'x86_64', initDurationMs: 500, runDurationMs }],
      seed: 7,
      clock: { nowMs: () => this.#nowMs },
    });
    const given = { partition: 'aws', region: 'us-east-1', 'function-name:1': name, 'alias-name': 'live' };
    const more = {
      'nonexisting-fn-name': 'nonexisting',
      unreserved_concurrency: '1000',
      min_unreserved_concurrency: '100',
    };
    for (const [placeholder, value] of Object.entries({ ...given, ...more })) this.#bound.set(placeholder, value);
  }

  async listen(): Promise<this> {
    const handle = (request: Parameters<Twin['handle']>[0]): TwinResponse => (this.#raw = this.twin.handle(request));
    this.#server = await listenTwin({ host: '127.0.0.1', port: 0, handle });
    this.#client = new lambda.LambdaClient({
      endpoint: this.#server.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'twin', secretAccessKey: 'twin' },
      maxAttempts: 1,
    });
    return this;
  }

  async close(): Promise<void> {
    this.#client?.destroy();
    await this.#server?.close();
  }

  /** Long enough for every preparation of a handful of environments. */
  waitUntilSettled(): void {
    this.#nowMs += 180_000;
  }

  /** A call that was made and not recorded. */
  async call(command: Command): Promise<Json> {
    const { error, raw } = await this.#send(command);
    expect(error).toBeUndefined();
    return (raw.body === '' ? {} : JSON.parse(raw.body)) as Json;
  }

  async step(step: string, command: Command): Promise<Json> {
    const recorded = recordings[`Test${this.#test}`]?.['recorded-content'][step];
    if (!recorded) throw new Error(`no recording ${this.#test} ${step}`);
    driven.add(`${this.#test} ${step}`);
    const wrapped = recorded['CreateFunctionResponse'] as Json | undefined;
    const { Error: failure, ResponseMetadata: metadata, ...members } = wrapped ?? recorded;
    const { error, raw } = await this.#send(command);
    // Where a client has put pages together, it has recorded no status.
    expect(raw.status, step).toBe((metadata as { HTTPStatusCode: number } | undefined)?.HTTPStatusCode ?? 200);
    const body = (raw.body === '' ? {} : JSON.parse(raw.body)) as Json;
    if (failure) this.#match({ Code: error?.name, Message: error?.message }, failure, step);
    else expect(error, step).toBeUndefined();
    if ('StatusCode' in members) {
      expect({ ...members, ExecutedVersion: members['ExecutedVersion'] ?? undefined }, step).toMatchObject({
        StatusCode: raw.status,
        ExecutedVersion: raw.headers['x-amz-executed-version'],
      });
      for (const member of saidByCode) expect(members, step).toHaveProperty(member);
    } else if (step === 'acc_settings_modded') {
      for (const [member, names] of Object.entries(members)) {
        expect(Object.keys(body[member] as object).sort(), step).toEqual(names);
      }
    } else {
      // Of an error, clients record only the members that its model names; what they leave out is its message.
      const said = failure ? Object.fromEntries(Object.keys(members).map((member) => [member, body[member]])) : body;
      this.#match(said, members, step);
    }
    return body;
  }

  async #send(command: Command): Promise<{ readonly error?: Error; readonly raw: TwinResponse }> {
    this.#nowMs += 1_000;
    try {
      await this.#client!.send(command as lambda.GetAccountSettingsCommand);
      return { raw: this.#raw! };
    } catch (error) {
      return { error: error as Error, raw: this.#raw! };
    }
  }

  /** Equal but for placeholders, each of which stands for one value all through a test, and no two of a kind for the same. */
  #match(actual: unknown, expected: unknown, where: string): void {
    if (typeof expected === 'object' && expected !== null) {
      expect(Object.keys(actual as object).sort(), where).toEqual(Object.keys(expected).sort());
      for (const [member, value] of Object.entries(expected)) {
        this.#match((actual as Json)[member], value, `${where} ${member}`);
      }
      return;
    }
    if (expected === 'date') {
      expect(actual, where).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?\+0000$/);
      return;
    }
    const [, alone] = /^<([^<>]+)>$/.exec(String(expected)) ?? [, expected === 'code-sha256' ? 'any' : undefined];
    if (alone !== undefined && !this.#bound.has(alone)) {
      expect(actual, where).toBeTruthy();
      const kind = alone.split(':')[0]!;
      const taken = [...this.#bound]
        .filter(([other]) => kind === 'uuid' && other.startsWith(kind))
        .map(([, value]) => value);
      expect(taken, `${where}: a new ${kind}`).not.toContain(actual);
      if (kind === 'uuid') expect(actual, where).toMatch(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      if (kind !== 'any') this.#bound.set(alone, actual);
      return;
    }
    if (alone !== undefined) {
      expect(actual, where).toEqual(this.#bound.get(alone));
      return;
    }
    if (typeof expected !== 'string') {
      expect(actual, where).toEqual(expected);
      return;
    }
    const pattern = expected.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&').replace(/<([^<>]+)>/g, (_, placeholder: string) => {
      const value = this.#bound.get(placeholder);
      return typeof value === 'string' ? value : '[\\w.:-]+';
    });
    expect(actual, where).toMatch(new RegExp(`^${pattern}$`));
  }
}
