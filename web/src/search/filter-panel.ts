import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';

import type { ValueCount } from '../api/types.ts';
import { View } from '../app/view.ts';
import { formatNumber } from '../i18n/language.ts';
import { columnName } from './column-name.ts';
import type { LabelColumn } from './label-columns.ts';
import { rangesOf } from './mark-words.ts';
import { search } from './messages.ts';
import { hasFilter, toggleFilter, type LabelValue } from './url-state.ts';

const kShort = 7; // values shown before all are asked for
const kLong = 15; // from so many on, a list can be searched
const kMostShown = 200;

// Any of the chosen values within a column, over all columns.
@customElement('filter-panel')
export class FilterPanel extends View {
  @property({ attribute: false }) columns: LabelColumn[] = [];
  @property({ attribute: false }) filters: LabelValue[] = [];
  @property({ attribute: false }) change: (filters: LabelValue[]) => void = () => undefined;
  @state() private opened = new Set<string>();
  @state() private wanted = new Map<string, string>();

  protected override render(): TemplateResult {
    return html`${this.columns.map((column, index) => this.column(column, index))}`;
  }

  private column({ name, values }: LabelColumn, index: number): TemplateResult {
    const m = search();
    const title = columnName(name);
    const isOpen = this.opened.has(name);
    const shown = this.shown(name, values, isOpen);
    return html`<fieldset class="filter-column">
      <legend lang="">${title}</legend>
      ${
        isOpen && values.length >= kLong
          ? html`<input
              class="input"
              type="search"
              aria-label=${m.findValue(title)}
              placeholder=${m.findValue(title)}
              .value=${this.wanted.get(name) ?? ''}
              @input=${(event: Event) => this.want(name, (event.target as HTMLInputElement).value)}
            />`
          : nothing
      }
      <ul class="filter-values">
        ${shown.map(({ value, items }) => this.value(name, value, items))}
        ${shown.length === 0 ? html`<li class="soft small" role="status">${m.noValue}</li>` : nothing}
      </ul>
      ${
        values.length > kShort
          ? html`<button
              class="button quiet small filter-all"
              type="button"
              aria-expanded=${isOpen ? 'true' : 'false'}
              aria-describedby="filter-column-${index}"
              @click=${() => this.toggle(name)}
            >
              ${isOpen ? m.showFewer : m.showAll(formatNumber(values.length))}<span
                class="visually-hidden"
                id="filter-column-${index}"
                >${title}</span
              >
            </button>`
          : nothing
      }
    </fieldset>`;
  }

  private value(column: string, value: string, items: number): TemplateResult {
    const one = { column, value };
    return html`<li>
      <label class="filter-value">
        <input
          type="checkbox"
          .checked=${hasFilter(this.filters, one)}
          @change=${() => this.change(toggleFilter(this.filters, one))}
        />
        <span lang="">${value}</span><span class="soft small">${formatNumber(items)}</span>
      </label>
    </li>`;
  }

  // The most frequent, and those that are chosen; all of them, or those that are looked for, once the list is open.
  private shown(name: string, values: ValueCount[], isOpen: boolean): ValueCount[] {
    if (!isOpen)
      return values.filter(({ value }, index) => index < kShort || hasFilter(this.filters, { column: name, value }));
    const wanted = this.wanted.get(name)?.trim();
    const found = wanted ? values.filter(({ value }) => rangesOf(value, [wanted]).length > 0) : values;
    return found.slice(0, kMostShown);
  }

  private want(name: string, words: string): void {
    this.wanted = new Map(this.wanted).set(name, words);
  }

  private toggle(name: string): void {
    const opened = new Set(this.opened);
    if (!opened.delete(name)) opened.add(name);
    this.opened = opened;
  }
}
