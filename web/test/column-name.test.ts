import assert from 'node:assert/strict';
import { test } from 'node:test';

import { columnName } from '../src/search/column-name.ts';

test('names of columns are shown as people write them', () => {
  assert.equal(columnName('baseColour'), 'Base colour');
  assert.equal(columnName('part_number'), 'Part number');
  assert.equal(columnName('設備'), '設備');
  assert.equal(columnName('ID'), 'ID');
});
