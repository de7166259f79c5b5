import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { formatCheckpoint } from '../store/anchor.ts';
import { createS3Sink } from './anchor-s3.ts';
import type { OutgoingCheckpoint } from './anchor-sink.ts';

const head = { seq: 7, hash: 'a'.repeat(64) };
const atMs = Date.UTC(2026, 2, 18);
const checkpoint: OutgoingCheckpoint = { line: formatCheckpoint(head, atMs), atMs, ...head };
const never = new AbortController().signal;

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  return () => vi.unstubAllEnvs();
});

async function listen(status: number | undefined, code = 'Refused') {
  const requests: {
    readonly method: string;
    readonly url: string;
    readonly headers: IncomingHttpHeaders;
    readonly body: string;
  }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
      const xml = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>in words</Message></Error>`;
      if (status !== undefined) response.writeHead(status).end(status === 200 ? '' : xml);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const sink = createS3Sink({
    bucket: 'kept-elsewhere',
    prefix: 'foreshock/',
    region: 'eu-west-1',
    retainDays: 400,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requestTimeoutMs: status === undefined ? 300 : 10_000,
  });
  return { sink, requests };
}

it('puts one object, locked until its retention ends, only where there is none, with its checksum', async () => {
  const { sink, requests } = await listen(200);
  await sink.write(checkpoint, never);
  const [{ method, url, headers, body }] = requests as [(typeof requests)[0]];
  expect(method).toBe('PUT');
  expect(url.split('?')[0]).toBe(`/kept-elsewhere/foreshock/000000000007-${head.hash}.json`);
  expect(body).toBe(checkpoint.line);
  expect(headers).toMatchObject({
    'if-none-match': '*',
    'x-amz-object-lock-mode': 'COMPLIANCE',
    'x-amz-object-lock-retain-until-date': '2027-04-22T00:00:00Z',
    'x-amz-checksum-sha256': createHash('sha256').update(checkpoint.line).digest('base64'),
  });
});

it('takes an object that is there for the one it wanted to write', async () => {
  const { sink } = await listen(412, 'PreconditionFailed');
  await sink.write(checkpoint, never);
});

it.each([
  { status: 403, code: 'AccessDenied', retryable: false, says: 'AccessDenied: in words' },
  { status: 400, code: 'InvalidRequest', retryable: false, says: 'InvalidRequest: in words' },
  { status: 404, code: 'NoSuchBucket', retryable: false, says: 'NoSuchBucket: in words' },
  { status: 409, code: 'ConditionalRequestConflict', retryable: true, says: 'ConditionalRequestConflict: in words' },
  { status: 503, code: 'SlowDown', retryable: true, says: 'SlowDown: in words' },
  { status: undefined, code: '', retryable: true, says: 'it did not answer in time' },
])('says of $status $code whether to ask again, after one attempt', async ({ status, code, retryable, says }) => {
  const { sink, requests } = await listen(status, code);
  const failure = sink.write(checkpoint, never);
  await expect(failure).rejects.toMatchObject({ name: 'WorldError', retryable });
  await expect(failure).rejects.toThrow(says);
  expect(requests).toHaveLength(1);
});
