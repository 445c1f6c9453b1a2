import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  between,
  dragCorner,
  fitWithin,
  isWhole,
  kLeast,
  kWhole,
  move,
  toPixels,
} from '../src/search/crop-geometry.ts';

const kMiddle = { x: 0.25, y: 0.25, width: 0.5, height: 0.5 };

test('a part stays inside the picture when it is moved', () => {
  assert.deepEqual(move(kMiddle, 9, -9), { ...kMiddle, x: 0.5, y: 0 });
});
test('the corner opposite to the one that is dragged stays where it is', () => {
  const part = dragCorner(kMiddle, 'top-left', -0.125, 0.125);
  assert.deepEqual(part, { x: 0.125, y: 0.375, width: 0.625, height: 0.375 });
});
test('a corner is not dragged past the other side, nor out of the picture', () => {
  const least = dragCorner(kMiddle, 'bottom-right', -9, -9);
  assert.ok(Math.abs(least.width - kLeast) < 1e-9 && Math.abs(least.height - kLeast) < 1e-9);
  assert.deepEqual(dragCorner(kMiddle, 'bottom-right', 9, 9), { x: 0.25, y: 0.25, width: 0.75, height: 0.75 });
});
test('a part can be drawn in any direction', () => {
  assert.deepEqual(between(0.75, 0.75, 0.25, 0.25), kMiddle);
  const outside = between(0.5, 0.5, 3, 3);
  assert.deepEqual(outside, { x: 0.5, y: 0.5, width: 0.5, height: 0.5 });
});
test('a click draws the least part, inside the picture', () => {
  const part = between(1, 1, 1, 1);
  assert.ok(part.x + part.width <= 1 && part.width === kLeast);
});
test('pixels are whole, inside the picture and at least one', () => {
  assert.deepEqual(toPixels(kWhole, 3, 2), { x: 0, y: 0, width: 3, height: 2 });
  assert.deepEqual(toPixels({ x: 0.999, y: 0.999, width: 0.001, height: 0.001 }, 10, 10), {
    x: 9,
    y: 9,
    width: 1,
    height: 1,
  });
});
test('a picture is made smaller but never larger, and keeps its shape', () => {
  assert.deepEqual(fitWithin(4000, 3000, 1024), { width: 1024, height: 768 });
  assert.deepEqual(fitWithin(640, 480, 1024), { width: 640, height: 480 });
  assert.deepEqual(fitWithin(100000, 10, 1024), { width: 1024, height: 1 });
});
test('the whole picture is told from a part', () => {
  assert.ok(isWhole(kWhole) && !isWhole(kMiddle));
});
