import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as api from '../src/api/client.ts';
import { path } from '../src/api/client.ts';
import { connection, onConnectionChange } from '../src/api/connection.ts';

function answers(...responses: Response[]): RequestInit[] {
  const requests: RequestInit[] = [];
  globalThis.fetch = (async (_path: string, request: RequestInit) => {
    requests.push(request);
    return responses.shift();
  }) as typeof fetch;
  return requests;
}

const busy = (): Response => new Response('{}', { status: 503, headers: { 'Retry-After': '0' } });

test('a busy server is asked again when it says so, and the page hears of it', async () => {
  const heard: unknown[] = [];
  const end = onConnectionChange((state) => heard.push(state));
  answers(busy(), new Response('{"ok":true}'));
  assert.deepEqual(await api.get('/v1/status'), { ok: true });
  assert.deepEqual(heard, [{ busyForSeconds: 0.5 }, 'here']);
  end();
});

test('what would be done twice is not asked again', async () => {
  const requests = answers(busy(), busy());
  await assert.rejects(api.post('/v1/jobs', {}), { name: 'Problem', status: 503 });
  assert.equal(requests.length, 1);
});

test('waiting for a busy server can be given up', async () => {
  answers(new Response('{}', { status: 429, headers: { 'Retry-After': '20' } }));
  const control = new AbortController();
  const asking = api.get('/v1/status', { signal: control.signal });
  setTimeout(() => control.abort(), 20);
  await assert.rejects(asking, (error) => api.isAborted(error));
  assert.equal(connection(), 'here', 'and nothing says any more that it is busy');
});

test('a refusal keeps its code, its hint and the number of the request', async () => {
  const said = { detail: 'no item is called x', code: 'not_found', hint: 'look again' };
  answers(new Response(JSON.stringify(said), { status: 404, headers: { 'X-Request-Id': 'r1' } }));
  await assert.rejects(api.get('/v1/items/x'), {
    message: said.detail,
    code: said.code,
    hint: said.hint,
    request: 'r1',
  });
});

test('being signed out is told', async () => {
  let told = 0;
  const end = api.onSignedOut(() => ++told);
  answers(new Response('{}', { status: 401 }));
  await assert.rejects(api.get('/v1/session'));
  assert.equal(told, 1);
  end();
});

test('what changes something says that this page asks for it', async () => {
  const requests = answers(new Response(null, { status: 204 }));
  await api.del('/v1/session');
  assert.equal((requests[0]?.headers as Record<string, string>)['X-Warifu'], '1');
});

test('ids stay one segment of a path', () => {
  assert.equal(path`/v1/items/${'a/b?c#d'}`, '/v1/items/a%2Fb%3Fc%23d');
});

test('a picture travels beside its query', () => {
  assert.deepEqual(api.form('query', { text: 'bolt' }, undefined), { text: 'bolt' });
  const body = api.form('query', { text: 'bolt' }, new Blob(['x'])) as FormData;
  assert.equal(body.get('query'), '{"text":"bolt"}');
  assert.ok(body.get('image'));
});

test('a server that is silent is away until it answers', async () => {
  globalThis.fetch = (async () => {
    throw new TypeError('failed to fetch');
  }) as typeof fetch;
  await assert.rejects(api.get('/v1/status'), { name: 'ServerAway' });
  assert.equal(connection(), 'away');
  globalThis.fetch = (async () => new Response('ready')) as typeof fetch;
  await new Promise<void>((resolve) => onConnectionChange((state) => state === 'here' && resolve()));
});
