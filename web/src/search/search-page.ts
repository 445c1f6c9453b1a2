import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';

import * as api from '../api/client.ts';
import { connection, onConnectionChange } from '../api/connection.ts';
import { ServerAway } from '../api/problem.ts';
import type { Hit, Item, Status } from '../api/types.ts';
import { announce } from '../app/announce.ts';
import { icons } from '../app/icons.ts';
import '../app/keys-help.ts';
import type { KeysHelp } from '../app/keys-help.ts';
import { shell } from '../app/messages.ts';
import { problemNotice } from '../app/problem-notice.ts';
import { isTouched } from '../app/pointer.ts';
import { navigate, onRouteChange } from '../app/router.ts';
import { may, mustSignIn, onSessionChange, session, sessionLookedUp } from '../app/session.ts';
import { View } from '../app/view.ts';
import { formatNumber } from '../i18n/language.ts';
import { answerTo, forgetAnswers, itemOf, keepAnswer, PictureMissing, TooManyLabels, type Answer } from './answers.ts';
import { columnName } from './column-name.ts';
import './crop-dialog.ts';
import type { Part } from './crop-geometry.ts';
import './drop-target.ts';
import './filter-panel.ts';
import './item-view.ts';
import { forgetJudgements, judge } from './judgements.ts';
import { forgetLabelColumns, labelColumns, type LabelColumn } from './label-columns.ts';
import { search } from './messages.ts';
import { cropPicture, forgetPictures, mayBePicture, pictureOf, takePicture } from './picture.ts';
import './query-box.ts';
import type { QueryBox } from './query-box.ts';
import './result-grid.ts';
import { likeLink, shortened, type ResultGrid } from './result-grid.ts';
import { startBrowse, startTitle } from './start-view.ts';
import {
  answerKey,
  formatState,
  hasQuery,
  isStart,
  kNothing,
  parseState,
  toggleFilter,
  type LabelValue,
  type SearchState,
} from './url-state.ts';

const kSkeletonAfterMs = 150;
const kWide = '(min-width: 64rem)'; // where the filters stand beside the results

onSessionChange(() => {
  if (mustSignIn()) forgetPictures();
});

// The page that people search with. The address is its state: everything the user does goes there, and what is there
// is shown.
@customElement('search-page')
export class SearchPage extends View {
  @state() private search: SearchState = kNothing;
  @state() private answer: Answer | undefined;
  private answered: SearchState = kNothing; // what `answer` answers, while another one may be awaited
  @state() private error: unknown;
  @state() private notice: TemplateResult | undefined; // of what was done last, such as a file that is no picture
  @state() private isSlow = false;
  @state() private isLoadingMore = false;
  @state() private isCropping = false;
  @state() private columns: LabelColumn[] = [];
  @state() private items: number | undefined;
  @state() private likeItem: Item | undefined;
  private asked: string | undefined; // key of the answer that is shown or awaited
  private askedAgain: string | undefined; // key of what was asked once more when the server was back
  private hasOpenedItem = false; // here, so that going back closes it
  private readonly endings: (() => void)[] = [];

