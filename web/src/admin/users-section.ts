import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';

import { del, get, path, post, put } from '../api/client.ts';
import { announce } from '../app/announce.ts';
import { problemNotice } from '../app/problem-notice.ts';
import { session } from '../app/session.ts';
import { formatTime, language } from '../i18n/language.ts';
import { ask } from './ask.ts';
import './copy-button.ts';
import './key-dialog.ts';
import type { KeyDialog } from './key-dialog.ts';
import { admin } from './messages.ts';
import { Section } from './section.ts';
import { table } from './tables.ts';
import type { Key, User } from './types.ts';

const kFirstUser = `warifu users add hana --groups lab
warifu keys create --user hana --scopes admin`;

// Who may ask this server, and with which keys.
@customElement('users-section')
export class UsersSection extends Section {
  @state() private users: User[] = [];
  @state() private keys: Key[] = [];
  @state() private addProblem: unknown;
  @state() private problem: unknown;
  @state() private editing = ''; // name of the user whose groups are being changed

  protected override async load(signal: AbortSignal): Promise<void> {
    const [{ users }, { keys }] = await Promise.all([
      get<{ users: User[] }>('/v1/users', { signal }),
      get<{ keys: Key[] }>('/v1/keys', { signal }),
    ]);
    this.users = users;
    this.keys = keys;
  }

  protected override content(): TemplateResult {
    const m = admin().users;
    if (this.users.length === 0) return this.nobodyYet();
    return html`
      <p class="soft">${m.lead}</p>
      ${this.problem ? problemNotice(this.problem) : nothing}
      <ul class="users">${repeat(this.users, (user) => user.name, (user) => this.user(user))}</ul>
      <section class="panel" aria-labelledby="add-user">
        <h2 id="add-user">${m.adding}</h2>
        <form class="stack" @submit=${this.add}>
          <div class="fields">
            <div class="field">
              <label for="user-name">${m.name}</label>
              <input class="input" id="user-name" name="name" required maxlength="64" autocomplete="off" autocapitalize="off" spellcheck="false" aria-describedby="user-name-hint" />
              <span class="hint" id="user-name-hint">${m.nameHelp}</span>
            </div>
            <div class="field">
              <label for="user-groups">${m.groups}</label>
              <input class="input" id="user-groups" name="groups" autocomplete="off" autocapitalize="off" spellcheck="false" aria-describedby="user-groups-hint" />
              <span class="hint" id="user-groups-hint">${m.groupsHelp}</span>
            </div>
          </div>
          ${this.addProblem ? problemNotice(this.addProblem) : nothing}
          <div class="actions"><button class="button primary">${m.add}</button></div>
        </form>
      </section>
      <key-dialog @key-made=${this.reload}></key-dialog>
    `;
  }

  // Adding the first user here would shut everybody out, this page too: they would have no key yet.
  private nobodyYet(): TemplateResult {
    const m = admin().users;
    return html`<section class="panel stack" aria-labelledby="nobody">
      <h2 id="nobody">${m.open}</h2>
      <p>${m.openNote}</p>
      <div class="copyable"><pre class="code">${kFirstUser}</pre><copy-button .text=${kFirstUser}></copy-button></div>
      <p>${m.openThen}</p>
    </section>`;
  }

  private user(user: User): TemplateResult {
    const m = admin().users;
    const keys = this.keys.filter((key) => key.user === user.name);
    const id = `user-${user.name}`;
    return html`<li class="panel user">
      <header>
        <h2 id=${id}>${user.name}</h2>
        ${user.disabled ? html`<span class="chip doubt">${m.disabled}</span>` : nothing}
        ${user.groups.length === 0 ? html`<span class="chip">${m.noGroups}</span>` : user.groups.map((group) => html`<span class="chip">${group}</span>`)}
        <div class="actions">
          <button class="button" type="button" aria-describedby=${id} @click=${() => this.makeKey(user)}>${m.makeKey}</button>
          <button class="button" type="button" aria-describedby=${id} aria-expanded=${this.editing === user.name} @click=${() => this.edit(user)}>${m.editGroups}</button>
          <button class="button danger" type="button" aria-label=${m.removeUser(user.name)} @click=${() => this.removeUser(user)}>${m.remove}</button>
        </div>
      </header>
      ${this.editing === user.name ? this.groupsForm(user) : nothing}
      ${keys.length === 0
        ? html`<p class="soft">${m.noKeys}</p>`
        : table({
            labelledBy: id,
            head: [m.key, m.scopes, m.note, m.created, m.expiry, m.lastUsed, m.keyState],
            rows: keys.map((key) => [
              html`<span class="code">${key.id}</span>`,
              html`<span class="chips">${key.scopes.map((scope) => html`<span class="chip">${scope}</span>`)}</span>`,
              key.note ?? '',
              key.created ? formatTime(key.created) : '',
              key.expires ? formatTime(key.expires) : m.forEver,
              key.last_used ? dayOf(key.last_used) : admin().never,
              this.stateOf(key),
            ]),
          })}
    </li>`;
  }

