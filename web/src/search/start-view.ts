import { html, nothing, type TemplateResult } from 'lit';

import { tally } from '../app/icons.ts';
import { isTouched } from '../app/pointer.ts';
import { formatNumber } from '../i18n/language.ts';
import { columnName } from './column-name.ts';
import type { LabelColumn } from './label-columns.ts';
import { search } from './messages.ts';
import { formatState, kNothing } from './url-state.ts';

const kColumns = 3;
const kValues = 8;

export function startTitle(items: number | undefined): TemplateResult {
  const m = search();
  return html`<div class="start-title">
    ${tally}
    <h1>${m.title}</h1>
    <p class="soft">
      ${items === undefined ? nothing : m.itemsHere(formatNumber(items))} ${isTouched() ? m.introTouch : m.intro}
    </p>
  </div>`;
}

// What there is: the commonest values of the label columns, each a link to its items.
export function startBrowse(columns: LabelColumn[]): TemplateResult | typeof nothing {
  const shown = columns.filter(({ values }) => values.length > 0).slice(0, kColumns);
  if (shown.length === 0) return nothing;
  const m = search();
  return html`<section class="start-browse" aria-labelledby="browse">
    <h2 id="browse" class="soft">${m.browse}</h2>
    ${shown.map(
      ({ name, values }) =>
        html`<div class="start-column">
          <h3 lang="">${columnName(name)}</h3>
          <ul class="chips">
            ${values.slice(0, kValues).map(
              ({ value, items }) =>
                html`<li>
                  <a class="chip" href=${formatState({ ...kNothing, filters: [{ column: name, value }] })}
                    ><span lang="">${value}</span><span class="soft">${formatNumber(items)}</span></a
                  >
                </li>`,
            )}
          </ul>
        </div>`,
    )}
  </section>`;
}
