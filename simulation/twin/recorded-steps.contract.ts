/**
 * A twin that is driven by recorded steps: each gives the recorded status, code, words and members, with the placeholders of the recording bound
 * to one value all through a test. Any client can drive it, through a real socket.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as lambda from '@aws-sdk/client-lambda';
import type { FunctionKey } from '../../core/series-key.ts';
import type { TwinRequest, TwinResponse } from './answer.ts';
import { listenTwin, type TwinServer } from './control-plane-http.ts';
import { createTwin, type Twin } from './twin.ts';

export type Json = Readonly<Record<string, unknown>>;
/** Any of the SDK's commands. */
export type Command = object;

/** What a client made of an answer. */
export interface Said {
  readonly status: number;
  readonly error?: { readonly code: string; readonly message: string };
  /** Of the answer, or of the error as far as the client keeps them. */
  readonly members: Json;
}

export interface Caller {
  send(command: Command): Promise<Said>;
  close(): Promise<void>;
}

export interface StageOptions {
  /** `last` is the twin's own last answer. */
  readonly openCaller: (url: string, last: () => TwinResponse) => Caller;
  /** Told of each step before it is driven. */
  readonly onStep?: (step: string) => void;
  /** Told of a step that does not match; thrown where absent. */
  readonly onMismatch?: (step: string, error: Error) => void;
}

const recordings = JSON.parse(
  readFileSync(new URL('./fixtures/recorded-responses.json', import.meta.url), 'utf8'),
) as Record<string, { readonly 'recorded-content': Readonly<Record<string, Json>> }>;

/** Every recorded step, as `test step`. */
export const allSteps: readonly string[] = Object.entries(recordings).flatMap(([test, { 'recorded-content': steps }]) =>
  Object.keys(steps).map((step) => `${test.slice('Test'.length)} ${step}`),
);

/** Of an invocation only what Lambda says itself: the payload is said by the function's code, which the twin does not run. */
const saidByCode = ['Payload'];

export const accountId = '111111111111';
export const name = 'orders';
export const arn = `arn:aws:lambda:us-east-1:${accountId}:function:${name}`;

/** The SDK of JavaScript; its parsers drop what their model does not name, so members are read from the wire. */
export function openSdkCaller(url: string, last: () => TwinResponse): Caller {
  const client = new lambda.LambdaClient({
    endpoint: url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'twin', secretAccessKey: 'twin' },
    maxAttempts: 1,
  });
  const said = (error?: Error): Said => {
    const { status, headers, body } = last();
    const version = headers['x-amz-executed-version'];
    return {
      status,
      ...(error && { error: { code: error.name, message: error.message } }),
      // An invocation's body is what the function's code says.
      members: {
        ...(body === '' ? {} : (JSON.parse(body) as Json | null)),
        ...(version !== undefined && { ExecutedVersion: version }),
      },
    };
  };
  return {
    send: (command) =>
      client.send(command as lambda.GetAccountSettingsCommand).then(
        () => said(),
        (error: unknown) => said(error as Error),
      ),
    close: async () => client.destroy(),
  };
}

export class Stage {
  readonly twin: Twin;
  #nowMs = Date.UTC(2026, 8, 4, 12);
  readonly #bound = new Map<string, unknown>();
  #server: TwinServer | undefined;
  #caller: Caller | undefined;
  #raw: TwinResponse | undefined;
  readonly #test: string;
  readonly #options: StageOptions;

