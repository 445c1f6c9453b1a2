import { LitElement } from 'lit';

import { onLanguageChange } from '../i18n/language.ts';

// What every element of the page is built on. It renders into the page itself and not into a shadow tree: there is one
// style sheet and one program, and labels, descriptions and active descendants may then name each other over elements.
export abstract class View extends LitElement {
  private endLanguage?: () => void;

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.endLanguage = onLanguageChange(() => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.endLanguage?.();
  }
}
