import assert from 'node:assert/strict';
import { test } from 'node:test';

import { shell } from '../src/app/messages.ts';
import { explain } from '../src/explain/messages.ts';
import { setLanguage } from '../src/i18n/language.ts';
import { search } from '../src/search/messages.ts';

// Outside a browser there is nothing to keep the choice in.
Object.assign(globalThis, { localStorage: { setItem: () => undefined }, document: { documentElement: {} } });

// All texts of a catalogue with the path to each. Functions are called with values that can be found again.
function texts(catalogue: object, path = ''): [string, string][] {
  return Object.entries(catalogue).flatMap(([name, value]: [string, unknown]) => {
    const at = `${path}/${name}`;
    if (typeof value === 'string') return [[at, value]] as [string, string][];
    if (typeof value === 'function') return [[at, String(value('41', '42', '43'))]] as [string, string][];
    return texts(value as object, at);
  });
}

for (const [name, catalogue] of Object.entries({ shell, search, explain })) {
  test(`${name}: both languages have the same messages, none of them empty`, () => {
    setLanguage('en');
    const english = texts(catalogue());
    setLanguage('ja');
    const japanese = texts(catalogue());
    assert.deepEqual(
      japanese.map(([path]) => path),
      english.map(([path]) => path),
    );
    for (const [path, text] of [...english, ...japanese]) assert.notEqual(text.trim(), '', path);
  });

  test(`${name}: a value that one language shows, the other shows too`, () => {
    setLanguage('en');
    const english = new Map(texts(catalogue()));
    setLanguage('ja');
    for (const [path, text] of texts(catalogue()))
      for (const value of ['41', '42', '43'])
        assert.equal(text.includes(value), english.get(path)?.includes(value), `${path}: ${value}`);
  });
}

test('the page speaks Japanese when it is told to', () => {
  setLanguage('ja');
  assert.equal(shell().signIn, 'サインイン');
});
