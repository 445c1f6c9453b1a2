import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { live } from 'lit/directives/live.js';

import * as api from '../api/client.ts';
import type { Find, Suggestion } from '../api/types.ts';
import { announce } from '../app/announce.ts';
import { icons } from '../app/icons.ts';
import { isTouched } from '../app/pointer.ts';
import { View } from '../app/view.ts';
import { formatNumber } from '../i18n/language.ts';
import { columnName } from './column-name.ts';
import { search } from './messages.ts';
import type { QueryPicture } from './picture.ts';
import { hasQuery, isStart, kBothAlike, kNothing, type SearchState } from './url-state.ts';

const kSuggestAfterMs = 120;
const kFinds: Find[] = ['any', 'image', 'text'];

// One box for words and a picture. Suggestions are a combobox (ARIA 1.2) that keeps out of the way: nothing is chosen
// until an arrow key chooses it, and keys that belong to the composition of Japanese are left to it.
@customElement('query-box')
export class QueryBox extends View {
  @property({ attribute: false }) search: SearchState = kNothing;
  @property({ attribute: false }) picture: QueryPicture | undefined;
  @property({ attribute: false }) go: (change: Partial<SearchState>) => void = () => undefined;
  @property({ attribute: false }) takeFiles: (files: File[]) => void = () => undefined;
  @property({ attribute: false }) crop: () => void = () => undefined;
  @property({ attribute: false }) leaveDown: () => void = () => undefined; // arrow down, with no suggestions to go to

