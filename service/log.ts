/**
 * Logs are events with fields, levelled by reader: debug for us, info for milestones, warn for an operator (with the consequence), error for a broken
 * promise. They go to stderr as JSON lines; stdout belongs to results.
 */
import { pino, destination } from 'pino';

export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export function createLog(level: LogLevel): Log {
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'event',
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"at":"${new Date().toISOString()}"`,
    },
    destination({ fd: 2, sync: true }),
  );
  return {
    debug: (event, fields) => logger.debug(fields ?? {}, event),
    info: (event, fields) => logger.info(fields ?? {}, event),
    warn: (event, fields) => logger.warn(fields ?? {}, event),
    error: (event, fields) => logger.error(fields ?? {}, event),
  };
}

/** A faulty file has a line for each fault; the first says enough to know which file to look at. */
export function firstLineOf(message: string): string {
  const lines = message.split('\n');
  return lines.length === 1 ? message : `${lines[0]!} (and ${lines.length - 1} more)`;
}
