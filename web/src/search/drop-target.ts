import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';

import { View } from '../app/view.ts';
import { icons } from '../app/icons.ts';
import { search } from './messages.ts';

// The whole page takes pictures: dropped on it, or pasted into it. Text is pasted as everywhere.
@customElement('drop-target')
export class DropTarget extends View {
  @property({ attribute: false }) take: (files: File[]) => void = () => undefined;
  @property({ attribute: false }) pasteText: (text: string) => void = () => undefined;
  @state() private isOver = false;
  private readonly end = new AbortController();

  override connectedCallback(): void {
    super.connectedCallback();
    const { signal } = this.end;
    addEventListener('dragenter', (event) => this.drag(event), { signal });
    addEventListener('dragover', (event) => this.drag(event), { signal });
    addEventListener('dragleave', (event) => this.leave(event), { signal });
    addEventListener('drop', (event) => this.drop(event), { signal });
    addEventListener('paste', (event) => this.paste(event), { signal });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.end.abort();
  }

  protected override render(): TemplateResult | typeof nothing {
    if (!this.isOver) return nothing;
    const m = search();
    return html`<div class="drop-overlay">
      <div>${icons.picture}<strong>${m.drop}</strong><span>${m.dropHint}</span></div>
    </div>`;
  }

  private drag(event: DragEvent): void {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault(); // else the browser opens the file
    event.dataTransfer.dropEffect = 'copy';
    this.isOver = true;
  }

  private leave(event: DragEvent): void {
    if (event.relatedTarget === null) this.isOver = false; // out of the window, not onto another element
  }

  private drop(event: DragEvent): void {
    this.isOver = false;
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    this.take(files);
  }

  private paste(event: ClipboardEvent): void {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length > 0 && !isDrawnText(event.clipboardData)) {
      event.preventDefault();
      this.take(files);
      return;
    }
    const isInField = event.target instanceof Element && event.target.closest('input, textarea, [contenteditable]');
    const text = event.clipboardData?.getData('text/plain').trim();
    if (isInField || !text || document.querySelector('dialog[open]')) return;
    event.preventDefault();
    this.pasteText(text);
  }
}

// Spreadsheets and word processors put a picture of the text beside it.
function isDrawnText(data: DataTransfer | null): boolean {
  return data !== null && data.types.includes('text/plain') && data.types.includes('text/html');
}
