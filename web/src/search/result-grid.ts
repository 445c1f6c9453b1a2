import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';

import type { Hit } from '../api/types.ts';
import { icons } from '../app/icons.ts';
import { View } from '../app/view.ts';
import { confidenceChip } from './confidence.ts';
import { judgeButtons } from './judge-buttons.ts';
import { onJudgement } from './judgements.ts';
import { markedText } from './marked-text.ts';
import { search } from './messages.ts';
import { formatState, hasQuery, kNothing, type SearchState } from './url-state.ts';

// The hits as cards. One of them is in the order of Tab; arrow keys move to the others, and Tab goes on to what can be
// done with it.
@customElement('result-grid')
export class ResultGrid extends View {
  @property({ attribute: false }) hits: Hit[] = [];
  @property({ attribute: false }) search: SearchState = kNothing;
  @property({ attribute: false }) judge: (hit: Hit, right: boolean) => void = () => undefined;
  @property({ attribute: false }) leaveUp: () => void = () => undefined; // arrow up in the first row
  @state() private current = 0;
  private endJudgements?: () => void;

  override connectedCallback(): void {
    super.connectedCallback();
    this.endJudgements = onJudgement(() => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.endJudgements?.();
  }

  // The hit that the focus is on.
  focused(): Hit | undefined {
    const index = indexOf(document.activeElement);
    return index === undefined ? undefined : this.hits[index];
  }

  focusHit(index: number): void {
    this.current = Math.min(Math.max(index, 0), this.hits.length - 1);
    void this.updateComplete.then(() => this.links[this.current]?.focus());
  }

  private get links(): HTMLElement[] {
    return [...this.querySelectorAll<HTMLElement>('.card-link')];
  }

  protected override render(): TemplateResult {
    return html`<ol class="results" @keydown=${this.key} @focusin=${this.follow}>
      ${repeat(
        this.hits,
        (hit) => hit.id,
        (hit, index) => this.card(hit, index),
      )}
    </ol>`;
  }

  private card(hit: Hit, index: number): TemplateResult {
    const m = search();
    const name = hit.text || hit.id;
    const tab = index === Math.min(this.current, this.hits.length - 1) ? 0 : -1;
    const isCompared = hasQuery(this.search);
    return html`<li class="card" data-index=${index}>
      <a
        class="card-link"
        href=${formatState({ ...this.search, item: hit.id, why: false })}
        tabindex=${tab}
        aria-label=${m.open(shortened(name))}
      >
        ${picture(hit)}
      </a>
      <div class="card-over">
        ${
          isCompared
            ? html`<a
                class="button icon"
                href=${formatState({ ...this.search, item: hit.id, why: true })}
                tabindex=${tab}
                aria-label=${`${m.why}: ${shortened(name)}`}
                title=${m.why}
                >${icons.why}</a
              >`
            : nothing
        }
        <a
          class="button icon"
          href=${likeLink(this.search, hit.id)}
          tabindex=${tab}
          aria-label=${`${m.moreLike}: ${shortened(name)}`}
          title=${m.moreLike}
          >${icons.more}</a
        >
      </div>
      <div class="card-body">
        <p class="card-text" lang="">${hit.thumb || !hit.text ? markedText(name, hit.words ?? []) : hit.id}</p>
        <p class="card-labels">${labelChips(hit)}</p>
        ${
          isCompared
            ? html`<div class="card-foot">
                <span class="card-sure">
                  ${confidenceChip(hit)}
                  <span class="small soft channels">${hit.channels.map((one) => m.channels[one]).join(' · ')}</span>
                </span>
                ${judgeButtons(this.search, hit, this.judge, { tab })}
              </div>`
            : nothing
        }
      </div>
    </li>`;
  }

  private follow(event: FocusEvent): void {
    this.current = indexOf(event.target) ?? this.current;
  }

  private key(event: KeyboardEvent): void {
    const at = indexOf(event.target);
    if (at === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    const to = this.neighbour(at, event.key);
    if (to === undefined) return;
    event.preventDefault();
    if (to < 0) this.leaveUp();
    else this.focusHit(to);
  }

  // Where an arrow key leads, by how the cards lie; -1: above the first row.
  private neighbour(at: number, key: string): number | undefined {
    const last = this.hits.length - 1;
    if (key === 'Home') return 0;
    if (key === 'End') return last;
    if (key === 'ArrowRight') return Math.min(at + 1, last);
    if (key === 'ArrowLeft') return Math.max(at - 1, 0);
    const columns = this.columns;
    if (key === 'ArrowDown') return Math.min(at + columns, last);
    if (key === 'ArrowUp') return at < columns ? -1 : at - columns;
    return undefined;
  }

  private get columns(): number {
    const tops = this.links.map((link) => link.getBoundingClientRect().top);
    const second = tops.findIndex((top) => top > (tops[0] ?? 0) + 1);
    return second < 0 ? Math.max(tops.length, 1) : second;
  }
}

function indexOf(target: EventTarget | null): number | undefined {
  const card = target instanceof Element ? target.closest<HTMLElement>('.card') : null;
  return card ? Number(card.dataset['index']) : undefined;
}

export function shortened(text: string): string {
  const points = [...text];
  return points.length > 80 ? `${points.slice(0, 79).join('')}…` : text;
}

export function likeLink(state: SearchState, id: string): string {
  return formatState({ ...kNothing, like: id, find: state.find, filters: state.filters });
}

// A box of fixed shape, so that nothing moves when the picture comes.
function picture(hit: Hit): TemplateResult {
  if (!hit.thumb) {
    if (hit.text) return html`<span class="card-page" lang="">${markedText(hit.text, hit.words ?? [])}</span>`;
    return html`<span class="card-page soft">${search().noPicture}</span>`;
  }
  return html`<img
    src=${`${hit.thumb}?w=256`}
    srcset=${`${hit.thumb}?w=256 1x, ${hit.thumb}?w=512 2x`}
    width="256"
    height="256"
    alt=""
    loading="lazy"
    decoding="async"
    @error=${(event: Event) => (event.target as HTMLElement).classList.add('broken')}
  />`;
}

function labelChips(hit: Hit): TemplateResult[] {
  const values = Object.values(hit.labels).flat();
  const shown = values.slice(0, 3).map((value) => html`<span class="chip" lang="">${value}</span>`);
  return values.length > 3 ? [...shown, html`<span class="chip">+${values.length - 3}</span>`] : shown;
}
