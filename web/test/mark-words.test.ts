import assert from 'node:assert/strict';
import { test } from 'node:test';

import { pieces, rangesOf } from '../src/search/mark-words.ts';

function marked(text: string, words: string[]): string {
  return pieces(text, words)
    .map(({ text: piece, isMarked }) => (isMarked ? `[${piece}]` : piece))
    .join('');
}

test('words are marked whatever their case', () => {
  assert.equal(marked('Rusty bolt, RUSTY nut', ['rusty']), '[Rusty] bolt, [RUSTY] nut');
});
test('a Latin word is marked where one begins and not inside of others', () => {
  assert.equal(marked('bored in Reddish red', ['red']), 'bored in [Red]dish [red]');
});
test('Japanese words are marked anywhere, for nothing parts them', () => {
  assert.equal(marked('冷却ポンプの漏れ', ['ポンプ', '漏れ']), '冷却[ポンプ]の[漏れ]');
});
test('half and full width are the same', () => {
  assert.equal(marked('ﾎﾟﾝﾌﾟ ＡＢＣ－１２', ['ポンプ', 'abc']), '[ﾎﾟﾝﾌﾟ] [ＡＢＣ]－１２');
});
test('one character that folds into several is marked as a whole', () => {
  assert.equal(marked('㈱割符', ['株']), '[㈱]割符');
});
test('words that touch or overlap are one mark', () => {
  assert.deepEqual(rangesOf('雪だるま', ['雪だ', 'だる', 'るま']), [{ start: 0, end: 4 }]);
});
test('nothing is marked without words, and an empty word marks nothing', () => {
  assert.equal(marked('text', []), 'text');
  assert.equal(marked('text', ['']), 'text');
});
test('characters outside the basic plane keep their places', () => {
  assert.equal(marked('𠮷野家 bolt', ['bolt', '野']), '𠮷[野]家 [bolt]');
});
test('what would be markup stays text', () => {
  assert.equal(marked('<b>bolt</b>', ['bolt']), '<b>[bolt]</b>');
});
