import { html, type TemplateResult } from 'lit';

import { pieces } from './mark-words.ts';

export function markedText(text: string, words: readonly string[]): (TemplateResult | string)[] {
  return pieces(text, words).map(({ text: piece, isMarked }) => (isMarked ? html`<mark>${piece}</mark>` : piece));
}
