// Asks the server. A refusal is a Problem, silence is ServerAway; 401 is also told to whoever watches the session, and
// a server that says when to ask again (429, 503) is asked again then.

import { serverAnswered, serverIsAway, serverIsBusy } from './connection.ts';
import { Problem, ServerAway, problemOf } from './problem.ts';

const kMostRetries = 4;
const kLongestWaitSeconds = 30;

export interface Asking {
  signal?: AbortSignal | undefined;
  // Ask again after 429 and 503: for what changes nothing, or the same when done twice.
  retry?: boolean;
}

const session = new EventTarget();

export function onSignedOut(callback: () => void): () => void {
  session.addEventListener('signed-out', callback);
  return () => session.removeEventListener('signed-out', callback);
}

export async function get<T>(path: string, asking: Asking = {}): Promise<T> {
  return (await send('GET', path, undefined, { retry: true, ...asking })) as T;
}

export async function post<T>(path: string, body: object, asking: Asking = {}): Promise<T> {
  return (await send('POST', path, body, asking)) as T;
}

export async function put<T>(path: string, body: object, asking: Asking = {}): Promise<T> {
  return (await send('PUT', path, body, asking)) as T;
}

// `del`, for `delete` is a word of the language.
export async function del(path: string, asking: Asking = {}): Promise<void> {
  await send('DELETE', path, undefined, asking);
}

// A path of which each part in ${} is one segment: path`/v1/items/${id}`.
export function path(strings: TemplateStringsArray, ...segments: string[]): string {
  return String.raw({ raw: strings }, ...segments.map(encodeURIComponent));
}

// JSON, and a picture beside it where there is one.
export function form(part: string, json: object, picture: Blob | undefined): object {
  if (!picture) return json;
  const body = new FormData();
  body.append(part, JSON.stringify(json));
  body.append('image', picture, 'name' in picture ? (picture.name as string) : 'picture');
  return body;
}

async function send(method: string, path: string, body: object | undefined, asking: Asking): Promise<unknown> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (method !== 'GET') headers['X-Warifu'] = '1'; // a page of another site cannot send it
  let content: BodyInit | null = null;
  if (body instanceof FormData) {
    content = body;
  } else if (body) {
    headers['Content-Type'] = 'application/json';
    content = JSON.stringify(body);
  }
  for (let attempt = 0; ; ++attempt) {
    const response = await reach(path, { method, headers, body: content, signal: asking.signal ?? null });
    const wait = asking.retry && attempt < kMostRetries ? secondsToWait(response) : undefined;
    if (wait === undefined) return read(response);
    serverIsBusy(wait);
    try {
      await pause(wait * 1000, asking.signal);
    } catch (error) {
      serverAnswered(); // nobody waits any more
      throw error;
    }
  }
}

async function reach(path: string, request: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: 'same-origin', cache: 'no-store', ...request });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    serverIsAway();
    throw new ServerAway();
  }
  // Said by what stands between, for a server that is not there.
  if (response.status === 502 || response.status === 504) {
    serverIsAway();
    throw new ServerAway();
  }
  return response;
}

async function read(response: Response): Promise<unknown> {
  serverAnswered();
  if (response.status === 204) return undefined;
  if (response.ok) return response.json();
  const problem: Problem = await problemOf(response);
  if (problem.status === 401) session.dispatchEvent(new Event('signed-out'));
  throw problem;
}

function secondsToWait(response: Response): number | undefined {
  if (response.status !== 429 && response.status !== 503) return undefined;
  const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN);
  return seconds >= 0 && seconds <= kLongestWaitSeconds ? Math.max(seconds, 0.5) : undefined;
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(new DOMException('aborted', 'AbortError'));
    };
    if (signal?.aborted) return reject(new DOMException('aborted', 'AbortError'));
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
