/**
 * Receives traces over OTLP/HTTP: `POST /v1/traces`, protobuf or JSON, plain or gzip.
 *
 * A weapon it is not: who is not known is turned away before a byte of the body is read, what is not for us before it is inflated, what comes too slowly
 * or is too much before it is decoded. Overload is always 429, with when to come again.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InputError } from '../core/errors.ts';
import { isLoopback } from '../core/loopback.ts';
import type { Clock, Timers } from '../core/time.ts';
import { refusal, type OtlpAnswer, type OtlpForm, type Problem } from './otlp-answer.ts';
import { discard, inflatedByteCountMax } from './otlp-body.ts';
import { createIntake, fullProblem, type Intake, type IntakeCounts, type RoomOptions } from './otlp-intake.ts';
import { createSenderOf, type SenderOf, type Tokens } from './otlp-tokens.ts';
import type { Windower } from './windower.ts';

/** Bodies go to a windower beside the listener, or to what takes them in its stead. */
export type OtlpOptions = HttpOptions &
  (({ readonly windower: Windower; readonly clock: Clock } & RoomOptions) | { readonly intake: Intake });

export interface HttpOptions {
  /** Of the socket, so in real time even where the clock is virtual. */
  readonly timers: Timers;
  /** Sender's name to its token; none: whoever reaches us is `local`. */
  readonly tokens?: Tokens;
  /** A body that is not whole by then is given up. */
  readonly bodyTimeoutMs?: number;
}

export interface OtlpReceiver {
  /** Answers what is for us; false for another path, which is left untouched. */
  handle(request: IncomingMessage, response: ServerResponse): boolean;
  readonly counts: () => Readonly<IntakeCounts & HttpCounts>;
  close(): Promise<void>;
}

export interface HttpCounts {
  /** No token, or one that nobody has. */
  unauthenticated: number;
  /** Given up in the middle of the body: too slow, or gone. */
  interrupted: number;
}

const path = '/v1/traces';
const otherSignals = /^\/v1(?:development)?\/(?:metrics|logs|profiles)$/;

/** The collector's exporter gives up after 5 s and the SDKs after 10: a body that takes longer has nobody waiting for it. */
const bodyTimeoutMsDefault = 10_000;

export function createOtlpReceiver(options: OtlpOptions): OtlpReceiver {
  const { timers, bodyTimeoutMs = bodyTimeoutMsDefault } = options;
  const intake =
    'intake' in options ? options.intake : createIntake({ ...options, nowMs: () => options.clock.nowMs() });
  const senderOf = createSenderOf(options.tokens ?? {});
  const counts: HttpCounts = { unauthenticated: 0, interrupted: 0 };
  const inTurn = createPace(timers);
  let isClosing = false;
  let shedCount = 0;

  const shed = (request: IncomingMessage, response: ServerResponse, form: OtlpForm): void => {
    shedCount++;
    request.pause();
    inTurn(() => giveUp(request, response, refusal(form, fullProblem)));
  };

  const receive = (request: IncomingMessage, response: ServerResponse, asked: Asked): void => {
    const chunks: Buffer[] = [];
    let byteCount = 0;
    let isOver = false;
    /** Ends the reading, once, with an answer or (for somebody who is gone) without. */
    const end = (answer?: OtlpAnswer): void => {
      if (isOver) return;
      isOver = true;
      cancel();
      chunks.length = 0;
      intake.release(byteCount);
      if (answer !== undefined) giveUp(request, response, answer);
    };
    const cancel = timers.after(bodyTimeoutMs, () => {
      counts.interrupted++;
      end(refusal(asked.form, { status: 503, message: `the body was not whole after ${bodyTimeoutMs} ms` }));
    });
    request.on('data', (chunk: Buffer) => {
      if (isOver) return;
      if (byteCount + chunk.length > inflatedByteCountMax) end(refusal(asked.form, tooLargeProblem));
      else if (intake.reserve(chunk.length)) {
        byteCount += chunk.length;
        chunks.push(chunk);
      } else {
        end();
        shed(request, response, asked.form);
      }
    });
    request.on('end', () => {
      if (isOver) return;
      isOver = true;
      cancel();
      const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, byteCount);
      void intake.take({ bytes, isGzip: asked.isGzip, form: asked.form }, asked.sender).then((answer) => {
        intake.release(byteCount);
        // A single chunk is the socket's own.
        if (chunks.length > 1) discard(bytes);
        send(response, answer);
      });
    });
    request.on('close', () => {
      if (!isOver) counts.interrupted++;
      end();
    });
    request.on('error', () => undefined);
  };

  return {
    counts: () => ({ ...intake.counts, shed: intake.counts.shed + shedCount, ...counts }),
    handle(request, response) {
      const target = (request.url ?? '').split('?')[0]!;
      if (target !== path && !otherSignals.test(target)) return false;
      const asked = ask(request, { target, senderOf, isClosing });
      if ('status' in asked) {
        if (asked.status === 401) counts.unauthenticated++;
        giveUp(request, response, refusal(formOf(request) ?? 'json', asked));
      } else if (intake.isFull) {
        shed(request, response, asked.form);
      } else receive(request, response, asked);
      return true;
    },
    close() {
      isClosing = true;
      return intake.close();
    },
  };
}

