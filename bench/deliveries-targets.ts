/** Servers that are told: one that misbehaves at the first attempts at each message, and two beside it that do not. All honour the keys that messages carry. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAlertBook, type Alert } from '../simulation/world/pager.ts';

/** What becomes of an attempt. `isTaken`: the target has it, whatever the sender gets to know. */
export interface Misdeed {
  readonly isTaken: boolean;
  answer(response: ServerResponse, request: IncomingMessage): void;
}

const never = (): void => undefined;

export const misdeeds: Readonly<Record<string, Misdeed | undefined>> = {
  'behaves well': undefined,
  'never answers': { isTaken: false, answer: never },
  'takes it, never answers': { isTaken: true, answer: never },
  'resets the connection': { isTaken: false, answer: (_, request) => void request.socket.destroy() },
  'takes it, resets the connection': { isTaken: true, answer: (_, request) => void request.socket.destroy() },
  '429, Retry-After: 30': {
    isTaken: false,
    answer: (response) => void response.writeHead(429, { 'retry-after': '30' }).end(),
  },
  'answers 500': { isTaken: false, answer: (response) => void response.writeHead(500).end() },
  'takes it, answers 500': { isTaken: true, answer: (response) => void response.writeHead(500).end() },
  'a body that never ends': { isTaken: true, answer: (response) => void response.writeHead(202).write('.') },
  'half a status line': { isTaken: true, answer: (_, request) => void request.socket.write('HTTP/1.1 20') },
  // Told elsewhere, it would be told to whom nobody has named.
  redirects: { isTaken: false, answer: (response) => void response.writeHead(307, { location: '/elsewhere' }).end() },
};

export interface DeliveryTargets {
  readonly urls: { readonly pager: string; readonly lead: string; readonly events: string };
  alertsOf(target: 'pager' | 'lead'): readonly Alert[];
  /** CloudEvents by their ids: each once, with how often it came. */
  events(): ReadonlyMap<string, Event>;
  /** Requests at addresses that nobody was given. */
  strayCount(): number;
  close(): Promise<void>;
}

export interface Event {
  readonly type: string;
  readonly summary: string;
  readonly count: number;
}

export interface TargetsOptions {
  readonly misdeed: Misdeed | undefined;
  /** Attempts at each message that are spoilt. */
  readonly spoiltCount: number;
  /** Asked when a request has come and when it is taken; true: whoever sent it has just died, and nothing is answered. */
  readonly isDeadly: (step: string) => boolean;
}

export async function listenTargets({ misdeed, spoiltCount, isDeadly }: TargetsOptions): Promise<DeliveryTargets> {
  const books = { pager: createAlertBook(), lead: createAlertBook() };
  const events = new Map<string, Event>();
  const attempts = new Map<string, number>();
  let strayCount = 0;
  const servers: Server[] = [];
  const open = async (handle: (posted: Posted) => void): Promise<string> => {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('error', () => response.destroy());
      request.on('end', () => handle({ request, response, text: Buffer.concat(chunks).toString() }));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const hear = (target: 'pager' | 'lead', { request, response, text }: Posted): void => {
    if (request.url !== '/v2/enqueue') {
      strayCount++;
      response.writeHead(404).end();
      return;
    }
    const body = JSON.parse(text) as { readonly dedup_key: string; readonly event_action: string };
    if (isDeadly(`${target} has got ${body.event_action}`)) return;
    const message = `${target} ${body.event_action} ${body.dedup_key}`;
    const attempt = attempts.get(message) ?? 0;
    attempts.set(message, attempt + 1);
    const spoils = target === 'pager' && attempt < spoiltCount ? misdeed : undefined;
    const answer = spoils?.isTaken === false ? undefined : books[target].hear({ path: request.url, body }, Date.now());
    if (answer && isDeadly(`${target} has taken ${body.event_action}`)) return;
    if (spoils) spoils.answer(response, request);
    else response.writeHead(answer!.status).end();
  };
  const urls = {
    pager: await open((posted) => hear('pager', posted)),
    lead: await open((posted) => hear('lead', posted)),
    events: await open(({ request, response, text }) => {
      const { id, type, data } = JSON.parse(text) as {
        readonly id: string;
        readonly type: string;
        readonly data: { readonly summary: string };
      };
      if (isDeadly(`events has got ${type}`)) return;
      if (request.headers['webhook-id'] !== id) strayCount++;
      events.set(id, { type, summary: data.summary, count: (events.get(id)?.count ?? 0) + 1 });
      if (!isDeadly(`events has taken ${type}`)) response.writeHead(202).end();
    }),
  };
  return {
    urls,
    alertsOf: (target) => books[target].alerts(),
    events: () => events,
    strayCount: () => strayCount,
    async close() {
      await Promise.all(
        servers.map((server) => {
          const closed = new Promise<void>((resolve) => server.close(() => resolve()));
          server.closeAllConnections();
          return closed;
        }),
      );
    },
  };
}

interface Posted {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly text: string;
}
