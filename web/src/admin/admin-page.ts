import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';

import { announce } from '../app/announce.ts';
import { may, onSessionChange, session } from '../app/session.ts';
import { View } from '../app/view.ts';
import './admin.css';
import './audit-section.ts';
import './collection-section.ts';
import './feedback-section.ts';
import './jobs-section.ts';
import { admin } from './messages.ts';
import './spaces-section.ts';
import './users-section.ts';

const sections = {
  collection: html`<collection-section></collection-section>`,
  spaces: html`<spaces-section></spaces-section>`,
  jobs: html`<jobs-section></jobs-section>`,
  users: html`<users-section></users-section>`,
  audit: html`<audit-section></audit-section>`,
  feedback: html`<feedback-section></feedback-section>`,
};
type SectionName = keyof typeof sections;
const names = Object.keys(sections) as SectionName[];

// What administrators see: a list of sections, and the one that the address names.
@customElement('admin-page')
export class AdminPage extends View {
  @property() section = ''; // of the address: /admin/{section}
  private endSession?: () => void;

  override connectedCallback(): void {
    super.connectedCallback();
    this.endSession = onSessionChange(() => this.requestUpdate());
  }

  protected override updated(changed: Map<PropertyKey, unknown>): void {
    const name = this.name();
    document.title = `${name ? admin().sections[name] : admin().title} – Warifu 割符`;
    // The first one is read out as any page is; a later one has to be said.
    if (name && changed.get('section') !== undefined) announce(admin().sections[name]);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.endSession?.();
    document.title = 'Warifu 割符';
  }

  protected override render(): TemplateResult {
    const m = admin();
    const name = this.name();
    if (!may('admin'))
      return html`<div class="admin alone">
        <div class="section">
          <h1>${m.title}</h1>
          ${session() ? html`<p class="notice">${m.notForYou}</p>` : html`<p class="soft late">${m.loading}</p>`}
        </div>
      </div>`;
    return html`<div class="admin">
      <nav class="sections" aria-label=${m.title}>
        ${names.map(
          (one) => html`<a href="/admin/${one}" aria-current=${one === name ? 'page' : nothing}>${m.sections[one]}</a>`,
        )}
      </nav>
      <div class="section">
        ${name
          ? html`<h1>${m.sections[name]}</h1>
              ${sections[name]}`
          : html`<h1>${m.title}</h1>
              <p class="notice">${m.noSuchSection}</p>`}
      </div>
    </div>`;
  }

  private name(): SectionName | undefined {
    return this.section === '' ? 'collection' : names.find((one) => one === this.section);
  }
}
