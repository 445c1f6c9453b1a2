import { html, nothing, type TemplateResult } from 'lit';

import { formatNumber } from '../i18n/language.ts';

// How numbers and lists look on the admin page.

type Cell = string | TemplateResult | typeof nothing;

export interface Table {
  labelledBy: string; // id of the heading that names it
  head: (string | { name: string; isNumber: true })[];
  rows: Cell[][];
}

// A table. On a narrow screen every row becomes a card whose cells name their column; the roles are written out, for
// browsers take them from a table that is laid out otherwise.
export function table({ labelledBy, head, rows }: Table): TemplateResult {
  const columns = head.map((one) => (typeof one === 'string' ? { name: one, isNumber: false } : one));
  return html`<table class="table" role="table" aria-labelledby=${labelledBy}>
    <thead role="rowgroup">
      <tr role="row">
        ${columns.map(({ name, isNumber }) => html`<th role="columnheader" scope="col" class=${isNumber ? 'number' : nothing}>${name}</th>`)}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${rows.map(
        (row) => html`<tr role="row">
          ${row.map((cell, i) => {
            const isEmpty = cell === '' || cell === nothing;
            const { name, isNumber } = columns[i]!;
            return html`<td role="cell" class="${isNumber ? 'number' : ''} ${isEmpty ? 'empty' : ''}">
              <span class="column" aria-hidden="true">${name}</span><span class="value">${cell}</span>
            </td>`;
          })}
        </tr>`,
      )}
    </tbody>
  </table>`;
}

// A few numbers that matter, each with what it counts.
export function figures(list: [value: number, name: string][]): TemplateResult {
  return html`<dl class="figures">
    ${list.map(([value, name]) => html`<div><dt>${name}</dt><dd>${formatNumber(value)}</dd></div>`)}
  </dl>`;
}

// A share of 1 as a bar, beside the number that says it.
export function shareBar(share: number): TemplateResult {
  return html`<svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
    <rect class="whole" width="100" height="8" rx="4"></rect>
    <rect class="part" width=${Math.max(1, 100 * share)} height="8" rx="4"></rect>
  </svg>`;
}
