// Where the points of a precision and recall curve lie in a drawing of a given width; nothing here draws.

import type { CurvePoint } from './types.ts';

export interface Frame {
  width: number;
  height: number;
  left: number; // room for the axes' numbers and names
  right: number;
  top: number;
  bottom: number;
}

export function frameFor(width: number): Frame {
  return { width, height: Math.round(Math.min(380, Math.max(230, width * 0.55))), left: 46, right: 14, top: 12, bottom: 42 };
}

export function xOf(frame: Frame, recall: number): number {
  return frame.left + recall * (frame.width - frame.left - frame.right);
}

export function yOf(frame: Frame, precision: number): number {
  return frame.top + (1 - precision) * (frame.height - frame.top - frame.bottom);
}

// The curve as an SVG path. A radius within which nothing lies has no precision and is left out.
export function pathOf(frame: Frame, curve: CurvePoint[]): string {
  return curve
    .filter(hasAnswers)
    .map((point, i) => `${i === 0 ? 'M' : 'L'}${xOf(frame, point.recall).toFixed(1)} ${yOf(frame, point.precision).toFixed(1)}`)
    .join('');
}

export function hasAnswers(point: CurvePoint): boolean {
  return Number.isFinite(point.precision) && point.recall > 0;
}

// The point of some curves that is nearest to a place in the drawing.
export function nearestPoint<T extends { curve: CurvePoint[] }>(
  frame: Frame,
  curves: T[],
  x: number,
  y: number,
): { of: T; point: CurvePoint } | undefined {
  let nearest: { of: T; point: CurvePoint } | undefined;
  let least = Infinity;
  for (const of of curves)
    for (const point of of.curve.filter(hasAnswers)) {
      const distance = Math.hypot(xOf(frame, point.recall) - x, yOf(frame, point.precision) - y);
      if (distance < least) [nearest, least] = [{ of, point }, distance];
    }
  return nearest;
}
