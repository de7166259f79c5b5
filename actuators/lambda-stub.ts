/**
 * A control plane for tests: answers each call with the next line of a script, over real HTTP, and keeps what it was asked.
 *
 * It knows nothing of Lambda's rules. What it says is what the test hands it, most of it recorded from the real service
 * (fixtures/recorded-responses.json), so that the SDK's own reading of codes and bodies is part of every test.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { assert } from '../core/assert.ts';
import type { VirtualClock } from '../core/virtual-clock.ts';
import { twinHeader } from './endpoint.ts';
import recorded from './fixtures/recorded-responses.json' with { type: 'json' };

export type StubAnswer =
  | { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }
  /** The connection ends without an answer; nothing ever comes; the body never ends. */
  | 'reset'
  | 'silence'
  | 'endless-body';

export interface StubCall {
  readonly method: string;
  /** Path and query, decoded. */
  readonly url: string;
  readonly body: string;
  /** The operation, of services that name it in a header and not in the path. */
  readonly target?: string;
}

export interface LambdaStub {
  readonly url: string;
  readonly calls: readonly StubCall[];
  /** What comes next, in this order; a call that finds nothing to say fails the test. */
  answer(...answers: readonly StubAnswer[]): void;
  /** Leaves out the twin's header from now on: something else has taken its port. */
  becomeStranger(): void;
  close(): Promise<void>;
}

export async function startLambdaStub(): Promise<LambdaStub> {
  const calls: StubCall[] = [];
  const script: StubAnswer[] = [];
  let isTwin = true;
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (part: string) => (body += part));
    request.on('end', () => {
      const target = request.headers['x-amz-target'];
      calls.push({
        method: request.method ?? '',
        url: decodeURIComponent(request.url ?? ''),
        body,
        ...(typeof target === 'string' && { target }),
      });
      if (isTwin) response.setHeader(twinHeader, '1');
      say(response, script.shift() ?? { status: 418, body: '{"message":"the script has ended"}' });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    answer: (...answers) => void script.push(...answers),
    becomeStranger: () => void (isTwin = false),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function say(response: ServerResponse, answer: StubAnswer): void {
  if (answer === 'silence') return;
  if (answer === 'reset') {
    response.socket?.destroy();
    return;
  }
  if (answer === 'endless-body') {
    response.writeHead(200, { 'content-type': 'application/json' }).write('{"Status":');
    return;
  }
  response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers }).end(answer.body);
}

interface RecordedResponse {
  readonly ResponseMetadata: { readonly HTTPStatusCode: number };
  readonly Error?: { readonly Code: string; readonly Message: string };
}

export type RecordedName = keyof typeof recorded.responses;

/** A recorded answer as it came over the wire: the error's code in a header, its message in the body. */
export function recordedAnswer(name: RecordedName): StubAnswer {
  const { ResponseMetadata, Error: error, ...body } = recorded.responses[name] as RecordedResponse;
  assert(ResponseMetadata.HTTPStatusCode > 0, 'a recorded answer has a status');
  return {
    status: ResponseMetadata.HTTPStatusCode,
    ...(error
      ? { body: JSON.stringify({ ...body, message: error.Message }), headers: { 'x-amzn-errortype': error.Code } }
      : { body: ResponseMetadata.HTTPStatusCode === 204 ? '' : JSON.stringify(body) }),
  };
}

/** An error as the newer services send it: its code in a header. */
export function errorAnswer(status: number, code: string, extra: Readonly<Record<string, string>> = {}): StubAnswer {
  return { status, body: JSON.stringify({ message: 'words', ...extra }), headers: { 'x-amzn-errortype': code } };
}

/** Lets virtual time pass whenever something waits for it, until the answer is there. */
export async function settleOn<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  const progress = { isSettled: false };
  const note = (): void => void (progress.isSettled = true);
  promise.then(note, note);
  await until(
    () => progress.isSettled,
    () => clock.advanceTo(clock.nextTimerAtMs() ?? clock.nowMs()),
  );
  return promise;
}

/** Turns the event loop until the outside world has done its part. */
export async function until(isDone: () => boolean, meanwhile?: () => void): Promise<void> {
  while (!isDone()) {
    meanwhile?.();
    await new Promise(setImmediate);
  }
}

/** Only what never ends may end by time. */
export function isEndless(answer: StubAnswer): boolean {
  return answer === 'silence' || answer === 'endless-body';
}
