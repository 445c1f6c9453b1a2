import { html, type TemplateResult } from 'lit';
import { state } from 'lit/decorators.js';

import { isAborted } from '../api/client.ts';
import { onConnectionChange } from '../api/connection.ts';
import { ServerAway } from '../api/problem.ts';
import { problemNotice } from '../app/problem-notice.ts';
import { View } from '../app/view.ts';
import { admin } from './messages.ts';

// A part of the admin page: what it shows is loaded when it appears, and again when the server comes back.
export abstract class Section extends View {
  @state() private loadError: unknown;
  @state() private isLoaded = false;
  private stop = new AbortController();
  private endConnection?: () => void;

  // Asks the server for what content() shows.
  protected abstract load(signal: AbortSignal): Promise<void>;
  protected abstract content(): TemplateResult;

  override connectedCallback(): void {
    super.connectedCallback();
    this.stop = new AbortController();
    this.endConnection = onConnectionChange((now) => {
      if (now === 'here' && this.loadError instanceof ServerAway) void this.reload();
    });
    void this.reload();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.endConnection?.();
    this.stop.abort();
  }

  protected readonly reload = async (): Promise<void> => {
    try {
      await this.load(this.stop.signal);
      this.loadError = undefined;
      this.isLoaded = true;
    } catch (error) {
      if (!isAborted(error)) this.loadError = error;
    }
  };

  protected override render(): TemplateResult {
    if (this.loadError && !this.isLoaded) return problemNotice(this.loadError, this.reload);
    if (!this.isLoaded) return html`<p class="soft late" role="status">${admin().loading}</p>`;
    return html`${this.loadError ? problemNotice(this.loadError, this.reload) : ''}${this.content()}`;
  }
}
