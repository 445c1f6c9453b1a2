import assert from 'node:assert/strict';
import { test } from 'node:test';

import { shell } from '../src/app/messages.ts';

test('the page speaks English where nothing else is asked for', () => {
  assert.equal(shell().search, 'Search');
});
