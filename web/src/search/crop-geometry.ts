// A part of a picture, in shares of its width and height.

export interface Part {
  x: number;
  y: number;
  width: number;
  height: number;
}

export type Corner = 'top-left' | 'top-right' | 'bottom-left' | 'bottom-right';

export const kWhole: Part = { x: 0, y: 0, width: 1, height: 1 };
export const kLeast = 0.05; // the least width and height

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

export function isWhole(part: Part): boolean {
  return part.width >= 0.999 && part.height >= 0.999;
}

export function move(part: Part, dx: number, dy: number): Part {
  return { ...part, x: clamp(part.x + dx, 0, 1 - part.width), y: clamp(part.y + dy, 0, 1 - part.height) };
}

// The opposite corner stays where it is.
export function dragCorner(part: Part, corner: Corner, dx: number, dy: number): Part {
  const right = part.x + part.width;
  const bottom = part.y + part.height;
  const isLeft = corner.endsWith('left');
  const isTop = corner.startsWith('top');
  const x0 = isLeft ? clamp(part.x + dx, 0, right - kLeast) : part.x;
  const x1 = isLeft ? right : clamp(right + dx, part.x + kLeast, 1);
  const y0 = isTop ? clamp(part.y + dy, 0, bottom - kLeast) : part.y;
  const y1 = isTop ? bottom : clamp(bottom + dy, part.y + kLeast, 1);
  return { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
}

// Drawn from one point to another, in any direction.
export function between(x0: number, y0: number, x1: number, y1: number): Part {
  const width = Math.max(clamp(Math.max(x0, x1), 0, 1) - clamp(Math.min(x0, x1), 0, 1), kLeast);
  const height = Math.max(clamp(Math.max(y0, y1), 0, 1) - clamp(Math.min(y0, y1), 0, 1), kLeast);
  return {
    x: clamp(Math.min(x0, x1), 0, 1 - width),
    y: clamp(Math.min(y0, y1), 0, 1 - height),
    width,
    height,
  };
}

// Whole pixels of a picture, at least one.
export function toPixels(part: Part, width: number, height: number): Part {
  const x = clamp(Math.round(part.x * width), 0, width - 1);
  const y = clamp(Math.round(part.y * height), 0, height - 1);
  return {
    x,
    y,
    width: clamp(Math.round(part.width * width), 1, width - x),
    height: clamp(Math.round(part.height * height), 1, height - y),
  };
}

// The size in which a picture is sent: as it is, or with its longer side at most `most`.
export function fitWithin(width: number, height: number, most: number): { width: number; height: number } {
  const scale = Math.min(1, most / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}
