/**
 * What the receiver answers, in the form in which it was asked: an ExportTraceServiceResponse, or a google.rpc.Status for all that went wrong.
 *
 * Senders try again after 429, 502, 503 and 504 and after nothing else, so overload is 429, and what would fail a second time is none of the four.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
 */
export type OtlpForm = 'proto' | 'json';

export interface OtlpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Problem {
  readonly status: 400 | 401 | 404 | 405 | 413 | 415 | 429 | 503;
  readonly message: string;
  /** Where in the request, when that is known. */
  readonly field?: string;
}

/** google.rpc.Code by HTTP status. */
const codes: Readonly<Record<Problem['status'], number>> = {
  400: 3, // INVALID_ARGUMENT
  401: 16, // UNAUTHENTICATED
  404: 5, // NOT_FOUND
  405: 12, // UNIMPLEMENTED
  413: 8, // RESOURCE_EXHAUSTED
  415: 3,
  429: 8,
  503: 14, // UNAVAILABLE
};

const contentTypes: Readonly<Record<OtlpForm, string>> = { proto: 'application/x-protobuf', json: 'application/json' };

/** The queue drains in well under a second; senders that all came at once should not all come back at once, and add their own jitter. */
const retryAfterSeconds = 1;

const badRequestType = 'type.googleapis.com/google.rpc.BadRequest';

/** Accepted: all of it, or all but `rejectedCount` spans, which must not be sent again. */
export function acceptance(form: OtlpForm, rejectedCount: number, message: string): OtlpAnswer {
  if (form === 'json') {
    const partialSuccess = { rejectedSpans: String(rejectedCount), errorMessage: message };
    return answer(form, 200, Buffer.from(JSON.stringify(rejectedCount === 0 ? {} : { partialSuccess })));
  }
  const body = rejectedCount === 0 ? Buffer.alloc(0) : nested(1, [varint(1, rejectedCount), text(2, message)]);
  return answer(form, 200, body);
}

export function refusal(form: OtlpForm, { status, message, field }: Problem): OtlpAnswer {
  const code = codes[status];
  const headers = {
    ...((status === 429 || status === 503) && { 'retry-after': String(retryAfterSeconds) }),
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
    ...(status === 405 && { allow: 'POST' }),
  };
  if (form === 'json') {
    const details =
      field === undefined ? [] : [{ '@type': badRequestType, fieldViolations: [{ field, description: message }] }];
    return answer(form, status, Buffer.from(JSON.stringify({ code, message, details })), headers);
  }
  const violation = field === undefined ? [] : [nested(1, [text(1, field), text(2, message)])];
  const details = violation.map((body) => nested(3, [text(1, badRequestType), nested(2, [body])]));
  return answer(form, status, Buffer.concat([varint(1, code), text(2, message), ...details]), headers);
}

function answer(form: OtlpForm, status: number, body: Buffer, headers: Record<string, string> = {}): OtlpAnswer {
  return {
    status,
    headers: { ...headers, 'content-type': contentTypes[form], 'content-length': String(body.length) },
    body,
  };
}

function nested(field: number, parts: readonly Buffer[]): Buffer {
  return bytes(field, Buffer.concat(parts));
}

function text(field: number, value: string): Buffer {
  return bytes(field, Buffer.from(value));
}

function bytes(field: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2]), digits(value.length), value]);
}

function varint(field: number, value: number): Buffer {
  return Buffer.concat([Buffer.from([field << 3]), digits(value)]);
}

function digits(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  out.push(rest);
  return Buffer.from(out);
}
