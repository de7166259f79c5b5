/**
 * Checkpoints as objects of an S3 bucket with Object Lock: until their retention ends nobody, the account's root included, can change or remove them.
 *
 * One object a checkpoint, named by what it covers, and only where there is none of that name: a repeated write changes nothing.
 *
 * - Amazon S3, Object Lock, compliance mode: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
 */
import type { S3Client } from '@aws-sdk/client-s3';
import { WorldError } from '../core/errors.ts';
import { msPerDay } from '../core/time.ts';
import type { AnchorSink } from './anchor-sink.ts';

export interface S3Options {
  readonly bucket: string;
  /** With its last slash, where it has one. */
  readonly prefix: string;
  readonly region: string;
  readonly retainDays: number;
  /** Of a store that speaks S3; absent: Amazon's own. */
  readonly endpoint?: string;
  /** Of the socket, so in real time even where the clock is virtual. */
  readonly requestTimeoutMs?: number;
}

const requestTimeoutMsDefault = 10_000;

/** Wide enough for a tick a second over three thousand years: names sort as the chain does. */
const seqDigits = 12;

export function createS3Sink(options: S3Options): AnchorSink {
  const { bucket, prefix, retainDays, requestTimeoutMs = requestTimeoutMsDefault } = options;
  let client: Promise<Pick<S3Client, 'send'>> | undefined;
  return {
    name: `s3://${bucket}/${prefix}`,
    async write({ line, atMs, seq, hash }, outer) {
      // Loaded when the first checkpoint is due: the SDK would make every start wait for it.
      const { PutObjectCommand } = await import('@aws-sdk/client-s3');
      client ??= createClient(options);
      const put = new PutObjectCommand({
        Bucket: bucket,
        Key: `${prefix}${String(seq).padStart(seqDigits, '0')}-${hash}.json`,
        Body: line,
        ContentType: 'application/json',
        ChecksumAlgorithm: 'SHA256',
        IfNoneMatch: '*',
        ObjectLockMode: 'COMPLIANCE',
        ObjectLockRetainUntilDate: new Date(atMs + retainDays * msPerDay),
      });
      const abortSignal = AbortSignal.any([outer, AbortSignal.timeout(requestTimeoutMs)]);
      try {
        await (await client).send(put, { abortSignal });
      } catch (error) {
        // An object of that name covers these very events already: written before a restart, or by an attempt whose answer was lost.
        if (statusOf(error) !== 412) throw describe(error);
      }
    },
  };
}

async function createClient({ region, endpoint }: S3Options): Promise<S3Client> {
  const { S3Client } = await import('@aws-sdk/client-s3');
  return new S3Client({
    region,
    // When to try again is decided by whoever asked for the write.
    maxAttempts: 1,
    // Other stores know their buckets by the path.
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
  });
}

function statusOf(error: unknown): number | undefined {
  const { $metadata } = error as { readonly $metadata?: { readonly httpStatusCode?: number } };
  return $metadata?.httpStatusCode;
}

/** Refused requests stay refused; what was not answered, or not now, may be later. 409: another write of the same name is under way. */
function describe(error: unknown): WorldError {
  const status = statusOf(error);
  const isRefused = status !== undefined && status >= 400 && status < 500 && ![408, 409, 429].includes(status);
  const { name, message } = error as Error;
  const why = name === 'TimeoutError' || name === 'AbortError' ? 'it did not answer in time' : `${name}: ${message}`;
  return new WorldError('anchor-s3', why, { retryable: !isRefused, cause: error });
}