  private stateOf(key: Key): TemplateResult {
    const m = admin().users;
    if (key.revoked) return html`<span class="chip bad">${m.revoked}</span>`;
    if (key.expires && new Date(key.expires) < new Date()) return html`<span class="chip doubt">${m.expired}</span>`;
    return html`<button class="button danger" type="button" aria-label=${m.revokeKey(key.id)} @click=${() => this.revoke(key)}>${m.revoke}</button>`;
  }

  private groupsForm(user: User): TemplateResult {
    const m = admin().users;
    return html`<form class="form-row" @submit=${(event: SubmitEvent) => this.saveGroups(event, user)}>
      <div class="field">
        <label for="edit-groups">${m.groups}</label>
        <input class="input" id="edit-groups" name="groups" autocomplete="off" autocapitalize="off" spellcheck="false" .value=${user.groups.join(', ')} aria-describedby="edit-groups-hint" />
        <span class="hint" id="edit-groups-hint">${m.groupsHelp}</span>
      </div>
      <button class="button primary">${m.saveGroups}</button>
    </form>`;
  }

  private async edit(user: User): Promise<void> {
    this.editing = this.editing === user.name ? '' : user.name;
    await this.updateComplete;
    this.querySelector<HTMLElement>('#edit-groups')?.focus();
  }

  private async add(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const given = new FormData(form);
    const name = String(given.get('name')).trim();
    this.addProblem = undefined;
    try {
      await post('/v1/users', { name, groups: listOf(given.get('groups')) });
    } catch (error) {
      this.addProblem = error;
      return;
    }
    form.reset();
    announce(admin().users.added(name));
    await this.reload();
  }

  private async saveGroups(event: SubmitEvent, user: User): Promise<void> {
    event.preventDefault();
    const groups = listOf(new FormData(event.target as HTMLFormElement).get('groups'));
    await this.change(() => put(path`/v1/users/${user.name}`, { groups }), admin().users.groupsSaved(user.name));
    if (!this.problem) this.editing = '';
  }

  private async removeUser(user: User): Promise<void> {
    const m = admin().users;
    const notes = user.name === session()?.name ? [m.removeSelf, m.removeNote] : [m.removeNote];
    if (await ask({ title: m.removeAsk(user.name), notes, yes: m.removeUser(user.name) }))
      await this.change(() => del(path`/v1/users/${user.name}`), m.removed(user.name));
  }

  private makeKey(user: User): void {
    this.querySelector<KeyDialog>('key-dialog')?.open(user.name);
  }

  private async revoke(key: Key): Promise<void> {
    const m = admin().users;
    if (await ask({ title: m.revokeAsk(key.id), notes: [m.revokeNote], yes: m.revoke }))
      await this.change(() => del(path`/v1/keys/${key.id}`), m.wasRevoked(key.id));
  }

  // Does it, says so, and shows what is so now.
  private async change(work: () => Promise<unknown>, said: string): Promise<void> {
    this.problem = undefined;
    try {
      await work();
      announce(said);
    } catch (error) {
      this.problem = error;
    }
    await this.reload();
  }
}

function listOf(text: FormDataEntryValue | null): string[] {
  return String(text ?? '')
    .split(/[,、，\s]+/u)
    .filter((one) => one !== '');
}

// The server keeps the day alone, of UTC.
function dayOf(iso: string): string {
  return new Intl.DateTimeFormat(language(), { dateStyle: 'medium', timeZone: 'UTC' }).format(new Date(iso));
}
