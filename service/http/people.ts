/**
 * Who asks, and what they may. Every token is somebody's: a person's, with a role, or one that is known by its place in the list of tokens and may all. Whoever changes
 * something is the actor of the record.
 *
 * Mental model: each role may what the one before may. A viewer reads; an editor says what is so (a calendar is right, an incident has been seen); an operator acts.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import { isLoopback } from '../../core/loopback.ts';
import { problem } from './problem.ts';

export const roles = ['viewer', 'editor', 'operator'] as const;
export type Role = (typeof roles)[number];

export interface Person {
  readonly name: string;
  readonly role: Role;
  readonly token: string;
}

export interface Caller {
  /** As it stands in the record: `operator:ada`, `operator:token-1`, `operator:local`. */
  readonly actor: string;
  readonly role: Role;
}

export interface People {
  /** No token is asked for: the listener is on loopback. */
  readonly isOpen: boolean;
  /** Whose token it is. */
  callerOf(token: string): Caller | undefined;
}

const localCaller: Caller = { actor: 'operator:local', role: 'operator' };

/** @param tokens of callers without a name: known by their place, and operators all. */
export function createPeople(tokens: readonly string[], persons: readonly Person[] = []): People {
  const known = [
    ...tokens.map((token, index) => ({
      digest: sha256(token),
      caller: { actor: `operator:token-${index + 1}`, role: 'operator' as const },
    })),
    ...persons.map(({ name, role, token }) => ({ digest: sha256(token), caller: { actor: `${role}:${name}`, role } })),
  ];
  return {
    isOpen: known.length === 0,
    callerOf(token) {
      const offered = sha256(token);
      // Digests have one length, so the comparison takes the same time whatever was offered.
      return known.findLast(({ digest }) => timingSafeEqual(digest, offered))?.caller;
    },
  };
}

export function bearerOf({ headers: { authorization = '' } }: Request): string | undefined {
  return /^Bearer (.+)$/.exec(authorization)?.[1];
}

/** In front of everything that wants a caller: who it is stands in `response.locals` from then on. */
export function requireCaller(people: People) {
  return (request: Request, response: Response, next: NextFunction): void => {
    if (people.isOpen) {
      if (!isOfThisMachine(request, response)) return;
      setCaller(response, localCaller);
      next();
      return;
    }
    const token = bearerOf(request);
    const caller = token === undefined ? undefined : people.callerOf(token);
    if (caller) {
      setCaller(response, caller);
      next();
      return;
    }
    response.setHeader('WWW-Authenticate', 'Bearer');
    problem(response, 401, 'unauthorised', 'this API wants "Authorization: Bearer <token>"');
  };
}

/** A token that stands in a form, of a page that a browser cannot send headers from. */
export function callerOfForm(people: People, token: string): Caller | undefined {
  return people.isOpen ? localCaller : people.callerOf(token);
}

/** Behind `requireCaller`: 403 names the role that is needed. */
export function requireRole(role: Role) {
  return (_request: Request, response: Response, next: NextFunction): void => {
    if (mayAct(callerIn(response), role)) next();
    else problem(response, 403, 'role', `this wants the role ${role}; ${callerIn(response).actor} has none such`);
  };
}

export function mayAct(caller: Caller, role: Role): boolean {
  return roles.indexOf(caller.role) >= roles.indexOf(role);
}

/** Of the record. */
export function actorOf(response: Response): string {
  return callerIn(response).actor;
}

function callerIn({ locals }: Response): Caller {
  return locals['caller'] as Caller;
}

function setCaller({ locals }: Response, caller: Caller): void {
  locals['caller'] = caller;
  locals['actor'] = caller.actor;
}

/** A name that leads back to this machine makes any page of the web one of ours, unless the name itself is looked at. */
export function isOfThisMachine(request: Request, response: Response): boolean {
  if (isLoopback(hostOf(request))) return true;
  problem(response, 403, 'foreign-name', 'without tokens, this API answers to the name of this machine only');
  return false;
}

/** The host that the client says it talks to, without its port. */
function hostOf({ headers: { host = '' } }: Request): string {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, '') : '';
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
