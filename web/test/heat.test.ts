import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { WeightedWord } from '../src/api/types.ts';
import { bitsOf, opacityOf, patchesOf, textPieces } from '../src/explain/heat.ts';

function word(text: string, start: number, end: number): WeightedWord {
  return { word: text, start, end, weight: 1, bits: [], named: false };
}

test('patches cover the frame row by row', () => {
  const frame = { x: 0, y: 0, width: 1, height: 1 };
  const patches = patchesOf({ rows: 2, columns: 2, frame, weights: [0.1, 0.2, 0.3, 0.4], named: [] });
  assert.deepEqual(
    patches.map(({ x, y, weight }) => [x, y, weight]),
    [
      [0, 0, 0.1],
      [0.5, 0, 0.2],
      [0, 0.5, 0.3],
      [0.5, 0.5, 0.4],
    ],
  );
});
test('a frame that reaches beyond the picture keeps its patches in place; those outside are left out', () => {
  // A wide picture that the tower sees padded to a square: rows above and below lie outside.
  const frame = { x: 0, y: -0.5, width: 1, height: 2 };
  const patches = patchesOf({ rows: 4, columns: 1, frame, weights: [1, 2, 3, 4], named: [] });
  assert.deepEqual(
    patches.map(({ y, height, weight }) => [y, height, weight]),
    [
      [0, 0.5, 2],
      [0.5, 0.5, 3],
    ],
  );
});
test('what counts nothing is not seen, and the picture shows through what counts most', () => {
  assert.equal(opacityOf(0, 1), 0);
  assert.ok(opacityOf(1, 1) < 0.9 && opacityOf(-1, 1) === opacityOf(1, 1));
  assert.ok(opacityOf(0.3, 1) < opacityOf(0.6, 1));
});
test('a text is cut at its words, whose places count characters and not units', () => {
  const pieces = textPieces('𠮷野の赤い bolt', [word('bolt', 6, 10), word('赤い', 3, 5)]);
  assert.deepEqual(
    pieces.map(({ text, word: one }) => [text, one?.word]),
    [
      ['𠮷野の', undefined],
      ['赤い', '赤い'],
      [' ', undefined],
      ['bolt', 'bolt'],
    ],
  );
});
test('places beyond the text or inside another word are passed over', () => {
  const pieces = textPieces('red', [word('red', 0, 3), word('ed', 1, 3), word('far', 5, 8)]);
  assert.deepEqual(
    pieces.map(({ text }) => text),
    ['red'],
  );
});
test('the first bit of a code is the lowest of its first byte', () => {
  assert.deepEqual(
    bitsOf('0580', 16).flatMap((isSet, bit) => (isSet ? [bit] : [])),
    [0, 2, 15],
  );
});
