import { html, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';

import { View } from '../app/view.ts';

@customElement('admin-page')
export class AdminPage extends View {
  @property() section = ''; // of the address: /admin/{section}

  protected override render(): TemplateResult {
    return html`<h1>${this.section}</h1>`;
  }
}
