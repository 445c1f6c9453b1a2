// Whether fingers do the work: nothing can be dropped, and a camera is at hand.
export function isTouched(): boolean {
  return matchMedia('(pointer: coarse)').matches;
}