  @state() private draft = '';
  @state() private suggestions: Suggestion[] = [];
  @state() private chosen = -1;
  private isComposing = false;
  private timer = 0;
  private asking = new AbortController();

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.closeSuggestions();
  }

  override focus(): void {
    this.input?.focus();
    this.input?.select();
  }

  get words(): string {
    return this.draft.trim();
  }

  // As if the user had typed it.
  write(text: string): void {
    this.draft = text;
    this.input?.focus();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get('search');
    if (changed.has('search') && before?.text !== this.search.text) this.draft = this.search.text;
  }

  private get input(): HTMLInputElement | null {
    return this.querySelector('#query');
  }

  protected override render(): TemplateResult {
    const m = search();
    const isOpen = this.suggestions.length > 0;
    return html`<form class="query" role="search" aria-label=${m.box} @submit=${this.submit}>
      <div class="query-box">
        ${this.pictureChip()}
        <div class="query-words">
          <input
            id="query"
            type="text"
            role="combobox"
            inputmode="search"
            enterkeyhint="search"
            autocomplete="off"
            autocapitalize="off"
            spellcheck="false"
            aria-label=${m.box}
            aria-autocomplete="list"
            aria-expanded=${isOpen ? 'true' : 'false'}
            aria-controls="suggestions"
            aria-activedescendant=${this.chosen >= 0 ? `suggestion-${this.chosen}` : nothing}
            placeholder=${this.placeholder()}
            .value=${live(this.draft)}
            @input=${this.typed}
            @keydown=${this.key}
            @compositionstart=${() => (this.isComposing = true)}
            @compositionend=${this.composed}
            @blur=${this.closeSuggestions}
          />
          ${this.listbox(isOpen)}
        </div>
        ${
          this.draft
            ? html`<button
                class="button quiet icon"
                type="button"
                aria-label=${m.clear}
                title=${m.clear}
                @click=${this.clear}
              >
                ${icons.close}
              </button>`
            : nothing
        }
        ${this.fileButton('picture-file', m.choosePicture, icons.picture, false)}
        ${this.fileButton('picture-camera', m.takePicture, icons.camera, true)}
        <button class="button primary query-submit" aria-label=${m.search}>
          ${icons.search}<span>${m.search}</span>
        </button>
      </div>
      ${this.options()}
    </form>`;
  }

  private placeholder(): string {
    const m = search();
    if (this.search.picture) return m.placeholderPicture;
    return isTouched() ? m.placeholderTouch : m.placeholder;
  }

  private pictureChip(): TemplateResult | typeof nothing {
    if (!this.picture) return nothing;
    const m = search();
    const { url, name } = this.picture;
    return html`<div class="query-picture">
      ${
        url
          ? html`<button
              type="button"
              class="query-thumb"
              aria-label=${m.crop}
              title=${m.crop}
              @click=${() => this.crop()}
            >
              <img src=${url} alt="" width="40" height="40" />${icons.crop}
            </button>`
          : html`<span class="query-thumb" title=${name}
              >${icons.picture}<span class="visually-hidden">${name}</span></span
            >`
      }
      <button
        type="button"
        class="button quiet icon"
        aria-label=${m.removePicture}
        title=${m.removePicture}
        @click=${() => this.go({ picture: '', text: this.draft.trim() })}
      >
        ${icons.close}
      </button>
    </div>`;
  }

  // A button for the hand and for the keyboard; the input itself is only what the browser needs.
  private fileButton(id: string, name: string, icon: TemplateResult, isCamera: boolean): TemplateResult {
    return html`<button
        class="button quiet icon ${isCamera ? 'camera' : ''}"
        type="button"
        aria-label=${name}
        title=${name}
        @click=${() => this.querySelector<HTMLInputElement>(`#${id}`)?.click()}
      >
        ${icon}
      </button>
      <input
        id=${id}
        type="file"
        accept="image/*,.tif,.tiff,.svg,.heic"
        capture=${isCamera ? 'environment' : nothing}
        aria-label=${name}
        hidden
        @change=${this.chooseFile}
      />`;
  }

  private listbox(isOpen: boolean): TemplateResult {
    const m = search();
    return html`<ul class="suggestions" id="suggestions" role="listbox" aria-label=${m.suggestions} ?hidden=${!isOpen}>
      ${this.suggestions.map(
        ({ column, value, items }, index) =>
          html`<li
            id="suggestion-${index}"
            role="option"
            aria-selected=${index === this.chosen ? 'true' : 'false'}
            @mousedown=${(event: Event) => event.preventDefault()}
            @click=${() => this.accept(index)}
          >
            <span>${value}</span><span class="soft small">${columnName(column)} · ${m.items(formatNumber(items))}</span>
          </li>`,
      )}
    </ul>`;
  }

  private options(): TemplateResult {
    const m = search();
    const isCompared = hasQuery(this.search) || isStart(this.search) || this.draft !== '';
    const isBoth = this.search.picture !== '' && this.search.text !== '';
    return html`<div class="query-options">
      <fieldset class="choices" ?hidden=${!isCompared}>
        <legend class="visually-hidden">${m.find}</legend>
        ${kFinds.map(
          (find) =>
            html`<label
              ><input
                type="radio"
                name="find"
                value=${find}
                .checked=${live(this.search.find === find)}
                @change=${() => this.choose(find)}
              />${m.finds[find]}</label
            >`,
        )}
      </fieldset>
      ${isBoth ? this.weightSlider() : nothing}
    </div>`;
  }

  private weightSlider(): TemplateResult {
    const m = search();
    return html`<div class="weight">
      <span aria-hidden="true">${m.weightWords}</span>
      <input
        type="range"
        min="0"
        max="100"
        step="10"
        list="weight-middle"
        aria-label=${m.weight}
        aria-valuetext=${weightWords(this.search.weight)}
        title=${weightWords(this.search.weight)}
        .value=${live(String(this.search.weight))}
        @change=${(event: Event) => this.go({ weight: Number((event.target as HTMLInputElement).value) })}
      />
      <datalist id="weight-middle"><option value=${kBothAlike}></option></datalist>
      <span aria-hidden="true">${m.weightPicture}</span>
    </div>`;
  }

  private submit(event: Event): void {
    event.preventDefault();
    if (this.isComposing) return;
    this.closeSuggestions();
    const text = this.draft.trim();
    if (text || this.search.text || this.search.picture) this.go({ text, like: '' });
  }

  // Words that were typed meanwhile are searched for, and not what an item is like.
  private choose(find: Find): void {
    const text = this.draft.trim();
    this.go(text ? { find, text, like: '' } : { find, text });
  }

  private clear(): void {
    this.draft = '';
    this.closeSuggestions();
    this.input?.focus();
  }

  private chooseFile(event: Event): void {
    const input = event.target as HTMLInputElement;
    const files = [...(input.files ?? [])];
    input.value = ''; // the same file may be chosen again
    if (files.length > 0) this.takeFiles(files);
  }

  // ---- suggestions ----

  private typed(event: Event): void {
    this.draft = (event.target as HTMLInputElement).value;
    if (!this.isComposing) this.suggestSoon();
  }

  private composed(event: CompositionEvent): void {
    this.isComposing = false;
    this.draft = (event.target as HTMLInputElement).value;
    this.suggestSoon();
  }

  private key(event: KeyboardEvent): void {
    // 229: a key that an input method took; some browsers end the composition before the Enter that confirmed it.
    if (event.isComposing || this.isComposing || event.keyCode === 229) return;
    const count = this.suggestions.length;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      if (count === 0) {
        if (event.key === 'ArrowDown') {
          event.preventDefault();
          this.leaveDown();
        }
        return;
      }
      event.preventDefault();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      this.chosen = ((this.chosen + 1 + step + count + 1) % (count + 1)) - 1; // -1: what was typed
    } else if (event.key === 'Enter' && this.chosen >= 0) {
      event.preventDefault();
      this.accept(this.chosen);
    } else if (event.key === 'Escape' && count > 0) {
      event.preventDefault();
      event.stopPropagation();
      this.closeSuggestions();
    }
  }

  private suggestSoon(): void {
    clearTimeout(this.timer);
    this.asking.abort();
    this.asking = new AbortController();
    this.chosen = -1; // Enter searches for what stands there, not for what was chosen before it was changed
    if (!this.draft.trim()) {
      this.suggestions = [];
      return;
    }
    this.timer = window.setTimeout(() => void this.suggest(this.asking.signal), kSuggestAfterMs);
  }

  private async suggest(signal: AbortSignal): Promise<void> {
    try {
      const { suggestions } = await api.get<{ suggestions: Suggestion[] }>(
        `/v1/suggest?${new URLSearchParams({ prefix: this.begun, limit: '6' })}`,
        { signal, retry: false },
      );
      if (signal.aborted || document.activeElement !== this.input) return;
      // One value may stand in several columns: said once, where it is commonest.
      this.suggestions = suggestions.filter(
        ({ value }, at) => suggestions.findIndex((one) => one.value === value) === at,
      );
      this.chosen = -1;
      if (this.suggestions.length > 0) announce(search().suggestionCount(this.suggestions.length));
    } catch {
      if (signal.aborted) return; // a later question is on its way
      this.chosen = -1;
      this.suggestions = []; // a help, and no more: the search itself says what is wrong
    }
  }

  // What is being typed: the last word.
  private get begun(): string {
    return this.draft.trimEnd().split(/\s+/).at(-1) ?? '';
  }

  private accept(index: number): void {
    const suggestion = this.suggestions[index];
    if (!suggestion) return;
    const text = this.draft.trimEnd().slice(0, -this.begun.length) + suggestion.value;
    this.draft = text;
    this.closeSuggestions();
    this.go({ text, like: '' });
  }

  private closeSuggestions(): void {
    clearTimeout(this.timer);
    this.asking.abort();
    this.suggestions = [];
    this.chosen = -1;
  }
}

function weightWords(weight: number): string {
  const m = search().weights;
  if (weight === 0) return m.words;
  if (weight === 100) return m.picture;
  if (weight === kBothAlike) return m.alike;
  return weight < kBothAlike ? m.moreWords : m.morePicture;
}