  constructor(test: string, options: StageOptions) {
    this.#test = test;
    this.#options = options;
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
    const handle = (request: TwinRequest): TwinResponse => (this.#raw = this.twin.handle(request));
    this.#server = await listenTwin({ host: '127.0.0.1', port: 0, handle });
    this.#caller = this.#options.openCaller(this.#server.url, () => this.#raw!);
    return this;
  }

  async close(): Promise<void> {
    await this.#caller?.close();
    await this.#server?.close();
  }

  /** Long enough for every preparation of a handful of environments. */
  waitUntilSettled(): void {
    this.#nowMs += 180_000;
  }

  /** A call that was made and not recorded. */
  async call(command: Command): Promise<Json> {
    const { error, members } = await this.#send(command);
    assert.equal(error, undefined);
    return members;
  }

  async step(step: string, command: Command): Promise<Json> {
    const recorded = recordings[`Test${this.#test}`]?.['recorded-content'][step];
    if (!recorded) throw new Error(`no recording ${this.#test} ${step}`);
    this.#options.onStep?.(`${this.#test} ${step}`);
    const said = await this.#send(command);
    try {
      this.#compare(step, said, (recorded['CreateFunctionResponse'] as Json | undefined) ?? recorded);
    } catch (error) {
      if (!this.#options.onMismatch) throw error;
      this.#options.onMismatch(`${this.#test} ${step}`, error as Error);
    }
    return said.members;
  }

  #compare(step: string, { status, error, members: said }: Said, recorded: Json): void {
    const { Error: failure, ResponseMetadata: metadata, ...members } = recorded;
    // Where a client has put pages together, it has recorded no status.
    assert.equal(status, (metadata as { HTTPStatusCode: number } | undefined)?.HTTPStatusCode ?? 200, step);
    if (failure) this.#match({ Code: error?.code, Message: error?.message }, failure, step);
    else assert.equal(error, undefined, step);
    if ('StatusCode' in members) {
      assert.equal(members['StatusCode'], status, step);
      assert.equal(members['ExecutedVersion'], said['ExecutedVersion'], step);
      for (const member of saidByCode) assert.ok(member in members, `${step} ${member}`);
    } else if (step === 'acc_settings_modded') {
      for (const [member, names] of Object.entries(members)) {
        assert.deepEqual(Object.keys(said[member] as object).sort(), names, step);
      }
    } else {
      // Of an error, clients record only the members that its model names; what they leave out is its message.
      const kept = failure ? Object.fromEntries(Object.keys(members).map((member) => [member, said[member]])) : said;
      this.#match(kept, members, step);
    }
  }

  #send(command: Command): Promise<Said> {
    this.#nowMs += 1_000;
    return this.#caller!.send(command);
  }

  /** Equal but for placeholders, each of which stands for one value all through a test, and no two of a kind for the same. */
  #match(actual: unknown, expected: unknown, where: string): void {
    if (typeof expected === 'object' && expected !== null) {
      assert.deepEqual(Object.keys(actual as object).sort(), Object.keys(expected).sort(), where);
      for (const [member, value] of Object.entries(expected)) {
        this.#match((actual as Json)[member], value, `${where} ${member}`);
      }
      return;
    }
    if (expected === 'date') {
      assert.match(textOf(actual), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?\+0000$/, where);
      return;
    }
    const [, alone] = /^<([^<>]+)>$/.exec(String(expected)) ?? [, expected === 'code-sha256' ? 'any' : undefined];
    if (alone !== undefined && !this.#bound.has(alone)) {
      this.#bind(alone, actual, where);
      return;
    }
    if (alone !== undefined || typeof expected !== 'string') {
      assert.deepEqual(actual, alone === undefined ? expected : this.#bound.get(alone), where);
      return;
    }
    const pattern = expected.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&').replace(/<([^<>]+)>/g, (_, placeholder: string) => {
      const value = this.#bound.get(placeholder);
      return typeof value === 'string' ? value : '[\\w.:-]+';
    });
    assert.match(textOf(actual), new RegExp(`^${pattern}$`), where);
  }

  #bind(placeholder: string, actual: unknown, where: string): void {
    assert.ok(actual, where);
    const kind = placeholder.split(':')[0]!;
    const taken = [...this.#bound]
      .filter(([other]) => kind === 'uuid' && other.startsWith(kind))
      .map(([, value]) => value);
    assert.ok(!taken.includes(actual), `${where}: a new ${kind}`);
    if (kind === 'uuid') assert.match(textOf(actual), /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, where);
    if (kind !== 'any') this.#bound.set(placeholder, actual);
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
