/**
 * Reads an ExportTraceServiceRequest in protobuf into a batch: one pass over the bytes, no object a span, text only for attributes on the allow-list.
 *
 * Bytes from the network: each length is held against the end of the message it lies in before anything is read or reserved, so a prefix of 2 GiB
 * costs a comparison. What is unknown is skipped by its wire type; a wire type that proto3 does not have ends the reading.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 * @see https://github.com/open-telemetry/opentelemetry-proto (1.11.0, trace.proto, resource.proto, common.proto)
 */
import type { AllowedAttribute } from './otlp-attributes.ts';
import { adjustedCountOf } from './otlp-sampling.ts';
import { isThrottleText } from './otlp-throttle.ts';
import {
  cursor,
  readEnd,
  readLowWord,
  readSigned,
  readTag,
  readVarint,
  readWord,
  requireBytes,
  skip,
} from './protobuf-wire.ts';
import {
  addResource,
  keepOrDrop,
  makeRoom,
  openSpan,
  statusCodes,
  type Decoding,
  type SpanBatch,
} from './span-batch.ts';
import { writeBoolean, writeNumber, writeText } from './span-row.ts';

/** @throws OtlpError when the bytes are no such message; what was handed over before stays handed over. */
export function readProtoTraces(bytes: Buffer, reading: Decoding): void {
  for (let at = 0; at < bytes.length;) {
    const tag = readTag(bytes, at, bytes.length);
    at = cursor;
    if (tag === 0x0a) {
      const end = readEnd(bytes, at, bytes.length);
      readResourceSpans(bytes, cursor, end, reading);
      at = end;
    } else at = skip(bytes, at, bytes.length, tag);
  }
}

function readResourceSpans(bytes: Buffer, from: number, until: number, reading: Decoding): void {
  const { batch } = reading;
  const resource = addResource(batch);
  // The resource stands first by custom and not by rule: it is looked for before any span is read.
  for (let at = from; at < until;) {
    const tag = readTag(bytes, at, until);
    at = cursor;
    if (tag === 0x0a) {
      const end = readEnd(bytes, at, until);
      readResource(bytes, cursor, end, reading, resource);
      at = end;
    } else at = skip(bytes, at, until, tag);
  }
  for (let at = from; at < until;) {
    const tag = readTag(bytes, at, until);
    at = cursor;
    if (tag === 0x12) {
      const end = readEnd(bytes, at, until);
      readScopeSpans(bytes, cursor, end, reading);
      at = end;
    } else at = skip(bytes, at, until, tag);
  }
}

function readResource(bytes: Buffer, from: number, until: number, reading: Decoding, resource: number): void {
  for (let at = from; at < until;) {
    const tag = readTag(bytes, at, until);
    at = cursor;
    if (tag === 0x0a) {
      const end = readEnd(bytes, at, until);
      readAttribute(bytes, cursor, end, reading, -1 - resource);
      at = end;
    } else at = skip(bytes, at, until, tag);
  }
}

function readScopeSpans(bytes: Buffer, from: number, until: number, reading: Decoding): void {
  for (let at = from; at < until;) {
    const tag = readTag(bytes, at, until);
    at = cursor;
    if (tag === 0x12) {
      const end = readEnd(bytes, at, until);
      at = cursor;
      makeRoom(reading);
      readSpan(bytes, at, end, reading);
      at = end;
    } else at = skip(bytes, at, until, tag);
  }
}

function readSpan(bytes: Buffer, from: number, until: number, reading: Decoding): void {
  const { batch } = reading;
  const { columns, spanCount: index } = batch;
  const { ids } = columns;
  const id = 8 * index;
  openSpan(columns, index);
  let traceLength = 0;
  let spanLength = 0;
  let startLow = 0;
  let startHigh = 0;
  let endLow = 0;
  let endHigh = 0;

  for (let at = from; at < until;) {
    const tag = readTag(bytes, at, until);
    at = cursor;
    switch (tag) {
      case 0x4a: {
        const end = readEnd(bytes, at, until);
        readAttribute(bytes, cursor, end, reading, index);
        at = end;
        break;
      }
      case 0x0a: {
        const end = readEnd(bytes, at, until);
        at = cursor;
        traceLength = end - at;
        if (traceLength === 16) for (let word = 0; word < 4; word++) ids[id + word] = readWord(bytes, at + 4 * word);
        at = end;
        break;
      }
      case 0x12: {
        const end = readEnd(bytes, at, until);
        at = cursor;
        spanLength = end - at;
        if (spanLength === 8) {
          ids[id + 4] = readWord(bytes, at);
          ids[id + 5] = readWord(bytes, at + 4);
        }
        at = end;
        break;
      }
      case 0x22: {
        const end = readEnd(bytes, at, until);
        at = cursor;
        if (end - at === 8) {
          ids[id + 6] = readWord(bytes, at);
          ids[id + 7] = readWord(bytes, at + 4);
        }
        at = end;
        break;
      }
      case 0x1a: {
        const end = readEnd(bytes, at, until);
        columns.adjustedCount[index] = adjustedCountOf(bytes, cursor, end);
        at = end;
        break;
      }
      case 0x30:
        columns.kind[index] = Math.min(readVarint(bytes, at, until), 255);
        at = cursor;
        break;
      case 0x39:
        requireBytes(at, 8, until);
        startLow = readLowWord(bytes, at);
        startHigh = readLowWord(bytes, at + 4);
        at += 8;
        break;
      case 0x41:
        requireBytes(at, 8, until);
        endLow = readLowWord(bytes, at);
        endHigh = readLowWord(bytes, at + 4);
        at += 8;
        break;
      case 0x7a: {
        const end = readEnd(bytes, at, until);
        readStatus(bytes, cursor, end, batch);
        at = end;
        break;
      }
      default:
        at = skip(bytes, at, until, tag);
    }
  }

  const isWhole = traceLength === 16 && spanLength === 8;
  keepOrDrop(batch, isWhole, { startLow, startHigh, endLow, endHigh });
}

