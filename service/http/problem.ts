/** Errors as the API tells them. */
import type { Response } from 'express';

/** RFC 9457. */
export function problem(response: Response, status: number, code: string, detail: string): void {
  response
    .status(status)
    .type('application/problem+json')
    .json({ type: `urn:foreshock:${code}`, status, title: code, detail });
}
