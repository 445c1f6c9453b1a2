import { html, nothing, type TemplateResult } from 'lit';

import type { Hit } from '../api/types.ts';
import { formatNumber } from '../i18n/language.ts';
import { search } from './messages.ts';

const kLook = { likely: 'good', unsure: 'doubt', weak: '' } as const;

// How sure a hit is, in words; the number behind it for those who ask. Nothing where the space is not calibrated.
export function confidenceChip(hit: Hit): TemplateResult | typeof nothing {
  if (!hit.confidence) return nothing;
  const m = search();
  const title = hit.probability === undefined ? nothing : m.probability(percent(hit.probability));
  return html`<span class="chip confidence ${kLook[hit.confidence]}" title=${title}
    >${m.confidence[hit.confidence]}</span
  >`;
}

export function percent(probability: number): string {
  const hundredths = probability * 100;
  if (hundredths > 0 && hundredths < 1) return `< ${formatNumber(1)}`;
  if (hundredths > 99 && hundredths < 100) return `> ${formatNumber(99)}`;
  return formatNumber(Math.round(hundredths));
}
