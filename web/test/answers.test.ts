import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { answerTo, forgetAnswers, queryOf } from '../src/search/answers.ts';
import { kNothing } from '../src/search/url-state.ts';

type Answering = (path: string, request: RequestInit) => unknown;
const asked: string[] = [];

// A server that answers so.
function serve(answer: Answering): void {
  globalThis.fetch = (async (path: string, request: RequestInit) => {
    asked.push(path);
    return new Response(JSON.stringify(answer(path, request)));
  }) as typeof fetch;
}

beforeEach(() => {
  asked.length = 0;
  forgetAnswers();
});

const kEmpty = { space: 's', bits: 64, hits: [], no_good_match: false, reranked: false };

test('in the middle words and picture are one code; elsewhere each has its weight', () => {
  const both = { ...kNothing, text: 'bolt', picture: 'p' };
  assert.equal(queryOf(both).weights, undefined);
  assert.deepEqual(queryOf({ ...both, weight: 75 }).weights, { text: 0.25, image: 0.75 });
  assert.equal(queryOf({ ...kNothing, text: 'bolt', weight: 75 }).weights, undefined);
});

test('going back shows the answer of before, asking again does not', async () => {
  serve(() => kEmpty);
  const state = { ...kNothing, text: 'bolt' };
  await answerTo(state, true);
  await answerTo({ ...state, item: 'x' }, true);
  assert.equal(asked.length, 1);
  await answerTo(state, false);
  assert.equal(asked.length, 2);
});

test('a failure is not kept', async () => {
  globalThis.fetch = (async () => new Response('{"detail":"no","code":"bad"}', { status: 400 })) as typeof fetch;
  const state = { ...kNothing, text: 'bolt' };
  await assert.rejects(answerTo(state, true), { name: 'Problem', message: 'no', code: 'bad' });
  serve(() => kEmpty);
  assert.equal((await answerTo(state, true)).hits.length, 0);
});

test('items with any of several labels come value by value, page by page, each once', async () => {
  const item = (id: string): object => ({ id, text: id, labels: {}, attributes: {}, groups: [], uri: '', thumb: null });
  serve((path) => {
    const query = new URL(path, 'http://warifu').searchParams;
    if (query.get('filter') === 'colour=blue') return { items: [item('both'), item('blue')] };
    return query.get('cursor') ? { items: [item('both')] } : { items: [item('red')], cursor: 'more' };
  });
  const filters = [
    { column: 'colour', value: 'red' },
    { column: 'colour', value: 'blue' },
  ];
  const seen: string[] = [];
  let page = await answerTo({ ...kNothing, filters }, false);
  for (;;) {
    seen.push(...page.hits.map(({ id }) => id));
    if (!page.next) break;
    page = await page.next();
  }
  assert.deepEqual(seen, ['red', 'both', 'blue']);
});
