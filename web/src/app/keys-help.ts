import { html, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';

import { search } from '../search/messages.ts';
import { icons } from './icons.ts';
import { View } from './view.ts';

// The list of keys; "?" opens it.
@customElement('keys-help')
export class KeysHelp extends View {
  open(): void {
    const dialog = this.querySelector('dialog');
    if (dialog && !dialog.open) dialog.showModal();
  }

  protected override render(): TemplateResult {
    const m = search();
    const k = m.keyList;
    const rows: [string[], string][] = [
      [['/'], k.slash],
      [['←', '↑', '↓', '→'], k.arrows],
      [['Enter'], k.enter],
      [['e'], k.e],
      [['l'], k.l],
      [['y'], k.y],
      [['n'], k.n],
      [['Esc'], k.escape],
      [['?'], k.question],
    ];
    return html`<dialog class="keys-help" aria-labelledby="keys-title">
      <header>
        <h2 id="keys-title">${m.keys}</h2>
        <button
          class="button quiet icon"
          type="button"
          aria-label=${m.close}
          @click=${() => this.querySelector('dialog')?.close()}
        >
          ${icons.close}
        </button>
      </header>
      <dl>
        ${rows.map(
          ([keys, what]) =>
            html`<dt>${keys.map((key) => html`<kbd>${key}</kbd> `)}</dt>
              <dd>${what}</dd>`,
        )}
      </dl>
    </dialog>`;
  }
}