const tooLargeProblem: Problem = { status: 413, message: `the body is larger than ${inflatedByteCountMax} bytes` };

interface Asked {
  readonly form: OtlpForm;
  readonly isGzip: boolean;
  readonly sender: string;
}

/** What the headers ask for, or why it cannot be. */
function ask(
  request: IncomingMessage,
  {
    target,
    senderOf,
    isClosing,
  }: { readonly target: string; readonly senderOf: SenderOf; readonly isClosing: boolean },
): Asked | Problem {
  const sender = senderOf(request.headers.authorization);
  if (sender === undefined)
    return { status: 401, message: 'no token, or one that nobody has: Authorization: Bearer …' };
  if (target !== path) return { status: 404, message: `traces alone are received here, at ${path}` };
  if (request.method !== 'POST') return { status: 405, message: `${path} takes POST` };
  const form = formOf(request);
  if (form === undefined) return { status: 415, message: 'content type application/x-protobuf or application/json' };
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (!['identity', 'none', '', 'gzip'].includes(encoding))
    return { status: 415, message: 'content encoding gzip or none' };
  if (Number(request.headers['content-length'] ?? 0) > inflatedByteCountMax) return tooLargeProblem;
  if (isClosing) return { status: 503, message: 'the receiver is closing' };
  return { form, isGzip: encoding === 'gzip', sender };
}

function formOf(request: IncomingMessage): OtlpForm | undefined {
  const type = (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
  return type === 'application/x-protobuf' ? 'proto' : type === 'application/json' ? 'json' : undefined;
}

function send(response: ServerResponse, { status, headers, body }: OtlpAnswer): void {
  if (response.destroyed) return;
  response.writeHead(status, headers);
  response.end(body);
}

/** What a sender that was refused may still push at us before the connection is cut: an answer that is cut off by a reset would not be read. */
const drainByteCountMax = 1 << 20;

/**
 * Answers without having read the body, and lets the connection go: little of the rest is drained, and none of it kept.
 *
 * A crowd that may keep its connections comes again at once, and refusing it leaves little time for work (docs/decisions/0013).
 */
function giveUp(request: IncomingMessage, response: ServerResponse, answer: OtlpAnswer): void {
  let drainedByteCount = 0;
  request.on('data', (chunk: Buffer) => {
    drainedByteCount += chunk.length;
    if (drainedByteCount > drainByteCountMax) request.destroy();
  });
  request.on('error', () => undefined);
  send(response, { ...answer, headers: { ...answer.headers, connection: 'close' } });
}

/**
 * A few refusals at once, the others later, in turn: who comes again at once after 429 would otherwise be refused thousands of times a second, by a core that
 * those who are let in need. All of 1,024 connections have their answer within 3.2 s; exporters wait 5 s and longer.
 */
const pace = { periodMs: 100, countMax: 32 } as const;

function createPace(timers: Timers): (answer: () => void) => void {
  const held: (() => void)[] = [];
  let count = 0;
  const next = (): void => {
    const due = held.splice(0, pace.countMax);
    count = due.length;
    if (count > 0) timers.after(pace.periodMs, next);
    for (const answer of due) answer();
  };
  return (answer) => {
    if (count >= pace.countMax) {
      held.push(answer);
      return;
    }
    if (count === 0) timers.after(pace.periodMs, next);
    count++;
    answer();
  };
}

export interface OtlpListener {
  readonly url: string;
  readonly receiver: OtlpReceiver;
  close(): Promise<void>;
}

const connectionCountMax = 1_024;

/**
 * Listens with nothing but the receiver and `/healthz`.
 *
 * @throws InputError when the address is not this machine's alone and no tokens are set.
 */
export async function listenOtlp(
  options: OtlpOptions & { readonly host: string; readonly port: number },
): Promise<OtlpListener> {
  const { host, port, tokens = {} } = options;
  if (!isLoopback(host) && Object.keys(tokens).length === 0) {
    throw new InputError(
      'otlp-open',
      `listening on ${host} would take spans from anybody: set a token for each sender, or listen on 127.0.0.1`,
    );
  }
  const receiver = createOtlpReceiver(options);
  const server = createServer(
    // Whole requests within the body's time and a little; headers sooner.
    {
      headersTimeout: 5_000,
      requestTimeout: (options.bodyTimeoutMs ?? bodyTimeoutMsDefault) + 5_000,
      keepAliveTimeout: 60_000,
    },
    (request, response) => {
      if (request.url === '/healthz')
        send(response, { status: 200, headers: { 'content-type': 'application/json' }, body: healthy });
      else if (!receiver.handle(request, response)) {
        giveUp(request, response, refusal('json', { status: 404, message: `traces are received at ${path}` }));
      }
    },
  );
  server.maxConnections = connectionCountMax;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: connectionCountMax }, resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`,
    receiver,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await receiver.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

const healthy = Buffer.from('{"status":"ok"}');