  override connectedCallback(): void {
    super.connectedCallback();
    const keys = (event: KeyboardEvent): void => this.key(event);
    document.addEventListener('keydown', keys);
    this.endings.push(
      () => document.removeEventListener('keydown', keys),
      onRouteChange((isReturn) => this.take(isReturn)),
      onSessionChange(() => this.requestUpdate()),
      onConnectionChange((now) => {
        if (now !== 'here') return;
        if (this.error instanceof ServerAway) this.askAgain();
        void this.loadSurroundings();
      }),
    );
    const wide = matchMedia(kWide);
    const turn = (): void => this.requestUpdate();
    wide.addEventListener('change', turn);
    this.endings.push(() => wide.removeEventListener('change', turn));
    this.take(true);
    void this.loadSurroundings();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const end of this.endings.splice(0)) end();
    this.asked = undefined; // what is still awaited is for whoever asked it
    forgetAnswers();
    forgetJudgements();
    forgetLabelColumns();
  }

  protected override async firstUpdated(): Promise<void> {
    if (!isStart(this.search) || isTouched()) return; // a keyboard on the screen would hide half of the page
    await this.box?.updateComplete;
    this.box?.focus();
  }

  protected override updated(): void {
    document.title = this.documentTitle();
  }

  // ---- state ----

  private take(isReturn: boolean): void {
    if (location.pathname !== '/') return;
    const before = this.search;
    this.search = parseState(location.search);
    this.notice = undefined;
    if (before.picture !== this.search.picture) this.isCropping = false;
    if (!before.item && this.search.item) this.hasOpenedItem = !isReturn;
    if (before.item && !this.search.item) {
      this.hasOpenedItem = false;
      this.focusHit(before.item);
    }
    if (answerKey(this.search) !== this.asked) this.ask(isReturn);
  }

  // The search that the shown hits belong to: judgements, explanations and links are of this one.
  private get shown(): SearchState {
    const { item, why } = this.search;
    return this.answer ? { ...this.answered, item, why } : this.search;
  }

  private go(change: Partial<SearchState>, from = this.search): void {
    const next = { ...from, item: '', why: false, ...change };
    const isStep = this.search.item !== '' && next.item !== '';
    const to = formatState(next);
    if (to === location.pathname + location.search) this.ask(false);
    else navigate(to, { replace: isStep });
  }

  private ask(mayBeKept: boolean): void {
    const state = this.search;
    const asked = answerKey(state);
    const isFirst = this.asked === undefined;
    this.asked = asked;
    this.error = undefined;
    this.isSlow = false;
    this.likeItem = undefined;
    if (isStart(this.search)) {
      this.answer = undefined;
      return;
    }
    const isCurrent = (): boolean => this.asked === asked;
    const slow = setTimeout(() => {
      if (isCurrent()) this.isSlow = true;
    }, kSkeletonAfterMs);
    answerTo(state, mayBeKept)
      .then((answer) => {
        if (!isCurrent()) return;
        this.answer = answer;
        this.answered = state;
        this.askedAgain = undefined;
        announce(this.summary(answer));
      })
      .catch((error: unknown) => {
        if (!isCurrent()) return;
        this.answer = undefined;
        this.error = error;
      })
      .finally(() => {
        clearTimeout(slow);
        if (isCurrent()) this.isSlow = false;
      });
    if (this.search.like) void this.loadLike(this.search.like);
    if (!isFirst && !this.search.item) scrollTo({ top: 0 });
  }

  // Once: where the request itself is what fails, it would go on without end.
  private askAgain(): void {
    if (this.askedAgain === this.asked) {
      this.requestUpdate(); // shows the error
      return;
    }
    this.askedAgain = this.asked;
    this.ask(false);
  }

  private async loadLike(id: string): Promise<void> {
    try {
      const item = await itemOf(id);
      if (this.search.like === id) this.likeItem = item;
    } catch {
      // the search says what is wrong with it; a key that may only search sees the id alone
    }
  }

  private async loadSurroundings(): Promise<void> {
    const [columns, status] = await Promise.allSettled([labelColumns(), readStatus()]);
    if (columns.status === 'fulfilled') this.columns = columns.value;
    if (status.status === 'fulfilled') this.items = status.value?.items;
  }

  private async loadMore(): Promise<void> {
    const { answer, answered } = this;
    if (!answer?.next || this.isLoadingMore) return;
    this.isLoadingMore = true;
    try {
      const more = await answer.next();
      if (this.answer !== answer) return; // of another search by now
      const known = new Set(answer.hits.map(({ id }) => id));
      const hits = more.hits.filter(({ id }) => !known.has(id)); // a change between two pages moves hits
      this.answer = { ...answer, hits: [...answer.hits, ...hits], next: more.next };
      keepAnswer(answered, this.answer);
      await this.updateComplete;
      this.grid?.focusHit(answer.hits.length);
      announce(search().shown(formatNumber(this.answer.hits.length)));
    } catch (error) {
      if (this.answer === answer) this.notice = problemNotice(error);
    } finally {
      this.isLoadingMore = false;
    }
  }

  // ---- what the user does ----

  private async takeFiles(files: File[]): Promise<void> {
    const m = search();
    const file = files.find(mayBePicture);
    const picture = file && (await takePicture(file, file.name || m.picture).catch(() => undefined));
    if (!picture) {
      this.notice = html`<div class="notice bad" role="alert">
        <div class="body"><strong>${m.notPicture((file ?? files[0])?.name ?? '')}</strong>${m.notPictureHint}</div>
      </div>`;
      return;
    }
    const text = this.box?.words ?? '';
    this.go({ picture: picture.key, like: '', text });
    announce(m.pictureReady(picture.name));
    if (files.length > 1)
      this.notice = html`<div class="notice" role="status"><div class="body">${m.severalPictures}</div></div>`;
  }

  private async useCrop(part: Part): Promise<void> {
    const picture = pictureOf(this.search.picture);
    if (picture) this.go({ picture: (await cropPicture(picture, part)).key });
  }

  private async judge(hit: Hit, right: boolean): Promise<void> {
    try {
      await judge(this.shown, hit, right);
    } catch (error) {
      this.notice = problemNotice(error);
      announce(search().judgementFailed);
    }
  }

  private closeItem(): void {
    if (!this.search.item) return;
    if (this.hasOpenedItem) history.back();
    else navigate(formatState({ ...this.search, item: '', why: false }), { replace: true });
  }

  private key(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
    const target = event.target as Element;
    if (target.closest('input:not([type="checkbox"], [type="radio"]), textarea, select')) return;
    const dialog = document.querySelector('dialog[open]');
    if (event.key === '/' && !dialog) {
      event.preventDefault();
      this.box?.focus();
      return;
    }
    if (event.key === '?' && !dialog) {
      event.preventDefault();
      this.keysHelp?.open();
      return;
    }
    if (dialog && !dialog.matches('.item')) return;
    const hit = dialog ? this.answer?.hits.find(({ id }) => id === this.search.item) : this.grid?.focused();
    if (hit) this.act(event, hit);
  }

  private act(event: KeyboardEvent, hit: Hit): void {
    if (event.key === 'l') navigate(likeLink(this.shown, hit.id));
    else if (!hasQuery(this.shown)) return;
    else if (event.key === 'e')
      this.go({ item: hit.id, why: !(this.search.item === hit.id && this.search.why) }, this.shown);
    else if (event.key === 'y') void this.judge(hit, true);
    else if (event.key === 'n') void this.judge(hit, false);
    else return;
    event.preventDefault();
  }

  private focusHit(id: string): void {
    const index = this.answer?.hits.findIndex((hit) => hit.id === id) ?? -1;
    if (index >= 0) void this.updateComplete.then(() => this.grid?.focusHit(index));
  }

  private get box(): QueryBox | null {
    return this.querySelector('query-box');
  }
  private get grid(): ResultGrid | null {
    return this.querySelector('result-grid');
  }
  private get keysHelp(): KeysHelp | null {
    return this.querySelector('keys-help');
  }

  // ---- what is shown ----

  protected override render(): TemplateResult {
    const atStart = isStart(this.search);
    return html`
      <div class="search-page ${atStart ? 'at-start' : ''}">
        ${atStart ? startTitle(this.items) : nothing}
        <div class="search-bar">
          <query-box
            .search=${this.search}
            .picture=${this.search.picture ? pictureOf(this.search.picture) : undefined}
            .go=${(change: Partial<SearchState>) => this.go(change)}
            .takeFiles=${(files: File[]) => this.takeFiles(files)}
            .crop=${() => (this.isCropping = true)}
            .leaveDown=${() => this.grid?.focusHit(0)}
          ></query-box>
        </div>
        ${this.notice ? html`<div class="search-notice">${this.notice}</div>` : nothing}
        ${atStart ? this.browse() : this.results()}
      </div>
      <footer class="page-foot small">
        <button class="button quiet small keys-open" type="button" @click=${() => this.keysHelp?.open()}>
          ${search().keys} <kbd>?</kbd>
        </button>
        <a class="button quiet small" href="/docs">${shell().http}</a>
      </footer>
      ${
        this.search.item
          ? html`<item-view
              .search=${this.shown}
              .hits=${this.answer?.hits ?? []}
              .bits=${this.answer?.bits ?? 0}
              .notice=${this.notice}
              .go=${(change: Partial<SearchState>) => this.go(change, this.shown)}
              .judge=${(hit: Hit, right: boolean) => this.judge(hit, right)}
              .close=${() => this.closeItem()}
            ></item-view>`
          : nothing
      }
      ${
        this.isCropping && this.search.picture
          ? html`<crop-dialog
              .picture=${pictureOf(this.search.picture)}
              .use=${(part: Part) => this.useCrop(part)}
              .close=${() => (this.isCropping = false)}
            ></crop-dialog>`
          : nothing
      }
      <drop-target
        .take=${(files: File[]) => this.takeFiles(files)}
        .pasteText=${(text: string) => this.box?.write(text)}
      ></drop-target>
      <keys-help></keys-help>
    `;
  }

  // A key that may only search cannot list items.
  private browse(): TemplateResult | typeof nothing {
    return session() && !may('read') ? nothing : startBrowse(this.columns);
  }

  private results(): TemplateResult {
    const m = search();
    const hasFilters = this.columns.length > 0;
    return html`<div class="search-columns ${hasFilters ? 'with-filters' : ''}">
      ${
        hasFilters
          ? html`<aside class="filters" aria-label=${m.filters}>
              <h2 class="visually-hidden">${m.filters}</h2>
              ${matchMedia(kWide).matches ? this.filterPanel() : nothing}
            </aside>`
          : nothing
      }
      <section class="search-results" aria-labelledby="results-title">
        ${this.head()} ${this.error ? this.problem() : this.answer ? this.found(this.answer) : this.waiting()}
      </section>
    </div>`;
  }

  private filterPanel(): TemplateResult {
    return html`<filter-panel
      .columns=${this.columns}
      .filters=${this.search.filters}
      .change=${(filters: LabelValue[]) => this.go({ filters })}
    ></filter-panel>`;
  }

  private head(): TemplateResult {
    const m = search();
    const { filters } = this.search;
    return html`<div class="results-head">
      ${this.likeItem?.thumb ? html`<img class="like-thumb" src="${this.likeItem.thumb}?w=128" alt="" width="56" height="56" />` : nothing}
      <div class="results-title">
        <h1 id="results-title">${this.heading()}</h1>
        ${this.answer?.hits.length ? html`<p class="soft small">${this.summary(this.answer)}</p>` : nothing}
      </div>
      ${
        this.columns.length > 0
          ? html`<button class="button filters-open" type="button" @click=${this.openFilters}>
              ${icons.filter}${m.filters}${filters.length > 0 ? html` <span class="chip">${filters.length}</span>` : nothing}
            </button>`
          : nothing
      }
      ${
        filters.length > 0
          ? html`<ul class="chips filter-chips" aria-label=${m.filters}>
              ${filters.map(
                (one) =>
                  html`<li>
                    <button class="chip" type="button" @click=${() => this.go({ filters: toggleFilter(filters, one) })}>
                      <span class="visually-hidden">${m.removeFilter} </span>
                      <span class="soft" lang="">${columnName(one.column)}</span>
                      <span lang="">${one.value}</span>${icons.close}
                    </button>
                  </li>`,
              )}
              ${
                filters.length > 1
                  ? html`<li>
                      <button class="button quiet small" type="button" @click=${() => this.go({ filters: [] })}>
                        ${m.clearFilters}
                      </button>
                    </li>`
                  : nothing
              }
            </ul>`
          : nothing
      }
      <dialog class="filters-drawer" aria-label=${m.filters} @click=${closeOnBackdrop}>
        <header>
          <h2>${m.filters}</h2>
          <button class="button quiet icon" type="button" aria-label=${m.close} @click=${this.closeFilters}>
            ${icons.close}
          </button>
        </header>
        <div class="filters-drawer-body">${this.filterPanel()}</div>
        <footer>
          <button class="button primary" type="button" @click=${this.closeFilters}>${m.showResults}</button>
        </footer>
      </dialog>
    </div>`;
  }

  private openFilters(): void {
    this.querySelector<HTMLDialogElement>('.filters-drawer')?.showModal();
  }
  private closeFilters(): void {
    this.querySelector<HTMLDialogElement>('.filters-drawer')?.close();
  }

  private heading(): string {
    const m = search();
    const { text, picture, like } = this.search;
    if (like) return m.resultsLike(shortened(this.likeItem?.text || like));
    if (picture) return text ? m.resultsForBoth(text) : m.resultsForPicture;
    return text ? m.resultsFor(text) : m.browsing;
  }

  private documentTitle(): string {
    return isStart(this.search) ? 'Warifu 割符' : `${this.heading()} · Warifu`;
  }

  private summary(answer: Answer): string {
    const m = search();
    return answer.hits.length === 0
      ? m.noHits
      : answer.next
        ? m.shown(formatNumber(answer.hits.length))
        : m.found(answer.hits.length);
  }

  private problem(): TemplateResult {
    const m = search();
    if (this.error instanceof PictureMissing)
      return html`<div class="notice" role="status">
        <div class="body"><strong>${m.noPictureInLink}</strong>${m.noPictureInLinkHint}</div>
        ${
          this.search.text
            ? html`<button class="button" type="button" @click=${() => this.go({ picture: '' })}>
                ${m.resultsFor(this.search.text)}
              </button>`
            : nothing
        }
      </div>`;
    if (this.error instanceof TooManyLabels)
      return html`<div class="notice" role="status">
        <div class="body"><strong>${m.tooManyLabels}</strong>${m.tooManyLabelsHint}</div>
      </div>`;
    if (this.error instanceof ServerAway && connection() !== 'here') return this.waiting(); // the banner says it
    return problemNotice(this.error, () => this.ask(false));
  }

  private waiting(): TemplateResult {
    if (!this.isSlow && !this.error) return html`<div class="results-wait"></div>`;
    return html`<p class="visually-hidden" role="status">${search().searching}</p>
      <div class="results" aria-hidden="true">
        ${Array.from({ length: 8 }, () => html`<div class="skeleton card-skeleton"></div>`)}
      </div>`;
  }

  private found(answer: Answer): TemplateResult {
    const m = search();
    if (answer.hits.length === 0)
      return html`<div class="results-empty">
        <p><strong>${m.noHits}</strong></p>
        <p class="soft">${this.search.filters.length > 0 ? m.noHitsFilters : m.noHitsHint}</p>
        ${
          this.search.filters.length > 0
            ? html`<button class="button" type="button" @click=${() => this.go({ filters: [] })}>
                ${m.clearFilters}
              </button>`
            : nothing
        }
      </div>`;
    return html`${
        answer.noGoodMatch
          ? html`<div class="notice doubt no-good-match" role="status">
              <div class="body"><strong>${m.noGoodMatch}</strong>${m.noGoodMatchHint}</div>
            </div>`
          : nothing
      }
      <result-grid
        class=${this.isSlow ? 'stale' : ''}
        .hits=${answer.hits}
        .search=${this.shown}
        .judge=${(hit: Hit, right: boolean) => this.judge(hit, right)}
        .leaveUp=${() => this.box?.focus()}
      ></result-grid>
      ${
        answer.next
          ? html`<div class="results-more">
              <button class="button" type="button" ?disabled=${this.isLoadingMore} @click=${this.loadMore}>
                ${this.isLoadingMore ? m.searching : m.more}
              </button>
            </div>`
          : nothing
      }`;
  }
}

// Not for a key that may only search.
async function readStatus(): Promise<Status | undefined> {
  await sessionLookedUp();
  return session() && !may('read') ? undefined : api.get<Status>('/v1/status');
}

function closeOnBackdrop(event: MouseEvent): void {
  if (event.target === event.currentTarget) (event.currentTarget as HTMLDialogElement).close();
}
