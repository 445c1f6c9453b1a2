import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';

import { post } from '../api/client.ts';
import { problemNotice } from '../app/problem-notice.ts';
import { View } from '../app/view.ts';
import './copy-button.ts';
import { admin } from './messages.ts';

const kScopes = ['search', 'read', 'write', 'admin'];
const kDays = [30, 90, 365];
const kUsualDays = 90;

// Makes a key for a user and shows it: once, until it is said to be kept. Sends the event `key-made`.
@customElement('key-dialog')
export class KeyDialog extends View {
  @state() private user = '';
  @state() private made = ''; // the key; emptied as soon as the dialog closes
  @state() private problem: unknown;
  @state() private lacksScope = false;
  private isMaking = false; // a second click must not make a second key

  open(user: string): void {
    this.user = user;
    this.made = '';
    this.problem = undefined;
    this.lacksScope = false;
    this.querySelector('form')?.reset();
    this.dialog().showModal();
  }

  private dialog(): HTMLDialogElement {
    return this.querySelector('dialog')!;
  }

  protected override render(): TemplateResult {
    const m = admin().users;
    return html`<dialog
      class="ask"
      aria-labelledby="key-title"
      @cancel=${(event: Event) => this.made && event.preventDefault() /* Escape must not lose the only copy */}
      @keydown=${(event: KeyboardEvent) => event.key === 'Escape' && this.made && event.preventDefault() /* browsers let `cancel` be prevented only once */}
      @close=${() => (this.made = '')}
    >
      <h2 id="key-title">${this.made ? m.made : m.makeKeyFor(this.user)}</h2>
      ${this.made ? this.shown() : this.form()}
    </dialog>`;
  }

  private form(): TemplateResult {
    const m = admin().users;
    return html`<form class="stack" @submit=${this.submit}>
      <fieldset class="scopes" aria-describedby=${this.lacksScope ? 'scope-needed' : nothing}>
        <legend>${m.scopes}</legend>
        ${kScopes.map(
          (scope, i) => html`<label>
            <input type="checkbox" name="scopes" value=${scope} ?checked=${i < 2} ?autofocus=${i === 0} />
            ${m.scope[scope]}
          </label>`,
        )}
        ${this.lacksScope ? html`<p class="notice bad" id="scope-needed" role="alert">${m.scopeNeeded}</p>` : nothing}
      </fieldset>
      <div class="field">
        <label for="key-days">${m.expires}</label>
        <select class="input" id="key-days" name="days">
          ${kDays.map((days) => html`<option value=${days} ?selected=${days === kUsualDays}>${m.expiresDays(String(days))}</option>`)}
          <option value="">${m.forEver}</option>
        </select>
      </div>
      <div class="field">
        <label for="key-note">${m.note}</label>
        <input class="input" id="key-note" name="note" maxlength="200" autocomplete="off" aria-describedby="key-note-hint" />
        <span class="hint" id="key-note-hint">${m.noteHelp}</span>
      </div>
      ${this.problem ? problemNotice(this.problem) : nothing}
      <div class="actions">
        <button class="button" type="button" @click=${() => this.dialog().close()}>${admin().cancel}</button>
        <button class="button primary">${m.make}</button>
      </div>
    </form>`;
  }

  private shown(): TemplateResult {
    const m = admin().users;
    return html`<div class="stack">
      <p>${m.madeNote}</p>
      <div class="copyable"><code id="new-key" tabindex="0" aria-label=${m.key}>${this.made}</code><copy-button .text=${this.made}></copy-button></div>
      <div class="actions"><button class="button primary" type="button" @click=${() => this.dialog().close()}>${m.madeDone}</button></div>
    </div>`;
  }

  private async submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const given = new FormData(event.target as HTMLFormElement);
    const scopes = given.getAll('scopes').map(String);
    this.lacksScope = scopes.length === 0;
    if (this.lacksScope || this.isMaking) return;
    this.isMaking = true;
    const days = Number(given.get('days'));
    const note = String(given.get('note') ?? '').trim();
    this.problem = undefined;
    try {
      const { key } = await post<{ id: string; key: string }>('/v1/keys', {
        user: this.user,
        scopes,
        ...(days > 0 ? { expires_days: days } : {}),
        ...(note ? { note } : {}),
      });
      this.made = key;
    } catch (error) {
      this.problem = error;
      return;
    } finally {
      this.isMaking = false;
    }
    this.dispatchEvent(new Event('key-made'));
    await this.updateComplete;
    this.querySelector<HTMLElement>('#new-key')?.focus();
  }
}
