import { html, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';

import { announce } from '../app/announce.ts';
import { View } from '../app/view.ts';
import { admin } from './messages.ts';

// Puts a text into the clipboard. Browsers allow that to pages over TLS and of this machine alone; elsewhere it says so.
@customElement('copy-button')
export class CopyButton extends View {
  @property() text = '';
  @state() private outcome: '' | 'copied' | 'refused' = '';

  protected override render(): TemplateResult {
    const m = admin();
    return html`<button class="button" type="button" @click=${this.copy}>
        ${this.outcome === 'copied' ? m.copied : m.copy}
      </button>
      ${this.outcome === 'refused' ? html`<p class="small doubt">${m.copyByHand}</p>` : ''}`;
  }

  private async copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.text);
      this.outcome = 'copied';
      announce(admin().copied);
    } catch {
      this.outcome = 'refused';
      announce(admin().copyByHand);
    }
  }
}
