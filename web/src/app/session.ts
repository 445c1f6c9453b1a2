// Who is signed in. Where no users exist, everybody is the owner of this machine and nobody signs in.

import * as api from '../api/client.ts';
import { Problem } from '../api/problem.ts';
import type { Session } from '../api/types.ts';

const kFirstWait = 2000; // milliseconds
const kLongestWait = 60_000;

const changes = new EventTarget();
let current: Session | undefined;
let needed = false;
let lookup: Promise<void> = Promise.resolve();

export function session(): Session | undefined {
  return current;
}
export function mustSignIn(): boolean {
  return needed;
}
export function may(scope: string): boolean {
  return current !== undefined && (current.scopes.includes(scope) || current.scopes.includes('admin'));
}
// Someone with a key of their own, who can therefore sign out. The server calls the owner of its machine so.
export function hasKey(): boolean {
  return current !== undefined && current.name !== 'local';
}

export function onSessionChange(callback: () => void): () => void {
  changes.addEventListener('change', callback);
  return () => changes.removeEventListener('change', callback);
}

function become(next: Session | undefined, signIn: boolean): void {
  current = next;
  needed = signIn;
  changes.dispatchEvent(new Event('change'));
}

// Resolves when it has been asked who is signed in, whatever came of it.
export function sessionLookedUp(): Promise<void> {
  return lookup;
}

export function findSession(): Promise<void> {
  lookup = look(kFirstWait);
  return lookup;
}

async function look(wait: number): Promise<void> {
  try {
    become(await api.get<Session>('/v1/session'), false);
  } catch (error) {
    // 401 has been told to the listener below; a server that is away is asked again by whoever watches it.
    if (!(error instanceof Problem) || error.status < 500) return;
    setTimeout(() => {
      if (!current && !needed) void look(Math.min(wait * 2, kLongestWait));
    }, wait);
  }
}

export async function signIn(key: string): Promise<void> {
  become(await api.post<Session>('/v1/session', { key }), false);
}

export async function signOut(): Promise<void> {
  await api.del('/v1/session');
  become(undefined, true);
}

api.onSignedOut(() => become(undefined, true));
