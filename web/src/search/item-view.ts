import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';

import type { Hit, Labels } from '../api/types.ts';
import { announce } from '../app/announce.ts';
import { icons } from '../app/icons.ts';
import { problemNotice } from '../app/problem-notice.ts';
import { View } from '../app/view.ts';
import '../explain/explain-panel.ts';
import { formatNumber } from '../i18n/language.ts';
import { asHit, itemOf } from './answers.ts';
import { columnName } from './column-name.ts';
import { confidenceChip, percent } from './confidence.ts';
import { judgeButtons } from './judge-buttons.ts';
import { onJudgement } from './judgements.ts';
import { markedText } from './marked-text.ts';
import { search } from './messages.ts';
import { likeLink, shortened } from './result-grid.ts';
import { formatState, hasQuery, kNothing, type SearchState } from './url-state.ts';

// One item: its picture, all of its text, what is known of it, why it matched, and whether that is right.
@customElement('item-view')
export class ItemView extends View {
  @property({ attribute: false }) search: SearchState = kNothing;
  @property({ attribute: false }) hits: Hit[] = [];
  @property({ attribute: false }) bits = 0;
  @property({ attribute: false }) notice: TemplateResult | undefined; // of what was done last
  @property({ attribute: false }) go: (change: Partial<SearchState>) => void = () => undefined;
  @property({ attribute: false }) judge: (hit: Hit, right: boolean) => void = () => undefined;
  @property({ attribute: false }) close: () => void = () => undefined;
  @state() private hit: Hit | undefined;
  @state() private error: unknown;
  private endJudgements?: () => void;

