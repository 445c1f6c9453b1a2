// Where weights lie on a picture and in a text.

import type { Patches, WeightedWord } from '../api/types.ts';

export interface Patch {
  row: number;
  column: number;
  x: number; // in shares of the picture as people see it
  y: number;
  width: number;
  height: number;
  weight: number; // > 0 pulls the codes together, < 0 pushes them apart
}

// Patches that lie outside the picture are left out: nobody sees them.
export function patchesOf({ rows, columns, frame, weights }: Patches): Patch[] {
  const all: Patch[] = [];
  for (let row = 0; row < rows; ++row)
    for (let column = 0; column < columns; ++column) {
      const patch = { ...placeOf({ rows, columns, frame }, row, column), weight: weights[row * columns + column] ?? 0 };
      const isSeen = patch.x < 1 && patch.y < 1 && patch.x + patch.width > 0 && patch.y + patch.height > 0;
      if (isSeen) all.push(patch);
    }
  return all;
}

function placeOf(
  { rows, columns, frame }: Pick<Patches, 'rows' | 'columns' | 'frame'>,
  row: number,
  column: number,
): Omit<Patch, 'weight'> {
  return {
    row,
    column,
    x: frame.x + (frame.width * column) / columns,
    y: frame.y + (frame.height * row) / rows,
    width: frame.width / columns,
    height: frame.height / rows,
  };
}

// How much of the colour is seen: nothing for what hardly counts, so that the picture stays a picture.
export function opacityOf(weight: number, strength: number): number {
  const most = 0.8 * strength;
  return Math.round(Math.min(Math.abs(weight), 1) ** 0.8 * most * 1000) / 1000;
}

export interface TextPiece {
  text: string;
  word?: WeightedWord;
}

// A text cut at its weighted words. Their places count code points, strings count UTF-16 units.
export function textPieces(text: string, words: readonly WeightedWord[]): TextPiece[] {
  const points = [...text];
  const all: TextPiece[] = [];
  let at = 0;
  for (const word of [...words].sort((a, b) => a.start - b.start)) {
    if (word.start < at || word.end <= word.start || word.end > points.length) continue;
    if (word.start > at) all.push({ text: points.slice(at, word.start).join('') });
    all.push({ text: points.slice(word.start, word.end).join(''), word });
    at = word.end;
  }
  if (at < points.length) all.push({ text: points.slice(at).join('') });
  return all;
}

// The bits of a code written as hexadecimal bytes, the first bit the lowest of the first byte.
export function bitsOf(hex: string, count: number): boolean[] {
  return Array.from({ length: count }, (_, bit) => {
    const byte = Number.parseInt(hex.slice((bit >> 3) * 2, (bit >> 3) * 2 + 2), 16);
    return ((byte >> (bit & 7)) & 1) === 1;
  });
}
