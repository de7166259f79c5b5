/**
 * On the other side of a page: an HTTP server that speaks PagerDuty's Events API v2 as far as on-call uses it, and keeps what a person there would see. It is written from
 * that API and shares nothing with the product.
 *
 * An alert is open by its routing key and its `dedup_key`: another trigger of both opens nothing, and what is said of one that is not open is dropped. After it was resolved
 * a trigger opens another one.
 *
 * - https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { EpochMs } from '../../core/time.ts';

export interface Alert {
  readonly routingKey: string;
  readonly dedupKey: string;
  readonly summary: string;
  /** As the sender calls it: `incident`, `escalation`. */
  readonly class: string;
  readonly openedAtMs: EpochMs;
  /** Events that were taken of it, the one that opened it included: more than one trigger woke nobody twice. */
  readonly triggerCount: number;
  readonly acknowledgedAtMs?: EpochMs;
  readonly resolvedAtMs?: EpochMs;
}

export interface Pager {
  readonly url: string;
  /** In the order in which they were opened. */
  alerts(): readonly Alert[];
  /** Change events, which wake nobody. */
  changeCount(): number;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: object;
}

const bodyBytesMax = 512 * 1024;

/** On a free port of this machine. */
export async function listenPager({ nowMs }: { readonly nowMs: () => EpochMs }): Promise<Pager> {
  const book = createAlertBook();
  const server = createServer((request, response) => void serve(request, response, (body) => book.hear(body, nowMs())));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    alerts: book.alerts,
    changeCount: book.changeCount,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  hear: (posted: { readonly path: string; readonly body: unknown }) => Answer,
): Promise<void> {
  const chunks: Buffer[] = [];
  let byteCount = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      byteCount += chunk.length;
      if (byteCount <= bodyBytesMax) chunks.push(chunk);
    }
  } catch {
    // Who goes away in the middle of a request has nobody to be answered.
    response.destroy();
    return;
  }
  const isTaken = request.method === 'POST' && byteCount <= bodyBytesMax;
  const { status, body } = isTaken
    ? hear({ path: request.url ?? '', body: parsed(Buffer.concat(chunks).toString()) })
    : refusal(request.method === 'POST' ? 413 : 405, 'Events are posted, of 512 KB at most');
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a pager knows, without its socket. */
export function createAlertBook() {
  const alerts: Alert[] = [];
  let changeCount = 0;

  const act = (event: Readonly<Record<string, unknown>>, routingKey: string, atMs: EpochMs): Answer => {
    const { event_action: action, dedup_key: dedupKey, payload } = event;
    if (typeof dedupKey !== 'string' || dedupKey === '' || dedupKey.length > 255) return invalid('dedup_key');
    const index = alerts.findIndex(
      (alert) => alert.routingKey === routingKey && alert.dedupKey === dedupKey && alert.resolvedAtMs === undefined,
    );
    const open = alerts[index];
    if (action === 'trigger') {
      if (!isRecord(payload) || !isSummary(payload['summary']) || typeof payload['source'] !== 'string')
        return invalid('payload');
      if (!severities.includes(payload['severity'] as string)) return invalid('payload.severity');
      if (open) alerts[index] = { ...open, triggerCount: open.triggerCount + 1 };
      else
        alerts.push({
          ...{ routingKey, dedupKey, summary: payload['summary'], openedAtMs: atMs, triggerCount: 1 },
          class: typeof payload['class'] === 'string' ? payload['class'] : '',
        });
    } else if (action === 'acknowledge') {
      if (open) alerts[index] = { acknowledgedAtMs: atMs, ...open };
    } else if (action === 'resolve') {
      if (open) alerts[index] = { ...open, resolvedAtMs: atMs };
    } else return invalid('event_action');
    return { status: 202, body: { status: 'success', message: 'Event processed', dedup_key: dedupKey } };
  };

  return {
    alerts: (): readonly Alert[] => [...alerts],
    changeCount: () => changeCount,
    hear({ path, body }: { readonly path: string; readonly body: unknown }, atMs: EpochMs): Answer {
      if (!isRecord(body)) return invalid('the event');
      const { routing_key: routingKey } = body;
      if (typeof routingKey !== 'string' || routingKey.length !== 32) return invalid('routing_key');
      if (path === '/v2/enqueue') return act(body, routingKey, atMs);
      if (path !== '/v2/change/enqueue') return refusal(404, 'Not Found');
      if (!isRecord(body['payload']) || !isSummary(body['payload']['summary'])) return invalid('payload');
      changeCount++;
      return { status: 202, body: { status: 'success', message: 'Change event processed' } };
    },
  };
}

const severities: readonly string[] = ['critical', 'error', 'warning', 'info'];

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSummary(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && Array.from(value).length <= 1_024;
}

function invalid(what: string): Answer {
  return { status: 400, body: { status: 'invalid event', message: 'Event object is invalid', errors: [what] } };
}

function refusal(status: number, message: string): Answer {
  return { status, body: { status: 'error', message } };
}
