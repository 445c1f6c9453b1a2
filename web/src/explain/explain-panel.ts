import { html, nothing, svg, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';

import * as api from '../api/client.ts';
import { Problem } from '../api/problem.ts';
import type { ExplainedSide, ExplainRequest, Explanation, Hit, Patches, WeightedWord } from '../api/types.ts';
import { problemNotice } from '../app/problem-notice.ts';
import { View } from '../app/view.ts';
import { formatNumber, language } from '../i18n/language.ts';
import { itemOf, sides } from '../search/answers.ts';
import { pictureOf } from '../search/picture.ts';
import { kBothAlike, kNothing, type SearchState } from '../search/url-state.ts';
import { bitsOf, opacityOf, patchesOf, textPieces } from './heat.ts';
import { explain } from './messages.ts';

const kUnavailable = [404, 405, 501];

// A part of a picture or a word, and the bits that it holds: pointing at one shows the other.
interface Holder {
  name: string;
  bits: readonly number[];
}

// Why a hit matched: what in both pictures and texts pulled the codes together or pushed them apart, and the bits.
@customElement('explain-panel')
export class ExplainPanel extends View {
  @property({ attribute: false }) search: SearchState = kNothing;
  @property({ attribute: false }) hit: Hit | undefined;
  @state() private explanation: Explanation | undefined;
  @state() private error: unknown;
  @state() private queryPicture: string | undefined; // address of the query's picture
  @state() private isShown = true;
  @state() private strength = 0.8;
  @state() private held: readonly number[] = []; // bits that are pointed at
  @state() private bit = 0; // that Tab reaches
  private asking = new AbortController();
  private asked = '';

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.asking.abort();
    this.asked = '';
  }

  protected override willUpdate(_changed: PropertyValues<this>): void {
    const { text, picture, like } = this.search;
    const wanted = JSON.stringify([text, picture, like, this.hit?.id, language()]);
    if (wanted === this.asked) return;
    this.asked = wanted;
    void this.load();
  }

  private async load(): Promise<void> {
    const { hit } = this;
    if (!hit) return;
    this.asking.abort();
    this.asking = new AbortController();
    const { signal } = this.asking;
    this.explanation = undefined;
    this.error = undefined;
    this.held = [];
    const request: ExplainRequest = { id: hit.id, language: language() };
    if (hit.rank > 0) request.modality = hit.modality; // else it is not known which half would match
    // Where words and picture were weighed apart, the distance is that of the picture: that is what is explained.
    const { asksByWords, asksByPicture } = sides(this.search);
    const areApart = asksByWords && asksByPicture && this.search.weight !== kBothAlike;
    if (asksByWords && !areApart) request.text = this.search.text;
    if (this.search.like) request.item_id = this.search.like;
    const picture = asksByPicture ? pictureOf(this.search.picture) : undefined;
    try {
      const body = api.form('query', request, picture?.sent);
      const explanation = await api.post<Explanation>('/v1/explain', body, { signal, retry: true });
      const like = this.search.like ? await itemOf(this.search.like).catch(() => undefined) : undefined;
      if (signal.aborted) return;
      this.queryPicture = picture?.url ?? (like?.thumb ? `${like.thumb}?w=1024` : undefined);
      this.explanation = explanation;
    } catch (error) {
      if (!signal.aborted) this.error = error;
    }
  }

  protected override render(): TemplateResult {
    const m = explain();
    return html`<section
      class="explain"
      aria-labelledby="explain-title"
      aria-busy=${this.explanation || this.error ? 'false' : 'true'}
    >
      <h3 id="explain-title">${m.title}</h3>
      ${this.error ? this.problem() : this.explanation ? this.body(this.explanation) : this.waiting()}
    </section>`;
  }

  private waiting(): TemplateResult {
    return html`<p class="soft" role="status">${explain().asking}</p>
      <div class="skeleton explain-skeleton"></div>`;
  }

  private problem(): TemplateResult {
    const m = explain();
    if (this.error instanceof Problem && kUnavailable.includes(this.error.status))
      return html`<div class="notice" role="status">
        <div class="body"><strong>${m.unavailable}</strong>${this.error.hint || m.unavailableHint}</div>
      </div>`;
    return problemNotice(this.error, () => this.load());
  }

  private body(explanation: Explanation): TemplateResult {
    const m = explain();
    const itemPicture = this.hit?.thumb ? `${this.hit.thumb}?w=1024` : undefined;
    const hasPatches = explanation.query.patches !== undefined || explanation.item.patches !== undefined;
    return html`<p class="explain-sentence">${explanation.sentence}</p>
      <div class="explain-controls">
        <ul class="explain-legend" aria-label=${m.legend}>
          <li><span class="swatch pull"></span>${m.pulls}</li>
          <li><span class="swatch push"></span>${m.pushes}</li>
        </ul>
        ${hasPatches ? this.overlayControls() : nothing}
      </div>
      <div class="explain-sides ${this.queryPicture ? '' : 'by-words'}">
        ${this.side('query', m.query, explanation.query, this.queryPicture)}
        ${this.side('item', m.item, explanation.item, itemPicture)} ${this.strip(explanation)}
      </div>`;
  }

  private overlayControls(): TemplateResult {
    const m = explain();
    return html`<label class="explain-toggle">
        <input
          type="checkbox"
          .checked=${this.isShown}
          @change=${(event: Event) => (this.isShown = (event.target as HTMLInputElement).checked)}
        />${m.overlay}
      </label>
      <label class="explain-strength">
        ${m.strength}
        <input
          type="range"
          min="0.2"
          max="1"
          step="0.1"
          ?disabled=${!this.isShown}
          .value=${String(this.strength)}
          @input=${(event: Event) => (this.strength = Number((event.target as HTMLInputElement).value))}
        />
      </label>`;
  }

  private side(place: string, title: string, side: ExplainedSide, picture: string | undefined): TemplateResult {
    const m = explain();
    return html`<div class="explain-side of-${place}">
      <h4>${title}</h4>
      ${
        picture
          ? html`<figure class="heat">
              <img src=${picture} alt="" />
              ${side.patches ? this.heat(place, side.patches) : nothing}
            </figure>`
          : side.patches
            ? html`<p class="soft small">${m.noOverlay}</p>`
            : nothing
      }
      ${side.text ? this.weightedText(side.text, side.words ?? []) : nothing}
      ${
        side.alignments?.length
          ? html`<h5>${m.alignments}</h5>
              <ul class="explain-alignments">
                ${side.alignments.map(
                  ({ phrase, row, column, cosine }) =>
                    html`<li>
                      <span lang="">${phrase}</span>
                      <span class="soft small">${m.patch(row + 1, column + 1, signedPercent(cosine))}</span>
                    </li>`,
                )}
              </ul>`
          : nothing
      }
    </div>`;
  }

  // Patches over the picture. Their places are shares of it, so the drawing is one unit wide and one high.
  private heat(place: string, patches: Patches): TemplateResult {
    const m = explain();
    const hatch = `hatch-${place}`;
    const named = new Map(patches.named.map((one) => [`${one.row},${one.column}`, one]));
    return html`<svg
      class="heat-patches"
      viewBox="0 0 1 1"
      preserveAspectRatio="none"
      role="group"
      aria-label=${m.patches}
    >
      <defs>
        <pattern
          id=${hatch}
          class="hatch"
          width="0.02"
          height="0.02"
          patternUnits="userSpaceOnUse"
          patternTransform="rotate(45)"
        >
          <rect width="0.02" height="0.02"></rect>
          <rect class="line" width="0.01" height="0.02"></rect>
        </pattern>
      </defs>
      ${patchesOf(patches).map((patch) => {
        const holder = named.get(`${patch.row},${patch.column}`);
        const isLit = holder !== undefined && this.isHeld(holder.bits);
        const look = `patch ${patch.weight < 0 ? 'push' : 'pull'} ${isLit ? 'lit' : ''} ${holder ? 'named' : ''}`;
        const opacity = this.isShown ? opacityOf(patch.weight, this.strength) : 0;
        const fill = patch.weight < 0 ? `url(#${hatch})` : nothing;
        if (!holder)
          return svg`<rect class=${look} x=${patch.x} y=${patch.y} width=${patch.width} height=${patch.height} fill=${fill} fill-opacity=${opacity} aria-hidden="true"></rect>`;
        const name = m.patch(patch.row + 1, patch.column + 1, signedPercent(patch.weight));
        return svg`<rect class=${look} x=${patch.x} y=${patch.y} width=${patch.width} height=${patch.height} fill=${fill} fill-opacity=${opacity}
          tabindex="0" role="img" aria-label=${name}
          @pointerenter=${() => this.hold({ name, bits: holder.bits })} @pointerleave=${() => this.hold(undefined)}
          @focus=${() => this.hold({ name, bits: holder.bits })} @blur=${() => this.hold(undefined)}></rect>`;
      })}
    </svg>`;
  }

  private weightedText(text: string, words: readonly WeightedWord[]): TemplateResult {
    return html`<p class="explain-text" lang="">
      ${textPieces(text, words).map(({ text: piece, word }) => (word ? this.word(piece, word) : piece))}
    </p>`;
  }

  private word(text: string, word: WeightedWord): TemplateResult {
    const step = Math.min(Math.ceil(Math.abs(word.weight) * 4), 4); // 0: counts for nothing
    const look = `weighted ${word.weight < 0 ? 'push' : 'pull'} step-${step} ${this.isHeld(word.bits) ? 'lit' : ''}`;
    const name = explain().word(text, signedPercent(word.weight));
    if (!word.named) return html`<span class=${look} title=${name}>${text}</span>`;
    const holder = { name, bits: word.bits };
    return html`<span
      class="${look} named"
      tabindex="0"
      role="mark"
      title=${name}
      @pointerenter=${() => this.hold(holder)}
      @pointerleave=${() => this.hold(undefined)}
      @focus=${() => this.hold(holder)}
      @blur=${() => this.hold(undefined)}
      >${text}</span
    >`;
  }

  private hold(holder: Holder | undefined): void {
    this.held = holder?.bits ?? [];
  }

  private isHeld(bits: readonly number[]): boolean {
    return this.held.length > 0 && bits.some((bit) => this.held.includes(bit));
  }

  // ---- the bits ----

  // Who holds a bit, by name.
  private holders({ query, item }: Explanation): Holder[] {
    const m = explain();
    return [query, item].flatMap((side) => [
      ...(side.patches?.named ?? []).map((one) => ({
        name: m.patch(one.row + 1, one.column + 1, signedPercent(one.weight)),
        bits: one.bits,
      })),
      ...(side.words ?? []).filter(({ named }) => named).map(({ word, bits }) => ({ name: word, bits })),
    ]);
  }

  private strip(explanation: Explanation): TemplateResult {
    const m = explain();
    const { bits, code } = explanation;
    const differing = new Set(code.differing);
    const above = bitsOf(code.query, bits);
    const below = bitsOf(code.item, bits);
    const holders = this.holders(explanation);
    return html`<div class="explain-bits">
      <h4>${m.bits}</h4>
      <p>${m.bitsOf(formatNumber(code.shared), formatNumber(bits))}</p>
      <p class="soft small" id="bits-help">${m.bitsHelp}</p>
      <div class="code-strip" role="group" aria-label=${m.bits} aria-describedby="bits-help" @keydown=${this.moveBit}>
        ${above.map((isSet, bit) => {
          const isShared = !differing.has(bit);
          const names = holders.filter((one) => one.bits.includes(bit)).map((one) => one.name);
          const name = [m.bit(bit, isShared), ...(names.length > 0 ? [m.heldBy(names.join(', '))] : [])].join(', ');
          return html`<span
            class="bit ${isShared ? '' : 'differs'} ${this.held.includes(bit) ? 'lit' : ''}"
            role="img"
            aria-label=${name}
            title=${name}
            tabindex=${bit === Math.min(this.bit, bits - 1) ? 0 : -1}
            @pointerenter=${() => (this.held = [bit])}
            @pointerleave=${() => (this.held = [])}
            @focus=${() => {
              this.bit = bit;
              this.held = [bit];
            }}
            @blur=${() => (this.held = [])}
            ><span class=${isSet ? 'one' : 'zero'}></span><span class=${below[bit] ? 'one' : 'zero'}></span
          ></span>`;
        })}
      </div>
    </div>`;
  }

  private moveBit(event: KeyboardEvent): void {
    const last = (this.explanation?.bits ?? 1) - 1;
    const to = { ArrowLeft: this.bit - 1, ArrowRight: this.bit + 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.bit = Math.min(Math.max(to, 0), last);
    void this.updateComplete.then(() => this.querySelectorAll<HTMLElement>('.bit')[this.bit]?.focus());
  }
}

function signedPercent(weight: number): string {
  return formatNumber(weight, { style: 'percent', maximumFractionDigits: 0, signDisplay: 'exceptZero' });
}
