import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';

import { Problem } from '../api/problem.ts';
import { tally } from './icons.ts';
import { shell } from './messages.ts';
import { problemNotice } from './problem-notice.ts';
import { signIn } from './session.ts';
import { View } from './view.ts';

@customElement('sign-in')
export class SignIn extends View {
  @state() private error: unknown;
  @state() private isAsking = false;

  protected override firstUpdated(): void {
    this.querySelector('input')?.focus();
  }

  protected override render(): TemplateResult {
    const m = shell();
    const isWrong = this.error instanceof Problem && this.error.status === 401;
    return html`<div class="sign-in panel">
      ${tally}
      <h1>${m.signIn}</h1>
      <p class="soft">${m.signInWhy}</p>
      <form @submit=${this.submit}>
        <input type="text" name="username" autocomplete="username" value="warifu" hidden />
        <div class="field">
          <label for="key">${m.key}</label>
          <input
            class="input code"
            id="key"
            name="key"
            type="password"
            autocomplete="current-password"
            spellcheck="false"
            required
            aria-invalid=${isWrong ? 'true' : nothing}
            aria-describedby=${isWrong ? 'key-problem' : nothing}
          />
        </div>
        ${
          isWrong
            ? html`<p class="notice bad" id="key-problem" role="alert">${m.wrongKey}</p>`
            : this.error
              ? problemNotice(this.error)
              : nothing
        }
        <button class="button primary" ?disabled=${this.isAsking}>${m.signIn}</button>
      </form>
    </div>`;
  }

  private async submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const key = String(new FormData(event.target as HTMLFormElement).get('key') ?? '').trim();
    if (!key) return;
    this.isAsking = true;
    this.error = undefined;
    try {
      await signIn(key);
    } catch (error) {
      this.error = error;
    } finally {
      this.isAsking = false;
    }
  }
}
