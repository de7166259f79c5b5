/** From the places that a configuration names to the sinks that write there. */
import type { AnchorPlace } from '../config/load.ts';
import { assertNever } from '../core/assert.ts';
import type { Clock } from '../core/time.ts';
import { createS3Sink } from './anchor-s3.ts';
import { createPrintSink, openFileSink, type AnchorSink } from './anchor-sink.ts';
import { createWebhookSink } from './anchor-webhook.ts';

interface AnchorPorts {
  readonly clock: Clock;
  /** Of the functions: where a bucket is, unless it says otherwise. */
  readonly region: string;
  readonly out: (text: string) => void;
}

/** @throws InputError when a file cannot be written. What is over the network is asked when the first checkpoint is due. */
export async function openAnchorSinks(
  places: readonly AnchorPlace[],
  ports: AnchorPorts,
): Promise<readonly AnchorSink[]> {
  const sinks: AnchorSink[] = [];
  for (const place of places) sinks.push(await openSink(place, ports));
  return sinks;
}

async function openSink(place: AnchorPlace, { clock, region, out }: AnchorPorts): Promise<AnchorSink> {
  switch (place.kind) {
    case 'file':
      return openFileSink(place.path);
    case 'stdout':
      return createPrintSink(out);
    case 'webhook': {
      const { url, secret } = place;
      return createWebhookSink({ url, clock, ...(secret && { secret: secret.reveal() }) });
    }
    case 's3': {
      const { bucket, prefix, retainDays, endpoint } = place;
      return createS3Sink({
        bucket,
        prefix,
        retainDays,
        region: place.region ?? region,
        ...(endpoint !== undefined && { endpoint }),
      });
    }
    default:
      return assertNever(place);
  }
}
