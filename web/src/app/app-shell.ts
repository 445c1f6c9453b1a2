import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';

import { connection, onConnectionChange } from '../api/connection.ts';
import { language, setLanguage } from '../i18n/language.ts';
import '../search/search-page.ts';
import { announce } from './announce.ts';
import { icons, tally } from './icons.ts';
import { shell } from './messages.ts';
import { problemNotice } from './problem-notice.ts';
import { onRouteChange, startRouter } from './router.ts';
import { findSession, hasKey, may, mustSignIn, onSessionChange, session, signOut } from './session.ts';
import './sign-in.ts';
import { setTheme, theme, type Theme } from './theme.ts';
import { View } from './view.ts';

const kNextTheme: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };
const kThemeIcon: Record<Theme, TemplateResult> = { system: icons.system, light: icons.sun, dark: icons.moon };

// What every view stands in: name, language, colours, who is signed in, and whether the server is there.
@customElement('app-shell')
export class AppShell extends View {
  @state() private isAdminLoaded = false;
  @state() private adminFailure: unknown;
  private readonly endings: (() => void)[] = [];

  override connectedCallback(): void {
    super.connectedCallback();
    startRouter();
    let wasAway = false;
    this.endings.push(
      onRouteChange(() => this.requestUpdate()),
      onSessionChange(() => this.requestUpdate()),
      onConnectionChange((state) => {
        if (wasAway && state === 'here') {
          announce(shell().back);
          if (!session() && !mustSignIn()) void findSession();
        }
        wasAway = state === 'away';
        this.requestUpdate();
      }),
    );
    void findSession();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const end of this.endings.splice(0)) end();
  }

  protected override render(): TemplateResult {
    const m = shell();
    return html`
      <a class="skip-link button" href="#main" @click=${this.skip}>${m.skip}</a>
      ${this.header()}
      <div class="shell-banner" role="status">${this.banner()}</div>
      <main class="shell-main" id="main" tabindex="-1">${this.view()}</main>
      <div class="visually-hidden" id="announcements" aria-live="polite" role="log"></div>
    `;
  }

  private header(): TemplateResult {
    const m = shell();
    const isAdmin = isAdminRoute();
    const chosen = theme();
    const other = language() === 'ja' ? 'en' : 'ja';
    return html`<header class="shell-header">
      <a class="brand" href="/" aria-label="Warifu 割符"
        >${tally}<span class="latin">Warifu</span><span class="ja" lang="ja">割符</span></a
      >
      <nav>
        ${
          may('admin')
            ? html`<a class="button quiet" href="/admin" aria-current=${isAdmin ? 'page' : nothing}>${m.admin}</a>`
            : nothing
        }
        ${
          hasKey()
            ? html`<button
                class="button quiet"
                type="button"
                title=${m.signedInAs(session()?.name ?? '')}
                @click=${() => signOut()}
              >
                ${m.signOut}
              </button>`
            : nothing
        }
        <button class="button quiet" type="button" lang=${other} @click=${() => setLanguage(other)}>
          ${m.inOtherLanguage}
        </button>
        <button
          class="button quiet icon"
          type="button"
          aria-label=${m.theme[chosen]}
          title=${m.theme[chosen]}
          @click=${() => {
            setTheme(kNextTheme[chosen]);
            announce(shell().theme[theme()]);
            this.requestUpdate();
          }}
        >
          ${kThemeIcon[chosen]}
        </button>
      </nav>
    </header>`;
  }

  private banner(): TemplateResult | typeof nothing {
    const m = shell();
    const state = connection();
    if (state === 'here') return nothing;
    if (state === 'away')
      return html`<div class="notice doubt">
        <div class="body"><strong>${m.away}</strong>${m.awayHint}</div>
      </div>`;
    return html`<div class="notice doubt"><div class="body">${m.busy(Math.ceil(state.busyForSeconds))}</div></div>`;
  }

  private view(): TemplateResult {
    if (mustSignIn()) return html`<sign-in></sign-in>`;
    if (!isAdminRoute()) return html`<search-page></search-page>`;
    if (this.adminFailure) return problemNotice(this.adminFailure, () => this.loadAdmin());
    if (!this.isAdminLoaded) {
      void this.loadAdmin();
      return html`<p class="visually-hidden">${shell().loading}</p>`;
    }
    return html`<admin-page .section=${location.pathname.split('/')[2] ?? ''}></admin-page>`;
  }

  // The admin page is a file of its own: whoever only searches does not wait for it.
  private async loadAdmin(): Promise<void> {
    this.adminFailure = undefined;
    try {
      await import('../admin/admin-page.ts');
      this.isAdminLoaded = true;
    } catch {
      this.adminFailure = new Error(shell().loadFailed);
    }
  }

  private skip(event: Event): void {
    event.preventDefault();
    this.querySelector<HTMLElement>('#main')?.focus();
  }
}

function isAdminRoute(): boolean {
  return location.pathname === '/admin' || location.pathname.startsWith('/admin/');
}