  override connectedCallback(): void {
    super.connectedCallback();
    this.endJudgements = onJudgement(() => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.endJudgements?.();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const id = this.search.item;
    if (!changed.has('search') && !changed.has('hits')) return;
    const found = this.hits.find((hit) => hit.id === id);
    if (found) {
      this.hit = found;
      this.error = undefined;
    } else if (this.hit?.id !== id) {
      this.hit = undefined;
      void this.load();
    }
  }

  protected override firstUpdated(): void {
    this.querySelector('dialog')?.showModal();
  }

  // An item that is not among the hits: the address named it.
  private async load(): Promise<void> {
    const id = this.search.item;
    this.error = undefined;
    try {
      const item = await itemOf(id);
      if (this.search.item === id && !this.hit) this.hit = asHit(item);
    } catch (error) {
      if (this.search.item === id) this.error = error;
    }
  }

  private get index(): number {
    return this.hits.findIndex((hit) => hit.id === this.search.item);
  }

  protected override render(): TemplateResult {
    const m = search();
    const index = this.index;
    return html`<dialog
      class="item"
      aria-labelledby="item-title"
      @close=${() => this.close()}
      @click=${this.clickOutside}
      @keydown=${this.key}
    >
      <div class="item-sheet">
        <header class="item-bar">
          ${
            index >= 0
              ? html`${this.step(index - 1, m.previous, icons.previous)}${this.step(index + 1, m.next, icons.next)}
                  <span class="soft small">${formatNumber(index + 1)} / ${formatNumber(this.hits.length)}</span>`
              : nothing
          }
          <button
            class="button quiet icon item-close"
            type="button"
            aria-label=${m.close}
            title=${m.close}
            @click=${this.dismiss}
          >
            ${icons.close}
          </button>
        </header>
        ${this.notice ? html`<div class="item-notice">${this.notice}</div>` : nothing}
        ${
          this.hit
            ? this.body(this.hit)
            : html`<div class="item-body">
                <h2 id="item-title">${m.item} ${this.search.item}</h2>
                ${this.error ? problemNotice(this.error, () => this.load()) : html`<div class="skeleton item-skeleton"></div>`}
              </div>`
        }
      </div>
    </dialog>`;
  }

  private step(to: number, name: string, icon: TemplateResult): TemplateResult {
    return html`<button
      class="button quiet icon"
      type="button"
      aria-label=${name}
      title=${name}
      ?disabled=${this.hits[to] === undefined}
      @click=${() => this.show(to)}
    >
      ${icon}
    </button>`;
  }

  private show(index: number): void {
    const hit = this.hits[index];
    if (!hit) return;
    this.go({ item: hit.id });
    announce(shortened(hit.text || hit.id));
    this.querySelector('.item-sheet')?.scrollTo({ top: 0 });
  }

  private body(hit: Hit): TemplateResult {
    const m = search();
    const name = hit.text || hit.id;
    const isCompared = hasQuery(this.search);
    const isLong = [...name].length > 120;
    return html`<div class="item-body ${hit.thumb ? 'with-picture' : ''}">
      ${
        hit.thumb && !this.isExplained
          ? html`<div class="item-picture">
              <img src="${hit.thumb}?w=1024" alt=${shortened(name)} />
            </div>`
          : nothing
      }
      <div class="item-facts">
        <h2 id="item-title" lang="">${isLong ? shortened(name) : markedText(name, hit.words ?? [])}</h2>
        ${isLong ? html`<p class="item-text" lang="">${markedText(name, hit.words ?? [])}</p>` : nothing}
        ${isCompared && hit.confidence ? this.verdict(hit) : nothing}
        <div class="item-actions">
          <a class="button" href=${likeLink(this.search, hit.id)}>${icons.more}${m.moreLike}</a>
          ${
            isCompared
              ? html`<button
                    class="button"
                    type="button"
                    aria-pressed=${this.isExplained ? 'true' : 'false'}
                    @click=${() => this.go({ item: hit.id, why: !this.isExplained })}
                  >
                    ${icons.why}${m.why}
                  </button>
                  ${judgeButtons(this.search, hit, this.judge, { withWords: true })}`
              : nothing
          }
        </div>
        ${
          this.isExplained && isCompared
            ? html`<explain-panel .search=${this.search} .hit=${hit}></explain-panel>`
            : nothing
        }
        ${this.facts(hit)}
      </div>
    </div>`;
  }

  private get isExplained(): boolean {
    return this.search.why && hasQuery(this.search);
  }

  private verdict(hit: Hit): TemplateResult {
    const m = search();
    return html`<div class="item-verdict">
      ${confidenceChip(hit)}
      ${hit.probability === undefined ? nothing : html`<span class="small soft">${m.probability(percent(hit.probability))}</span>`}
    </div>`;
  }

  private facts(hit: Hit): TemplateResult {
    const m = search();
    const isFound = hit.rank > 0; // by this search, and not only named by the address
    return html`<dl class="facts">
      ${Object.entries(hit.labels).map(
        ([column, values]) =>
          html`<dt lang="">${columnName(column)}</dt>
            <dd>
              ${values.map(
                (value) =>
                  html`<a class="chip" lang="" href=${formatState({ ...kNothing, filters: [{ column, value }] })}
                    >${value}</a
                  >`,
              )}
            </dd>`,
      )}
      ${attributeRows(hit.attributes)}
      ${
        isFound
          ? html`<dt>${m.foundBy}</dt>
              <dd>${hit.channels.map((one) => m.channels[one]).join(' · ')}</dd>
              <dt>${m.matched}</dt>
              <dd>${m.halves[hit.modality]}</dd>`
          : nothing
      }
      ${
        isFound && hit.distance !== null
          ? html`<dt>${m.distance}</dt>
              <dd>${m.distanceOf(formatNumber(hit.distance), formatNumber(this.bits))}</dd>`
          : nothing
      }
      ${
        hit.uri
          ? html`<dt>${m.file}</dt>
              <dd class="facts-file">
                <span class="code">${hit.uri}</span>${
                  navigator.clipboard
                    ? html`<button class="button quiet" type="button" @click=${() => this.copy(hit.uri)}>
                        ${m.copy}
                      </button>`
                    : nothing
                }
              </dd>`
          : nothing
      }
      <dt>${m.id}</dt>
      <dd class="code">${hit.id}</dd>
    </dl>`;
  }

  private async copy(text: string): Promise<void> {
    await navigator.clipboard.writeText(text);
    announce(search().copied);
  }

  private dismiss(): void {
    this.querySelector('dialog')?.close();
  }

  private clickOutside(event: MouseEvent): void {
    if (event.target === event.currentTarget) this.dismiss();
  }

  private key(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey || (event.target as Element).closest('input, .code-strip, svg'))
      return;
    if (event.key === 'ArrowLeft') this.show(this.index - 1);
    if (event.key === 'ArrowRight') this.show(this.index + 1);
  }
}

function attributeRows(attributes: Labels): TemplateResult[] {
  return Object.entries(attributes).map(
    ([column, values]) =>
      html`<dt lang="">${columnName(column)}</dt>
        <dd lang="">${values.join(', ')}</dd>`,
  );
}
