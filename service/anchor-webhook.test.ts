import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { formatCheckpoint } from '../store/anchor.ts';
import type { OutgoingCheckpoint } from './anchor-sink.ts';
import { createWebhookSink } from './anchor-webhook.ts';

const head = { seq: 7, hash: 'a'.repeat(64) };
const checkpoint: OutgoingCheckpoint = { line: formatCheckpoint(head, 5_000), atMs: 5_000, ...head };
const clock = { nowMs: () => 1_763_640_000_999 };
const never = new AbortController().signal;

/** A receiver that answers with `status`; without one it does not answer. */
async function listen(status: number | undefined) {
  const requests: { readonly headers: IncomingHttpHeaders; readonly body: string; readonly url: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      requests.push({ headers: request.headers, body, url: request.url ?? '' });
      if (status !== undefined) response.writeHead(status, { location: '/elsewhere' }).end('received');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/anchor`, requests };
}

it('posts the checkpoint as it would stand in a file, signed together with its time', async () => {
  const { url, requests } = await listen(204);
  await createWebhookSink({ url, secret: 'a-secret-of-the-receiver', clock }).write(checkpoint, never);
  const [{ headers, body }] = requests as [(typeof requests)[0]];
  expect(`${body}\n`).toBe(checkpoint.line);
  expect(headers['content-type']).toBe('application/json');
  const expected = createHmac('sha256', 'a-secret-of-the-receiver').update(`1763640000.${body}`).digest('hex');
  expect(headers['foreshock-signature']).toBe(`t=1763640000,v1=${expected}`);
});

it('signs nothing without a secret', async () => {
  const { url, requests } = await listen(200);
  await createWebhookSink({ url, clock }).write(checkpoint, never);
  expect(requests[0]!.headers).not.toHaveProperty('foreshock-signature');
});

it.each([
  { status: 500, retryable: true, says: 'it answered 500' },
  { status: 503, retryable: true, says: 'it answered 503' },
  { status: 429, retryable: true, says: 'it answered 429' },
  { status: 408, retryable: true, says: 'it answered 408' },
  { status: 400, retryable: false, says: 'it answered 400' },
  { status: 404, retryable: false, says: 'it answered 404' },
  { status: 307, retryable: false, says: 'it answered 307, and what was signed for one address' },
  { status: undefined, retryable: true, says: 'it did not answer in time' },
])('says of $status whether to ask again', async ({ status, retryable, says }) => {
  const { url, requests } = await listen(status);
  const sink = createWebhookSink({
    url,
    secret: 'a-secret-of-the-receiver',
    clock,
    requestTimeoutMs: status ? 10_000 : 300,
  });
  const failure = sink.write(checkpoint, never);
  await expect(failure).rejects.toMatchObject({ name: 'WorldError', retryable });
  await expect(failure).rejects.toThrow(says);
  expect(requests.map((request) => request.url)).toEqual(['/anchor']);
});

it('says of a receiver that is not there whether to ask again, and never tells the secret', async () => {
  const sink = createWebhookSink({ url: 'http://127.0.0.1:1/', secret: 'a-secret-of-the-receiver', clock });
  const error = await sink.write(checkpoint, never).catch((thrown: unknown) => thrown as Error);
  expect(error).toMatchObject({ name: 'WorldError', retryable: true });
  expect(`${String(error)} ${sink.name}`).not.toContain('a-secret');
});
