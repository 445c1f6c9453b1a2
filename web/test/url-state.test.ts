import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  answerKey,
  conjunctions,
  formatState,
  kNothing,
  parseState,
  toFilter,
  toggleFilter,
  type SearchState,
} from '../src/search/url-state.ts';

const kFull: SearchState = {
  text: '赤い bolt & nut',
  find: 'image',
  filters: [
    { column: 'colour', value: 'red=ish' },
    { column: 'プラント', value: '神戸' },
  ],
  weight: 70,
  like: '',
  picture: 'abc123',
  item: 'a/b?c',
  why: true,
};

test('a state that goes into an address comes out of it', () => {
  assert.deepEqual(parseState(new URL(formatState(kFull), 'http://warifu').search), kFull);
});
test('nothing is the address of the start', () => {
  assert.equal(formatState(kNothing), '/');
  assert.deepEqual(parseState(''), kNothing);
});
test('what an address says wrongly is as if it were not said', () => {
  const state = parseState('?find=both&w=999&filter=nonsense&filter==x&why=1');
  assert.deepEqual(state, { ...kNothing, weight: 100 });
  assert.equal(parseState('?w=many').weight, 50);
});
test('opening an item does not ask anew', () => {
  assert.equal(answerKey(kFull), answerKey({ ...kFull, item: '', why: false }));
});
test('a weight is in the address only where words and a picture are weighed', () => {
  assert.ok(!formatState({ ...kNothing, text: 'bolt', weight: 70 }).includes('w='));
});
test('filters are any of the values within a column, over all columns', () => {
  const filters = [
    { column: 'type', value: 'bolt' },
    { column: 'colour', value: 'red' },
    { column: 'type', value: 'nut' },
  ];
  assert.deepEqual(toFilter(filters), {
    all: [
      { column: 'type', in: ['bolt', 'nut'] },
      { column: 'colour', in: ['red'] },
    ],
  });
  assert.deepEqual(toFilter(filters.slice(0, 1)), { column: 'type', in: ['bolt'] });
  assert.equal(toFilter([]), undefined);
  assert.deepEqual(conjunctions(filters), [
    [
      { column: 'type', value: 'bolt' },
      { column: 'colour', value: 'red' },
    ],
    [
      { column: 'type', value: 'nut' },
      { column: 'colour', value: 'red' },
    ],
  ]);
});
test('a filter that is chosen again is removed', () => {
  const red = { column: 'colour', value: 'red' };
  assert.deepEqual(toggleFilter(toggleFilter([], red), red), []);
});
