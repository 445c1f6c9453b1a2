import { html, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';

import { View } from '../app/view.ts';

@customElement('search-page')
export class SearchPage extends View {
  protected override render(): TemplateResult {
    return html`<h1>Warifu</h1>`;
  }
}