function readStatus(bytes: Buffer, from: number, until: number, batch: SpanBatch): void {
  const { columns, spanCount: index } = batch;
  let messageFrom = 0;
  let messageUntil = 0;
  for (let at = from; at < until;) {
    const tag = readTag(bytes, at, until);
    at = cursor;
    if (tag === 0x12) {
      messageUntil = readEnd(bytes, at, until);
      messageFrom = cursor;
      at = messageUntil;
    } else if (tag === 0x18) {
      columns.status[index] = Math.min(readVarint(bytes, at, until), 255);
      at = cursor;
    } else at = skip(bytes, at, until, tag);
  }
  if (columns.status[index] === statusCodes.error && messageUntil > messageFrom) {
    columns.throttled[index] = isThrottleText(
      bytes.toString('latin1', messageFrom, Math.min(messageUntil, messageFrom + 256)),
    )
      ? 1
      : 0;
  }
}

/** A KeyValue. `owner` is a span's index, or -1 less a resource's. */
function readAttribute(bytes: Buffer, from: number, until: number, reading: Decoding, owner: number): void {
  let attribute: AllowedAttribute | undefined;
  for (let at = from; at < until;) {
    const tag = readTag(bytes, at, until);
    at = cursor;
    if (tag === 0x0a) {
      const end = readEnd(bytes, at, until);
      attribute = reading.allowList.find(bytes, cursor, end);
      at = end;
    } else if (tag === 0x12) {
      const end = readEnd(bytes, at, until);
      if (attribute !== undefined) readValue(bytes, cursor, end, reading, attribute, owner);
      at = end;
    } else at = skip(bytes, at, until, tag);
  }
}

/** An AnyValue: text, boolean, integer, double; of a list its first text (DynamoDB's tables are one). Others are nothing to us. */
function readValue(
  bytes: Buffer,
  from: number,
  until: number,
  reading: Decoding,
  attribute: AllowedAttribute,
  owner: number,
): void {
  for (let at = from; at < until;) {
    const tag = readTag(bytes, at, until);
    at = cursor;
    switch (tag) {
      case 0x0a: {
        const end = readEnd(bytes, at, until);
        writeText(bytes, cursor, end, reading, attribute, owner);
        at = end;
        break;
      }
      case 0x10: {
        const value = readVarint(bytes, at, until);
        at = cursor;
        writeBoolean(reading.batch, attribute, owner, value !== 0);
        break;
      }
      case 0x18: {
        const value = readSigned(bytes, at, until);
        at = cursor;
        writeNumber(reading.batch, attribute, owner, value);
        break;
      }
      case 0x21:
        requireBytes(at, 8, until);
        writeNumber(reading.batch, attribute, owner, bytes.readDoubleLE(at));
        at += 8;
        break;
      case 0x2a: {
        const end = readEnd(bytes, at, until);
        readFirstOfList(bytes, cursor, end, reading, attribute, owner);
        at = end;
        break;
      }
      default:
        at = skip(bytes, at, until, tag);
    }
  }
}

function readFirstOfList(
  bytes: Buffer,
  from: number,
  until: number,
  reading: Decoding,
  attribute: AllowedAttribute,
  owner: number,
): void {
  if (from === until || readTag(bytes, from, until) !== 0x0a) return;
  const end = readEnd(bytes, cursor, until);
  const at = cursor;
  if (at === end || readTag(bytes, at, end) !== 0x0a) return;
  const textEnd = readEnd(bytes, cursor, end);
  writeText(bytes, cursor, textEnd, reading, attribute, owner);
}
